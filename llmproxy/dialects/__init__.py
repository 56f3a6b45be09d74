"""What is spoken: every dialect we know, by name."""

from llmproxy.core.registry import Registry
from llmproxy.dialects.base import ClientDialect, ProviderDialect

CLIENT_DIALECTS: Registry[ClientDialect] = Registry(
    "client dialect",
    ClientDialect,  # type: ignore[type-abstract]  # the base of what is looked up, never made
    "llmproxy.client_dialects",
    {
        "anthropic.count_tokens": "llmproxy.dialects.anthropic_count_tokens:AnthropicCountTokensClient",
        "anthropic.messages": "llmproxy.dialects.anthropic_messages:AnthropicMessagesClient",
        "gemini.count_tokens": "llmproxy.dialects.gemini_count_tokens:GeminiCountTokensClient",
        "gemini.generate": "llmproxy.dialects.gemini_generate:GeminiGenerateClient",
        "ollama.chat": "llmproxy.dialects.ollama_chat:OllamaChatClient",
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
        "anthropic.count_tokens": "llmproxy.dialects.anthropic_count_tokens:AnthropicCountTokensProvider",
        "anthropic.messages": "llmproxy.dialects.anthropic_messages:AnthropicMessagesProvider",
        "bedrock.cohere_embed": "llmproxy.dialects.embeddings.bedrock:BedrockCohereEmbedProvider",
        "bedrock.converse": "llmproxy.dialects.bedrock_converse:BedrockConverseProvider",
        "bedrock.titan_embed": "llmproxy.dialects.embeddings.bedrock:TitanEmbedProvider",
        "cohere.chat": "llmproxy.dialects.cohere_chat:CohereChatProvider",
        "cohere.embed": "llmproxy.dialects.embeddings.cohere:CohereEmbedProvider",
        "gemini.count_tokens": "llmproxy.dialects.gemini_count_tokens:GeminiCountTokensProvider",
        "gemini.embed": "llmproxy.dialects.embeddings.gemini:GeminiEmbedProvider",
        "gemini.generate": "llmproxy.dialects.gemini_generate:GeminiGenerateProvider",
        "ollama.embed": "llmproxy.dialects.embeddings.ollama:OllamaEmbedProvider",
        "ollama.chat": "llmproxy.dialects.ollama_chat:OllamaChatProvider",
        "openai.chat": "llmproxy.dialects.openai_chat:OpenAIChatProvider",
        "openai.completions": "llmproxy.dialects.openai_completions:OpenAICompletionsProvider",
        "openai.embeddings": "llmproxy.dialects.openai_embeddings:OpenAIEmbeddingsProvider",
        "openai.responses": "llmproxy.dialects.openai_responses:OpenAIResponsesProvider",
    },
)
