"""The log: one line per request when it finishes, as text or JSON; never a key, never a prompt."""

import io
import json
import logging
import os
import sys
import time
from typing import Any, Literal

from llmproxy.core.context import Attempt, RequestContext
from llmproxy.core.secrets import SECRETS

log = logging.getLogger(__name__)

ROOT = "llmproxy"
SERVER = "gunicorn.error"
# A model's name as the client wrote it may be of any length; none that is in use is longer.
_MAX_NAME = 256
_STANDARD = frozenset(vars(logging.makeLogRecord({})))


def log_request(context: RequestContext) -> None:
    """The one line that a finished request leaves. Its facts are in the record as `request`, for a host's handlers."""
    if log.isEnabledFor(logging.INFO):
        facts = facts_of(context)
        # Made by hand: `log.info` would look up the caller's line, which is this one, for each request.
        record = log.makeRecord(log.name, logging.INFO, __file__, 0, "request finished %s", (_Words(facts),), None)
        record.request = facts
        log.handle(record)
    outcome = context.outcome
    if outcome is not None and outcome.error is not None and outcome.error.detail:
        detail = SECRETS.mask(outcome.error.detail)  # may hold words of the upstream's
        log.warning("request failed request_id=%s: %s", context.id, detail if detail.isprintable() else ascii(detail))


class _Words:
    """Facts as `name=value`, written out only if somebody reads them."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts

    def __str__(self) -> str:
        return " ".join(
            [
                f"{name}={shown(value) if value.__class__ is str else value}"
                for name, value in self._facts.items()
                if value is not None
            ]
        )


def facts_of(context: RequestContext) -> dict[str, Any]:
    """What is told of a finished request; times in milliseconds."""
    outcome, usage = context.outcome, context.usage
    llm, target_model = context.answered_by or (None, None)
    several = {"tried": [_tried(attempt) for attempt in context.attempts]} if len(context.attempts) > 1 else {}
    return {
        "request_id": context.id,
        "client": context.client,
        "route": context.route,
        "dialect": context.dialect,
        "llm": llm,
        "model": context.model and _name(context.model),
        "target_model": _name(target_model) if target_model else None,
        "stream": context.stream,
        "status": outcome.status if outcome else None,
        "outcome": outcome.settlement if outcome else None,
        "error": outcome.error.code if outcome and outcome.error else None,
        "attempts": len(context.attempts),
        **several,
        "input_tokens": usage.input if usage else None,
        "output_tokens": usage.output if usage else None,
        "first_event_ms": _milliseconds(context.started, context.first_event_at),
        "total_ms": _milliseconds(context.started, time.monotonic()),
    }


def configure(level: str, form: Literal["text", "json"]) -> None:
    """Sends the package's log to standard error. For a process of our own: a host application has its own logging."""
    logger = logging.getLogger(ROOT)
    handler = LineHandler(sys.stderr)
    handler.setFormatter(Masked(JSONFormatter() if form == "json" else TextFormatter()))
    logger.handlers[:] = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False
    for theirs in logging.getLogger(SERVER).handlers:  # what it refuses it quotes, the key of a URL included
        theirs.setFormatter(Masked(theirs.formatter or logging.Formatter()))


class LineHandler(logging.StreamHandler[Any]):
    """Writes each record with one system call and no lock: threads that finish together do not queue for the log.

    A stream without a file below it is written to as `StreamHandler` does.
    """

    def createLock(self) -> None:
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = (self.format(record) + self.terminator).encode("utf-8", "backslashreplace")
            while line:
                line = line[os.write(self._file(), line) :]
        except io.UnsupportedOperation:
            super().emit(record)
        except Exception:  # a log that cannot be written must not break the request it is about
            self.handleError(record)

    def _file(self) -> int:
        return int(self.stream.fileno())


class Masked(logging.Formatter):
    """What another formatter writes, tracebacks and all, without the secrets that this process knows.

    Args:
        inner: The other one.
    """

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return SECRETS.mask(self._inner.format(record))


class _Formatter(logging.Formatter):
    """A formatter that works out a date once a second, and not for each line."""

    def __init__(self, form: str | None = None) -> None:
        super().__init__(form)
        self._second: tuple[int, str] = (0, "")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        second, text = self._second
        if second != int(record.created):
            second = int(record.created)
            text = time.strftime("%Y-%m-%dT%H:%M:%S", self.converter(second))
            self._second = second, text
        return f"{text}.{int(record.msecs):03d}"


class TextFormatter(_Formatter):
    """Time, level, message; control characters cannot start a line of their own."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        return super().formatMessage(record).encode("unicode_escape").decode("ascii").replace("\\\\", "\\")


class JSONFormatter(_Formatter):
    """One JSON object a line: time, level, logger, message, and whatever `extra` holds."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        facts = extra.pop("request", None)
        if facts is not None:
            entry["message"] = "request finished"
            entry.update(facts)
        entry.update(extra)
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def shown(value: Any) -> str:
    """A value on a line of text: one word, and nothing that could start a line of its own."""
    if not isinstance(value, str):
        return str(value)
    return value if value.isprintable() and " " not in value and '"' not in value else json.dumps(value)


def _tried(attempt: Attempt) -> str:
    """Where an attempt went, and how it ended."""
    return f"{attempt.llm}/{_name(attempt.model)}: {attempt.error.code if attempt.error else 'answered'}"


def _name(model: str) -> str:
    """A model's name as it may be logged: a client may have written anything there."""
    return SECRETS.mask(model[:_MAX_NAME])


def _milliseconds(start: float, end: float | None) -> float | None:
    return None if end is None else round((end - start) * 1000, 1)
