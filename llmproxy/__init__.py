"""llmproxy: a synchronous, threaded LLM proxy for Flask applications.

The public names are imported when they are first asked for: gunicorn's main process and the command line need few of
them, and stay small and quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmproxy.app import LLMProxy, create_app, create_blueprint
    from llmproxy.config.models import Config, ProviderConfig
    from llmproxy.core.answer import (
        Answer,
        Appended,
        Aside,
        Choice,
        Closed,
        Counted,
        Delta,
        End,
        Opened,
        Signed,
        Start,
        Usage,
    )
    from llmproxy.core.chat import (
        Audio,
        Chat,
        Document,
        Image,
        Message,
        Other,
        Refusal,
        Signature,
        Source,
        Text,
        Thinking,
        Tool,
        ToolCall,
        ToolResult,
    )
    from llmproxy.core.client import LLMClient
    from llmproxy.core.context import RequestContext
    from llmproxy.core.errors import (
        AccessDenied,
        AuthenticationFailed,
        BudgetExceeded,
        ClientGone,
        ConfigError,
        LLMProxyError,
        MethodNotAllowed,
        ModelNotFound,
        NoTargetAvailable,
        Overloaded,
        ParseError,
        PathNotFound,
        ProviderError,
        ProviderRateLimited,
        ProviderRejected,
        ProviderTimeout,
        ProviderUnavailable,
        ProviderUnreachable,
        RateLimited,
        RequestError,
        RequestRefused,
        RequestTooLarge,
        StreamError,
        TokenError,
        TokenLimitExceeded,
        UnsupportedFeature,
        UnsupportedMedia,
    )
    from llmproxy.core.parser import RequestParser
    from llmproxy.core.pipeline import Pipeline
    from llmproxy.core.processor import Processor, ProcessorChain
    from llmproxy.core.request import LLMRequest
    from llmproxy.core.response import ResponseStream
    from llmproxy.core.sse import Event
    from llmproxy.core.tokens import (
        CallableTokenProvider,
        EnvTokenProvider,
        FileTokenProvider,
        RotatingTokenProvider,
        StaticTokenProvider,
        TokenProvider,
    )
    from llmproxy.core.urls import EnvUrlProvider, StaticUrlProvider, TemplateUrlProvider, UrlProvider
    from llmproxy.gateway import load_config
    from llmproxy.processors.token_limit import TokenLimitProcessor
    from llmproxy.providers.base import Provider
    from llmproxy.transport.auth import BearerAuth, HeaderAuth

__version__ = "0.1.0"

_HOMES = {
    "llmproxy.app": ("LLMProxy", "create_app", "create_blueprint"),
    "llmproxy.config.models": ("Config", "ProviderConfig"),
    "llmproxy.core.answer": (
        "Answer",
        "Appended",
        "Aside",
        "Choice",
        "Closed",
        "Counted",
        "Delta",
        "End",
        "Opened",
        "Signed",
        "Start",
        "Usage",
    ),
    "llmproxy.core.chat": (
        "Audio",
        "Chat",
        "Document",
        "Image",
        "Message",
        "Other",
        "Refusal",
        "Signature",
        "Source",
        "Text",
        "Thinking",
        "Tool",
        "ToolCall",
        "ToolResult",
    ),
    "llmproxy.core.client": ("LLMClient",),
    "llmproxy.core.context": ("RequestContext",),
    "llmproxy.core.errors": (
        "AccessDenied",
        "AuthenticationFailed",
        "BudgetExceeded",
        "ClientGone",
        "ConfigError",
        "LLMProxyError",
        "MethodNotAllowed",
        "ModelNotFound",
        "NoTargetAvailable",
        "Overloaded",
        "ParseError",
        "PathNotFound",
        "ProviderError",
        "ProviderRateLimited",
        "ProviderRejected",
        "ProviderTimeout",
        "ProviderUnavailable",
        "ProviderUnreachable",
        "RateLimited",
        "RequestError",
        "RequestRefused",
        "RequestTooLarge",
        "StreamError",
        "TokenError",
        "TokenLimitExceeded",
        "UnsupportedFeature",
        "UnsupportedMedia",
    ),
    "llmproxy.core.parser": ("RequestParser",),
    "llmproxy.core.pipeline": ("Pipeline",),
    "llmproxy.core.processor": ("Processor", "ProcessorChain"),
    "llmproxy.core.request": ("LLMRequest",),
    "llmproxy.core.response": ("ResponseStream",),
    "llmproxy.core.sse": ("Event",),
    "llmproxy.core.tokens": (
        "CallableTokenProvider",
        "EnvTokenProvider",
        "FileTokenProvider",
        "RotatingTokenProvider",
        "StaticTokenProvider",
        "TokenProvider",
    ),
    "llmproxy.core.urls": (
        "EnvUrlProvider",
        "StaticUrlProvider",
        "TemplateUrlProvider",
        "UrlProvider",
    ),
    "llmproxy.gateway": ("load_config",),
    "llmproxy.processors.token_limit": ("TokenLimitProcessor",),
    "llmproxy.providers.base": ("Provider",),
    "llmproxy.transport.auth": ("BearerAuth", "HeaderAuth"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AccessDenied",
    "Answer",
    "Appended",
    "Aside",
    "Audio",
    "AuthenticationFailed",
    "BearerAuth",
    "BudgetExceeded",
    "CallableTokenProvider",
    "Chat",
    "Choice",
    "ClientGone",
    "Closed",
    "Config",
    "ConfigError",
    "Counted",
    "Delta",
    "Document",
    "End",
    "EnvTokenProvider",
    "EnvUrlProvider",
    "Event",
    "FileTokenProvider",
    "HeaderAuth",
    "Image",
    "LLMClient",
    "LLMProxy",
    "LLMProxyError",
    "LLMRequest",
    "Message",
    "MethodNotAllowed",
    "ModelNotFound",
    "NoTargetAvailable",
    "Opened",
    "Other",
    "Overloaded",
    "ParseError",
    "PathNotFound",
    "Pipeline",
    "Processor",
    "ProcessorChain",
    "Provider",
    "ProviderConfig",
    "ProviderError",
    "ProviderRateLimited",
    "ProviderRejected",
    "ProviderTimeout",
    "ProviderUnavailable",
    "ProviderUnreachable",
    "RateLimited",
    "Refusal",
    "RequestContext",
    "RequestError",
    "RequestParser",
    "RequestRefused",
    "RequestTooLarge",
    "ResponseStream",
    "RotatingTokenProvider",
    "Signature",
    "Signed",
    "Source",
    "Start",
    "StaticTokenProvider",
    "StaticUrlProvider",
    "StreamError",
    "TemplateUrlProvider",
    "Text",
    "Thinking",
    "TokenError",
    "TokenLimitExceeded",
    "TokenLimitProcessor",
    "TokenProvider",
    "Tool",
    "ToolCall",
    "ToolResult",
    "UnsupportedFeature",
    "UnsupportedMedia",
    "UrlProvider",
    "Usage",
    "__version__",
    "create_app",
    "create_blueprint",
    "load_config",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
