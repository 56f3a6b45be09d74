"""Builds every route's pipeline from the configuration; the only file that knows every kind of part."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from llmproxy.access.clients import Clients
from llmproxy.config import loader
from llmproxy.config.models import (
    Config,
    ModelConfig,
    OffProvider,
    ProcessorConfig,
    ProviderConfig,
    RouteConfig,
    When,
)
from llmproxy.config.secrets import mask
from llmproxy.core.client import LLMClient
from llmproxy.core.errors import ConfigError, LLMProxyError
from llmproxy.core.origin import told
from llmproxy.core.pipeline import Pipeline
from llmproxy.core.processor import Condition, Processor, ProcessorChain
from llmproxy.core.registry import ImportFailed
from llmproxy.core.request import LLMRequest
from llmproxy.core.tokens import TokenProvider
from llmproxy.dialects import CLIENT_DIALECTS
from llmproxy.dialects.base import ClientDialect
from llmproxy.dialects.lookups import Lookup
from llmproxy.dialects.paths import pattern_of
from llmproxy.processors import PROCESSORS
from llmproxy.processors.answer_form import AnswerFormProcessor
from llmproxy.processors.missing import MissingProcessor
from llmproxy.processors.model_access import ModelAccessProcessor
from llmproxy.providers import PROVIDERS
from llmproxy.routing.catalog import Catalog, Listing
from llmproxy.routing.passthrough import Passthrough
from llmproxy.routing.plan import Plan
from llmproxy.routing.policies import POLICIES
from llmproxy.routing.router import Router
from llmproxy.routing.target import Target
from llmproxy.routing.upstream import Upstream

Source = str | Path | Mapping[str, Any] | Config | None
EVERYTHING = RouteConfig("/")
DEFAULT_DIALECT = "openai.chat"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path that clients send requests to.

    Attributes:
        path: Below the blueprint's prefix; it may have placeholders.
        route: The `path_prefix` of the route it belongs to.
        said: What a route that is one whole path says where the dialect's own path has placeholders, by their names.
    """

    path: str
    route: str
    dialect: ClientDialect
    pipeline: Pipeline
    said: Mapping[str, str] = field(default_factory=dict, hash=False)


def load_config(source: Source = None, *, overrides: Mapping[str, Any] | None = None) -> Config:
    """The configuration, checked whole.

    Args:
        source: A path, a dict as TOML would give it, or a `Config`. None: the file that `LLMPROXY_CONFIG` names, else
            `llmproxy.toml` in the working directory, else nothing.
        overrides: Keys of `[server]` that win over everything, as from a command line.

    Raises:
        ConfigError: With every mistake that was found, each with its file and line.
    """
    return loader.load_config(
        source, providers=PROVIDERS, processors=PROCESSORS, policies=POLICIES, overrides=overrides
    )


