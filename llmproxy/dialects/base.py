"""What every dialect has: the half we speak with clients, and the half we speak with upstreams.

Dialects are pure: values in, values out, no I/O, and no knowledge of any provider.
"""

import copy
import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Self

from marshmallow import Schema

from llmproxy.core import sse, strict_json
from llmproxy.core.answer import (
    Answer,
    Appended,
    Aside,
    Closed,
    Counted,
    Delta,
    End,
    Opened,
    Signed,
    Start,
)
from llmproxy.core.chat import Chat, Signature
from llmproxy.core.context import RequestContext
from llmproxy.core.embedding import Embedding
from llmproxy.core.errors import LLMProxyError, ParseError, ProviderError, UnsupportedFeature
from llmproxy.core.parser import RequestParser
from llmproxy.core.request import LLMRequest, Purpose
from llmproxy.core.shape import NONSENSE, misfit
from llmproxy.core.signs import Signs
from llmproxy.core.sse import PAUSE, Event, Step
from llmproxy.dialects.defaults import CHAT_MEMBERS, lay_under
from llmproxy.dialects.fields import BodySchema
from llmproxy.dialects.lookups import Lookup


class JSONRequest(LLMRequest):
    """A request whose body is a JSON object: the client's own, which edits copy and never change.

    Args:
        body: The object as the client wrote it.
        context: What is known besides it.
        client_dialect: Who renders the answer.
        raw: The client's bytes, which are sent on while nothing was edited.

    Attributes:
        text_members: Those that hold prompt text and nothing else.
        places: Where the dialect keeps a member of OpenAI's chat, by OpenAI's name; a dot leads into an object.
    """

    text_members: ClassVar[tuple[str, ...]] = ()
    places: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __init__(
        self, body: dict[str, Any], context: RequestContext, client_dialect: "ClientDialect", raw: bytes | None = None
    ) -> None:
        self.body = body
        self.context = context
        self.client_dialect: ClientDialect = client_dialect
        self.header_edits: Mapping[str, str | None] = {}
        self.defaults: Mapping[str, Any] = {}
        self._original = body
        self._raw = raw

    @property
    def model(self) -> str:
        model = self.body.get("model")
        return model if isinstance(model, str) else ""

    @property
    def messages(self) -> list[dict[str, Any]]:
        return []

    @property
    def stream(self) -> bool:
        return self.body.get("stream") is True

    @property
    def max_tokens(self) -> int | None:
        return None

    def to_dict(self) -> dict[str, Any]:
        return copy.deepcopy(self.body)

    def to_chat(self) -> Chat:
        try:
            chat = self.client_dialect.read_request(self.body)
        except NONSENSE as error:  # as far as the schema does not look
            raise ParseError("The request holds something that its dialect does not know.") from error
        name = misfit(chat)
        if name is not None:
            name = self.client_dialect.member_names.get(name, name)
            raise ParseError(f"{name}: Not what this dialect has there.", param=name)
        return dataclasses.replace(chat, model=self.model, stream=self.stream)

    def to_json(self) -> bytes:
        return self.encode(self.body)

    @property
    def borrows(self) -> bool:
        return self._raw is not None and Signature.carried_in(self._raw)

    def encode(self, body: Mapping[str, Any]) -> bytes:
        """`body` in JSON: the client's own bytes if it still says what they say."""
        if self._raw is not None and body == self._original:
            return self._raw
        return strict_json.dumps(body)

    def largest(self, *members: str) -> int | None:
        """The largest limit that these members set; a negative one is none (to vLLM and llama.cpp, -1 is no end)."""
        limits = [limit for limit in map(self.body.get, members) if isinstance(limit, int) and limit >= 0]
        return max(limits, default=None)

    def asked_for(self, member: str) -> bool:
        """Whether the client itself gave this member a value, rather than a processor."""
        return self._original.get(member) is not None

    def with_members(self, **members: Any) -> Self:
        """The same call with members of its body replaced or added."""
        return self._with_body({**self.body, **members})

    def with_model(self, name: str) -> Self:
        return self if name == self.model else self.with_members(model=name)

    def with_defaults(self, params: Mapping[str, Any]) -> Self:
        """The same call with values for what the client left out, in the words of OpenAI's chat.

        Each goes where this dialect keeps it. What it has no place for would be refused by an upstream that speaks it:
        that is left to `defaults`, for targets that speak another. A name that is none of OpenAI's is taken for one of
        the dialect's own and goes in as it is written; an object that holds settings is filled in member by member.
        """
        body: Mapping[str, Any] = self.body
        defaults = dict(self.defaults)
        for name, value in params.items():
            place = self.place_of(name, value)
            if place is None:
                defaults.setdefault(name, value)
            for path, each in self._leaves(place, self.said(name, value)) if place else ():
                body = lay_under(body, path, each, self.spelling)
        if body is self.body and defaults == self.defaults:
            return self
        edited = self._with_body(dict(body))
        edited.defaults = defaults
        return edited

    def place_of(self, name: str, value: Any) -> str | None:
        """Where this dialect keeps what a default says; None if nowhere."""
        return self.places.get(name, None if name in CHAT_MEMBERS else name)

    def said(self, name: str, value: Any) -> Any:
        """The value of a default as this dialect writes it; None where nothing has to be said."""
        return value

    def spelling(self, said: Mapping[str, Any], name: str) -> str:
        """The name under which an object of the body has a member, or would have it."""
        return name

    def _leaves(self, place: str, value: Any) -> Iterator[tuple[Sequence[str], Any]]:
        holders = {each.partition(".")[0] for each in self.places.values() if "." in each}
        if place in holders and isinstance(value, Mapping):
            for name, each in value.items():
                yield (place, name), each
        else:
            yield place.split("."), value

    def with_headers(self, edits: Mapping[str, str | None]) -> Self:
        edited = copy.copy(self)
        edited.header_edits = {**self.header_edits, **edits}
        return edited

    def map_texts(self, function: Callable[[str], str]) -> Self:
        changed = {
            name: map_text(self.body[name], function) for name in self.text_members if self.body.get(name) is not None
        }
        return self.with_members(**changed)

    def texts(self) -> Iterator[str]:
        for name in self.text_members:
            yield from texts_in(self.body.get(name))

    def _with_body(self, body: dict[str, Any]) -> Self:
        edited = copy.copy(self)
        edited.body = body
        return edited


