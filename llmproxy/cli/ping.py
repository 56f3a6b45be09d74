"""Whether upstreams can be reached, and take our tokens."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from llmproxy.cli.failures import told
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError, ProviderTimeout
from llmproxy.gateway import Gateway
from llmproxy.providers.base import Provider

PATIENCE_SECS = 10.0
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Ping:
    """How it went.

    Attributes:
        milliseconds: Until the head of the answer; None if there was none, or nobody asked.
        failure: Why the llm cannot be used; None if it can.
    """

    milliseconds: float | None = None
    failure: str | None = None


def ping_all(gateway: Gateway, names: Sequence[str]) -> dict[str, Ping]:
    """A ping for each of these llms that is asked over HTTP, all at the same time."""
    llms = {name: gateway.llms[name] for name in names}
    asked = {name: llm for name, llm in llms.items() if isinstance(llm, Provider) and llm.url_provider is not None}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(asked, pool.map(ping, asked.values()), strict=True))


def ping(llm: Provider) -> Ping:
    """One llm's ping; the wait for its answer ends after ten seconds."""
    context = RequestContext()
    timer = threading.Timer(PATIENCE_SECS, context.cancellation.cancel, [ProviderTimeout()])
    timer.start()
    started = time.monotonic()
    try:
        status = llm.ping(context)
    except LLMProxyError as error:
        return Ping(failure=told(error))
    finally:
        timer.cancel()
        llm.close()
    return Ping(round((time.monotonic() - started) * 1000, 1), failure_of(status))


def failure_of(status: int) -> str | None:
    """What an answer's status says against using the llm. That there is no list of models, for one, does not."""
    if status in (401, 403):
        return f"the token was refused (HTTP {status})"
    return f"the upstream has failed (HTTP {status})" if status >= 500 else None
