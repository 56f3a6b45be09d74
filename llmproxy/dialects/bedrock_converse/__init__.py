"""Amazon Bedrock's Converse: the half that is spoken with upstreams.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html. The model stands in the path.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from llmproxy.core import eventstream
from llmproxy.core.answer import Answer, Delta
from llmproxy.core.chat import Chat
from llmproxy.core.errors import ProviderError
from llmproxy.core.signs import Signs
from llmproxy.core.sse import Event, Step
from llmproxy.dialects.base import ProviderDialect
from llmproxy.dialects.bedrock_converse.answer import read_answer
from llmproxy.dialects.bedrock_converse.chat import write_request
from llmproxy.dialects.bedrock_converse.errors import read_error
from llmproxy.dialects.bedrock_converse.parts import NAME
from llmproxy.dialects.bedrock_converse.stream import reader, signs


class BedrockConverseProvider(ProviderDialect):
    name = NAME
    stream_type = "application/vnd.amazon.eventstream"

    def decode(self, chunks: Iterable[bytes | Step]) -> Iterator[Event | Step]:
        return eventstream.decode(chunks)

    def write_request(self, chat: Chat) -> tuple[dict[str, Any], list[str]]:
        return write_request(chat)

    def with_stream(self, body: dict[str, Any], stream: bool) -> dict[str, Any]:
        """The body as it is: here the path says it."""
        return body

    def read_answer(self, body: Any) -> Answer:
        return read_answer(body)

    def reader(self) -> Callable[[Event], Iterable[Delta]]:
        return reader()

    def signs(self, event: Event, whole: bool) -> Signs:
        return signs(event, whole)

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)
