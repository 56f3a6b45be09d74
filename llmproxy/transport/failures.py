"""Foreign exceptions become ours here, and nowhere else."""

import http.client
import ssl
from collections.abc import Iterator

import requests
import urllib3.exceptions

from llmproxy.core.cancel import Cancellation
from llmproxy.core.errors import LLMProxyError, ProviderError, ProviderTimeout, ProviderUnreachable
from llmproxy.transport.framing import UnusableAnswer
from llmproxy.transport.lease import Lease

# requests raises the first family, raw reads the second, http.client and the socket the others.
FOREIGN = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)

_MALFORMED = (
    UnusableAnswer,
    http.client.BadStatusLine,
    http.client.LineTooLong,
    http.client.UnknownProtocol,
    urllib3.exceptions.InvalidHeader,
    ValueError,
)
_TIMED_OUT = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)
_REFUSED = urllib3.exceptions.NewConnectionError  # refused or unknown, and yet a ConnectTimeoutError by its base
_CUT = (ConnectionError, EOFError, http.client.IncompleteRead, urllib3.exceptions.IncompleteRead, ssl.SSLError)


def translated(
    error: Exception, lease: Lease, cancellation: Cancellation, cut: str = "upstream_reset"
) -> LLMProxyError:
    """Our error for a foreign one.

    Decided by what the connection knows (was anything sent?) before the exception's class: requests calls a TLS
    handshake that hung a read timeout, and a blocked send a connect timeout.

    Args:
        error: What requests, urllib3, http.client or the socket raised.
        lease: The attempt's connection; a deadline that has passed left its reason there.
        cancellation: Whoever shut the socket down left the reason there.
        cut: The code for an answer that broke off.
    """
    reason = cancellation.reason or lease.reason
    if reason is not None:
        return reason
    detail = f"{type(error).__name__}: {error}"
    causes = list(_causes(error))
    if not lease.sent:
        if any(isinstance(cause, _TIMED_OUT) and not isinstance(cause, _REFUSED) for cause in causes):
            return ProviderTimeout(code="upstream_connect_timeout", phase="connect", detail=detail)
        return ProviderUnreachable(detail=detail)
    if any(isinstance(cause, _CUT) for cause in causes):  # RemoteDisconnected is a BadStatusLine as well
        stale = lease.reused and not lease.heard  # closed by the other side, it seems, before our request reached it
        return ProviderUnreachable(code="upstream_stale_connection" if stale else cut, detail=detail)
    if any(isinstance(cause, _TIMED_OUT) for cause in causes):
        return ProviderTimeout(phase="first_event" if lease.answer is None else "idle", detail=detail)
    malformed = lease.answer is None and any(isinstance(cause, _MALFORMED) for cause in causes)
    if malformed or lease.answer is None:
        return ProviderError(code="upstream_bad_response", detail=detail)
    return ProviderUnreachable(code=cut, detail=detail)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and all it wraps: as cause, as context, or, as urllib3 and requests do, among its arguments."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        wrapped = [argument for argument in current.args if isinstance(argument, BaseException)]
        reason = getattr(current, "reason", None)
        if isinstance(reason, BaseException):
            wrapped.append(reason)
        waiting.extend([*wrapped, current.__cause__, current.__context__])
