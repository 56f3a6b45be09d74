"""What `llmproxy serve` says before it serves: where, with which llms, and how to try it."""

import json
import shlex
from collections.abc import Iterator

import llmproxy
from llmproxy.cli.status import remarks, status_lines, statuses
from llmproxy.gateway import Endpoint, Gateway
from llmproxy.routing.catalog import ECHO
from llmproxy.server.start import bind_address

_DIALECT = "openai.chat"
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def banner(gateway: Gateway, port: int) -> str:
    """The whole text.

    Args:
        gateway: What will be served.
        port: The one that is listened at, which need not be the configured one.
    """
    return "\n".join(_lines(gateway, port))


def _lines(gateway: Gateway, port: int) -> Iterator[str]:
    config = gateway.config
    url = _url(config.server.host, port)
    yield f"llmproxy {llmproxy.__version__}"
    yield f"Configuration: {config.path or 'no file'}"
    yield ""
    yield from status_lines(statuses(gateway))
    yield ""
    yield from remarks(gateway)
    yield f"Address: {url}"
    command = try_it(gateway, url)
    if command:
        yield f"Try it:  {command}"
    yield ""


def _url(host: str, port: int) -> str:
    """Where the server is found from this machine."""
    bare = host.strip("[]")
    return f"http://{bind_address(_EVERY_ADDRESS.get(bare, bare), port)}"


def try_it(gateway: Gateway, url: str) -> str | None:
    """A command that gets an answer, with `echo` where that may be asked; None if nothing speaks OpenAI's chat."""
    endpoint = next((each for each in gateway.endpoints.values() if each.dialect.name == _DIALECT), None)
    return _curl(gateway, endpoint, url) if endpoint else None


def _curl(gateway: Gateway, endpoint: Endpoint, url: str) -> str:
    client = next(iter(gateway.config.clients.values()), None)
    names = [name for name, _ in gateway.catalog.names(client.models if client else None)]
    model = ECHO if ECHO in names or not names else names[0]
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello!"}]})
    key = f' -H "Authorization: Bearer ${client.token_env}"' if client else ""
    return f"curl {url}{endpoint.path}{key} -H 'Content-Type: application/json' -d {shlex.quote(body)}"
