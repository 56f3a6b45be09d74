"""What can go wrong, as one tree.

    LLMProxyError                  500  internal_error
    ├── ConfigError                     start-up only: file, line, key, did you mean
    ├── RequestError               400  invalid_value          the caller can put it right
    │   ├── ParseError             400  invalid_json, duplicate_key, invalid_value, streaming_not_allowed
    │   ├── UnsupportedFeature     400  unsupported_feature
    │   ├── TokenLimitExceeded     400  token_limit_exceeded
    │   ├── RequestRefused         400  request_refused        by a processor
    │   ├── AuthenticationFailed   401  invalid_api_key
    │   ├── AccessDenied           403  permission_denied
    │   ├── ModelNotFound          404  model_not_found
    │   ├── PathNotFound           404  not_found
    │   ├── MethodNotAllowed       405  method_not_allowed
    │   ├── RequestTooLarge        413  request_too_large
    │   ├── UnsupportedMedia       415  unsupported_media_type
    │   ├── RateLimited            429  rate_limit_exceeded
    │   ├── BudgetExceeded         429  budget_exceeded
    │   └── Overloaded             503  overloaded, server_shutdown
    ├── ProviderError              502  upstream_error         the upstream's fault, or ours towards it
    │   ├── TokenError             503  llm_not_configured
    │   ├── ProviderRejected       4xx  the upstream's own status, code and message
    │   ├── ProviderRateLimited    429  upstream_rate_limited
    │   ├── ProviderUnreachable    502  upstream_unavailable, upstream_reset
    │   ├── ProviderTimeout        504  upstream_timeout, deadline_exceeded
    │   ├── ProviderUnavailable    503  upstream_overloaded, upstream_quota_exhausted, upstream_circuit_open
    │   ├── NoTargetAvailable      502  upstream_unavailable
    │   └── StreamError            502  upstream_stream_*      broke after it had begun; never retried
    └── ClientGone                 499  client_gone            nobody is listening any more

An error carries its status, its code, whether a retry is safe, by the caller or by the router, and what the ledger
should say; all of them come from one row of `CODES`, so that no caller branches on a status. Messages are fixed texts
that never hold a URL, a host, a token or a prompt; what an operator needs besides goes into `detail`, which is logged
and never sent.
"""

from typing import Any, ClassVar, Literal, NamedTuple

Settlement = Literal["settled", "partial", "unknown", "void"]
"""How a request stands in the ledger: paid and counted; broken off midway; perhaps billed, who knows; not billed."""

Again = Literal["yes", "stale", "no"]
"""Whether the same target may be asked again: it did no work; it probably did none, as the connection was a stale one;
it may have done it, or would say the same."""

Elsewhere = Literal["safe", "ambiguous", "longer_context", "no"]
"""Whether another target may be asked: yes; only by whoever pays twice if need be; only one that takes longer prompts;
no, since the request is at fault or its answer was paid for."""

Blame = Literal["connection", "upstream", "token"]
"""Whose fault it was, as far as others that ask there should care."""


Phase = Literal["connect", "first_event", "idle", "progress", "total", "request"]
"""What took too long: connecting; the first event, any byte, the next event; one attempt, the whole request."""


class Code(NamedTuple):
    """One row of the table of codes.

    Attributes:
        status: The HTTP status while none has been sent yet.
        should_retry: What `x-should-retry` tells the caller. None leaves it to the caller's own rules.
        settlement: What the ledger says of a request that ended so.
        message: The fixed text for the caller.
        again, elsewhere: Where the router may send the request next (RELIABILITY, "When a retry is safe").
        blame: What the router holds against whom. None: nothing, against nobody.
    """

    status: int
    should_retry: bool | None
    settlement: Settlement
    message: str
    again: Again = "no"
    elsewhere: Elsewhere = "no"
    blame: Blame | None = None


