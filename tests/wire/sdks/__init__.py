"""The vendors' own Python SDKs as clients: each asks a question as its documents say, and reports what it heard."""

from wire.sdks.anthropic_messages import AnthropicMessages
from wire.sdks.gemini_generate import GeminiGenerate
from wire.sdks.ollama_chat import OllamaChat
from wire.sdks.openai_chat import OpenAIChat
from wire.sdks.openai_responses import OpenAIResponses

SDKS = {
    "openai.chat": OpenAIChat,
    "openai.responses": OpenAIResponses,
    "anthropic.messages": AnthropicMessages,
    "gemini.generate": GeminiGenerate,
    "ollama.chat": OllamaChat,
}
