"""Anthropic's messages as Bedrock's InvokeModel carries them.

What is said is Anthropic's own; the model and the stream stand in the path, and a stream's events come wrapped.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
"""

from collections.abc import Iterable, Iterator, Mapping

from llmproxy.core.errors import ProviderError
from llmproxy.core.sse import Event, Step
from llmproxy.dialects.anthropic_messages import AnthropicMessagesProvider
from llmproxy.dialects.bedrock_converse.errors import read_error
from llmproxy.dialects.bedrock_invoke_anthropic.stream import STREAM_TYPE, unwrapped


class BedrockInvokeAnthropicProvider(AnthropicMessagesProvider):
    """Its name is Anthropic's: what comes out of the wrapping goes to Anthropic's clients as it is."""

    stream_type = STREAM_TYPE

    def decode(self, chunks: Iterable[bytes | Step]) -> Iterator[Event | Step]:
        return unwrapped(chunks)

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """The error of an answer is Bedrock's; that of an event within a stream has been put in Anthropic's words."""
        return super().read_error(status, headers, body) if status == 200 else read_error(status, headers, body)
