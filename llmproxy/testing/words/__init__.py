"""What upstreams say when nothing is wrong, in the words of each provider dialect."""

from llmproxy.testing.words.anthropic_messages import ANTHROPIC_MESSAGES
from llmproxy.testing.words.base import Words
from llmproxy.testing.words.bedrock_converse import BEDROCK_CONVERSE
from llmproxy.testing.words.cohere_chat import COHERE_CHAT
from llmproxy.testing.words.gemini_generate import GEMINI_GENERATE
from llmproxy.testing.words.ollama_chat import OLLAMA_CHAT
from llmproxy.testing.words.openai_chat import OPENAI_CHAT

__all__ = ["OPENAI_CHAT", "WORDS", "Words"]

WORDS = {
    "anthropic.messages": ANTHROPIC_MESSAGES,
    "bedrock.converse": BEDROCK_CONVERSE,
    "cohere.chat": COHERE_CHAT,
    "gemini.generate": GEMINI_GENERATE,
    "ollama.chat": OLLAMA_CHAT,
    "openai.chat": OPENAI_CHAT,
}
"""By provider dialect."""
