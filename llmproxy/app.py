"""The Flask application, and the extension for applications of others."""

import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, overload

from flask import Blueprint, Flask
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from llmproxy.config.handed import HANDED
from llmproxy.config.models import Config
from llmproxy.core import strict_json
from llmproxy.core.answer import Answer, Delta
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError
from llmproxy.core.response import ResponseStream
from llmproxy.gateway import Gateway, Source, load_config
from llmproxy.observability import logs
from llmproxy.web.auth import Authenticate
from llmproxy.web.blueprint import Face

EXTENSION = "llmproxy"

log = logging.getLogger(__name__)


class LLMProxy:
    """The proxy as a Flask extension. An application may have several, each with its own prefix and configuration.

        LLMProxy(app, url_prefix="/llm")
        LLMProxy(config="llmproxy.toml", authenticate=who_is_calling).init_app(app)

    Args:
        app: Initialised at once, if given.
        url_prefix: Where the paths begin; None puts them at the application's root.
        config: A path, a dict, a `Config`, or None for `llmproxy.toml` as `llmproxy serve` finds it.
        authenticate: Called within the request, it says who is calling, or None for nobody; in place of our keys.

    Raises:
        ConfigError: The configuration cannot be used.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        url_prefix: str | None = None,
        config: Source = None,
        authenticate: Authenticate | None = None,
    ) -> None:
        self._url_prefix = url_prefix
        self.gateway = _gateway(load_config(config))
        self.face = Face(self.gateway, authenticate)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, *, url_prefix: str | None = None) -> None:
        """Adds the paths to `app`, and nothing else: its error handlers, hooks and logging stay its own."""
        instances: list[LLMProxy] = app.extensions.setdefault(EXTENSION, [])
        instances.append(self)
        blueprint = self.face.blueprint(_next_name(), own_paths=False)
        app.register_blueprint(blueprint, url_prefix=url_prefix or self._url_prefix)

    @overload
    def chat(
        self, model: str, messages: Sequence[Mapping[str, Any]], *, stream: Literal[True], **params: Any
    ) -> Iterator[Delta]: ...

    @overload
    def chat(
        self, model: str, messages: Sequence[Mapping[str, Any]], *, stream: Literal[False] = False, **params: Any
    ) -> Answer: ...

    def chat(
        self, model: str, messages: Sequence[Mapping[str, Any]], *, stream: bool = False, **params: Any
    ) -> Answer | Iterator[Delta]:
        """Asks a model through the same pipeline as `/v1/chat/completions`, without a server.

        Args:
            model: Any name that clients could use.
            messages: As in OpenAI's chat completions.
            stream: Whether the answer is wanted step by step.
            params: Further members of the body.

        Returns:
            The answer; with `stream=True` an iterator of its steps, which must be iterated to its end or closed.

        Raises:
            LLMProxyError: There is no answer, or it broke.
        """
        body = {"model": model, "messages": list(messages), **({"stream": True} if stream else {}), **params}
        return chat(self.gateway, body)


def create_app(config: Source = None) -> Flask:
    """An application that is nothing but the proxy.

    Raises:
        ConfigError: The configuration cannot be used.
    """
    settings = load_config(config)
    logs.configure(settings.server.log_level, settings.server.log_format)
    proxy = LLMProxy(config=settings)
    app = Flask(__name__, static_folder=None)
    app.extensions[EXTENSION] = [proxy]
    app.register_blueprint(proxy.face.blueprint(_next_name(), own_paths=True))
    app.register_error_handler(HTTPException, proxy.face.render_http_error)
    app.register_error_handler(Exception, proxy.face.render_bug)
    hops = settings.server.trusted_proxies
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, hops, hops, hops, hops, hops)  # type: ignore[method-assign]
    return app


def create_blueprint(config: Source = None, *, authenticate: Authenticate | None = None) -> Blueprint:
    """The proxy's paths alone, for an application that registers blueprints by itself.

    Raises:
        ConfigError: The configuration cannot be used.
    """
    return Face(_gateway(load_config(config)), authenticate).blueprint(_next_name(), own_paths=False)


def _gateway(config: Config) -> Gateway:
    """What the configuration describes; its warnings are logged, unless our server has told them at its start."""
    gateway = Gateway(config)
    if HANDED.document is None:
        for warning in gateway.warnings:
            log.warning(warning)
    return gateway


def chat(gateway: Gateway, body: Mapping[str, Any]) -> Answer | Iterator[Delta]:
    """Asks in process; see `LLMProxy.chat`."""
    context = RequestContext(route="chat")
    context.on_finish(logs.log_request)
    pipeline = gateway.pipeline("openai.chat")
    try:
        request = pipeline.prepare(strict_json.dumps(body), context)
    except LLMProxyError as error:
        context.finish(error)
        raise
    stream = pipeline.answer(request)
    if request.stream:
        return _steps(stream)
    with stream:
        return stream.answer()


def _steps(stream: ResponseStream) -> Iterator[Delta]:
    with stream:
        yield from stream.deltas()


_names = itertools.count(1)


def _next_name() -> str:
    number = next(_names)
    return EXTENSION if number == 1 else f"{EXTENSION}_{number}"
