"""From a file, a dict or nothing to a checked `Config`, or to one error that names every mistake."""

import os
from collections.abc import Mapping
from typing import Any

from llmproxy.config import checks, leaks
from llmproxy.config.complaints import load_table
from llmproxy.config.detect import Surroundings
from llmproxy.config.document import Document, document_of, find_file, read_document
from llmproxy.config.environment import LocatedEnvironment, check_files
from llmproxy.config.handed import HANDED
from llmproxy.config.models import Config, PluginsConfig
from llmproxy.config.plugins import import_plugins, make_importable, plugin_folders
from llmproxy.config.report import Report
from llmproxy.config.schemas import PluginsSchema
from llmproxy.config.server import environment_settings, server_config
from llmproxy.config.tables import load_clients, load_models, load_prices, load_processors, load_routes
from llmproxy.config.upcoming import no_effect_lines
from llmproxy.config.upstreams import load_upstreams
from llmproxy.core.registry import Registry


def load_config(
    source: "str | os.PathLike[str] | Mapping[str, Any] | Config | None" = None,
    *,
    providers: Registry[Any],
    processors: Registry[Any],
    policies: Registry[Any],
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """The configuration, checked.

    The configuration's folder and its plug-in folders end up on `sys.path`, and the plug-ins imported; nothing else is
    changed, `os.environ` least of all.

    Args:
        source: A file, a dict of tables, or a `Config`, which is returned as it is. None: the file that
            `LLMPROXY_CONFIG` names, else `llmproxy.toml` in the working directory, else nothing at all; in a worker of
            gunicorn's that file as it was when it was checked.
        providers: Where [llm.*] tables find their class.
        processors: Where [processor.*] tables find theirs.
        policies: Where the policies of [model.*] tables are found.
        overrides: [server] values from the command line; None among them stands for not given.
        environ: In place of the process's environment.

    Raises:
        ConfigError: Its `problems` are all mistakes there are, one line each.
    """
    if isinstance(source, Config):
        return source
    environ = os.environ if environ is None else environ
    document = _open(source, environ)
    environment = LocatedEnvironment(document.folder, environ)
    report = Report(document)
    leaks.check_no_secrets(document, report)
    check_files(environment, report)
    checks.check_tables(document, report)
    checks.check_names(document, report)
    checks.check_doubles(document, report)
    plugins = _import_plugins(document, report)
    overrides = {key: value for key, value in (overrides or {}).items() if value is not None}
    settings = environment_settings(environment)
    server = server_config(document, settings, overrides, environment, report)
    upstreams = load_upstreams(document, providers, Surroundings(environment, document.folder, server.strict), report)
    checks.check_references(document, upstreams.names, report)
    models = load_models(document, policies, report)
    chain = load_processors(document, processors, report)
    routes = load_routes(document, report)
    clients = load_clients(document, report)
    prices = load_prices(document, report)
    leaks.check_own_secrets(document, server.admin_token_env, environment, report)
    leaks.check_provider_secrets(upstreams.llms, environment, report)
    report.raise_problems()
    return Config(
        server=server,
        llms=upstreams.llms,
        models=models,
        processors=chain,
        routes=routes,
        clients=clients,
        prices=prices,
        plugins=plugins,
        path=document.path,
        folder=document.folder,
        text=document.text,
        environment=environment,
        no_effect=tuple(no_effect_lines(document, [*settings, *overrides])),
        warnings=report.warnings,
        off=upstreams.off,
    )


def _open(source: str | os.PathLike[str] | Mapping[str, Any] | None, environ: Mapping[str, str]) -> Document:
    if isinstance(source, Mapping):
        return document_of(source)
    if source is None and HANDED.document is not None:
        return HANDED.document
    path = find_file(source, environ)
    return document_of({}) if path is None else read_document(path)


def _import_plugins(document: Document, report: Report) -> PluginsConfig:
    if document.data:  # without a configuration there is nothing to import, and a host's sys.path is its own
        make_importable(document.folder, first=True)
    load_table(PluginsSchema(), document.table("plugins"), ("plugins",), report)
    folders = plugin_folders(document, report)
    for folder in folders:
        import_plugins(folder, report)
    return PluginsConfig(folders)
