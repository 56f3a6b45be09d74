"""`llmproxy chat`: asks a model, without a server."""

from collections.abc import Iterator
from typing import Any

import click

from llmproxy.app import chat
from llmproxy.cli.source import config_option, find_gateway
from llmproxy.cli.stdin import read_stdin
from llmproxy.core.answer import Answer, Appended, Opened
from llmproxy.core.chat import Text
from llmproxy.gateway import Gateway


@click.command("chat")
@config_option
@click.argument("model")
@click.argument("text", required=False)
@click.option("--no-stream", is_flag=True, help="Ask for a whole answer instead of a stream.")
def chat_command(config_file: str | None, model: str, text: str | None, no_stream: bool) -> None:
    """Ask MODEL for an answer to TEXT, or to standard input."""
    gateway = find_gateway(config_file)
    if text is None:
        text = read_stdin("Type what to ask, and end it with Ctrl-D.").decode("utf-8", "replace").removesuffix("\n")
    if not text.strip():
        raise click.ClickException("There is nothing to ask: give TEXT, or write it to standard input.")
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    _print(iter([_whole(gateway, body)]) if no_stream else _streamed(gateway, body))


def _print(pieces: Iterator[str]) -> None:
    """Each piece as it comes, and a newline after the last one, also where that is not the end of the answer."""
    last = ""
    try:
        for piece in filter(None, pieces):
            last = piece
            click.echo(piece.encode("utf-8", "replace"), nl=False)  # a model may say half a surrogate pair
    finally:
        if last and not last.endswith("\n"):
            click.echo()


def _whole(gateway: Gateway, body: dict[str, Any]) -> str:
    answer = chat(gateway, body)
    assert isinstance(answer, Answer)
    return answer.text


def _streamed(gateway: Gateway, body: dict[str, Any]) -> Iterator[str]:
    texts = set()
    steps = chat(gateway, {**body, "stream": True})
    assert not isinstance(steps, Answer)
    for delta in steps:
        if isinstance(delta, Opened) and isinstance(delta.part, Text):
            texts.add(delta.index)
        elif isinstance(delta, Appended) and delta.index in texts:
            yield delta.text
