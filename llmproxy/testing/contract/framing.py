"""What the bytes of an answer look like on their way: cut anywhere, split anywhere, odd and long."""

from collections.abc import Callable, Iterator

from llmproxy.core.answer import Answer
from llmproxy.core.errors import ProviderError
from llmproxy.testing.contract.answers import ODD
from llmproxy.testing.contract.bench import Bench, NotApplicable, must
from llmproxy.testing.faults.ok import opened, until_closed
from llmproxy.testing.pieces import LAST_CHUNK, chunk, head
from llmproxy.testing.script import CLOSE, Scene, Step, Wait

_EVENTS = "text/event-stream"
_LINES = ("text/event-stream", "application/x-ndjson", "application/jsonl")
_MEGABYTE = 1024 * 1024


def notices_a_whole_answer_that_is_cut(bench: Bench) -> None:
    """A whole answer that breaks off after any number of bytes is an error."""
    said = bench.words.body()
    for count in _places(len(said)):
        bench.script(_cut_whole(said, count))
        error = bench.ask().failure()
        must(isinstance(error, ProviderError), f"cut after {count} bytes: {error!r} is no failure upstream")


def notices_a_stream_that_is_cut(bench: Bench) -> None:
    """A stream that breaks off after any number of bytes is an error."""
    words = bench.streamed
    said = b"".join([*words.events, *words.finish[:1]]) if words.finish else b"".join(words.events)
    for count in _places(len(said)):
        bench.script(_cut_stream(said[:count]))
        error = bench.ask(bench.request(stream=True)).failure()
        must(isinstance(error, ProviderError), f"cut after {count} bytes: {error!r} is no failure upstream")


def notices_a_stream_without_its_end(bench: Bench) -> None:
    """A stream that stops as if all were said, without the event that says so, is an error."""
    words = bench.streamed
    if not words.finish:
        raise NotApplicable("its streams are not known to say that they are complete: give `finish` in its words")
    bench.script(lambda scene: [opened(scene), *map(chunk, words.events), LAST_CHUNK])
    bench.ask(bench.request(stream=True)).failure()
    bench.script(lambda scene: until_closed(scene, *words.events))
    bench.ask(bench.request(stream=True)).failure()


def reads_characters_split_at_every_byte(bench: Bench) -> None:
    """A character whose bytes come one by one is that character."""
    said = b"".join(bench.streamed.stream(ODD))
    bench.script(lambda scene: [opened(scene), *_byte_by_byte(said), LAST_CHUNK])
    _says(bench, f"one two{ODD}")


def reads_lines_that_end_with_crlf(bench: Bench) -> None:
    """Lines may end with CRLF."""
    stream = _lines(bench, _LINES).replace(b"\n", b"\r\n")
    bench.script(lambda scene: [opened(scene), chunk(stream), LAST_CHUNK])
    _says(bench, "one two")


def passes_over_comments(bench: Bench) -> None:
    """Comments between events, and within one, mean nothing."""
    _lines(bench, (_EVENTS,))
    noted = [b": before an event\n\n: within an event\n" + each for each in bench.streamed.stream()]
    bench.script(lambda scene: [opened(scene), *map(chunk, noted), LAST_CHUNK])
    _says(bench, "one two")


def reads_a_line_of_a_megabyte(bench: Bench) -> None:
    """A line may be as long as a megabyte."""
    words, long = bench.streamed, "a" * _MEGABYTE
    bench.script(lambda scene: [opened(scene), *map(chunk, words.stream(long)), LAST_CHUNK])
    _says(bench, f"one two{long}")


def _places(length: int) -> list[int]:
    """Where something of this length is cut: at its beginning, after a byte, in its midst, before its last byte."""
    return sorted({0, 1, length // 3, length // 2, length - 1})


def _cut_whole(said: bytes, count: int) -> Callable[[Scene], Iterator[Step]]:
    def script(scene: Scene) -> Iterator[Step]:
        yield head(f"Content-Type: {scene.words.media}", f"Content-Length: {len(said)}") + said[:count]
        yield CLOSE

    return script


def _cut_stream(said: bytes) -> Callable[[Scene], Iterator[Step]]:
    def script(scene: Scene) -> Iterator[Step]:
        yield opened(scene) + (chunk(said) if said else b"")
        yield CLOSE

    return script


def _lines(bench: Bench, media: tuple[str, ...]) -> bytes:
    words = bench.streamed
    if words.stream_media not in media:
        raise NotApplicable(f"a stream of {words.stream_media} has none")
    return b"".join(words.stream())


def _byte_by_byte(said: bytes) -> Iterator[Step]:
    """Each byte in a piece of its own; one that is only part of a character, after a moment."""
    for byte in said:
        if byte >= 0x80:
            yield Wait(0.001)
        yield chunk(bytes([byte]))


def _says(bench: Bench, text: str) -> None:
    outcome = bench.ask(bench.request(stream=True))
    if outcome.error is not None:
        raise outcome.error
    said = Answer.collect(outcome.deltas).text
    must(said == text, f"the upstream said {text[:80]!r}, and the answer is {said[:80]!r}")
