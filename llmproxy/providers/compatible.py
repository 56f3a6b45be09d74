"""Hosts that speak OpenAI's dialects, as rows of data: base URLs and key names are those of the vendors' documents."""

from dataclasses import dataclass

from llmproxy.providers.openai import OpenAIProvider


@dataclass(frozen=True, slots=True)
class Row:
    """One host.

    Attributes:
        base_url: Where its API begins, version included.
        token_env: The variable its documents use; None for servers of one's own that want no key.
        dialects: Which of OpenAI's dialects it has, the preferred one first.
        models: Globs of names that are its own models and nobody else's.
        asks_usage: False where `stream_options` is refused, or usage comes unasked.
        thoughts: Where it was read that the thoughts of earlier turns are given back; None: nowhere.
        documents: Where this was read.
    """

    base_url: str
    token_env: str | None
    dialects: tuple[str, ...] = ("chat",)
    models: tuple[str, ...] = ()
    asks_usage: bool = True
    thoughts: str | None = None
    documents: str = ""

    def provider_class(self, name: str) -> type[OpenAIProvider]:
        """The provider class that this row stands for."""
        members = {
            "__doc__": f"{name}, by OpenAI's dialects. {self.documents}",
            "__module__": __name__,
            "dialects": self.dialects,
            "default_base_url": self.base_url,
            "default_token_env": self.token_env,
            "model_patterns": self.models,
            "asks_usage": self.asks_usage,
            "takes_thoughts": self.thoughts is not None,
        }
        return type(f"{name.capitalize()}Provider", (OpenAIProvider,), members)


ALL_FOUR = ("chat", "responses", "completions", "embeddings")

ROWS = {
    "cerebras": Row(
        "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY", ("chat", "completions"),
        documents="https://inference-docs.cerebras.ai",
    ),
    "deepseek": Row(
        "https://api.deepseek.com", "DEEPSEEK_API_KEY", ("chat", "responses"), ("deepseek-*",),
        thoughts="https://api-docs.deepseek.com/guides/thinking_mode",
        documents="https://api-docs.deepseek.com",
    ),
    "fireworks": Row(
        "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", ALL_FOUR, ("accounts/fireworks/*",),
        documents="https://docs.fireworks.ai/tools-sdks/openai-compatibility",
    ),
    "groq": Row(
        "https://api.groq.com/openai/v1", "GROQ_API_KEY", ("chat", "responses"),
        documents="https://console.groq.com/docs/openai",
    ),
    "huggingface": Row(
        "https://router.huggingface.co/v1", "HF_TOKEN", ("chat", "responses"),
        documents="https://huggingface.co/docs/inference-providers",
    ),
    "llamacpp": Row(
        "http://127.0.0.1:8080/v1", None, ("chat", "completions", "embeddings"),
        documents="https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
    ),
    "lmstudio": Row(
        "http://127.0.0.1:1234/v1", None, ALL_FOUR, documents="https://lmstudio.ai/docs/developer/openai-compat",
    ),
    "moonshot": Row(
        "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY", ("chat", "responses"), ("kimi-*", "moonshot-*"),
        thoughts="https://platform.kimi.ai/docs/guide/use-kimi-k2-thinking-model",
        documents="https://platform.kimi.ai/docs/api/overview",
    ),
    "nvidia": Row(
        "https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY", ("chat", "completions", "embeddings"),
        documents="https://docs.api.nvidia.com/nim/reference/llm-apis",
    ),
    "openrouter": Row(
        "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", ALL_FOUR,
        thoughts="https://openrouter.ai/docs/use-cases/reasoning-tokens",
        documents="https://openrouter.ai/docs/api-reference/overview",
    ),
    "perplexity": Row(
        "https://api.perplexity.ai", "PERPLEXITY_API_KEY", models=("sonar", "sonar-*"), asks_usage=False,
        documents="https://docs.perplexity.ai/guides/chat-completions-guide",
    ),
    "together": Row(
        "https://api.together.ai/v1", "TOGETHER_API_KEY", ("chat", "completions", "embeddings"),
        documents="https://docs.together.ai/docs/inference/openai-compatibility",
    ),
    "vllm": Row(
        "http://127.0.0.1:8000/v1", None, ALL_FOUR,
        thoughts="https://docs.vllm.ai/en/latest/features/interleaved_thinking",
        documents="https://docs.vllm.ai/en/latest/serving/openai_compatible_server",
    ),
    "xai": Row(
        "https://api.x.ai/v1", "XAI_API_KEY", ("chat", "responses"), ("grok-*",),
        documents="https://docs.x.ai/docs/api-reference",
    ),
    "zai": Row(
        "https://api.z.ai/api/paas/v4", "ZAI_API_KEY", models=("glm-*",),
        thoughts="https://docs.z.ai/guides/capabilities/thinking-mode",
        documents="https://docs.z.ai/guides/overview/quick-start",
    ),
}  # fmt: skip

COMPATIBLE: dict[str, type[OpenAIProvider]] = {name: row.provider_class(name) for name, row in ROWS.items()}
