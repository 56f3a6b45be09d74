"""What Bedrock says when something fails: a message in the body, the kind of failure mostly in a header."""

from collections.abc import Mapping

from llmproxy.core.errors import ProviderError
from llmproxy.core.sse import loads
from llmproxy.dialects.statuses import error_for

# By kind: streams say no status, and some statuses stand for several kinds.
# https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
_STATUSES = {
    "accessdenied": 403,
    "expiredtoken": 403,
    "incompletesignature": 403,
    "invalidsignature": 403,
    "missingauthenticationtoken": 403,
    "unrecognizedclient": 403,
    "resourcenotfound": 404,
    "validation": 400,
    "modeltimeout": 408,
    "throttling": 429,
    "modelnotready": 503,  # its own status is 429, though nobody has asked too much
    "serviceunavailable": 503,
    "modelerror": 502,  # its own status is 424, though the fault is not the caller's
    "modelstreamerror": 502,
    "internalserver": 500,
}
_QUOTA = "servicequotaexceeded"

# What a 400 means is in its words alone.
_TOO_LONG = ("input tokens exceeded", "input is too long", "prompt is too long")
_NO_MODEL = ("model identifier is invalid",)


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error that an answer stands for, or a message of a stream that reports a failure."""
    said = _read_body(body)
    kind = _read_kind(headers.get("x-amzn-errortype") or said.get("__type"))
    message = said.get("message") or said.get("Message")
    message = message if isinstance(message, str) else None
    status = _STATUSES.get(kind, 500 if status == 200 else status)
    code = _code_in((message or "").lower()) if status == 400 else None
    return error_for(
        404 if code == "model_not_found" else status,
        headers,
        message=message,
        upstream={"code": code} if code else {},
        quota=kind == _QUOTA,
        words=kind,
    )


def _read_body(body: bytes) -> dict[str, object]:
    try:
        said = loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _read_kind(said: object) -> str:
    """The kind of `ThrottlingException:http://...` or `com.amazon.coral#ThrottlingException`, in lower case."""
    kind = said.partition(":")[0].rpartition("#")[2].strip().lower() if isinstance(said, str) else ""
    return kind.removesuffix("exception")


def _code_in(message: str) -> str | None:
    """What a refusal is about, in the words that our clients know."""
    if any(words in message for words in _TOO_LONG):
        return "context_length_exceeded"
    return "model_not_found" if any(words in message for words in _NO_MODEL) else None
