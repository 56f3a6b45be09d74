"""A call of an llm's own API, which nobody here has to understand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ParseError
from llmproxy.core.request import LLMRequest

# What may stand in a path or a query as it is (RFC 3986, sections 3.3 and 3.4); a percent sign is the client's own.
_PLAIN = "/:@!$&'()*+,;=~%"

# Nobody encodes a dot more often than this for an honest reason.
_DECODINGS = 4


@dataclass(eq=False)
class RawRequest(LLMRequest):
    """A call that is passed on with its method, its path and its bytes as they came.

    Attributes:
        llm: The name of the llm whose API is called.
        path: Below the llm's base URL, encoded.
        query: The query string.
        headers: Those that may go on, lower case.

    Raises:
        ParseError: The path could lead out of the llm's base URL.
    """

    context: RequestContext
    llm: str
    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __post_init__(self) -> None:
        if _climbs(self.path):
            raise ParseError("The path must not hold the segments . or .., encoded or not.")

    @property
    def target(self) -> str:
        """Path and query as they stand in a URL."""
        query = quote(self.query, safe=_PLAIN + "?")
        return quote(self.path, safe=_PLAIN) + (f"?{query}" if query else "")

    @property
    def payload(self) -> bytes | None:
        """The body; None where the method does without and none came."""
        return self.body if self.body or self.method in ("POST", "PUT", "PATCH") else None

    @property
    def model(self) -> str:
        return ""

    @property
    def messages(self) -> list[dict[str, Any]]:
        return []

    @property
    def stream(self) -> bool:
        """True: whatever the answer is, it leaves as it comes."""
        return True

    @property
    def max_tokens(self) -> int | None:
        return None

    def to_dict(self) -> dict[str, Any]:
        return {}


def _climbs(path: str) -> bool:
    """Whether a server that decodes this path, once or several times, could find a way up in it."""
    for _ in range(_DECODINGS):
        segments = path.replace("\\", "/").split("/")
        if any(segment.partition(";")[0] in (".", "..") for segment in segments):
            return True
        path, before = unquote(path), path
        if path == before:
            return False
    return True