class ClientDialect(RequestParser, ABC):
    """The half of a dialect that we speak with clients.

    Attributes:
        paths: Where clients send it, below any prefix.
        lookups: What its clients look up besides, and where.
        marker: A header that only its clients send, lower case: it decides where another dialect has the same path.
            None: it has what no marker claims.
        schema: What we rely on in a body; everything else passes unread.
        answer_schema: What a whole answer surely holds.
        error_schema: The shape of its errors.
        request_class: The request that a body becomes.
        key_header: Where clients of this dialect put their key; `authorization` means a bearer token.
        forwarded_headers: The client's headers that may go on to an upstream of the same dialect, lower case.
        id_headers: The headers of an answer in which its clients look for the request's id, lower case.
        stream_type: The content type of a stream.
        stream_types: All that a stream may have, where there are several.
        query: What may stand in the query, in JSON Schema by its name.
        keepalive: The bytes that keep a silent stream open; empty if there are none.
        member_names: What this dialect calls a member of the neutral model, where it calls it otherwise.
        immaterial: Members whose loss on the way to another dialect changes nothing, and is not worth a word.
    """

    name: ClassVar[str]
    paths: ClassVar[tuple[str, ...]]
    lookups: ClassVar[tuple[Lookup, ...]] = ()
    marker: ClassVar[str | None] = None
    schema: ClassVar[Schema]
    answer_schema: ClassVar[Schema] = BodySchema()
    error_schema: ClassVar[Schema] = BodySchema()
    request_class: ClassVar[type[JSONRequest]]
    key_header: ClassVar[str] = "authorization"
    forwarded_headers: ClassVar[tuple[str, ...]] = ()
    id_headers: ClassVar[tuple[str, ...]] = ("x-request-id",)
    stream_type: ClassVar[str] = "text/event-stream; charset=utf-8"
    stream_types: ClassVar[tuple[str, ...]] = ()
    query: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType({})
    keepalive: ClassVar[bytes] = b": keepalive\n\n"
    member_names: ClassVar[Mapping[str, str]] = MappingProxyType({})
    immaterial: ClassVar[frozenset[str]] = frozenset()

    def parse(self, body: bytes, context: RequestContext) -> JSONRequest:
        value = read_object(body)
        problems = self.schema.validate(value)
        if problems:
            path, problem = first_problem(problems)
            raise ParseError(f"{path}: {problem}", param=path)
        request = self.request_class(value, context, self, body)
        context.dialect, context.model, context.stream = self.name, request.model, request.stream
        return request

    def read_request(self, body: Mapping[str, Any]) -> Chat:
        """What the body asks, in the neutral model; its model and stream are set by the request.

        Raises:
            ParseError: It says something that no target could understand.
            UnsupportedFeature: It cannot be put in other words without losing the conversation.
        """
        raise UnsupportedFeature(f"A request in {self.name} cannot be put in other words.")

    @abstractmethod
    def write_answer(self, answer: Answer, request: LLMRequest) -> dict[str, Any]:
        """A whole answer. What the neutral model does not hold (ids, dates) is made from the request's context."""

    @abstractmethod
    def writer(self, request: LLMRequest) -> "StreamWriter":
        """What writes one streamed answer to `request`."""

    def write_stream(self, deltas: Iterable[Delta | Step], request: LLMRequest) -> Iterator[Event | Step]:
        """A streamed answer, event by event, its ending included; `PAUSE` passes through."""
        writer = self.writer(request)
        for delta in deltas:
            if delta is PAUSE:
                yield PAUSE
            else:
                yield from writer.write(delta)
        yield from writer.finish()

    @abstractmethod
    def write_error(self, error: LLMProxyError, context: RequestContext) -> tuple[int, dict[str, Any]]:
        """The status and body that say `error`."""

    @abstractmethod
    def error_events(self, error: LLMProxyError, context: RequestContext) -> Iterator[Event]:
        """How a stream that has begun says `error`. Nothing that looks like a regular ending."""


