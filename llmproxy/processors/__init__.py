"""Steps between client and provider, one file each, and the table of them."""

from llmproxy.core.processor import Processor
from llmproxy.core.registry import Registry

PROCESSORS: Registry[Processor] = Registry(
    "processor",
    Processor,
    "llmproxy.processors",
    {
        "defaults": "llmproxy.processors.defaults:DefaultsProcessor",
        "headers": "llmproxy.processors.headers:HeadersProcessor",
        "llm": "llmproxy.processors.llm:LLMProcessor",
        "logger": "llmproxy.processors.logger:LoggerProcessor",
        "system_prompt": "llmproxy.processors.system_prompt:SystemPromptProcessor",
        "token_limit": "llmproxy.processors.token_limit:TokenLimitProcessor",
    },
)