CODES: dict[str, Code] = {
    "internal_error": Code(500, False, "unknown", "The proxy failed to handle this request."),
    "invalid_config": Code(500, False, "void", "The configuration cannot be used."),
    # What the caller can put right.
    "invalid_json": Code(400, False, "void", "The body is not valid JSON."),
    "duplicate_key": Code(400, False, "void", "The body holds the same key twice."),
    "invalid_value": Code(400, False, "void", "The request is not valid."),
    "unsupported_feature": Code(
        400, False, "void", "The target of this request cannot do what it asks for.", elsewhere="safe"
    ),
    "token_limit_exceeded": Code(400, False, "void", "The prompt is longer than this route allows."),
    "request_refused": Code(400, False, "void", "The request was refused."),
    "streaming_not_allowed": Code(400, False, "void", "This route does not allow that form of answer."),
    "invalid_api_key": Code(401, False, "void", "The API key is missing or not valid."),
    "permission_denied": Code(403, False, "void", "This key may not use this route."),
    "model_not_found": Code(404, False, "void", "The model does not exist or you do not have access to it."),
    "not_found": Code(404, False, "void", "There is nothing at this path."),
    "method_not_allowed": Code(405, False, "void", "This path does not answer this method."),
    "request_too_large": Code(413, False, "void", "The body is too large."),
    "unsupported_media_type": Code(415, False, "void", "The body must be application/json in UTF-8, not compressed."),
    "rate_limit_exceeded": Code(429, True, "void", "The rate limit of this key is used up."),
    "budget_exceeded": Code(429, False, "void", "The budget of this key is used up."),
    "overloaded": Code(503, True, "void", "The proxy is at its limit of concurrent requests."),
    "server_shutdown": Code(503, True, "void", "The proxy is shutting down."),
    "ledger_unavailable": Code(503, True, "void", "The request could not be recorded, so it was not sent."),
    # The upstream's fault, or ours towards it.
    "upstream_unavailable": Code(502, True, "void", "The provider could not be reached.", "yes", "safe", "connection"),
    "upstream_reset": Code(
        502, False, "unknown", "The provider closed the connection without an answer.", "no", "ambiguous", "upstream"
    ),
    "upstream_stale_connection": Code(
        502, False, "unknown", "The provider closed the connection without an answer.", "stale", "ambiguous"
    ),
    "upstream_bad_response": Code(
        502, False, "unknown", "The provider's answer could not be understood.", blame="upstream"
    ),
    "upstream_truncated": Code(502, False, "unknown", "The provider's answer was cut off.", blame="upstream"),
    "upstream_error": Code(502, False, "unknown", "The provider failed to answer.", "no", "ambiguous", "upstream"),
    "upstream_rejected": Code(400, False, "void", "The provider refused the request."),
    "upstream_context_length": Code(
        400, False, "void", "The provider refused the request.", elsewhere="longer_context"
    ),
    "upstream_redirect": Code(
        502, False, "void", "The provider answered with a redirect, which is never followed.", elsewhere="safe"
    ),
    "upstream_auth_failed": Code(
        502, False, "void", "The provider refused the proxy's credentials.", "no", "safe", "token"
    ),
    "upstream_rate_limited": Code(429, True, "void", "The provider's rate limit is reached.", "yes", "safe", "token"),
    "upstream_quota_exhausted": Code(
        503, False, "void", "The quota at the provider is used up.", "no", "safe", "token"
    ),
    "upstream_overloaded": Code(503, True, "void", "The provider is overloaded.", "yes", "safe", "upstream"),
    "upstream_circuit_open": Code(
        503, True, "void", "The provider keeps failing and is left alone for a while.", elsewhere="safe"
    ),
    "upstream_timeout": Code(
        504, False, "unknown", "The provider did not answer in time.", "no", "ambiguous", "upstream"
    ),
    "upstream_connect_timeout": Code(
        504, True, "void", "The provider could not be reached in time.", "yes", "safe", "connection"
    ),
    "deadline_exceeded": Code(504, False, "unknown", "The request took longer than it may.", blame="upstream"),
    "llm_not_configured": Code(
        503, False, "void", "The model's provider is off, or has no token.", "no", "safe", "token"
    ),
    # Seen only inside a stream, after its 200.
    "upstream_stream_reset": Code(
        502, False, "partial", "The provider closed the connection within the stream.", blame="upstream"
    ),
    "upstream_stream_truncated": Code(
        502, False, "partial", "The provider's stream ended before the answer did.", blame="upstream"
    ),
    "upstream_stream_stalled": Code(504, False, "partial", "The provider's stream went silent.", blame="upstream"),
    "upstream_stream_error": Code(
        502, False, "partial", "The provider reported an error within the stream.", blame="upstream"
    ),
    "client_gone": Code(499, None, "unknown", "The client closed the connection."),
}

# A fault that comes after the first event has other words than the same fault before it.
IN_STREAM = {
    "upstream_reset": "upstream_stream_reset",
    "upstream_truncated": "upstream_stream_truncated",
    "upstream_timeout": "upstream_stream_stalled",
}

# RELIABILITY has one code for each of these, though whether a retry is safe differs.
PUBLIC_CODES = {
    "upstream_connect_timeout": "upstream_timeout",
    "upstream_stale_connection": "upstream_reset",
    "upstream_context_length": "upstream_rejected",
}