class Gateway:
    """Everything that a configuration describes, built once and shared by all threads.

    Attributes:
        endpoints: Every path a request can be sent to.
        prefixes: The routes' prefixes, below which models are listed and calls passed through, too.
        dialects: Every dialect that clients may speak; first the one for requests that look like none.
        lookups: What clients look up, by path below each prefix: whose it may be, and what is answered.
        passthrough: What becomes of a call of an llm's own API.
        llms, processors, catalog, clients: What the endpoints are built from; llms and processors by their names.
        off: The llms that are off, those included whose code cannot be imported.
        warnings: One line for each thing an operator should look at: the configuration's, and those of plug-ins.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.llms: dict[str, LLMClient] = {}
        self.off = tuple(self._make_llms())
        self.warnings = config.warnings
        self.catalog = Catalog(
            {name: _targets(model) for name, model in config.models.items()},
            [_listing(settings, self.llms.get(name)) for name, settings in config.llms.items()],
        )
        self.clients = Clients(config.clients.values(), config.environment)
        self._upstreams = {name: _upstream(client, config.llms[name]) for name, client in self.llms.items()}
        self._plans = {name: self._plan(model) for name, model in config.models.items()}
        self._by_name = self._router()
        self.processors = {name: self._make_processor(each) for name, each in config.processors.items()}
        self.dialects = list(self._make_dialects())
        self.lookups = _lookups(self.dialects)
        # Its parser is never asked: what is passed on is not read.
        self.passthrough = Pipeline(self.dialects[0], ProcessorChain(), Passthrough(self._upstreams))
        routes = sorted(config.routes or (EVERYTHING,), key=lambda route: len(route.path_prefix))
        self.prefixes = tuple(route.path_prefix.rstrip("/") for route in routes if not self._is_whole_path(route))
        self.endpoints = {each.path: each for route in routes for each in self._endpoints_of(route)}

    def pipeline(self, dialect: str) -> Pipeline:
        """The pipeline of a dialect's own path, for callers in this process; by model name where no route has it."""
        client_dialect = next(each for each in self.dialects if each.name == dialect)
        endpoint = self.endpoints.get(client_dialect.paths[0])
        return endpoint.pipeline if endpoint else Pipeline(client_dialect, ProcessorChain(), self._by_name)

    def find(self, path: str) -> tuple[Endpoint, Mapping[str, str]] | None:
        """The endpoint that a path leads to, and what the path says, by the names of placeholders; None: to none."""
        for endpoint in reversed(self.endpoints.values()):  # the longest route first
            found = pattern_of(endpoint.path).match(path)
            if found:
                return endpoint, {**endpoint.said, **found.groupdict()}
        return None

    def _endpoints_of(self, route: RouteConfig) -> Iterator[Endpoint]:
        client = self._router(route.target_llm) if route.target_llm else self._by_name
        chain = ProcessorChain(self._processors_of(route, client))
        prefix, whole = route.path_prefix.rstrip("/"), self._is_whole_path(route)
        for dialect in self.dialects:
            pipeline = Pipeline(dialect, chain, client)
            for path in dialect.paths:
                found = pattern_of(path).search(prefix)
                if found:
                    yield Endpoint(prefix, route.path_prefix, dialect, pipeline, found.groupdict())
                elif not whole:
                    yield Endpoint(prefix + path, route.path_prefix, dialect, pipeline)

    def _make_llms(self) -> Iterator[OffProvider]:
        """Makes every llm whose code can be imported; gives those that are off, for that reason or another."""
        off = {llm.name: llm for llm in self.config.off}
        for name, settings in self.config.llms.items():
            try:
                self.llms[name] = _make_llm(name, settings)
            except ImportFailed as error:  # its own, or that of a dialect it speaks
                off.setdefault(name, OffProvider(name, settings.provider, mask(error.message)))
        yield from off.values()

    def _make_dialects(self) -> Iterator[ClientDialect]:
        """Every dialect that clients may speak; one of a plug-in that cannot be imported is not spoken."""
        for name in sorted(CLIENT_DIALECTS, key=lambda name: name != DEFAULT_DIALECT):
            try:
                kind = CLIENT_DIALECTS.get(name)
            except ImportFailed as error:
                self.warnings = (*self.warnings, mask(error.message))
            else:
                yield kind()

    def _plan(self, model: ModelConfig) -> Plan:
        llm, _, name = (model.fallback_on_context_length or "").partition("/")
        longer = Target(llm, name, model.params) if llm in self.llms else None
        return Plan(POLICIES.get(model.policy)(), model.fallback_on_ambiguous, longer)

    def _router(self, target: str | None = None) -> Router:
        return Router(self.catalog, self._upstreams, target, self._plans)

    def _is_whole_path(self, route: RouteConfig) -> bool:
        paths = [path for dialect in self.dialects for path in dialect.paths]
        return any(pattern_of(path).search(route.path_prefix) for path in paths)

    def _processors_of(self, route: RouteConfig, router: Router) -> Iterator[Processor]:
        if not (route.allow_streaming and route.allow_non_streaming):
            yield AnswerFormProcessor(route.allow_streaming, route.allow_non_streaming)
        if route.processors:
            yield ModelAccessProcessor(router.permit)
        yield from (self.processors[name] for name in route.processors)

    def _make_processor(self, config: ProcessorConfig) -> Processor:
        processor = MissingProcessor(config.failure) if config.failure else self._make_present(config)
        if config.when != When():
            processor.when = condition(config.when)
        return processor

    def _make_present(self, config: ProcessorConfig) -> Processor:
        kind = PROCESSORS.get(config.type)
        extras = {"client": self._by_name} if kind.asks_models else {}
        try:
            return kind(**config.options, **extras)
        except ConfigError as error:
            raise ConfigError(*(f"[processor.{config.name}] {problem}" for problem in error.problems)) from error
        except Exception as error:  # a plug-in's failure may be anything; the config names it in one line
            raise ConfigError(f"[processor.{config.name}] cannot be built: {told(error)}") from error


def condition(when: When) -> Condition:
    """A function that says whether a request is one of those that `when` names; what it leaves empty matches all."""

    def matches(request: LLMRequest) -> bool:
        context = request.context
        named = ((when.models, request.model), (when.routes, context.route), (when.clients, context.client))
        return all(not globs or any(fnmatchcase(name or "", glob) for glob in globs) for globs, name in named)

    return matches


def _lookups(dialects: Iterable[ClientDialect]) -> dict[str, list[tuple[ClientDialect, Lookup]]]:
    found: dict[str, list[tuple[ClientDialect, Lookup]]] = {}
    for dialect in dialects:
        for lookup in dialect.lookups:
            found.setdefault(lookup.path, []).append((dialect, lookup))
    return found


def _make_llm(name: str, settings: ProviderConfig) -> LLMClient:
    kind = PROVIDERS.get(settings.provider)
    from_config = getattr(kind, "from_config", None)
    try:
        client: LLMClient = from_config(settings) if from_config else kind()
    except LLMProxyError:
        raise
    except Exception as error:  # a plug-in's failure may be anything; the config names it in one line
        raise ConfigError(f"[llm.{name}] cannot be built: {told(error)}") from error
    return client


def _listing(settings: ProviderConfig, client: LLMClient | None) -> Listing:
    return Listing(settings.name, settings.provider, settings.models, getattr(client, "model_patterns", ()))


def _upstream(client: LLMClient, settings: ProviderConfig) -> Upstream:
    tokens = getattr(client, "token_provider", None)
    return Upstream(
        client,
        settings.name,
        tokens=tokens.count if isinstance(tokens, TokenProvider) else 1,
        max_retries=settings.max_retries,
        max_parallel=settings.max_parallel,
        retry_on_stale_reuse=settings.retry_on_stale_reuse,
    )


def _targets(model: ModelConfig) -> list[Target]:
    return [Target(target.llm, target.model, model.params, target.weight) for target in model.targets]

