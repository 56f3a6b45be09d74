"""The blueprint: every path of the configuration, and what happens to a request before it is sent on."""

import functools
import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flask
from flask import Blueprint, Request, Response
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException

from llmproxy.access.clients import Client
from llmproxy.core import strict_json
from llmproxy.core.context import RequestContext, new_id
from llmproxy.core.errors import LLMProxyError, MethodNotAllowed, Overloaded, ParseError, PathNotFound, RequestTooLarge
from llmproxy.core.request import LLMRequest
from llmproxy.core.secrets import SECRETS
from llmproxy.dialects.base import ClientDialect, JSONRequest, read_object
from llmproxy.dialects.lookups import Lookup
from llmproxy.gateway import Endpoint, Gateway
from llmproxy.observability.logs import log_request
from llmproxy.web import passthrough, steering
from llmproxy.web.auth import Authenticate, Doorkeeper
from llmproxy.web.body import read_body, read_bytes
from llmproxy.web.cors import cors_headers
from llmproxy.web.in_flight import IN_FLIGHT, RETRY_SECS
from llmproxy.web.models import ClientModels
from llmproxy.web.presence import Presence
from llmproxy.web.respond import Begin, Rendered, answer, failed, late_response, teller
from llmproxy.web.shape import dialect_of, lookup_of

READING = ("GET", "HEAD")
DESCRIPTION = "/openapi.json"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
# No redirects either: they are HTML, and lead to whatever the Host header says.
_RULE: Mapping[str, Any] = {"methods": METHODS, "provide_automatic_options": False, "merge_slashes": False}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_FRAMEWORK_ERRORS: Mapping[int, type[LLMProxyError]] = {
    400: ParseError,
    404: PathNotFound,
    405: MethodNotAllowed,
    413: RequestTooLarge,
}

View = Callable[..., Response]


