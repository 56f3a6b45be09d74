"""Cohere. https://docs.cohere.com/reference/about"""

from llmproxy.providers.base import Provider

PATHS = {"cohere.chat": "/chat", "cohere.embed": "/embed"}


class CohereProvider(Provider):
    """Cohere, by dialects of its own."""

    endpoints = PATHS
    default_base_url = "https://api.cohere.com/v2"
    default_token_env = "COHERE_API_KEY"
    model_patterns = ("command-*", "c4ai-*", "embed-v4*", "embed-english-*", "embed-multilingual-*")
