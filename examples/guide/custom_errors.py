"""What can go wrong. Each error is one of the three that pipeline, router, log and clients know what to do with."""

from llmproxy import ParseError, ProviderError, StreamError


class CustomParseError(ParseError):
    """The client's body is not what the schema says: a 400 that names the field."""


class CustomRequestError(ProviderError):
    """The upstream has refused, with a status and words of its own; the client gets both."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message, status=status)


class CustomStreamError(StreamError):
    """The stream broke after it had begun, for the reason that the upstream gives."""
