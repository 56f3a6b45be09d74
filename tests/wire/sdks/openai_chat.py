"""The `openai` SDK, chat completions. https://github.com/openai/openai-python"""

import dataclasses

import pytest

from wire.meaning.said import Said, call, number
from wire.meaning.turns import Calling, Thought, Words, joined
from wire.sdks.question import GO_ON, Heard


class OpenAIChat:
    """Talks to the API below `root`.

    Attributes:
        endings: What only a stream that came to its end holds.
    """

    endings = ("[DONE]",)

    def __init__(self, root):
        self.root = root
        openai = pytest.importorskip("openai", reason="the openai SDK comes with the dev extra")
        self.client = openai.OpenAI(base_url=f"{root}/v1", api_key="client-key", max_retries=0, timeout=20)
        self.error, self.status_error = openai.APIError, openai.APIStatusError

    def close(self):
        self.client.close()

    def ask(self, question, *, stream):
        members = {"model": question.model, "messages": list(messages(question))}
        if question.tools:
            members["tools"] = [write_tool(tool) for tool in question.tools]
        completions = self.client.chat.completions
        if not stream:
            return heard(completions.create(**members))
        with completions.stream(**members, stream_options={"include_usage": True}) as events:
            return heard(events.until_done().current_completion_snapshot)

    @staticmethod
    def plainly(model):
        """The path and the body of a streamed request, for those who read the bytes themselves."""
        messages = [{"role": "user", "content": "hello"}]
        return "/v1/chat/completions", {"model": model, "messages": messages, "stream": True}

    @staticmethod
    def status(error):
        """The status that an error reports."""
        return error.status_code

    @staticmethod
    def carries(turn):
        """What of a turn comes back with the next one: all of it, with the text in one, between thoughts and calls."""
        order = (Thought, Words, Calling)
        return joined(sorted(turn, key=lambda item: order.index(type(item))))

    @staticmethod
    def shows(said):
        """What of an answer this SDK has words for; it has none for an error."""
        return dataclasses.replace(said, reason="stop" if said.reason == "error" else said.reason)


def messages(question):
    if question.system:
        yield {"role": "system", "content": question.system}
    content = question.text
    if question.image:
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{question.image}"}}
        content = [{"type": "text", "text": question.text}, image]
    yield {"role": "user", "content": content}
    for earlier, results in question.turns:
        yield from earlier.turn
        for call_id, result in zip(earlier.said.ids, results, strict=True):
            yield {"role": "tool", "tool_call_id": call_id, "content": result}
        if not results:
            yield {"role": "user", "content": GO_ON}


def write_tool(tool):
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def heard(completion):
    choice, usage = completion.choices[0], completion.usage.to_dict() if completion.usage else {}
    message = choice.message
    calls = message.tool_calls or []
    said = Said(
        text=message.content or "",
        refusal=message.refusal or "",
        calls=tuple(call(each.function.name, each.function.arguments) for each in calls),
        reason=choice.finish_reason,
        input=number(usage, "prompt_tokens"),
        output=number(usage, "completion_tokens"),
        cached=number(usage, "prompt_tokens_details", "cached_tokens"),
        reasoning=number(usage, "completion_tokens_details", "reasoning_tokens"),
        thoughts=getattr(message, "reasoning_content", None) or "",
        ids=tuple(each.id for each in calls),
    )
    return Heard(said, [message])
