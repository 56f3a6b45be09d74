"""Section D: what is wrong with a stream, and what only looks wrong."""

import json
from collections.abc import Callable, Iterator

from llmproxy.testing.faults.ok import opened, streamed, until_closed, whole
from llmproxy.testing.pieces import LAST_CHUNK, chunk, sized
from llmproxy.testing.script import CLOSE, HOLD, RESET, Faults, Scene, Script, Step, Wait
from llmproxy.testing.words import Words

FAULTS = Faults()
_PIECE = 16 * 1024
_MOMENT = 0.05  # what was sent before a reset is there before it


@FAULTS.add("D1")
def reset_midway(scene: Scene) -> Iterator[Step]:
    """Resets the connection after some events."""
    yield from streamed(scene, *scene.words.events)
    yield Wait(_MOMENT)
    yield RESET


@FAULTS.add("D1")
def close_midway(scene: Scene) -> Iterator[Step]:
    """Closes the connection after some events, without the last chunk."""
    yield from streamed(scene, *scene.words.events)
    yield CLOSE


@FAULTS.add("D2")
def close_inside_event(scene: Scene, unframed: bool = False) -> Iterator[Step]:
    """Closes the connection within an event."""
    first, second = scene.words.events[:2]
    half = second[: len(second) // 2]
    yield from until_closed(scene, first, half) if unframed else streamed(scene, first, half)
    yield CLOSE


@FAULTS.add("D3")
def no_finish(scene: Scene, unframed: bool = False) -> Iterator[Step]:
    """Ends its stream cleanly after some events, as if nothing more were to come."""
    yield from _ended(scene, *scene.words.events, unframed=unframed)


@FAULTS.add("D3")
def no_done(scene: Scene, unframed: bool = False) -> Iterator[Step]:
    """Says why it has finished, and ends its stream without the terminal event."""
    yield from _ended(scene, *scene.words.events, *scene.words.finish, unframed=unframed)


@FAULTS.add("D4")
def stall_before_first_event(scene: Scene) -> Iterator[Step]:
    """Sends the head of a stream, and then nothing."""
    yield opened(scene)
    yield HOLD


@FAULTS.add("D5")
def stall_midway(scene: Scene) -> Iterator[Step]:
    """Sends some events, and then nothing."""
    yield from streamed(scene, *scene.words.events)
    yield HOLD


@FAULTS.add("D6")
def only_pings(scene: Scene, pause: float = 0.05) -> Iterator[Step]:
    """Sends pings for ever and never an event."""
    yield opened(scene)
    while True:
        yield chunk(scene.words.ping)
        yield Wait(pause)


@FAULTS.add("D6")
def pings_midway(scene: Scene, pause: float = 0.05) -> Iterator[Step]:
    """Sends some events, and then pings for ever."""
    yield from streamed(scene, *scene.words.events)
    while True:
        yield chunk(scene.words.ping)
        yield Wait(pause)


@FAULTS.add("D7")
def drip(scene: Scene, pause: float = 0.2) -> Iterator[Step]:
    """Sends a small event after each pause, for ever; a pause of 0 is an endless stream."""
    yield from streamed(scene, *scene.words.events)
    while True:
        yield chunk(scene.words.say("a"))
        yield Wait(pause)


@FAULTS.add("D8")
def open_after_done(scene: Scene) -> Iterator[Step]:
    """Sends a whole stream and leaves its body open after the terminal event."""
    yield from streamed(scene, *scene.words.stream())
    yield HOLD


@FAULTS.add("D9")
def events_after_done(scene: Scene) -> Iterator[Step]:
    """Sends further events after the terminal one."""
    yield from streamed(scene, *scene.words.stream(), scene.words.say("too late"), scene.words.done)
    yield LAST_CHUNK


@FAULTS.add("D9")
def unknown_events(scene: Scene) -> Iterator[Step]:
    """Sends an event of a type that nobody knows among the others."""
    first, *rest = scene.words.stream()
    unknown = b'event: mystery\ndata: {"type":"mystery","object":"mystery"}\n\n'
    yield from _ended(scene, first, unknown, *rest)


@FAULTS.add("D9")
def odd_event(scene: Scene, data: str = "null") -> Iterator[Step]:
    """Sends some events, then one with this data, then the rest."""
    first, *rest = scene.words.stream()
    yield from _ended(scene, first, b"data: " + data.encode() + b"\n\n", *rest)


@FAULTS.add("D9")
def finish_first(scene: Scene) -> Iterator[Step]:
    """Sends the events of a stream out of order: those that finish it before those that say something."""
    words = scene.words
    yield from _ended(scene, *words.finish, *words.events, words.done)


@FAULTS.add("D10")
def error_event_first(scene: Scene, type: str = "server_error") -> Iterator[Step]:
    """Begins its stream with an error event of this type."""
    yield from _ended(scene, scene.words.error_event(type, "something is wrong"))


@FAULTS.add("D10")
def error_event_midway(scene: Scene, type: str = "server_error") -> Iterator[Step]:
    """Sends some events, then an error event of this type."""
    yield from _ended(scene, *scene.words.events, scene.words.error_event(type, "something is wrong"))


@FAULTS.add("D11")
def byte_by_byte(scene: Scene, pause: float = 0.0) -> Iterator[Step]:
    """Sends each byte of a stream by itself."""
    stream = b"".join(scene.words.stream())
    yield opened(scene)
    for byte in stream:
        yield chunk(bytes([byte]))
        yield Wait(pause)
    yield LAST_CHUNK


@FAULTS.add("D11")
def all_at_once(scene: Scene) -> Iterator[Step]:
    """Sends a whole stream with its head in one piece."""
    yield opened(scene) + chunk(b"".join(scene.words.stream())) + LAST_CHUNK


@FAULTS.add("D11")
def no_last_blank_line(scene: Scene) -> Iterator[Step]:
    """Ends its stream without the blank line that ends its last event."""
    *events, done = scene.words.stream()
    yield from _ended(scene, *events, done[:-1])


@FAULTS.add("D12")
def giant_event(scene: Scene, mb: int = 9) -> Iterator[Step]:
    """Sends some events, then one of so many MiB, then the rest."""
    yield from streamed(scene, *scene.words.events)
    event = scene.words.say("a" * mb * 1024 * 1024)
    for start in range(0, len(event), _PIECE):
        yield chunk(event[start : start + _PIECE])
    for event in (*scene.words.finish, scene.words.done):
        yield chunk(event)
    yield LAST_CHUNK


@FAULTS.add("D12")
def endless_line(scene: Scene) -> Iterator[Step]:
    """Sends some events, then one line without an end."""
    yield from streamed(scene, *scene.words.events, b"data: ")
    while True:
        yield chunk(b"a" * _PIECE)


@FAULTS.add("D13")
def json_for_stream(scene: Scene) -> Iterator[Step]:
    """Sends a whole answer, whatever was asked for."""
    yield whole(scene)


@FAULTS.add("D13")
def stream_for_json(scene: Scene) -> Iterator[Step]:
    """Sends a stream, whatever was asked for."""
    yield from streamed(scene, *scene.words.stream())
    yield LAST_CHUNK


@FAULTS.add("D14")
def sized_stream(scene: Scene, pause: float = 0.0) -> Iterator[Step]:
    """Sends a stream with its length in the head, and a pause after each event."""
    events = scene.words.stream()
    said = sized(b"".join(events), f"Content-Type: {scene.words.stream_media}")
    yield said[: said.index(b"\r\n\r\n") + 4]
    for event in events:
        yield event
        yield Wait(pause)


@FAULTS.add("D14")
def unframed_stream(scene: Scene, pause: float = 0.0) -> Iterator[Step]:
    """Sends a stream that ends where the connection does, with a pause after each event."""
    for step in until_closed(scene, *scene.words.stream()):
        yield step
        yield Wait(pause)


@FAULTS.add("D15")
def cut_arguments(scene: Scene) -> Iterator[Step]:
    """Ends its stream cleanly within the arguments of a tool call."""
    yield from _ended(scene, *scene.words.call)


@FAULTS.add("D16")
def no_usage_stream(scene: Scene) -> Iterator[Step]:
    """Sends a right stream without usage."""
    *finish, _ = scene.words.finish
    yield from _ended(scene, *scene.words.events, *finish, scene.words.done)


@FAULTS.add("D17")
def firehose(scene: Scene) -> Iterator[Step]:
    """Sends events of 16 KiB for ever, as fast as they are taken."""
    yield from streamed(scene, *scene.words.events)
    piece = chunk(scene.words.say("a" * _PIECE))
    while True:
        yield piece


def _ended(scene: Scene, *events: bytes, unframed: bool = False) -> Iterator[Step]:
    """A stream of these events, ended as HTTP wants it: by the last chunk, or where the connection ends."""
    if unframed:
        yield from until_closed(scene, *events)
    else:
        yield from streamed(scene, *events)
        yield LAST_CHUNK


def _with_data_lines(words: Words) -> bytes:
    """The stream with the JSON of its first event on several data lines."""
    first, *rest = words.stream()
    value = json.loads(first.partition(b"data: ")[2])
    lines = json.dumps(value, indent=1).splitlines()
    return b"".join(b"data: " + line.encode() + b"\n" for line in lines) + b"\n" + b"".join(rest)


_Form = Callable[[Words], bytes]
_FORMS: dict[str, tuple[str, _Form]] = {
    "crlf_stream": ("Ends its lines with CRLF.", lambda words: b"".join(words.stream()).replace(b"\n", b"\r\n")),
    "bare_cr_stream": ("Ends its lines with CR.", lambda words: b"".join(words.stream()).replace(b"\n", b"\r")),
    "bom_stream": (
        "Begins its stream with a byte order mark.",
        lambda words: b"\xef\xbb\xbf" + b"".join(words.stream()),
    ),
    "comments_stream": (
        "Has a comment before each event.",
        lambda words: b"".join(b": a comment\n\n" + event for event in words.stream()),
    ),
    "id_and_retry": (
        "Has an id and a retry with each event.",
        lambda words: b"".join(b"id: 7\nretry: 3000\n" + event for event in words.stream()),
    ),
    "no_space_after_colon": (
        "Has no space after the colons of its fields.",
        lambda words: b"".join(words.stream()).replace(b"data: ", b"data:").replace(b"event: ", b"event:"),
    ),
    "multi_line_data": ("Has an event whose data is on several lines.", _with_data_lines),
}


def _streaming(form: _Form) -> Script:
    return lambda scene: (opened(scene), chunk(form(scene.words)), LAST_CHUNK)


for _name, (_sentence, _form) in _FORMS.items():
    FAULTS.fixed("D11", _name, _sentence, _streaming(_form))
