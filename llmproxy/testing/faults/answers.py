"""Section C: what is wrong with a whole answer."""

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

from llmproxy.testing.faults.ok import answered, whole
from llmproxy.testing.pieces import CHUNKED, LAST_CHUNK, chunk, head, sized
from llmproxy.testing.script import CLOSE, Faults, Scene, Script, Step, Wait

FAULTS = Faults()
_TYPE = "Content-Type: application/json"


@FAULTS.add("C1")
def html_answer(scene: Scene) -> Iterator[Step]:
    """Answers 200 with a page of HTML."""
    yield sized(b"<html><body>please log in</body></html>", "Content-Type: text/html")


@FAULTS.add("C2")
def error_in_200(scene: Scene, type: str = "server_error") -> Iterator[Step]:
    """Answers 200 with an error object of this type."""
    yield answered(scene, json.dumps(scene.words.error(type, "something is wrong")).encode())


@FAULTS.add("C3")
def other_content_type(scene: Scene, type: str = "text/plain") -> Iterator[Step]:
    """Answers rightly with another content type; an empty one is none at all."""
    yield sized(scene.words.body(), *([f"Content-Type: {type}"] * bool(type)))


@FAULTS.add("C4")
def cut_length(scene: Scene) -> Iterator[Step]:
    """Closes the connection before the body is as long as the head says."""
    yield whole(scene)[:-10]
    yield CLOSE


@FAULTS.add("C4")
def cut_chunk(scene: Scene) -> Iterator[Step]:
    """Closes the connection within a chunk."""
    yield head(_TYPE, CHUNKED) + chunk(scene.words.body())[:-20]
    yield CLOSE


@FAULTS.add("C4")
def no_last_chunk(scene: Scene) -> Iterator[Step]:
    """Sends the whole answer in a chunk, and closes the connection without the last one."""
    yield head(_TYPE, CHUNKED) + chunk(scene.words.body())
    yield CLOSE


@FAULTS.add("C5")
def two_lengths(scene: Scene) -> Iterator[Step]:
    """Says two different lengths."""
    yield answered(scene, scene.words.body(), "Content-Length: 5")
    yield CLOSE


@FAULTS.add("C5")
def length_and_chunked(scene: Scene) -> Iterator[Step]:
    """Says a length, and that the body is chunked."""
    yield head(_TYPE, CHUNKED, "Content-Length: 5") + chunk(scene.words.body()) + LAST_CHUNK
    yield CLOSE


@FAULTS.add("C5")
def negative_length(scene: Scene) -> Iterator[Step]:
    """Says a length below zero."""
    yield head(_TYPE, "Content-Length: -5") + scene.words.body()
    yield CLOSE


@FAULTS.add("C5")
def bad_chunk_size(scene: Scene, size: str = "xyz") -> Iterator[Step]:
    """Begins a chunk with a size that is none."""
    yield head(_TYPE, CHUNKED) + size.encode("latin-1") + b"\r\n" + scene.words.body() + b"\r\n" + LAST_CHUNK
    yield CLOSE


@FAULTS.add("C6")
def many_codings(scene: Scene, number: int = 200) -> Iterator[Step]:
    """Names this many content codings."""
    yield answered(scene, scene.words.body(), f"Content-Encoding: {', '.join(['gzip'] * number)}")


@FAULTS.add("C6")
def gzip_bomb(scene: Scene, mb: int = 64) -> Iterator[Step]:
    """Sends a compressed body that unpacks to so many MiB."""
    yield answered(scene, gzip.compress(b" " * mb * 1024 * 1024, 9), "Content-Encoding: gzip")


@FAULTS.add("C7")
def big_answer(scene: Scene, mb: int = 33) -> Iterator[Step]:
    """Sends a right answer of so many MiB."""
    yield whole(scene, "a" * mb * 1024 * 1024)


@FAULTS.add("C8")
def slow_body(scene: Scene, pause: float = 0.2) -> Iterator[Step]:
    """Sends its body byte by byte, with a pause after each."""
    said = whole(scene)
    body_at = said.index(b"\r\n\r\n") + 4
    yield said[:body_at]
    for byte in said[body_at:]:
        yield bytes([byte])
        yield Wait(pause)


