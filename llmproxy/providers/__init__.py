"""One small file per upstream, and the table of them."""

from llmproxy.core.client import LLMClient
from llmproxy.core.registry import Registry
from llmproxy.providers.compatible import COMPATIBLE

PROVIDERS: Registry[LLMClient] = Registry(
    "provider",
    LLMClient,  # type: ignore[type-abstract]  # the base of what is looked up, never made
    "llmproxy.providers",
    {
        "anthropic": "llmproxy.providers.anthropic:AnthropicProvider",
        "azure_openai": "llmproxy.providers.azure_openai:AzureOpenAIProvider",
        "bedrock": "llmproxy.providers.bedrock:BedrockProvider",
        "cohere": "llmproxy.providers.cohere:CohereProvider",
        "echo": "llmproxy.providers.echo:EchoProvider",
        "gemini": "llmproxy.providers.gemini:GeminiProvider",
        "mistral": "llmproxy.providers.mistral:MistralProvider",
        "ollama": "llmproxy.providers.ollama:OllamaProvider",
        "openai": "llmproxy.providers.openai:OpenAIProvider",
        "replay": "llmproxy.providers.replay:ReplayProvider",
        "vertex": "llmproxy.providers.vertex:VertexProvider",
        **COMPATIBLE,
    },
)
