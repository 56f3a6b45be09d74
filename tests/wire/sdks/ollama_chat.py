"""The `ollama` SDK. https://github.com/ollama/ollama-python"""

import dataclasses

import pytest

from wire.meaning.said import Said, as_text, call
from wire.meaning.turns import Calling, Words, joined
from wire.sdks.question import GO_ON, Heard


class OllamaChat:
    """Talks to the API below `root`.

    Attributes:
        endings: What only a stream that came to its end holds.
    """

    endings = ('"done":true', '"done": true')

    def __init__(self, root):
        self.root = root
        self.sdk = pytest.importorskip("ollama", reason="the ollama SDK comes with the dev extra")
        self.client = self.sdk.Client(host=root, headers={"Authorization": "Bearer client-key"}, timeout=20)
        self.error = self.status_error = self.sdk.ResponseError

    def close(self):
        self.client.close()

    def ask(self, question, *, stream):
        members = {"model": question.model, "messages": list(messages(question))}
        if question.tools:
            members["tools"] = [write_tool(tool) for tool in question.tools]
        answer = self.client.chat(**members, stream=stream)
        return self.heard(list(answer) if stream else [answer])

    @staticmethod
    def plainly(model):
        """The path and the body of a streamed request, for those who read the bytes themselves."""
        return "/api/chat", {"model": model, "messages": [{"role": "user", "content": "hello"}]}

    @staticmethod
    def status(error):
        """The status that an error reports."""
        return error.status_code

    @staticmethod
    def carries(turn):
        """What of a turn comes back with the next one: text and then calls. For signatures and ids the SDK has no
        place."""
        words = [Words(item.text) for item in turn if isinstance(item, Words)]
        calls = [Calling(None, item.name, item.arguments) for item in turn if isinstance(item, Calling)]
        return joined([*words, *calls])

    @staticmethod
    def shows(said):
        """What of an answer this SDK has words for: no more than two reasons, and two figures."""
        reason = "length" if said.reason == "length" else "stop"
        return dataclasses.replace(as_text(said), reason=reason, cached=0, reasoning=0)

    def heard(self, parts):
        """What the parts say together, put together as the SDK's examples do."""
        assert parts[-1].done, "a stream without its end"
        messages, last = [part.message for part in parts], parts[-1]
        calls = [made for message in messages for made in message.tool_calls or ()]
        text = "".join(message.content or "" for message in messages)
        thoughts = "".join(message.thinking or "" for message in messages)
        said = Said(
            text=text,
            calls=tuple(call(made.function.name, dict(made.function.arguments)) for made in calls),
            reason=last.done_reason,
            input=last.prompt_eval_count or 0,
            output=last.eval_count or 0,
            thoughts=thoughts,
            ids=tuple(None for _ in calls),
        )
        whole = self.sdk.Message(role="assistant", content=text, thinking=thoughts or None, tool_calls=calls or None)
        return Heard(said, [whole])


def messages(question):
    if question.system:
        yield {"role": "system", "content": question.system}
    images = {"images": [question.image]} if question.image else {}
    yield {"role": "user", "content": question.text, **images}
    for earlier, results in question.turns:
        yield from earlier.turn
        for made, result in zip(earlier.said.calls, results, strict=True):
            yield {"role": "tool", "tool_name": made.name, "content": result}
        if not results:
            yield {"role": "user", "content": GO_ON}


def write_tool(tool):
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}
