"""Cohere's chat, version 2: the half that is spoken with upstreams. https://docs.cohere.com/reference/chat"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from llmproxy.core.answer import Answer, Delta
from llmproxy.core.chat import Chat
from llmproxy.core.errors import ProviderError
from llmproxy.core.signs import Signs
from llmproxy.core.sse import Event
from llmproxy.dialects.base import ProviderDialect
from llmproxy.dialects.cohere_chat.answer import read_answer
from llmproxy.dialects.cohere_chat.chat import write_request
from llmproxy.dialects.cohere_chat.errors import read_error
from llmproxy.dialects.cohere_chat.parts import NAME
from llmproxy.dialects.cohere_chat.stream import reader, signs


class CohereChatProvider(ProviderDialect):
    name = NAME

    def write_request(self, chat: Chat) -> tuple[dict[str, Any], list[str]]:
        return write_request(chat)

    def read_answer(self, body: Any) -> Answer:
        return read_answer(body)

    def reader(self) -> Callable[[Event], Iterable[Delta]]:
        return reader()

    def signs(self, event: Event, whole: bool) -> Signs:
        return signs(event, whole)

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)
