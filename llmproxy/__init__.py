"""llmproxy: a synchronous, threaded LLM proxy for Flask applications."""

from llmproxy.app import LLMProxy, create_app, create_blueprint
from llmproxy.config.models import Config, ProviderConfig
from llmproxy.core.answer import Answer, Appended, Closed, Counted, Delta, End, Opened, Start, Text, Usage
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

__all__ = [
    "AccessDenied",
    "Answer",
    "Appended",
    "AuthenticationFailed",
    "BearerAuth",
    "BudgetExceeded",
    "CallableTokenProvider",
    "ClientGone",
    "Closed",
    "Config",
    "ConfigError",
    "Counted",
    "Delta",
    "End",
    "EnvTokenProvider",
    "EnvUrlProvider",
    "FileTokenProvider",
    "HeaderAuth",
    "LLMClient",
    "LLMProxy",
    "LLMProxyError",
    "LLMRequest",
    "MethodNotAllowed",
    "ModelNotFound",
    "NoTargetAvailable",
    "Opened",
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
    "RequestContext",
    "RequestError",
    "RequestParser",
    "RequestRefused",
    "RequestTooLarge",
    "ResponseStream",
    "RotatingTokenProvider",
    "Start",
    "StaticTokenProvider",
    "StaticUrlProvider",
    "StreamError",
    "TemplateUrlProvider",
    "Text",
    "TokenError",
    "TokenLimitExceeded",
    "TokenLimitProcessor",
    "TokenProvider",
    "UnsupportedFeature",
    "UnsupportedMedia",
    "UrlProvider",
    "Usage",
    "__version__",
    "create_app",
    "create_blueprint",
    "load_config",
]
