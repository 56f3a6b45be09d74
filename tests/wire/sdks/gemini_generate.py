"""The `google-genai` SDK. https://github.com/googleapis/python-genai"""

import base64
import dataclasses

import pytest

from wire.meaning.said import Said, as_text, call
from wire.sdks.question import GO_ON, Heard

REASONS = {"length": "MAX_TOKENS", "content_filter": "SAFETY", "error": "OTHER"}


class GeminiGenerate:
    """Talks to the API below `root`.

    Attributes:
        endings: What only a stream that came to its end holds.
    """

    endings = ("finishReason",)

    def __init__(self, root):
        self.root = root
        genai = pytest.importorskip("google.genai", reason="the google-genai SDK comes with the dev extra")
        self.types = genai.types
        options = self.types.HttpOptions(base_url=root, timeout=20_000)
        self.client = genai.Client(api_key="client-key", vertexai=False, http_options=options)
        self.error = self.status_error = pytest.importorskip("google.genai.errors").APIError

    def close(self):
        self.client.close()

    def ask(self, question, *, stream):
        types = self.types
        declared = [self.write_tool(tool) for tool in question.tools]
        config = types.GenerateContentConfig(
            system_instruction=question.system,
            tools=[types.Tool(function_declarations=declared)] if declared else None,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )
        members = {"model": question.model, "contents": list(self.contents(question)), "config": config}
        if not stream:
            return heard([self.client.models.generate_content(**members)])
        return heard(list(self.client.models.generate_content_stream(**members)))

    @staticmethod
    def plainly(model):
        """The path and the body of a streamed request, for those who read the bytes themselves."""
        path = f"/v1beta/models/{model}:streamGenerateContent?alt=sse"
        return path, {"contents": [{"parts": [{"text": "hello"}]}]}

    @staticmethod
    def status(error):
        """The status that an error reports."""
        return error.code

    @staticmethod
    def carries(turn):
        """What of a turn comes back with the next one."""
        return turn

    @staticmethod
    def shows(said):
        """What of an answer this SDK has words for: a call ends with `STOP`, and a sound is a sound, without words."""
        silent = dataclasses.replace(said, spoken="")
        return dataclasses.replace(as_text(silent), reason=REASONS.get(said.reason, "STOP"))

    def contents(self, question):
        """The conversation; results name their functions and have no ids, as the SDK's own function calling has it."""
        types = self.types
        parts = [types.Part.from_text(text=question.text)]
        if question.image:
            parts.append(types.Part.from_bytes(data=base64.b64decode(question.image), mime_type="image/png"))
        yield types.Content(role="user", parts=parts)
        for earlier, results in question.turns:
            yield from earlier.turn
            pairs = zip(earlier.said.calls, results, strict=True)
            responses = [
                types.Part.from_function_response(name=made.name, response={"result": result}) for made, result in pairs
            ]
            yield types.Content(role="user", parts=responses or [types.Part.from_text(text=GO_ON)])

    def write_tool(self, tool):
        return self.types.FunctionDeclaration(
            name=tool.name, description=tool.description, parameters_json_schema=tool.parameters
        )


def heard(chunks):
    """What the chunks say together; the SDK's chats keep the content of each as it came."""
    candidates = [each for chunk in chunks for each in chunk.candidates or () if not each.index]
    contents = [candidate.content for candidate in candidates if candidate.content and candidate.content.parts]
    parts = [part for content in contents for part in content.parts]
    reasons = [candidate.finish_reason for candidate in candidates if candidate.finish_reason]
    blocked = [chunk for chunk in chunks if chunk.prompt_feedback and chunk.prompt_feedback.block_reason]
    usages = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    calls = [part.function_call for part in parts if part.function_call]
    texts = [part for part in parts if part.text]
    said = Said(
        text="".join(part.text for part in texts if not part.thought),
        calls=tuple(call(each.name, each.args) for each in calls),
        reason=reasons[-1].value if reasons else "SAFETY" if blocked else "",
        **counts(usages[-1] if usages else None),
        thoughts="".join(part.text for part in texts if part.thought),
        ids=tuple(each.id for each in calls),
    )
    return Heard(said, contents)


def counts(usage):
    if usage is None:
        return {}
    reasoning = usage.thoughts_token_count or 0
    return {
        "input": (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
        "output": (usage.candidates_token_count or 0) + reasoning,
        "cached": usage.cached_content_token_count or 0,
        "reasoning": reasoning,
    }
