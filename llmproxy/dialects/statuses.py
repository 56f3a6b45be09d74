"""What an upstream's status means to us, whatever its dialect (RELIABILITY, section B)."""

import email.utils
import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

from llmproxy.core.errors import (
    ProviderError,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)

MAX_RETRY_AFTER = 60.0
_FILTERED = "content_filter"
_CONTEXT_LENGTH = "context_length_exceeded"
# Anthropic, Google, and hosts that are compatible with OpenAI but for its code: they have words alone.
_TOO_LONG = (
    "prompt is too long", "input is too long", "input token count", "maximum context length",
    "exceeds the context window", "context length exceeded", "exceeds the available context size",
)  # fmt: skip
_CANCELLED = 499  # over there; passed on, it would say that our client left


def error_for(
    status: int,
    headers: Mapping[str, str],
    *,
    message: str | None,
    upstream: dict[str, Any],
    quota: bool = False,
    words: str = "",
) -> ProviderError:
    """The error that an upstream's answer stands for.

    Args:
        status: Its status; 200 for an error in the place of an answer.
        headers: Its headers, lower case.
        message: Its own words, which are passed on only where the request is at fault.
        upstream: The members of its error that go with them.
        quota: Whether it says that the account is out of money rather than out of breath.
        words: Its error's type and code in lower case; they decide where the status says nothing.
    """
    retry_after = read_retry_after(headers)
    # Not the message: it may repeat the prompt. Nor, in a 200, the words: nobody has taken the token out of those.
    detail = f"upstream status {status}: {words}" if words and status != 200 else f"upstream status {status}"
    if status == 200 and _FILTERED in words:  # Azure: where the prompt was refused, in the place of an answer
        return ProviderRejected(detail=detail, upstream={"code": _FILTERED})
    if quota or status == 402:
        return ProviderUnavailable(code="upstream_quota_exhausted", detail=detail)
    if status == 200:
        status = _status_in_words(words)
    if status == 429:
        return ProviderRateLimited(retry_after=retry_after, detail=detail)
    if status in (503, 529):
        return ProviderUnavailable(retry_after=retry_after, detail=detail)
    if status in (408, 504):
        return ProviderTimeout(detail=detail)
    if status in (401, 403):
        return ProviderError(code="upstream_auth_failed", detail=f"upstream status {status}")
    if 400 <= status < 500 and status != _CANCELLED:
        said = upstream if message else None
        code = "upstream_context_length" if _is_too_long(upstream, message or "") else None
        return ProviderRejected(message, code=code, status=status, upstream=said, detail=detail)
    return ProviderError(detail=detail)


def _is_too_long(upstream: Mapping[str, Any], message: str) -> bool:
    """Whether the prompt is longer than the model can read."""
    said = message.lower()
    return upstream.get("code") == _CONTEXT_LENGTH or any(words in said for words in _TOO_LONG)


def read_retry_after(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `Retry-After` in either of its forms (RFC 9110, section 10.2.3).

    None where there is none or it makes no sense; never more than a minute.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return min(milliseconds / 1000, MAX_RETRY_AFTER)
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is None and value:
        seconds = _seconds_until(value, now())
    return None if seconds is None else min(seconds, MAX_RETRY_AFTER)


def _seconds_until(date: str, now: float) -> float | None:
    try:
        until = email.utils.parsedate_to_datetime(date)
        seconds = (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return seconds if seconds >= 0 else None


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value else math.nan
    except ValueError:
        return None
    return number if number >= 0 and math.isfinite(number) else None


def _status_in_words(words: str) -> int:
    if "rate_limit" in words or "too_many" in words or "429" in words:
        return 429
    if "overloaded" in words or "unavailable" in words or "503" in words or "529" in words:
        return 503
    if "auth" in words or "api_key" in words:
        return 401
    return 500
