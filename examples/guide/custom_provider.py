"""From a client's bytes to a request, and from a request to the upstream's answer."""

from collections.abc import Iterator
from typing import Self

from custom_errors import CustomParseError, CustomRequestError, CustomStreamError
from custom_types import CustomRequest, CustomRequestSchema, CustomResponseSchema
from marshmallow import EXCLUDE, ValidationError

from llmproxy import (
    BearerAuth,
    EnvTokenProvider,
    LLMClient,
    LLMRequest,
    ProviderConfig,
    ProviderError,
    RequestContext,
    RequestParser,
    ResponseStream,
    RotatingTokenProvider,
    StaticUrlProvider,
    TokenProvider,
    UrlProvider,
)
from llmproxy.core.secrets import SECRETS
from llmproxy.dialects.base import first_problem, read_object
from llmproxy.dialects.statuses import error_for
from llmproxy.providers.base import transport_settings
from llmproxy.transport.reading import Reply
from llmproxy.transport.sessions import ClientProvider, prepare

JSON = {"Content-Type": "application/json"}


class CustomRequestParser(RequestParser):
    """Reads a client's body."""

    def parse(self, body: bytes, context: RequestContext) -> CustomRequest:
        said, schema = read_object(body), CustomRequestSchema()
        problems = schema.validate(said)
        if problems:
            path, problem = first_problem(problems)
            raise CustomParseError(f"{path}: {problem}", param=path)
        return CustomRequest(**schema.load(said), context=context)


class CustomProvider(LLMClient):
    """Asks the upstream. One instance serves all threads, over connections that are kept and shared."""

    default_base_url = "https://api.custom.example"
    default_token_env = "CUSTOM_API_KEY"

    def __init__(self, tokens: TokenProvider, url_provider: UrlProvider, transport: ClientProvider) -> None:
        self.auth = BearerAuth(tokens)
        self.url_provider = url_provider
        self.transport = transport

    @classmethod
    def from_config(cls, config: ProviderConfig) -> Self:
        names = config.token_envs or [cls.default_token_env]
        tokens = RotatingTokenProvider(EnvTokenProvider(name, config.environment) for name in names)
        url = StaticUrlProvider(config.base_url or cls.default_base_url)
        transport = ClientProvider(transport_settings(config))
        return cls(config.token_provider or tokens, config.url_provider or url, transport)

    def execute(self, request: LLMRequest) -> ResponseStream:
        url = f"{self.url_provider.get_url()}/v1/chat/completions"
        asked = self.auth(prepare("POST", url, JSON, request.to_json()))
        reply = self.transport.send(asked, request.context)
        said = streamed(reply) if request.stream else whole(reply, request)
        stream = ResponseStream(said, request, content_type=reply.headers.get("content-type", ""))
        stream.on_begin(reply.begun)  # from here on it is the silence between two events that is measured
        stream.on_move(reply.moved)
        stream.on_close(reply.close)  # whoever leaves, however early: the connection is given back
        return stream.prime()  # waits for the first event, so that a failure before it has its own status


def whole(reply: Reply, request: LLMRequest) -> Iterator[bytes]:
    """The one body of a whole answer, once it is known to be one."""
    check_status(reply)
    body = reply.body(32 * 1024 * 1024)
    try:
        answer = CustomResponseSchema().loads(body, unknown=EXCLUDE)
    except (ValidationError, ValueError) as error:
        raise ProviderError(code="upstream_bad_response", detail=str(error)) from error
    request.context.usage = answer.usage
    yield body


def streamed(reply: Reply) -> Iterator[bytes]:
    """The events of a stream, each as soon as it is here."""
    check_status(reply)
    for event in reply.events():
        if event.type == "error":
            raise CustomStreamError(event.json()["message"])
        yield event.raw
        if event.data == b"[DONE]":
            return
    raise CustomStreamError("The stream ended before it was complete.")


def check_status(reply: Reply) -> None:
    """Raises for an answer that is none. What the upstream says of our own token is not for the client's eyes."""
    if reply.status in (400, 404, 413, 422):
        said = reply.beginning(1000).decode("utf-8", "replace")
        raise CustomRequestError(reply.status, SECRETS.mask(said))  # it may repeat the token
    if reply.status != 200:
        raise error_for(reply.status, reply.headers, message=None, upstream={})