class StreamWriter:
    """Writes the steps of one answer as events: a method for each kind of step, which says nothing by default.

    A writer says what it can as soon as it can, and remembers what it must.
    """

    def __init__(self) -> None:
        self._methods: dict[type[Delta], Callable[[Any], Iterable[Event]]] = {
            Start: self.start,
            Opened: self.opened,
            Appended: self.appended,
            Signed: self.signed,
            Closed: self.closed,
            Counted: self.counted,
            Aside: self.aside,
            End: self.end,
        }

    def write(self, delta: Delta) -> Iterable[Event]:
        """The events that say this step."""
        return self._methods[type(delta)](delta)

    def start(self, delta: Start) -> Iterable[Event]:
        return ()

    def opened(self, delta: Opened) -> Iterable[Event]:
        return ()

    def appended(self, delta: Appended) -> Iterable[Event]:
        return ()

    def signed(self, delta: Signed) -> Iterable[Event]:
        return ()

    def closed(self, delta: Closed) -> Iterable[Event]:
        return ()

    def counted(self, delta: Counted) -> Iterable[Event]:
        return ()

    def aside(self, delta: Aside) -> Iterable[Event]:
        return ()

    def end(self, delta: End) -> Iterable[Event]:
        """A choice has ended; its usage may be yet to come."""
        return ()

    def finish(self) -> Iterable[Event]:
        """The events that say that the stream has come to its end."""
        return ()


