"""The answers in which nothing is wrong."""

from collections.abc import Iterator

from llmproxy.testing.pieces import CHUNKED, LAST_CHUNK, chunk, head, sized
from llmproxy.testing.script import CLOSE, Faults, Scene, Step

FAULTS = Faults()


@FAULTS.add("ok")
def ok(scene: Scene) -> Iterator[Step]:
    """Answers as it should: a stream if one is asked for, else a whole answer."""
    if scene.streaming:
        yield from streamed(scene, *scene.words.stream())
        yield LAST_CHUNK
    else:
        yield whole(scene)


def whole(scene: Scene, text: str = "one two") -> bytes:
    """A whole answer."""
    return answered(scene, scene.words.body(text))


def answered(scene: Scene, body: bytes, *lines: str) -> bytes:
    """Some body in the place of a whole answer."""
    return sized(body, f"Content-Type: {scene.words.media}", *lines)


def opened(scene: Scene) -> bytes:
    """The head of a stream."""
    return head(f"Content-Type: {scene.words.stream_media}", CHUNKED)


def streamed(scene: Scene, *events: bytes) -> Iterator[Step]:
    """A stream as far as these events; its last chunk is still to come."""
    yield opened(scene)
    for event in events:
        yield chunk(event)


def until_closed(scene: Scene, *events: bytes) -> Iterator[Step]:
    """A stream that ends where the connection does."""
    yield head(f"Content-Type: {scene.words.stream_media}", "Connection: close")
    yield from events
    yield CLOSE