@FAULTS.add("C10")
def odd_usage(scene: Scene, value: Any = None) -> Iterator[Step]:
    """Answers rightly, with this in the place of each number of its usage; None: of the usage as a whole."""
    answer = scene.words.answer("one two")
    usage = answer["usage"]
    yield answered(scene, json.dumps({**answer, "usage": usage and value and dict.fromkeys(usage, value)}).encode())


@FAULTS.add("C10")
def no_usage(scene: Scene) -> Iterator[Step]:
    """Answers rightly, without usage."""
    answer = scene.words.answer("one two")
    yield answered(scene, json.dumps({name: value for name, value in answer.items() if name != "usage"}).encode())


@FAULTS.add("C11")
def foreign_headers(scene: Scene) -> Iterator[Step]:
    """Answers rightly, with headers that are not the client's business and two that are."""
    yield answered(
        scene,
        scene.words.body(),
        "Connection: keep-alive, X-Hop",
        "X-Hop: 1",
        "Keep-Alive: timeout=5",
        "Set-Cookie: session=upstream; Path=/",
        "Access-Control-Allow-Origin: *",
        "Server: upstream/1.0",
        "openai-organization: org-upstream",
        "x-request-id: req-of-upstream",
        "x-ratelimit-remaining-requests: 59",
        "anthropic-ratelimit-requests-remaining: 58",
    )


def _spoiled(scene: Scene, member: bytes) -> bytes:
    """A right answer with one more member."""
    return scene.words.body()[:-1] + b", " + member + b"}"


_Body = Callable[[Scene], bytes]
_BODIES: dict[str, tuple[str, str, _Body]] = {
    "empty_answer": ("C1", "Answers 200 with no body.", lambda scene: b""),
    "no_json_answer": ("C1", "Answers 200 with what is no JSON.", lambda scene: b"{'choices': oops"),
    "null_answer": ("C1", "Answers 200 with null.", lambda scene: b"null"),
    "array_answer": ("C1", "Answers 200 with an empty array.", lambda scene: b"[]"),
    "text_answer": ("C1", "Answers 200 with a JSON string.", lambda scene: b'"hello"'),
    "object_answer": ("C1", "Answers 200 with an object that has no answer in it.", lambda scene: b"{}"),
    "two_values": ("C1", "Answers 200 with two JSON values.", lambda scene: scene.words.body() * 2),
    "utf16": ("C9", "Answers in UTF-16.", lambda scene: scene.words.body().decode().encode("utf-16")),
    "bom": ("C9", "Answers with a byte order mark.", lambda scene: b"\xef\xbb\xbf" + scene.words.body()),
    "bad_utf8": ("C9", "Has bytes that are no UTF-8.", lambda scene: scene.words.body("@").replace(b"@", b"\xff\xc3")),
    "lone_surrogate": ("C9", "Has half a pair of surrogates.", lambda scene: scene.words.body("a\ud800b")),
    "nan": ("C9", "Has NaN for a number.", lambda scene: _spoiled(scene, b'"score": NaN')),
    "huge_int": ("C9", "Has a number of 5,000 digits.", lambda scene: _spoiled(scene, b'"score": ' + b"9" * 5000)),
    "deep_nesting": (
        "C9",
        "Has arrays 100,000 deep.",
        lambda scene: _spoiled(scene, b'"deep": ' + b"[" * 100_000 + b"]" * 100_000),
    ),
    "duplicate_keys": ("C9", "Has the same key twice.", lambda scene: _spoiled(scene, b'"id": "a", "id": "b"')),
}


def _answering(make: _Body, *lines: str) -> Script:
    return lambda scene: (answered(scene, make(scene), *lines),)


for _name, (_row, _sentence, _make) in _BODIES.items():
    FAULTS.fixed(_row, _name, _sentence, _answering(_make))

_CODED: dict[str, tuple[str, _Body]] = {
    "gzip_unasked": (
        "Compresses its answer although nobody asked for that.",
        lambda scene: gzip.compress(scene.words.body()),
    ),
    "gzip_twice": (
        "Compresses its answer twice and says so once.",
        lambda scene: gzip.compress(gzip.compress(scene.words.body())),
    ),
    "gzip_lie": ("Says that its answer is compressed, which it is not.", lambda scene: scene.words.body()),
    "gzip_cut": ("Cuts its compressed answer off.", lambda scene: gzip.compress(scene.words.body())[:-15]),
}
for _name, (_sentence, _make) in _CODED.items():
    FAULTS.fixed("C6", _name, _sentence, _answering(_make, "Content-Encoding: gzip"))
