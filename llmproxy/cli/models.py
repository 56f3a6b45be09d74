"""`llmproxy models`: the names that clients can use."""

import json

import click

from llmproxy.cli.source import config_option, find_gateway
from llmproxy.cli.table import aligned
from llmproxy.gateway import Gateway


@click.command("models")
@config_option
@click.option("--json", "as_json", is_flag=True, help="As a JSON list.")
def models_command(config_file: str | None, as_json: bool) -> None:
    """List the models that clients can name.

    The same as /v1/models: no upstream is asked. Any other model works as llm/model.
    """
    models = list_models(find_gateway(config_file))
    if as_json:
        click.echo(json.dumps(models, indent=2))
        return
    for line in aligned([("MODEL", "LLM", "PROVIDER"), *(tuple(model.values()) for model in models)]):
        click.echo(line)


def list_models(gateway: Gateway) -> list[dict[str, str]]:
    """Each model's name, the llm it goes to first, and that llm's provider."""
    off = {llm.name: llm.provider for llm in gateway.off}
    return [
        {"id": name, "llm": llm, "provider": gateway.catalog.provider_of(llm) or off.get(llm, "")}
        for name, llm in gateway.catalog.names()
    ]
