"""The token: it goes where it belongs, and is shown nowhere."""

import contextlib
import logging
import socket
import traceback
from collections.abc import Iterator
from typing import Any

from llmproxy.core.errors import LLMProxyError
from llmproxy.testing.contract.bench import Bench, NotApplicable, must
from llmproxy.testing.script import Exchange
from llmproxy.testing.upstream import FaultUpstream


def sends_its_token_where_it_belongs(bench: Bench) -> None:
    """Every request brings the llm's token, in the header that the upstream reads and nowhere else."""
    token, header = needs_token(bench), bench.subject.token_header
    for form, _ in bench.ask_both():
        places = list(places_of(token, bench.last))
        if header is None:
            must(len(places) == 1 and places[0] not in ("path", "body"), f"{form}: the token stands in {places}")
        else:
            must(places == [header.name.lower()], f"{form}: the token stands in {places}, not in {header.name}")
            said = bench.last.headers[header.name.lower()]
            must(said == header.value, f"{form}: {header.name} is not the expected one")


def shows_its_token_in_no_repr(bench: Bench) -> None:
    """What is printed of the provider, or of what it is made of, does not hold the token."""
    token, provider = needs_token(bench), bench.provider()
    bench.ask(provider=provider)
    parts = [getattr(provider, name, None) for name in ("config", "token_provider", "url_provider")]
    shown = [str(provider), *map(repr, [provider, *parts])]
    must(not any(token in each for each in shown), "the token stands in a repr")


def shows_its_token_in_no_error(bench: Bench) -> None:
    """Whatever the upstream says, and it may repeat the token, no error and no traceback holds it."""
    token = needs_token(bench)
    for error in failures(bench, token):
        facts = [str(error), error.message, str(error.detail), repr(error.upstream), repr(error.headers)]
        must(not any(token in each for each in facts), f"the token stands in an error ({error.code})")
        told = "".join(traceback.format_exception(error))
        must(token not in told, f"the token stands in the traceback of an error ({error.code})")


def shows_its_token_in_no_log(bench: Bench) -> None:
    """Nothing that is logged holds the token, at any level, whether things go well or not."""
    token = needs_token(bench)
    with logged() as lines:
        bench.provider()
        for _ in bench.ask_both():
            pass
        list(failures(bench, token))
    must(not any(token in line for line in lines), "the token stands in a log line")


def contacts_no_other_host(bench: Bench) -> None:
    """Nobody but the configured host is called."""
    bench.needs_upstream()
    with connections() as addresses:
        for _ in bench.ask_both():
            pass
    others = {address for address in addresses if address[1] != bench.upstream.port}
    must(not others, f"somebody else was called: {sorted(others)}")


def follows_no_redirect(bench: Bench) -> None:
    """An answer that sends the client elsewhere is an error; the token and the prompt stay where they are."""
    bench.needs_upstream()
    with FaultUpstream() as elsewhere:
        for status in (301, 302, 303, 307, 308):
            bench.upstream.play("redirect", to=elsewhere.url, code=status)
            outcome = bench.ask()
            must(not elsewhere.requests, f"{status} was followed to another host")
            must(outcome.error is not None, f"{status} was taken for an answer")


def needs_token(bench: Bench) -> str:
    """The token, where there is one to be sent."""
    bench.needs_upstream()
    if bench.subject.token_header is None and getattr(bench.provider(), "token_provider", None) is None:
        raise NotApplicable("it sends no token")
    return bench.subject.token


def places_of(token: str, request: Exchange) -> Iterator[str]:
    """Where the token stands in a request."""
    yield from (name for name, value in request.headers.items() if token in value)
    if token in request.path:
        yield "path"
    if token.encode() in request.body:
        yield "body"


def failures(bench: Bench, token: str) -> Iterator[LLMProxyError]:
    """The errors that come of an upstream which repeats the token, and of one that is not there."""
    provider = bench.provider()
    for status in (400, 401, 403, 404, 429, 500, 503):
        bench.upstream.play("status", code=status, message=f"no good: {token}")
        for stream in (False, True):
            error = bench.ask(bench.request(stream=stream), provider=provider).error
            if error is not None:
                yield error
    for fault in ("refuse_token", "html_answer", "no_json_answer", "close_before_answer", "refuse"):
        bench.upstream.play(fault)
        error = bench.ask(provider=provider).error
        if error is not None:
            yield error
    bench.upstream.play("ok")


@contextlib.contextmanager
def logged() -> Iterator[list[str]]:
    """The lines of everybody's log, tracebacks included."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(logging.Formatter().format(record))  # type: ignore[method-assign]
    loggers = [logging.getLogger(name) for name in ("", "llmproxy")]
    before = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        for logger, level in before:
            logger.removeHandler(handler)
            logger.setLevel(level)


@contextlib.contextmanager
def connections() -> Iterator[list[tuple[str, int]]]:
    """The addresses on the network that anybody in this process connects to."""
    addresses: list[tuple[str, int]] = []
    connect = socket.socket.connect

    def noting(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            addresses.append(address[:2])
        connect(self, address)

    socket.socket.connect = noting  # type: ignore[method-assign, assignment]
    try:
        yield addresses
    finally:
        del socket.socket.connect
