"""Section B: errors, redirects and other statuses that are no answer."""

import http
import json
from collections.abc import Callable, Iterator

from llmproxy.testing.pieces import head, sized
from llmproxy.testing.script import CLOSE, Faults, Scene, Step, Wait

FAULTS = Faults()

# Values of Retry-After that mean nothing (B5).
BAD_RETRY_AFTERS = ("-5", "nan", "inf", "1e400", "soon", "0x10", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Foo")

_BODIES: dict[str, Callable[[bytes], bytes]] = {
    "error": lambda error: error,
    "html": lambda error: b"<html><body><h1>upstream trouble</h1></body></html>",
    "empty": lambda error: b"",
    "cut": lambda error: error[: len(error) // 2],
    "array": lambda error: b"[1, 2, 3]",
    "large": lambda error: b"x" * 5 * 1024 * 1024,
}


@FAULTS.add("B10")
def status(
    scene: Scene,
    code: int = 500,
    body: str = "error",
    type: str = "server_error",
    message: str = "something is wrong",
    retry_after: str = "",
    retry_after_ms: str = "",
    seconds: float = 0.0,
) -> Iterator[Step]:
    """Answers with this status, after so many seconds; its body: error, html, empty, cut, array, or large (5 MB)."""
    if body not in _BODIES:
        raise ValueError(f"there is no body {body!r}; there are: {', '.join(_BODIES)}")
    said = _BODIES[body](json.dumps(scene.words.error(type, message)).encode())
    lines = [f"Content-Type: {'text/html' if body == 'html' else scene.words.media}"]
    lines += [f"Retry-After: {retry_after}"] * bool(retry_after)
    lines += [f"retry-after-ms: {retry_after_ms}"] * bool(retry_after_ms)
    if seconds:
        yield Wait(seconds)
    yield sized(said, *lines, status=_line(code))


@FAULTS.add("B1")
def context_too_long(scene: Scene) -> Iterator[Step]:
    """Answers 400: the prompt is longer than the model's context."""
    yield from status(scene, 400, type="context_length_exceeded", message="maximum context length is 8 tokens")


@FAULTS.add("B2")
def refuse_token(scene: Scene, code: int = 401) -> Iterator[Step]:
    """Refuses the token, and repeats it in the body and in WWW-Authenticate."""
    token = (scene.request.headers.get("authorization", "") if scene.request else "").removeprefix("Bearer ")
    body = json.dumps(scene.words.error("invalid_api_key", f"Incorrect API key provided: {token}")).encode()
    yield sized(
        body, f"Content-Type: {scene.words.media}", f'WWW-Authenticate: Bearer error="{token}"', status=_line(code)
    )


@FAULTS.add("B4")
def rate_limited(scene: Scene, retry_after: str = "5") -> Iterator[Step]:
    """Answers 429 with this Retry-After."""
    yield from status(scene, 429, type="rate_limit_exceeded", retry_after=retry_after)


@FAULTS.add("B6")
def quota_exhausted(scene: Scene) -> Iterator[Step]:
    """Answers 429: there is no money left."""
    yield from status(scene, 429, type="insufficient_quota")


@FAULTS.add("B9")
def overloaded(scene: Scene, code: int = 529, retry_after: str = "") -> Iterator[Step]:
    """Answers 529, or another status, because there is too much to do."""
    yield from status(scene, code, type="overloaded_error", retry_after=retry_after)


@FAULTS.add("B11")
def redirect(scene: Scene, to: str = "http://169.254.169.254/latest/meta-data/", code: int = 302) -> Iterator[Step]:
    """Sends the client elsewhere."""
    yield head(f"Location: {to}", "Content-Length: 0", status=_line(code))


@FAULTS.add("B12")
def no_content(scene: Scene) -> Iterator[Step]:
    """Answers 204 to a request that asks for an answer."""
    yield head(status="204 No Content")


@FAULTS.add("B12")
def not_modified(scene: Scene) -> Iterator[Step]:
    """Answers 304 to a request that asks for an answer."""
    yield head('ETag: "1"', status="304 Not Modified")
    yield CLOSE


def _line(code: int) -> str:
    phrases = {status.value: status.phrase for status in http.HTTPStatus}
    return f"{code} {phrases.get(code, 'Unknown')}"
