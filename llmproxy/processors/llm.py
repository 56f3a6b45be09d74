"""A model that is asked first, to improve the user's query for instance."""

from marshmallow import Schema, fields, validate

from llmproxy.core.client import LLMClient
from llmproxy.core.errors import ProviderError
from llmproxy.core.pipeline import Pipeline
from llmproxy.core.processor import Processor, ProcessorChain
from llmproxy.core.request import LLMRequest
from llmproxy.core.strict_json import dumps
from llmproxy.dialects.openai_chat import OpenAIChatClient


class LLMOptions(Schema):
    """Keys of its own in `[processor.*]`."""

    target = fields.String(required=True, validate=validate.Length(min=1))
    prompt = fields.String(required=True, validate=validate.Length(min=1))


class LLMProcessor(Processor):
    """Sends the last user text to another model and puts its answer in the text's place.

    That is a request of its own: with its own id, its own line in the log and its own cost.

    Args:
        target: The model that is asked, by any name that clients could use.
        prompt: What it is told to do, as its system prompt.
        client: Who answers.
    """

    options_schema = LLMOptions
    asks_models = True

    def __init__(self, target: str, prompt: str, *, client: LLMClient) -> None:
        self.target = target
        self.prompt = prompt
        self._pipeline = Pipeline(OpenAIChatClient(), ProcessorChain(), client)

    def process(self, request: LLMRequest) -> LLMRequest:
        text = request.last_user_text()
        return request.with_last_user_text(self._ask(text, request)) if text else request

    def _ask(self, text: str, request: LLMRequest) -> str:
        messages = [{"role": "system", "content": self.prompt}, {"role": "user", "content": text}]
        body = dumps({"model": self.target, "messages": messages})
        with self._pipeline.execute(body, request.context.child("processor")) as stream:
            content = stream.answer().text
        if not content:
            raise ProviderError(code="upstream_bad_response", detail=f"{self.target} gave the llm processor no text")
        return content
