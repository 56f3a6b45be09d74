"""The body of a request."""

from collections.abc import Iterator, Mapping
from typing import Any

from llmproxy.dialects.extra import given

_VERSION = "bedrock-2023-05-31"
_IN_THE_PATH = ("model", "stream")
REFUSED = ("container", "inference_geo", "metadata", "service_tier")
"""Members that are about Anthropic's own service: here they are extraneous, and the request is refused for them."""

# The beginnings of those that Bedrock knows; any other makes it refuse the request
# (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html).
_BETAS = (
    "computer-use-", "context-1m-", "context-management-", "dev-full-thinking-", "effort-",
    "fine-grained-tool-streaming-", "interleaved-thinking-", "output-128k-", "token-efficient-tools-",
    "tool-examples-", "tool-search-tool-",
)  # fmt: skip


def write_body(body: Mapping[str, Any], betas: str) -> dict[str, Any]:
    """A messages request as InvokeModel takes it.

    Args:
        body: As Anthropic itself takes it.
        betas: The header `anthropic-beta`, which stands in the body here.
    """
    rest = {name: value for name, value in body.items() if name not in (*_IN_THE_PATH, *REFUSED)}
    return {"anthropic_version": _VERSION, **given(anthropic_beta=list(_known(betas)) or None), **rest}


def _known(betas: str) -> Iterator[str]:
    return (beta for beta in map(str.strip, betas.split(",")) if beta.lower().startswith(_BETAS))
