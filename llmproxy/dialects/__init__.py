"""What is spoken: every dialect we know, by name."""

from llmproxy.core.registry import Registry
from llmproxy.dialects.base import ClientDialect, ProviderDialect

CLIENT_DIALECTS: Registry[ClientDialect] = Registry(
    "client dialect",
    ClientDialect,  # type: ignore[type-abstract]  # the base of what is looked up, never made
    "llmproxy.client_dialects",
    {
        "openai.chat": "llmproxy.dialects.openai_chat:OpenAIChatClient",
        "openai.completions": "llmproxy.dialects.openai_completions:OpenAICompletionsClient",
        "openai.embeddings": "llmproxy.dialects.openai_embeddings:OpenAIEmbeddingsClient",
        "openai.responses": "llmproxy.dialects.openai_responses:OpenAIResponsesClient",
    },
)

PROVIDER_DIALECTS: Registry[ProviderDialect] = Registry(
    "provider dialect",
    ProviderDialect,  # type: ignore[type-abstract]
    "llmproxy.provider_dialects",
    {
        "openai.chat": "llmproxy.dialects.openai_chat:OpenAIChatProvider",
        "openai.completions": "llmproxy.dialects.openai_completions:OpenAICompletionsProvider",
        "openai.embeddings": "llmproxy.dialects.openai_embeddings:OpenAIEmbeddingsProvider",
        "openai.responses": "llmproxy.dialects.openai_responses:OpenAIResponsesProvider",
    },
)
