"""A request's way through the real parts, up to where it would be sent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llmproxy.config.secrets import mask
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import RequestError, TokenError
from llmproxy.core.pipeline import Pipeline
from llmproxy.core.processor import Processor, ProcessorChain
from llmproxy.core.request import LLMRequest
from llmproxy.gateway import Endpoint, Gateway
from llmproxy.providers.base import Provider
from llmproxy.providers.call import Call
from llmproxy.routing.router import Router
from llmproxy.routing.target import Target
from llmproxy.transport.auth import TokenAuth

MASKED = "***"


@dataclass(frozen=True, slots=True)
class Aim:
    """What one target would be sent.

    Attributes:
        dialect: What would be spoken with it.
        url, headers, body: None, empty and None where nothing would be sent over HTTP.
        dropped: The client's members that the dialect cannot say.
    """

    llm: str
    model: str
    dialect: str | None = None
    url: str | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: Any = None
    dropped: tuple[str, ...] = ()

    def entry(self) -> dict[str, Any]:
        """The members that are told of a target."""
        names = ("llm", "model", "dialect", "url", "headers", "body")
        return {name: getattr(self, name) for name in names}


@dataclass(slots=True)
class DryRun:
    """What would become of a request.

    Attributes:
        processors: The names of those that concern it, in order.
        remarks: What the rest does not tell, a sentence each.
    """

    endpoint: Endpoint
    context: RequestContext
    processors: list[str] = field(default_factory=list)
    targets: list[Aim] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


class _Rehearsed(Processor):
    """Stands in the place of a processor: notes its name and runs it, unless that would ask a model."""

    def __init__(self, name: str, processor: Processor, run: DryRun) -> None:
        self.when = processor.when
        self._name = name
        self._processor = processor
        self._run = run

    def process(self, request: LLMRequest) -> LLMRequest:
        if self._name:
            self._run.processors.append(self._name)
        if not self._processor.asks_models:
            return self._processor.process(request)
        self._run.remarks.append(f"the processor {self._name} asks a model, so it was not run")
        return request


def dry_run(gateway: Gateway, endpoint: Endpoint, context: RequestContext, body: bytes) -> DryRun:
    """Parses, processes and addresses a request as a real one is; no token is shown, and none is fetched.

    Raises:
        RequestError: It would be refused.
    """
    run = DryRun(endpoint, context)
    names = {id(processor): name for name, processor in gateway.processors.items()}
    chain = endpoint.pipeline.processors.processors
    rehearsed = ProcessorChain(_Rehearsed(names.get(id(each), ""), each, run) for each in chain)
    router = endpoint.pipeline.client
    request = Pipeline(endpoint.pipeline.parser, rehearsed, router).prepare(body, run.context)
    if isinstance(router, Router):
        _aim(gateway, router, request, run)
    return run


def _aim(gateway: Gateway, router: Router, request: LLMRequest, run: DryRun) -> None:
    refusals: list[RequestError] = []
    for target in router.targets(request):
        try:
            run.targets.append(_aim_at(gateway, target, router.addressed(target, request), run))
        except RequestError as error:
            refusals.append(error)
            run.targets.append(Aim(target.llm, target.model))
            run.remarks.append(f"{target.llm} would refuse this request: {error.message}")
    if refusals and len(refusals) == len(run.targets):
        raise refusals[0]


def _aim_at(gateway: Gateway, target: Target, request: LLMRequest, run: DryRun) -> Aim:
    llm = gateway.llms.get(target.llm)
    if llm is None:
        reason = next((off.reason for off in gateway.off if off.name == target.llm), "it is not configured")
        run.remarks.append(f"{target.llm} is off: {reason}")
        return Aim(target.llm, target.model)
    if isinstance(llm, Provider) and llm.generates(request) and llm.url_provider is not None:
        run.remarks.append(f"{target.llm} makes its requests in code of its own, so they are not shown")
        return Aim(target.llm, target.model, body=request.to_dict())
    if not isinstance(llm, Provider) or not llm.spoken():
        run.remarks.append(f"{target.llm} answers by itself; no request is sent on")
        return Aim(target.llm, target.model, request.dialect, body=request.to_dict())
    if llm.estimates(request):
        run.remarks.append(f"{target.llm} cannot count tokens, so they are estimated; no request is sent on")
        return Aim(target.llm, target.model)
    call = llm.call(request)
    draft = llm.draft(call)
    return Aim(
        llm=target.llm,
        model=target.model,
        dialect=call.dialect.name,
        url=draft.url,
        headers=_headers(llm, call, draft.headers, run),
        body=json.loads(draft.body or b"null"),
        dropped=call.attempt.dropped,  # a provider may have left out more than its dialect
    )


def _headers(llm: Provider, call: Call, draft: Mapping[str, str], run: DryRun) -> dict[str, str | None]:
    """The headers that would be sent. What the token changes in them is masked; None: the token is not there."""
    shown: dict[str, str | None] = {name: mask(value) for name, value in draft.items()}
    auth = llm.auth()
    if isinstance(auth, TokenAuth) and auth.fetches:
        run.remarks.append(f"{llm.name} may have to fetch a token first, so none was looked for")
        return {**shown, auth.header: _masked(f"{auth.scheme} ")}
    try:
        signed = llm.prepare(call).headers
    except TokenError as error:
        run.remarks.append(f"{llm.name} has no token, so the request would be refused: {error.detail or error.message}")
        return {**shown, auth.header if isinstance(auth, TokenAuth) else TokenAuth.header: None}
    secrets = {name: _masked(value) for name, value in signed.items() if draft.get(name) != value}
    return {**shown, **secrets}


def _masked(value: str) -> str:
    """A header's value with its scheme only."""
    scheme, space, _ = value.partition(" ")
    return f"{scheme} {MASKED}" if space else MASKED
