"""One small file per upstream, and the table of them."""

from llmproxy.core.client import LLMClient
from llmproxy.core.registry import Registry
from llmproxy.providers.compatible import COMPATIBLE

PROVIDERS: Registry[LLMClient] = Registry(
    "provider",
    LLMClient,  # type: ignore[type-abstract]  # the base of what is looked up, never made
    "llmproxy.providers",
    {
        "echo": "llmproxy.providers.echo:EchoProvider",
        "openai": "llmproxy.providers.openai:OpenAIProvider",
        "replay": "llmproxy.providers.replay:ReplayProvider",
        **COMPATIBLE,
    },
)