class LLMProxyError(Exception):
    """The root of every error the proxy raises on purpose.

    Args:
        message: The text for the caller; None takes the fixed text of the code. Must not hold anything secret.
        code: A key of `CODES`; None: the class's default.
        status: Overrides the row's HTTP status.
        param: The path of the field at fault (`messages.3.content`).
        retry_after: Seconds the caller should wait, sent as `Retry-After`.
        detail: What an operator needs to know; logged, never sent.
        phase: Which deadline has passed, where one has; the message names it.
        headers: Further headers that belong to this answer (`Allow`, `WWW-Authenticate`).
        upstream: The members of the upstream's own error that are passed on: `type`, `code`, `param`, and what its
            dialect adds to them.
    """

    default_code: ClassVar[str] = "internal_error"

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        status: int | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        detail: str | None = None,
        phase: Phase | None = None,
        headers: dict[str, str] | None = None,
        upstream: dict[str, Any] | None = None,
    ) -> None:
        name = code or self.default_code
        row = CODES[name]
        self.code = PUBLIC_CODES.get(name, name)
        self.status = status or row.status
        self.should_retry = row.should_retry
        self.settlement: Settlement = row.settlement
        self.again: Again = row.again
        self.elsewhere: Elsewhere = row.elsewhere
        self.blame: Blame | None = row.blame
        self.phase = phase
        self.message = message or (f"{row.message[:-1]} (phase: {phase})." if phase else row.message)
        self.param = param
        self.retry_after = retry_after
        self.detail = detail
        self.headers = headers or {}
        self.upstream = upstream
        super().__init__(self.message)


class ConfigError(LLMProxyError):
    """The configuration cannot be used. Raised at start-up only.

    Args:
        problems: One line each, `file:line: what is wrong`; all that were found, not the first alone.
    """

    default_code = "invalid_config"

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class RequestError(LLMProxyError):
    """The caller can put it right."""

    default_code = "invalid_value"


class ParseError(RequestError):
    """The body is not what the dialect asks for; `param` names the field."""


class UnsupportedFeature(RequestError):
    """The target cannot say what the caller asked for."""

    default_code = "unsupported_feature"


class TokenLimitExceeded(RequestError):
    """The prompt is longer than a processor allows."""

    default_code = "token_limit_exceeded"


class RequestRefused(RequestError):
    """A processor does not let this request pass."""

    default_code = "request_refused"


class AuthenticationFailed(RequestError):
    """Nobody we know sent this request."""

    default_code = "invalid_api_key"


class AccessDenied(RequestError):
    """We know who asks, and they may not."""

    default_code = "permission_denied"


class ModelNotFound(RequestError):
    """No llm answers to this model name, or not for this client."""

    default_code = "model_not_found"


class PathNotFound(RequestError):
    """Nothing is served at this path."""

    default_code = "not_found"


class MethodNotAllowed(RequestError):
    """The path exists and does not answer this method."""

    default_code = "method_not_allowed"


class RequestTooLarge(RequestError):
    """The body exceeds `max_body_mb`."""

    default_code = "request_too_large"


class UnsupportedMedia(RequestError):
    """Another media type, charset or coding than JSON in UTF-8."""

    default_code = "unsupported_media_type"


class RateLimited(RequestError):
    """The caller's own limit is reached. Safe to retry after `retry_after` seconds."""

    default_code = "rate_limit_exceeded"


class BudgetExceeded(RequestError):
    """The caller's own budget is spent."""

    default_code = "budget_exceeded"


class Overloaded(RequestError):
    """We are at our own limit, or shutting down. Safe to retry."""

    default_code = "overloaded"


class ProviderError(LLMProxyError):
    """The upstream failed, or we failed towards it."""

    default_code = "upstream_error"


class TokenError(ProviderError):
    """The llm's own token is absent."""

    default_code = "llm_not_configured"


class ProviderRejected(ProviderError):
    """The upstream says the request is wrong; its status, code and message are passed on."""

    default_code = "upstream_rejected"


class ProviderRateLimited(ProviderError):
    """The upstream did no work because of its rate limit."""

    default_code = "upstream_rate_limited"


class ProviderUnreachable(ProviderError):
    """No connection, or one that broke before a byte of the answer. Safe to retry when nothing was sent."""

    default_code = "upstream_unavailable"


class ProviderTimeout(ProviderError):
    """A deadline passed. Safe to retry in the connect phase only."""

    default_code = "upstream_timeout"


class ProviderUnavailable(ProviderError):
    """The upstream is overloaded, out of quota, or left alone after failures."""

    default_code = "upstream_overloaded"


class NoTargetAvailable(ProviderError):
    """No target was left to try."""

    default_code = "upstream_unavailable"


class StreamError(ProviderError):
    """The answer broke after it had begun. Never retried."""

    default_code = "upstream_stream_error"


class ClientGone(LLMProxyError):
    """Nobody is listening any more."""

    default_code = "client_gone"


def in_stream(error: LLMProxyError) -> LLMProxyError:
    """The same failure, in the words that are used once a stream has begun."""
    code = IN_STREAM.get(error.code)
    if code is None:
        return error
    late = StreamError(code=code, detail=error.detail, phase=error.phase)
    late.__cause__ = error
    return late
