"""The template every HTTP upstream fills in."""

import contextlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError
from requests.auth import AuthBase

from llmproxy.config.detect import token_names
from llmproxy.config.models import ProviderConfig
from llmproxy.core import strict_json
from llmproxy.core.answer import Answer, Delta, Usage
from llmproxy.core.chat import Chat
from llmproxy.core.client import LLMClient
from llmproxy.core.context import Attempt, RequestContext
from llmproxy.core.errors import (
    ConfigError,
    LLMProxyError,
    PathNotFound,
    ProviderError,
    UnsupportedFeature,
)
from llmproxy.core.estimate import estimate_tokens
from llmproxy.core.raw import RawRequest
from llmproxy.core.request import LLMRequest
from llmproxy.core.response import ResponseStream
from llmproxy.core.sse import Event
from llmproxy.core.tokens import EnvTokenProvider, RotatingTokenProvider, TokenProvider
from llmproxy.core.urls import StaticUrlProvider, UrlProvider
from llmproxy.dialects import PROVIDER_DIALECTS
from llmproxy.dialects.base import JSONRequest, ProviderDialect
from llmproxy.dialects.openai_chat.chat import filled
from llmproxy.providers.call import Call, dropped_members
from llmproxy.providers.generator import PLAIN, Posted, Run, current_run, unheeded
from llmproxy.providers.passthrough import check_passable, passed
from llmproxy.providers.redaction import redact
from llmproxy.transport.auth import BearerAuth, UpstreamRequest
from llmproxy.transport.reading import Reply
from llmproxy.transport.sessions import ClientProvider, TransportSettings, prepare

ERROR_BYTES = 64 * 1024
ESTIMATED = "x-llmproxy-estimated"
RELAYED_HEADERS = ("x-ratelimit-", "anthropic-ratelimit-")


