"""The `openai` SDK, responses. https://github.com/openai/openai-python"""

import dataclasses

import pytest

from wire.meaning.said import Said, call, number
from wire.sdks.question import GO_ON, Heard

ENDINGS = ("response.completed", "response.incomplete", "response.failed")
REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}


class OpenAIResponses:
    """Talks to the API below `root`.

    Attributes:
        endings: What only a stream that came to its end holds.
    """

    endings = ("response.completed", "response.incomplete")

    def __init__(self, root):
        self.root = root
        openai = pytest.importorskip("openai", reason="the openai SDK comes with the dev extra")
        self.client = openai.OpenAI(base_url=f"{root}/v1", api_key="client-key", max_retries=0, timeout=20)
        self.error, self.status_error = openai.APIError, openai.APIStatusError

    def close(self):
        self.client.close()

    def ask(self, question, *, stream):
        members = {"model": question.model, "input": list(items(question))}
        if question.system:
            members["instructions"] = question.system
        if question.tools:
            members["tools"] = [write_tool(tool) for tool in question.tools]
        if not stream:
            return heard(self.client.responses.create(**members))
        with self.client.responses.stream(**members) as stream_of_events:
            events = list(stream_of_events)
        assert events[-1].type in ENDINGS, "a stream without its end"
        answer = heard(events[-1].response)
        deltas = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        assert deltas == answer.said.text, "the pieces are not what the whole says"
        return answer

    @staticmethod
    def plainly(model):
        """The path and the body of a streamed request, for those who read the bytes themselves."""
        return "/v1/responses", {"model": model, "input": "hello", "stream": True}

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
        """What of an answer this SDK has words for: that a response is complete, or why it is not."""
        text = said.text + said.spoken
        return dataclasses.replace(said, text=text, spoken="", reason=REASONS.get(said.reason, "completed"))


def items(question):
    content = [{"type": "input_text", "text": question.text}]
    if question.image:
        content.append({"type": "input_image", "image_url": f"data:image/png;base64,{question.image}"})
    yield {"role": "user", "content": content}
    for earlier, results in question.turns:
        yield from earlier.turn
        for call_id, result in zip(earlier.said.ids, results, strict=True):
            yield {"type": "function_call_output", "call_id": call_id, "output": result}
        if not results:
            yield {"role": "user", "content": GO_ON}


def write_tool(tool):
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": False,
    }


def heard(response):
    usage = response.usage.to_dict() if response.usage else {}
    parts = [part for item in response.output if item.type == "message" for part in item.content]
    calls = [item for item in response.output if item.type == "function_call"]
    thoughts = [part for item in response.output if item.type == "reasoning" for part in item.summary]
    said = Said(
        text=response.output_text,
        refusal="".join(part.refusal for part in parts if part.type == "refusal"),
        calls=tuple(call(each.name, each.arguments) for each in calls),
        reason=response.incomplete_details.reason if response.incomplete_details else response.status,
        input=number(usage, "input_tokens"),
        output=number(usage, "output_tokens"),
        cached=number(usage, "input_tokens_details", "cached_tokens"),
        reasoning=number(usage, "output_tokens_details", "reasoning_tokens"),
        thoughts="".join(part.text for part in thoughts),
        ids=tuple(each.call_id for each in calls),
    )
    return Heard(said, list(response.output))
