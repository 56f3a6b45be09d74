"""Where an upstream's base URL comes from."""

import os
import string
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from llmproxy.core.errors import ConfigError
from llmproxy.core.registry import Registry


class UrlProvider(ABC):
    """Whatever knows the base URL of an upstream. Shared by all threads."""

    @abstractmethod
    def get_url(self) -> str:
        """The base URL without a slash at its end, for instance `https://api.openai.com/v1`.

        Raises:
            ConfigError: There is none.
        """


class StaticUrlProvider(UrlProvider):
    """A base URL that does not change.

    Args:
        url: A slash at its end does not count.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def get_url(self) -> str:
        return self._url

    def __repr__(self) -> str:
        return f"StaticUrlProvider({self._url!r})"


class EnvUrlProvider(UrlProvider):
    """The base URL that an environment variable holds, read at each use.

    Args:
        name: The variable's name.
        default: What counts while it is not set; None makes that a `ConfigError`.
        lookup: How variables are looked up; the process's environment by default.
    """

    def __init__(
        self, name: str, default: str | None = None, lookup: Callable[[str], str | None] = os.environ.get
    ) -> None:
        self.name = name
        self._default = default
        self._lookup = lookup

    def get_url(self) -> str:
        url = self._lookup(self.name) or self._default
        if not url:
            raise ConfigError(f"{self.name} is not set; it names the base URL of an upstream")
        return url.rstrip("/")


class TemplateUrlProvider(UrlProvider):
    """A base URL with gaps, filled once: `https://{region}.example.com/v1`.

    Args:
        template: The URL with `{name}` where a value belongs.
        values: A value for each name.

    Raises:
        ConfigError: A value is missing, or the template is none.
    """

    def __init__(self, template: str, values: Mapping[str, str]) -> None:
        try:
            names = {name for _, name, _, _ in string.Formatter().parse(template) if name}
            missing = sorted(names - values.keys())
            if missing:
                raise ConfigError(f"the URL {template!r} needs a value for {', '.join(missing)}")
            self._url = template.format_map(values).rstrip("/")
        except ValueError as error:
            raise ConfigError(f"the URL {template!r} cannot be read: {error}") from error

    def get_url(self) -> str:
        return self._url


URL_PROVIDERS: Registry[UrlProvider] = Registry(
    "URL provider",
    UrlProvider,  # type: ignore[type-abstract]
    "llmproxy.url_providers",
    {},
)
"""Where `[llm.*] url_provider` is found: nothing of ours, which `base_url` stands for."""
