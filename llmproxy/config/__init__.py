"""The configuration: what a user writes, checked in one go, as frozen records."""

from llmproxy.config.detect import token_names
from llmproxy.config.loader import load_config
from llmproxy.config.models import (
    Budget,
    ClientConfig,
    Config,
    Limits,
    ModelConfig,
    OffProvider,
    PluginsConfig,
    PriceConfig,
    ProcessorConfig,
    ProviderConfig,
    RouteConfig,
    ServerConfig,
    TargetConfig,
    Timeouts,
    When,
)

__all__ = [
    "Budget",
    "ClientConfig",
    "Config",
    "Limits",
    "ModelConfig",
    "OffProvider",
    "PluginsConfig",
    "PriceConfig",
    "ProcessorConfig",
    "ProviderConfig",
    "RouteConfig",
    "ServerConfig",
    "TargetConfig",
    "Timeouts",
    "When",
    "load_config",
    "token_names",
]
