"""Limits on what goes in and what comes out, in tokens."""

from marshmallow import Schema, fields, validate

from llmproxy.core.errors import TokenLimitExceeded
from llmproxy.core.estimate import estimate_tokens
from llmproxy.core.processor import Processor
from llmproxy.core.request import LLMRequest


class TokenLimitOptions(Schema):
    """Keys of its own in `[processor.*]`."""

    max_tokens = fields.Integer(strict=True, validate=validate.Range(min=1))
    max_input_tokens = fields.Integer(strict=True, validate=validate.Range(min=1))


class TokenLimitProcessor(Processor):
    """Caps the output, and refuses prompts that are too long.

    Args:
        max_tokens: Lowers a larger output limit to this, and sets it where the client set none. None: leaves it.
        max_input_tokens: Refuses a longer prompt, by estimate: no model has counted yet. None: takes any.
    """

    options_schema = TokenLimitOptions

    def __init__(self, max_tokens: int | None = None, max_input_tokens: int | None = None) -> None:
        self.max_tokens = max_tokens
        self.max_input_tokens = max_input_tokens

    def process(self, request: LLMRequest) -> LLMRequest:
        if self.max_input_tokens is not None:
            self._check_prompt(request, self.max_input_tokens)
        if self.max_tokens is None or (request.max_tokens is not None and request.max_tokens <= self.max_tokens):
            return request
        return request.with_max_tokens(self.max_tokens)

    def _check_prompt(self, request: LLMRequest, limit: int) -> None:
        tokens = estimate_tokens(request.texts())
        if tokens > limit:
            raise TokenLimitExceeded(f"The prompt has about {tokens} tokens; {limit} are allowed here.")
