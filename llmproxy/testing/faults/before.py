"""Section A: what goes wrong before any byte of the answer, and in its head."""

from collections.abc import Iterator

from llmproxy.testing.faults.ok import ok, whole
from llmproxy.testing.pieces import head, sized
from llmproxy.testing.script import CLOSE, DRAIN, HOLD, RESET, Faults, Scene, Script, Step, Wait

FAULTS = Faults()
_FATAL_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"  # RFC 8446, section 6: handshake_failure


@FAULTS.add("A1", at="listen")
def refuse(scene: Scene) -> Iterator[Step]:
    """Nobody listens at the port."""
    yield CLOSE


@FAULTS.add("A6", at="listen")
def full_backlog(scene: Scene) -> Iterator[Step]:
    """Nobody takes a connection, and those that wait to be taken leave no room for more."""
    yield CLOSE


@FAULTS.add("A4", at="connect")
def tls_garbage(scene: Scene) -> Iterator[Step]:
    """Answers the client's TLS hello with plain text."""
    yield sized(b"this is not TLS", status="400 Bad Request")
    yield CLOSE


@FAULTS.add("A4", at="connect")
def tls_alert(scene: Scene) -> Iterator[Step]:
    """Answers the client's TLS hello with a fatal alert."""
    yield _FATAL_ALERT
    yield CLOSE


@FAULTS.add("A5", at="connect")
def tls_hangs(scene: Scene) -> Iterator[Step]:
    """Takes the connection and never answers the client's TLS hello."""
    yield HOLD


@FAULTS.add("A7")
def close_before_answer(scene: Scene) -> Iterator[Step]:
    """Reads the request and closes the connection."""
    yield CLOSE


@FAULTS.add("A7")
def reset_before_answer(scene: Scene) -> Iterator[Step]:
    """Reads the request and resets the connection."""
    yield RESET


@FAULTS.add("A8")
def stale_keepalive(scene: Scene) -> Iterator[Step]:
    """Answers the first request of a connection, and closes it at the second."""
    if scene.nth == 1:
        yield from ok(scene)
    else:
        yield CLOSE


@FAULTS.add("A8")
def close_when_idle(scene: Scene) -> Iterator[Step]:
    """Answers, says nothing of closing, and closes the connection."""
    yield from ok(scene)
    yield CLOSE


@FAULTS.add("A9")
def slow_headers(scene: Scene, seconds: float = 5.0) -> Iterator[Step]:
    """Answers after so many seconds, without a byte before."""
    yield Wait(seconds)
    yield from ok(scene)


@FAULTS.add("A10")
def header_dribble(scene: Scene, pause: float = 0.2) -> Iterator[Step]:
    """Sends its head byte by byte with a pause after each, and no end of it."""
    yield b"HTTP/1.1 200 OK\r\nX-Slow: "
    while True:
        yield b"a"
        yield Wait(pause)


@FAULTS.add("A10")
def endless_1xx(scene: Scene, pause: float = 0.05) -> Iterator[Step]:
    """Says 100 Continue for ever."""
    while True:
        yield head(status="100 Continue")
        yield Wait(pause)


@FAULTS.add("A11")
def early_hints(scene: Scene, seconds: float = 0.3) -> Iterator[Step]:
    """Says 103 Early Hints, and the answer after so many seconds."""
    yield head("Link: </style.css>", status="103 Early Hints")
    yield Wait(seconds)
    yield from ok(scene)


@FAULTS.add("A12")
def extra_bytes_after_answer(scene: Scene, seconds: float = 0.0) -> Iterator[Step]:
    """Answers, and pushes a second answer that nobody has asked for, at once or after so many seconds."""
    extra = whole(scene, "somebody else's")
    if seconds:
        yield whole(scene)
        yield Wait(seconds)
        yield extra
    else:
        yield whole(scene) + extra
    yield HOLD


@FAULTS.add("A14", at="head")
def never_reads(scene: Scene, seconds: float = 600.0) -> Iterator[Step]:
    """Reads the request's head and, for so many seconds, not a byte of its body."""
    yield Wait(seconds)
    yield DRAIN  # a client's leaving is seen only behind all that it has sent


@FAULTS.add("A15", at="head")
def early_413(scene: Scene, reset: bool = False) -> Iterator[Step]:
    """Answers 413 without reading the body, and then throws away what comes, or resets the connection."""
    yield sized(b"too large", "Content-Type: text/plain", "Connection: close", status="413 Payload Too Large")
    yield RESET if reset else DRAIN


_TYPE = "Content-Type: application/json"
_HEADS = {
    "bad_status_line": ("Begins with a line that is no status line.", b"HELLO THERE\r\n\r\n"),
    "http09": ("Sends a bare body, as before HTTP had heads.", b'{"choices": []}'),
    "cut_headers": ("Closes the connection within its head.", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"),
    "no_colon_header": ("Has a header line without a colon.", sized(b"{}", _TYPE, "no colon here")),
    "huge_header": ("Has a header line of 70 KiB.", sized(b"{}", _TYPE, "X-Huge: " + "a" * 70 * 1024)),
    "many_headers": ("Has 200 headers.", sized(b"{}", _TYPE, *(f"X-{number}: a" for number in range(200)))),
    "status_999": ("Has a status that does not exist.", sized(b"{}", _TYPE, status="999 What")),
}


def _saying(data: bytes) -> Script:
    return lambda scene: (data, CLOSE)


for _name, (_sentence, _bytes) in _HEADS.items():
    FAULTS.fixed("A13", _name, _sentence, _saying(_bytes))
