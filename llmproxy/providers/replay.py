"""Replay: answers from recorded exchanges, for testing an application without a network.

A recording is a JSON Lines file; each line holds `endpoint` (as `chat/completions`), `request.json` and `response` with
`status`, `headers`, `is_stream` and `body_text`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from llmproxy.config.models import ProviderConfig
from llmproxy.core.errors import ConfigError, ProviderRejected
from llmproxy.core.request import LLMRequest
from llmproxy.core.response import ResponseStream
from llmproxy.core.sse import PAUSE, Event, Step
from llmproxy.dialects import CLIENT_DIALECTS, PROVIDER_DIALECTS
from llmproxy.providers.base import Provider, relayed_headers

# Members that say nothing about what is asked.
_VOLATILE = ("metadata", "user", "safety_identifier", "prompt_cache_key", "stream_options", "store", "service_tier")
_BLANK_LINE = re.compile(rb"(?<=\n\n)|(?<=\r\n\r\n)")


class Chunk(fields.Field[Any]):
    """`"event"`, `"all"`, or a number of bytes."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if value in ("event", "all") or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
            return value
        raise ValidationError('Must be "event", "all" or a number of bytes.')


class ReplayOptions(Schema):
    """Keys of its own in `[llm.*]`.

    `files`: the recordings, relative to the configuration's folder. `pace`: chunks a second; 0 is at once. `chunk`: how
    a stream is cut into pieces.
    """

    files = fields.List(fields.String(), required=True, validate=validate.Length(min=1))
    pace = fields.Float(validate=validate.Range(min=0), load_default=0.0)
    chunk = Chunk(load_default="event")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded exchange, ready to be compared with a request."""

    endpoint: str
    asked: Any
    text: str
    stream: bool
    status: int
    headers: dict[str, str]
    body: bytes


class ReplayProvider(Provider):
    """Answers each request with the recorded exchange that is most like it: the same body; else the same last user
    text; else the same model, tools and number of messages."""

    options_schema = ReplayOptions

    def __init__(self, config: ProviderConfig | None = None, **providers: Any) -> None:
        super().__init__(config, **providers)
        folder = self.config.folder or Path()
        self._exchanges = [exchange for name in self.options["files"] for exchange in read_exchanges(folder / name)]

    def execute(self, request: LLMRequest) -> ResponseStream:
        exchange = self._find(request)
        dialect = PROVIDER_DIALECTS.get(request.dialect)()
        request.context.response_headers.update(relayed_headers(exchange.headers))
        if exchange.status != 200:
            raise dialect.read_error(exchange.status, exchange.headers, exchange.body)
        if not request.stream:
            return ResponseStream.relay([Event.whole(exchange.body)], dialect, request)
        return ResponseStream.relay(dialect.decode(self._chunks(exchange, request)), dialect, request)

    def _find(self, request: LLMRequest) -> Exchange:
        path = CLIENT_DIALECTS.get(request.dialect).paths[0].removeprefix("/v1/")
        asked, text = canonical(request.to_dict()), last_text(request.to_dict())
        candidates = [e for e in self._exchanges if e.endpoint == path and e.stream == request.stream]
        for exchange in candidates:
            if exchange.asked == asked:
                return exchange
        for exchange in candidates:
            if text and exchange.text == text:
                return exchange
        best = max(candidates, key=lambda exchange: _likeness(exchange, asked), default=None)
        if best is None or not _likeness(best, asked):
            raise ProviderRejected("No recorded exchange is like this request.", status=404)
        return best

    def _chunks(self, exchange: Exchange, request: LLMRequest) -> Iterator[bytes | Step]:
        for chunk in cut(exchange.body, self.options["chunk"]):
            if self.options["pace"]:
                request.context.wait(1 / self.options["pace"])
            yield chunk
            yield PAUSE


def read_exchanges(path: Path) -> Iterator[Exchange]:
    """The exchanges that a recording holds; those without a request or with a binary body are passed over.

    Raises:
        ConfigError: The file cannot be read, or a line is not such an exchange.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines: JSON may hold U+2028 and the like
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if record.get("request") and "body_text" in record["response"]:
                yield _exchange(record)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{path}:{number}: not a recorded exchange: {error!r}") from error


def cut(body: bytes, chunk: int | str) -> Iterator[bytes]:
    """A body in pieces of so many bytes, of one event, or of everything."""
    if chunk == "all":
        yield body
    elif isinstance(chunk, int):
        yield from (body[start : start + chunk] for start in range(0, len(body), chunk))
    else:
        yield from (piece for piece in _BLANK_LINE.split(body) if piece)


def canonical(value: Any, top: bool = True) -> Any:
    """A request body without what says nothing about the question."""
    if isinstance(value, dict):
        return {
            name: canonical(member, False)
            for name, member in sorted(value.items())
            if member is not None and not (top and name in _VOLATILE)
        }
    return [canonical(member, False) for member in value] if isinstance(value, list) else value


def last_text(body: Any) -> str:
    """The last user text of a recorded request."""
    said = body.get("messages") or body.get("input") or body.get("prompt") or "" if isinstance(body, dict) else ""
    texts = [said] if isinstance(said, str) else [_text(item) for item in said]
    return next((text.strip() for text in reversed(texts) if text.strip()), "")


def _text(item: Any) -> str:
    if not isinstance(item, dict):
        return item if isinstance(item, str) else ""
    content = item.get("content")
    if item.get("role", "user") != "user" or not isinstance(content, (str, list)):
        return ""
    parts = [content] if isinstance(content, str) else [part.get("text") for part in content if isinstance(part, dict)]
    return "\n".join(part for part in parts if isinstance(part, str))


def _exchange(record: dict[str, Any]) -> Exchange:
    body, response = record["request"]["json"], record["response"]
    return Exchange(
        endpoint=record["endpoint"],
        asked=canonical(body),
        text=last_text(body),
        stream=bool(body.get("stream")) if isinstance(body, dict) else False,
        status=response["status"],
        headers={name.lower(): str(value) for name, value in response.get("headers", {}).items()},
        body=response["body_text"].encode("utf-8"),
    )


def _likeness(exchange: Exchange, asked: dict[str, Any]) -> int:
    theirs = exchange.asked
    if exchange.status != 200 or not isinstance(theirs, dict):
        return 0
    same_size = len(theirs.get("messages") or ()) == len(asked.get("messages") or ())
    same_tools = bool(theirs.get("tools")) == bool(asked.get("tools"))
    return 2 * (theirs.get("model") == asked.get("model")) + 2 * same_tools + same_size
