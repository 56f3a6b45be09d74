"""The `anthropic` SDK. https://github.com/anthropics/anthropic-sdk-python"""

import dataclasses

import pytest

from wire.meaning.said import Said, as_text, call, number
from wire.sdks.question import GO_ON, Heard

REASONS = {"length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


class AnthropicMessages:
    """Talks to the API below `root`.

    Attributes:
        endings: What only a stream that came to its end holds.
    """

    endings = ("message_stop",)

    def __init__(self, root):
        self.root = root
        anthropic = pytest.importorskip("anthropic", reason="the anthropic SDK comes with the dev extra")
        self.client = anthropic.Anthropic(base_url=root, api_key="client-key", max_retries=0, timeout=20)
        self.error, self.status_error = anthropic.APIError, anthropic.APIStatusError

    def close(self):
        self.client.close()

    def ask(self, question, *, stream):
        members = {"model": question.model, "max_tokens": 1000, "messages": list(messages(question))}
        if question.system:
            members["system"] = question.system
        if question.tools:
            members["tools"] = [write_tool(tool) for tool in question.tools]
        if not stream:
            return heard(self.client.messages.create(**members))
        with self.client.messages.stream(**members) as events:
            return heard(events.get_final_message())

    @staticmethod
    def plainly(model):
        """The path and the body of a streamed request, for those who read the bytes themselves."""
        messages = [{"role": "user", "content": "hello"}]
        return "/v1/messages", {"model": model, "max_tokens": 9, "messages": messages, "stream": True}

    @staticmethod
    def status(error):
        """The status that an error reports."""
        return error.status_code

    @staticmethod
    def carries(turn):
        """What of a turn comes back with the next one."""
        return turn

    @staticmethod
    def shows(said):
        """What of an answer this SDK has words for: an error is an end like any other, and what was cached is a part of
        the input, though Azure once counts more of it."""
        reason = REASONS.get(said.reason, "end_turn")
        return dataclasses.replace(as_text(said), reason=reason, input=max(said.input, said.cached))


def messages(question):
    content = [{"type": "text", "text": question.text}]
    if question.image:
        source = {"type": "base64", "media_type": "image/png", "data": question.image}
        content.append({"type": "image", "source": source})
    yield {"role": "user", "content": content}
    for earlier, results in question.turns:
        yield from earlier.turn
        pairs = zip(earlier.said.ids, results, strict=True)
        blocks = [{"type": "tool_result", "tool_use_id": call_id, "content": result} for call_id, result in pairs]
        yield {"role": "user", "content": blocks or GO_ON}


def write_tool(tool):
    return {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}


def heard(message):
    usage = message.usage.to_dict()
    calls = [block for block in message.content if block.type == "tool_use"]
    cached = number(usage, "cache_read_input_tokens")
    said = Said(
        text="".join(block.text for block in message.content if block.type == "text"),
        calls=tuple(call(block.name, block.input) for block in calls),
        reason=message.stop_reason,
        input=number(usage, "input_tokens") + cached + number(usage, "cache_creation_input_tokens"),
        output=number(usage, "output_tokens"),
        cached=cached,
        reasoning=number(usage, "output_tokens_details", "thinking_tokens"),
        thoughts="".join(block.thinking for block in message.content if block.type == "thinking"),
        ids=tuple(block.id for block in calls),
    )
    return Heard(said, [{"role": "assistant", "content": message.content}])