class ProviderDialect(ABC):
    """The half of a dialect that we speak with upstreams.

    Attributes:
        purpose: Which requests it can carry.
        stream_type: The media type of its streams.
    """

    name: ClassVar[str]
    purpose: ClassVar[Purpose] = "chat"
    stream_type: ClassVar[str] = "text/event-stream"

    def decode(self, chunks: Iterable[bytes | Step]) -> Iterator[Event | Step]:
        """The events of a stream, and `PAUSE` wherever nothing more is at hand."""
        return sse.decode(chunks)

    def write_request(self, chat: Chat) -> tuple[dict[str, Any], list[str]]:
        """The body that asks `chat`, and what of it could not be said, in the neutral model's words.

        Members that only another dialect knows (`core.chat.foreign`) need not be listed.

        Raises:
            UnsupportedFeature: What cannot be said is part of the conversation itself.
        """
        raise UnsupportedFeature(f"This request cannot be put in the words of {self.name}.")

    def write_embedding(self, embedding: Embedding) -> tuple[dict[str, Any], list[str]]:
        """The body that asks for embeddings, and what of it could not be said, as `write_request` does for a chat."""
        raise UnsupportedFeature(f"This request cannot be put in the words of {self.name}.")

    def with_stream(self, body: dict[str, Any], stream: bool) -> dict[str, Any]:
        """The body of this dialect with its answer asked for as a stream, or whole."""
        return {**body, "stream": stream}

    def read_answer(self, body: Any) -> Answer:
        """What a whole answer says.

        Raises:
            LookupError, TypeError, ValueError, AttributeError: It is not what this dialect sends.
        """
        raise UnsupportedFeature(f"An answer in {self.name} cannot be said in other words.")

    def reader(self) -> Callable[[Event], Iterable[Delta]] | None:
        """A function that gives the steps that an event of one stream stands for; it remembers what came before.

        It sees no errors, which `signs` reports, and may raise what `signs` may. None: nothing here comes as a stream.
        """
        return None

    def ask_usage(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body of a streamed request so that its answer says what it cost; the same one if it does anyway."""
        return body

    @abstractmethod
    def signs(self, event: Event, whole: bool) -> Signs:
        """What a relay needs to know of an event, or of a whole body.

        Raises:
            LookupError, TypeError, ValueError, AttributeError: It is not what this dialect sends.
        """

    def terminal_events(self) -> Iterator[Event]:
        """What an upstream owes that finished its answer and closed without its last line."""
        return iter(())

    @abstractmethod
    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """The error that an answer with this status (200: an error in the place of an answer) stands for."""


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object that a client's body is.

    Raises:
        ParseError: It is none.
    """
    try:
        value = strict_json.loads(body)
    except strict_json.DuplicateKey as error:
        raise ParseError(str(error), code="duplicate_key") from error
    except ValueError as error:
        raise ParseError(str(error), code="invalid_json") from error
    if not isinstance(value, dict):
        raise ParseError("The body must be a JSON object.", code="invalid_json")
    return value


def first_problem(problems: Mapping[Any, Any]) -> tuple[str, str]:
    """The path and the text of the first of marshmallow's messages."""
    path: list[str] = []
    found: Any = problems
    while isinstance(found, Mapping):
        key, found = next(iter(found.items()))
        if key != "_schema":
            path.append(str(key))
    return ".".join(path), str(found[0] if isinstance(found, list) else found)


def texts_in(content: Any) -> Iterator[str]:
    """The text of a content that is a string, or a list of strings and of parts with text."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            text = part.get("text") if isinstance(part, dict) else part
            if isinstance(text, str):
                yield text


def map_text(content: Any, function: Callable[[str], str]) -> Any:
    """The same content, as a copy, with every text replaced by what `function` makes of it."""
    if isinstance(content, str):
        return function(content)
    if isinstance(content, list):
        return [map_text(part, function) for part in content]
    if isinstance(content, dict) and isinstance(content.get("text"), str):
        return {**content, "text": function(content["text"])}
    return content