class Face:
    """The views of one gateway.

    Args:
        gateway: What answers.
        authenticate: The host application's own say on who is calling; None: keys, as configured.
    """

    def __init__(self, gateway: Gateway, authenticate: Authenticate | None = None) -> None:
        config = gateway.config
        self.gateway = gateway
        self._doorkeeper = Doorkeeper(gateway.clients, config.server.auth, authenticate)
        self._presence = Presence(config.server)
        self._max_body = int(config.server.max_body_mb * 1024 * 1024)
        self._origins = config.server.cors_allowed_origins
        self._key_headers = tuple(dict.fromkeys(dialect.key_header for dialect in gateway.dialects))
        self._forwarded = tuple({name for dialect in gateway.dialects for name in dialect.forwarded_headers})

    def blueprint(self, name: str, *, own_paths: bool) -> Blueprint:
        """All paths, below whatever prefix the blueprint is registered with.

        Args:
            name: The blueprint's name; each instance in an app has its own.
            own_paths: Whether unknown paths are ours to answer even without a prefix.
        """
        blueprint = Blueprint(name, __name__)
        for number, endpoint in enumerate(self.gateway.endpoints.values()):
            self._add(blueprint, endpoint.path, f"endpoint_{number}", ("POST",), self._view(endpoint))
        for number, prefix in enumerate(self.gateway.prefixes):
            for index, (path, choices) in enumerate(self.gateway.lookups.items()):
                methods = READING if choices[0][1].method == "GET" else ("POST",)
                self._add(blueprint, prefix + path, f"lookup_{number}_{index}", methods, self._lookup(choices))
            path = f"{prefix}/passthrough/<llm>/<path:path>"
            self._add(blueprint, path, f"passthrough_{number}", passthrough.METHODS, self._pass_through)
        self._add(blueprint, "/livez", "livez", READING, self._alive)
        self._add(blueprint, "/readyz", "readyz", READING, self._ready)
        self._add(blueprint, DESCRIPTION, "openapi", READING, self._describe)
        blueprint.record(lambda state: self._add_rest(state, own_paths))
        return blueprint

    def render_http_error(self, error: HTTPException) -> Response:
        """An error of the framework's, in our shape: for an application that is all ours."""
        kind = _FRAMEWORK_ERRORS.get(error.code or 500, LLMProxyError)
        allowed = getattr(error, "valid_methods", None)
        headers = {"Allow": ", ".join(sorted(allowed))} if allowed else None
        return self._refuse(kind(headers=headers), _context())

    def render_bug(self, error: Exception) -> Response:
        """An exception that nobody caught, in our shape: for an application that is all ours."""
        return self._refuse(error, _context())

    def _add(self, blueprint: Blueprint, path: str, name: str, methods: tuple[str, ...], view: View) -> None:
        guarded = self._guarded(view, methods)
        # Every method is ours to answer: the framework's own 405 is HTML.
        blueprint.add_url_rule(path, name, guarded, **_RULE)

    def _add_rest(self, state: BlueprintSetupState, own_paths: bool) -> None:
        """Unknown paths are ours below a prefix of ours. At a host application's root they are the host's."""
        if state.url_prefix not in (None, "", "/") or own_paths:
            view = self._guarded(self._unknown, tuple(METHODS))
            for path in ("/", "/<path:rest>"):
                state.add_url_rule(path, "unknown", view, strict_slashes=False, **_RULE)

    def _guarded(self, view: View, methods: tuple[str, ...]) -> View:
        """A view with what all have in common: the method checked, errors in our shape, CORS headers."""
        allowed = ", ".join(sorted({*methods, "OPTIONS"}))

        def guarded(**values: str) -> Response:
            request = _request()
            if request.method == "OPTIONS":
                response = flask.current_app.response_class(status=204, headers={"Allow": allowed})
            elif request.method not in methods:
                error = MethodNotAllowed(headers={"Allow": ", ".join(methods)})
                response = self._refuse(error, _context())
            else:
                response = view(**values)
            if self._origins:
                response.headers.update(cors_headers(request, self._origins, allowed))
            return response

        return guarded

    def _view(self, endpoint: Endpoint) -> View:
        def view(**values: str) -> Response:
            request, dialect, pipeline, presence = _request(), endpoint.dialect, endpoint.pipeline, self._presence
            context = _context(route=endpoint.route, dialect=dialect.name, path={**endpoint.said, **values})
            if request.query_string:
                context.query = request.args
            try:
                prepared = self._prepare(request, endpoint, context)
            except Exception as error:
                return self._refuse(error, context, dialect)

            def render(begin: Begin) -> Rendered:
                if prepared.stream:
                    leave = functools.partial(presence.left, context)
                    presence.keep_alive(context, teller(prepared, dialect, begin, leave))
                return answer(pipeline, prepared, dialect)

            return late_response(render, context, presence)

        return view

    def _prepare(self, request: Request, endpoint: Endpoint, context: RequestContext) -> LLMRequest:
        dialect = endpoint.dialect
        self._admit(request, context, dialect.key_header)
        self._presence.set_deadline(context, request)
        if dialect.forwarded_headers:
            context.headers = {
                name: request.headers[name] for name in dialect.forwarded_headers if name in request.headers
            }
        asked = endpoint.pipeline.parser.parse(read_body(request, self._max_body, context.deadline), context)
        steering.check_members(asked.body if isinstance(asked, JSONRequest) else asked.to_dict())
        return endpoint.pipeline.processors.process(asked)

    def _admit(self, request: Request, context: RequestContext, *key_headers: str) -> Client | None:
        client = self._doorkeeper.admit(request, *key_headers)
        if client is not None:
            context.client, context.models = client.name, client.models
        steering.check_head(request)
        return client

    def _lookup(self, choices: Sequence[tuple[ClientDialect, Lookup]]) -> View:
        def view(**values: str) -> Response:
            request = _request()
            dialect, lookup = lookup_of(request, choices)
            context = _context(dialect=dialect.name)
            try:
                self._admit(request, context, dialect.key_header)
                posted = read_object(read_body(request, self._max_body)) if lookup.method == "POST" else {}
                steering.check_members(posted)
                body = lookup.answer(ClientModels(self.gateway.catalog, context.models), {**posted, **values})
            except Exception as error:
                return self._refuse(error, context, dialect)
            context.finish()
            return _json(body, dict.fromkeys(dialect.id_headers, context.id))

        return view

    def _pass_through(self, llm: str, path: str) -> Response:
        request, context, dialect = _request(), _context(route="passthrough", stream=True), self.gateway.dialects[0]
        try:
            client = self._admit(request, context, *self._key_headers)
            passthrough.check_access(client, llm)
            self._presence.set_deadline(context, request)
            body = read_bytes(request, self._max_body, context.deadline)
            steering.check_passed(request, body)
            raw = passthrough.raw_request(request, llm, path, body, context, self._forwarded)
        except Exception as error:
            return self._refuse(error, context, dialect)
        return late_response(
            lambda _: passthrough.relayed(self.gateway.passthrough, raw, dialect), context, self._presence
        )

    def _alive(self) -> Response:
        return _json({"status": "ok"}, {"x-request-id": request_id(flask.request)})

    def _ready(self) -> Response:
        """Whether new work is welcome."""
        if IN_FLIGHT.draining:
            return self._refuse(Overloaded(code="server_shutdown", retry_after=RETRY_SECS), _context())
        return self._alive()

    def _describe(self) -> Response:
        request = _request()
        here = (request.script_root + request.path).removesuffix(DESCRIPTION)
        return _json({**self._description, "servers": [{"url": here or "/"}]}, {"x-request-id": request_id(request)})

    @functools.cached_property
    def _description(self) -> Mapping[str, Any]:
        # Loaded when it is asked for: few processes ever are, and all would wait for it at their start.
        openapi = importlib.import_module("llmproxy.web.openapi")
        described: Mapping[str, Any] = openapi.describe(self.gateway, needs_key=self._doorkeeper.needs_key)
        return described

    def _unknown(self, rest: str = "") -> Response:
        return self._refuse(PathNotFound(), _context())

    def _refuse(self, error: Exception, context: RequestContext, dialect: ClientDialect | None = None) -> Response:
        """An error in a dialect's shape; None: that of the dialect which the path looks like."""
        return _response(failed(error, dialect or dialect_of(_request(), self.gateway.dialects), context))


def _request() -> Request:
    """The request itself: each look through Flask's stand-in for it costs a microsecond."""
    return flask.request._get_current_object()  # type: ignore[attr-defined,no-any-return]  # documented in spite of its name


def _context(**known: Any) -> RequestContext:
    context = RequestContext(id=request_id(_request()), **known)
    context.on_finish(log_request)
    return context


def request_id(request: Request) -> str:
    """The client's own id where it is one that can be logged and sent back, else a new one."""
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) and SECRETS.mask(given) == given else new_id()


def _response(rendered: Rendered) -> Response:
    return flask.current_app.response_class(b"".join(rendered.body), rendered.status, rendered.headers)


def _json(body: Mapping[str, Any], headers: dict[str, str]) -> Response:
    content = strict_json.dumps(body)
    return flask.current_app.response_class(content, 200, headers, content_type="application/json")