class Provider(LLMClient):
    """An upstream reached over HTTP. Name the dialects it understands, then override the hook that differs.

    An upstream like nothing else, or none at all, needs one method, `chat`. One instance serves all threads: keep
    nothing of a request on self.

    Args:
        config: What the `[llm.*]` table says. None: the class's own host, with its own token variable.
        token_provider, url_provider: In place of what `config` names.

    Attributes:
        endpoints: Dialect to path below the base URL, the preferred one first; one of your own may be named by where
            it is, as "module:Class".
        default_base_url: Used where the configuration names none.
        default_token_env: The variable that holds the token, by the vendor's own documents.
        models_path: Where it lists its models, below the base URL.
        model_patterns: Globs of model names that are this vendor's and nobody else's.
        options_schema: The keys of its own in `[llm.*]`; loaded values are in `options`.
        asks_usage: False where the host refuses `stream_options`, or sends usage unasked.
        only_streams: True where the host has no whole answers; they are put together from its streams.
        takes: What `chat` looks at besides text: members of a `Chat`, as "temperature", and "tools", "images", "audio",
            "documents". The rest is refused, or named as dropped. None: all that comes is for `chat` to judge.
    """

    endpoints: ClassVar[Mapping[str, str]] = {}
    default_base_url: ClassVar[str | None] = None
    default_token_env: ClassVar[str | None] = None
    models_path: ClassVar[str] = "/models"
    model_patterns: ClassVar[tuple[str, ...]] = ()
    options_schema: ClassVar[type[Schema]] = Schema
    asks_usage: bool = True
    only_streams: ClassVar[bool] = False
    takes: ClassVar[Collection[str] | None] = None

    def __init__(
        self,
        config: ProviderConfig | None = None,
        *,
        token_provider: TokenProvider | None = None,
        url_provider: UrlProvider | None = None,
    ) -> None:
        self.config = config or ProviderConfig()
        self.name = self.config.name or type(self).__name__
        self.options = self._load_options(self.config.options)
        self.token_provider = token_provider or self.config.token_provider or self._configured_token()
        self.url_provider = url_provider or self.config.url_provider or self._configured_url()
        self._auth = self.auth()
        self._transport = ClientProvider(transport_settings(self.config))
        spoken = [(self.dialect(key), self.endpoints.get(key)) for key in self.spoken()]  # a key may be a dotted path
        self._dialects = {dialect.name: dialect for dialect, _ in spoken}
        self._paths = {dialect.name: path for dialect, path in spoken if path is not None}
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "User-Agent": "llmproxy",
            **self.own_headers(),
            **self.config.headers,
        }
        self._limit = int(self.config.max_response_mb * 1024 * 1024)

    @classmethod
    def token_env_for(cls, options: Mapping[str, Any]) -> str | None:
        """The variable that holds the token where `[llm.*] token_env` names none; None: no token is needed."""
        return cls.default_token_env

    @classmethod
    def from_config(cls, config: ProviderConfig) -> Self:
        """The provider that an `[llm.*]` table describes.

        Raises:
            ConfigError: An option is unknown or wrong, or there is no base URL.
        """
        return cls(config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    # The hooks, in the order they are called.

    def payload(self, call: Call) -> Mapping[str, Any]:
        """The body to send. Called once per attempt."""
        return call.body

    def url(self, call: Call) -> str:
        """Where to send it: the base URL and the dialect's path, unless `[llm.*] paths` says otherwise."""
        path = self.config.paths.get(call.dialect.name) or self._paths[call.dialect.name]
        return call.base_url + path

    def headers(self, call: Call) -> dict[str, str]:
        """The headers to send, the token's excepted."""
        request = call.request
        headers = dict(self._headers)
        if call.dialect.name == request.dialect:  # what the client told its own vendor means nothing to another
            headers.update(request.context.headers)
        for name, value in request.header_edits.items():
            _drop_header(headers, name)
            if value is not None:
                headers[name] = value
        return headers

    def own_headers(self) -> dict[str, str]:
        """The headers that every request has here, whatever is asked; none by default. Called once."""
        return {}

    def auth(self) -> AuthBase:
        """How the token is put on a request; a bearer token by default, nothing without one. Called once."""
        return BearerAuth(self.token_provider)

    def token_from(self, variable: str) -> TokenProvider:
        """What gives the token that a variable stands for: the variable's value, by default. Called once for each."""
        return EnvTokenProvider(variable, self.config.environment)

    def error_from(self, call: Call, reply: Reply) -> ProviderError:
        """The error that an answer with an error status stands for."""
        return call.dialect.read_error(reply.status, reply.headers, reply.beginning(ERROR_BYTES))

    # In the place of all hooks: one generator.

    def chat(self, chat: Chat) -> Iterator[Delta | str]:
        """The answer to a chat, step by step, whatever dialect it was asked in and whether or not as a stream.

        Yields:
            Texts, and deltas for what is none: `Opened` for a tool call or a thought, `Appended` for more of it,
            `Counted` for usage, `End` for a reason to end that is not the usual one. An empty text says nothing: it
            gives the proxy a turn, to tell the client that somebody is there, and to see whether it still is.

        Raises:
            LLMProxyError: There is no answer. Before the first step another target may be asked. Any other exception
                counts as the upstream's failure, and is logged.
        """
        raise NotImplementedError

    def post(self, path: str, *, json: Any = None, headers: Mapping[str, str] | None = None) -> Posted:
        """Asks the upstream, from within `chat`: with the llm's token, headers and deadlines, until the client leaves.

        Args:
            path: Below the base URL.
            json: The body.
            headers: Further ones.

        Raises:
            ProviderError: There is no answer, or it has the status of an error.
        """
        run = current_run()
        if self.url_provider is None:
            raise ProviderError(code="llm_not_configured", detail=f"[llm.{self.name}] needs a base_url")
        url = f"{self.url_provider.get_url()}/{path.removeprefix('/')}"
        call = Call(run.request, PLAIN, {}, run.request.stream, run.attempt)
        body = None if json is None else strict_json.dumps(json)
        request = self._with_token(prepare("POST", url, {**self.headers(call), **(headers or {})}, body), call)
        sent = run.attempt.sent  # by an earlier call, which this one's failure does not undo
        try:
            reply = self._received(call, request)
        finally:
            run.attempt.sent |= sent
        return run.take(reply, self._limit)

    # What the hooks are used for.

    def spoken(self) -> tuple[str, ...]:
        """The dialects that are spoken with this upstream, the preferred one first."""
        return tuple(self.endpoints)

    def dialect(self, name: str) -> ProviderDialect:
        """The dialect of this name, as this upstream speaks it. Called once for each."""
        return PROVIDER_DIALECTS.get(name)()

    def execute(self, request: LLMRequest) -> ResponseStream:
        if self.estimates(request):
            return estimated(request)
        if self.generates(request):
            return self._generated(request)
        call = self.call(request)
        reply = self._received(call, self.prepare(call))
        try:
            return self._answer(call, reply)
        except BaseException:
            reply.close()
            raise

    def call(self, request: LLMRequest) -> Call:
        """The attempt that `request` becomes here, before anything is sent.

        Raises:
            UnsupportedFeature: This upstream cannot do what is asked, in whatever words.
        """
        dialect = self._dialect_for(request)
        stream = (request.stream or self.only_streams) and self.config.supports_streaming
        body, dropped = self._body(request, dialect, stream)
        if stream and self.asks_usage:
            body = dialect.ask_usage(body)
        base_url = self.url_provider.get_url() if self.url_provider else ""
        return Call(request, dialect, body, stream, self._attempt(request, dropped), dropped, base_url)

    def estimates(self, request: LLMRequest) -> bool:
        """Whether tokens are to be counted where the upstream does not count them: nothing is sent then."""
        return request.purpose == "count" and not any(each.purpose == "count" for each in self._dialects.values())

    def generates(self, request: LLMRequest) -> bool:
        """Whether it is for `chat` to answer, whatever that asks."""
        return request.purpose == "chat" and type(self).chat is not Provider.chat

    def _dialect_for(self, request: LLMRequest) -> ProviderDialect:
        """The request's own dialect where it is spoken here, else the preferred one that serves its purpose."""
        if request.dialect in self._dialects:
            return self._dialects[request.dialect]
        for dialect in self._dialects.values():
            if dialect.purpose == request.purpose:
                return dialect
        spoken = ", ".join(self._dialects) or "no dialect"
        raise UnsupportedFeature(f"The llm {self.name!r} speaks {spoken}, not {request.dialect}.")

    def _body(
        self, request: LLMRequest, dialect: ProviderDialect, stream: bool
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The request in the dialect's words, and what of it could not be said, in the client's."""
        # A signature that we carried for another vendor would be refused as this one's own: only writing drops it.
        if request.dialect == dialect.name and not request.borrows:
            body = request.body if isinstance(request, JSONRequest) else request.to_dict()
            return (body if stream == request.stream else dialect.with_stream(body, stream)), ()
        if request.purpose == "embeddings":
            embedding = request.to_embedding()
            body, lost = dialect.write_embedding(embedding)
            dropped = dropped_members(request, dialect, lost, embedding)
        else:
            defaults = request.defaults if request.dialect != dialect.name else {}
            chat = replace(filled(request.to_chat(), defaults), stream=stream)
            body, lost = dialect.write_request(chat)
            dropped = dropped_members(request, dialect, lost, chat) if request.purpose == "chat" else ()
        return body, self.losing(dropped)

    def losing(self, dropped: tuple[str, ...]) -> tuple[str, ...]:
        """What is left out of a request, unless nothing may be.

        Raises:
            UnsupportedFeature: Something is, and the server is strict.
        """
        if dropped and self.config.strict:
            raise UnsupportedFeature(f"The target of this request cannot do: {', '.join(dropped)}.", param=dropped[0])
        return dropped

    def prepare(self, call: Call) -> UpstreamRequest:
        """The HTTP request of an attempt, token included."""
        return self._with_token(self.draft(call), call)

    def draft(self, call: Call) -> UpstreamRequest:
        """The HTTP request of an attempt before the token is put on it.

        Raises:
            LLMProxyError: The URL is not at the llm's own base URL, where alone the token may go.
        """
        body = dict(self.payload(call))
        url = self.url(call)
        request = prepare("POST", url, self.headers(call), call.request.encode(body))
        if call.base_url and not same_origin(url, call.base_url):
            raise LLMProxyError(detail=f"{self.name}: {url} is not at the llm's own base URL; no token is sent there")
        return request

    def ping(self, context: RequestContext) -> int:
        """Asks for the upstream's list of models, token included: the cheapest question there is.

        Args:
            context: Its cancellation ends the waiting.

        Returns:
            The status of the answer; any at all shows that the upstream was reached.

        Raises:
            ProviderError: No answer came, there is no token, or this llm is not asked over HTTP.
        """
        if self.url_provider is None:
            raise ProviderError(detail=f"{self.name} has no base URL")
        reply = self._send_bare("GET", self.url_provider.get_url() + self.models_path, {}, None, context)
        reply.close()
        return reply.status

    def forward(self, request: RawRequest) -> ResponseStream:
        """What the upstream's own API answers to a request that is passed on unread: its status, its bytes.

        Raises:
            PathNotFound: This llm is not asked over HTTP.
            ProviderError: There is no answer, or one that is between the upstream and us.
        """
        if self.url_provider is None:
            raise PathNotFound(f"The llm {self.name!r} has no API of its own.")
        context, attempt = request.context, Attempt(self.name, "")
        context.attempts.append(attempt)
        context.answered_by = (attempt.llm, attempt.model)
        url = f"{self.url_provider.get_url()}/{request.target}"
        reply = self._send_bare(request.method, url, request.headers, request.payload, context)
        attempt.status = reply.status
        try:
            check_passable(reply.status)
            context.response_headers.update(relayed_headers(reply.headers))
            return passed(reply, request)
        except BaseException:
            reply.close()
            raise

    def _send_bare(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, context: RequestContext
    ) -> Reply:
        """Sends what is in no dialect, the token and the llm's own headers put on."""
        own = {name: value for name, value in self._headers.items() if name.lower() != "content-type"}
        request = prepare(method, url, {**own, **headers}, body)
        self._auth(request)
        return self._transport.send(request, context)

    def close(self) -> None:
        """Closes idle connections."""
        self._transport.close()

    def _generated(self, request: LLMRequest) -> ResponseStream:
        """The answer that `chat` gives. A whole one is made before anything else, so that all of it may still fail."""
        chat = replace(filled(request.to_chat(), request.defaults), stream=request.stream)
        lost = dropped_members(request, PLAIN, unheeded(chat, self.takes), chat) if self.takes is not None else ()
        run = Run(self.chat, chat, request, self._attempt(request, self.losing(lost)), self.config.timeouts)
        if not request.stream:
            with contextlib.closing(run):
                return ResponseStream.say(list(run.deltas()), request)
        stream = ResponseStream.say(run.deltas(), request)
        stream.on_begin(run.begun)
        stream.on_close(run.close)
        return stream

    def _attempt(self, request: LLMRequest, dropped: tuple[str, ...]) -> Attempt:
        """The record of this attempt, which names what is left out."""
        attempts = request.context.attempts
        if not attempts:  # without a router: whoever sends it keeps the record
            attempts.append(Attempt(self.name, request.model))
        attempts[-1].dropped = dropped
        return attempts[-1]

    def _with_token(self, request: UpstreamRequest, call: Call) -> UpstreamRequest:
        request.place = call.attempt.token
        self._auth(request)
        return request

    def _received(self, call: Call, request: UpstreamRequest) -> Reply:
        """The upstream's answer, which is none of an error."""
        context = call.request.context
        reply = self._transport.send(request, context)
        try:
            call.attempt.status = reply.status
            if reply.status not in (401, 403):  # what an upstream says to our own token is nobody else's business
                context.response_headers.update(relayed_headers(reply.headers))
            self._check_status(call, reply)
        except BaseException as error:
            reply.close()
            if isinstance(error, LLMProxyError):
                redact(error, request)
            raise
        return reply

    def _check_status(self, call: Call, reply: Reply) -> None:
        if reply.status >= 400 and reply.status < 600:
            raise self.error_from(call, reply)
        if 300 <= reply.status < 400 and reply.status != 304:
            raise ProviderError(code="upstream_redirect", detail=f"upstream status {reply.status}")
        if reply.status not in (200, 201, 202, 203):
            raise ProviderError(code="upstream_bad_response", detail=f"upstream status {reply.status}")
        coding = reply.headers.get("content-encoding", "identity").lower()
        if coding != "identity":
            raise ProviderError(code="upstream_bad_response", detail=f"content-encoding {coding!r} was not asked for")
        if media_type_of(reply) == "text/html":
            raise ProviderError(code="upstream_bad_response", detail="content-type 'text/html'")

    def _answer(self, call: Call, reply: Reply) -> ResponseStream:
        request, dialect = call.request, call.dialect
        media_type = media_type_of(reply)
        streamed = call.stream and media_type != "application/json"
        if (media_type == dialect.stream_type) > call.stream:
            raise ProviderError(code="upstream_bad_response", detail=f"content-type {media_type!r}")
        if streamed:
            events = dialect.decode(reply.chunks())
            stream = ResponseStream.relay(events, dialect, request, whole=False, usage_asked=self.asks_usage)
            stream.on_begin(reply.begun)
            stream.on_move(reply.moved)
            stream.on_close(lambda: reply.close(drain=stream.ended))
            return stream
        body = reply.body(self._limit)
        reply.close()
        return ResponseStream.relay([Event.whole(body)], dialect, request, whole=True)

    def _configured_token(self) -> TokenProvider | None:
        names = token_names(self.config.token_env, self.config.base_url, type(self), self.options)
        providers = [self.token_from(name) for name in names]
        return RotatingTokenProvider(providers) if len(providers) > 1 else next(iter(providers), None)

    def _configured_url(self) -> UrlProvider | None:
        url = self.config.base_url or self.default_base_url
        if url is None and self.endpoints:
            raise ConfigError(f"[llm.{self.name}] needs a base_url")
        return StaticUrlProvider(url) if url else None

    def _load_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        try:
            loaded: dict[str, Any] = self.options_schema().load(dict(options))
        except ValidationError as error:
            raise ConfigError(f"[llm.{self.name}] {error.messages}") from error
        return loaded


def media_type_of(reply: Reply) -> str:
    """What an answer says that it is, without parameters."""
    return reply.headers.get("content-type", "").partition(";")[0].strip().lower()


def estimated(request: LLMRequest) -> ResponseStream:
    """The number of a prompt's tokens where the upstream does not count them: one by its length, which says so."""
    request.context.response_headers[ESTIMATED] = "true"
    return ResponseStream.say(Answer.of(usage=Usage(estimate_tokens(request.texts()))), request)


def relayed_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The upstream's headers that its caller's caller may see: how much of a rate limit is left."""
    return {
        name: value for name, value in headers.items() if name.startswith(RELAYED_HEADERS) and value.isprintable()
    }


def same_origin(url: str, base_url: str) -> bool:
    """Whether scheme, host and port are those of the base URL, the only place a token may go."""
    if url.startswith(base_url + "/"):
        return True
    one, other = urlsplit(url), urlsplit(base_url)
    return (one.scheme, one.netloc) == (other.scheme, other.netloc)


def _drop_header(headers: dict[str, str], name: str) -> None:
    for present in [present for present in headers if present.lower() == name.lower()]:
        del headers[present]


def transport_settings(config: ProviderConfig) -> TransportSettings:
    """How the upstream of an `[llm.*]` table is reached."""
    ca_file = config.ca_file and str((config.folder / config.ca_file) if config.folder else config.ca_file)
    return TransportSettings(
        connect_secs=config.timeouts.connect_secs,
        first_event_secs=config.timeouts.first_event_secs,
        idle_secs=config.timeouts.idle_secs,
        progress_secs=config.timeouts.progress_secs,
        total_secs=config.timeouts.total_secs,
        pool_size=config.max_parallel or 1024,
        proxy=config.proxy,
        verify=ca_file or config.verify,
        reuse=config.reuse_connections,
    )
