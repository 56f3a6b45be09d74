"""Where secrets come from: the environment, `.env` files, secret files. A secret is read when it is needed, so that a
token edited in `.env` is used from the next request on."""

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from llmproxy.core.errors import ConfigError, TokenError
from llmproxy.core.registry import Registry
from llmproxy.core.secrets import SECRETS

Stamp = tuple[int, int, int]


class DotEnvFile:
    """One `.env` file, parsed again whenever it changes on disk. A file that is not there has no variables."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: Stamp | None = None
        self._values: dict[str, str] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"DotEnvFile({str(self.path)!r})"

    def values(self) -> Mapping[str, str]:
        """The variables as the file has them now."""
        stamp = self.stamp()
        if stamp != self._stamp:
            with self._lock:
                self._values = self._read() if stamp else {}
                self._stamp = stamp
        return self._values

    def problems(self) -> list[tuple[int, str]]:
        """The lines that do not parse, as (line number, message). The message never holds the line itself."""
        return [
            (_line(binding), "this line is not NAME=value")
            for binding in self._bindings()
            if binding.error or (binding.key and binding.value is None)
        ]

    def line_of(self, name: str) -> int | None:
        """The number of the line that sets `name`."""
        return next((_line(binding) for binding in self._bindings() if binding.key == name), None)

    def stamp(self) -> Stamp | None:
        """What changes whenever the file does; None while there is none."""
        try:
            status = os.stat(self.path)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> dict[str, str]:
        return {
            binding.key: binding.value for binding in self._bindings() if binding.key and binding.value is not None
        }

    def _bindings(self) -> list[Binding]:
        try:
            with open(self.path, encoding="utf-8-sig", errors="surrogateescape") as stream:
                return list(parse_stream(stream))
        except OSError:
            return []


class Environment:
    """Named settings and secrets: the process's environment, then `.env` files, then the file that `NAME_FILE` names.

    Nothing is copied into `os.environ`: a host application's environment stays its own.

    Args:
        files: `.env` files; an earlier one wins.
        environ: In place of the process's environment, for tests.
    """

    def __init__(self, files: Sequence[Path] = (), environ: Mapping[str, str] | None = None) -> None:
        self.files = tuple(DotEnvFile(path) for path in files)
        self._environ = os.environ if environ is None else environ

    def get(self, name: str) -> str | None:
        """The value of `name` without white space around it, or None. An empty value counts as absent."""
        value = (self._lookup(name) or "").strip()
        if not value:
            path = (self._lookup(f"{name}_FILE") or "").strip()
            value = (read_secret(Path(path)) or "") if path else ""
        return value or None

    def defines(self, name: str) -> bool:
        """Whether `name` is set at all, be it to nothing."""
        return self._lookup(name) is not None

    def stamps(self) -> tuple[Stamp | None, ...]:
        """What changes whenever one of the `.env` files does."""
        return tuple(file.stamp() for file in self.files)

    def _lookup(self, name: str) -> str | None:
        if name in self._environ:
            return self._environ[name]
        for file in self.files:
            values = file.values()
            if name in values:
                return values[name]
        return None


def _line(binding: Binding) -> int:
    """The number of a binding's line; python-dotenv counts from the blank lines before it."""
    text = binding.original.string
    blank = text[: len(text) - len(text.lstrip())]
    return int(binding.original.line) + blank.count("\n")


def read_secret(path: Path) -> str | None:
    """The content of a secret file (a container's mounted secret), or None where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


class TokenProvider(ABC):
    """Whatever knows the token for an upstream. Shared by all threads; no token ever shows in its `repr`.

    Attributes:
        owner: Whose tokens they are, where each soon gives way to another of the same owner's; empty where a token
            stands for itself.
        fetches: Whether somebody else may have to be asked for one first.
        count: How many tokens take turns.
    """

    owner: str = ""
    fetches: bool = False
    count: int = 1

    @abstractmethod
    def get_token(self) -> str:
        """The token to use for the next attempt.

        Raises:
            TokenError: There is none.
        """

    def at(self, place: int) -> "TokenProvider":
        """What gives the token at this place, of several that take turns."""
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class EnvTokenProvider(TokenProvider):
    """The token that an environment variable holds: the process's environment, then `.env`, then `NAME_FILE`.

    Args:
        name: The variable's name.
        environment: Where to look; None means the process's environment and `.env` in the working directory.
    """

    def __init__(self, name: str, environment: Environment | None = None) -> None:
        self.name = name
        self._environment = environment or Environment([Path(".env")])

    def get_token(self) -> str:
        token = self._environment.get(self.name)
        if token is None:
            raise TokenError(detail=f"{self.name} is not set")
        return SECRETS.learn(token)

    def __repr__(self) -> str:
        return f"<EnvTokenProvider {self.name}>"


class StaticTokenProvider(TokenProvider):
    """A token that is known already, for tests and for code that keeps its secrets elsewhere.

    Args:
        token: The token itself. An empty one is none.
    """

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self) -> str:
        if not self._token:
            raise TokenError(detail="the token is empty")
        return SECRETS.learn(self._token)


class FileTokenProvider(TokenProvider):
    """The token that a file holds, read at each use.

    Args:
        path: The file, in UTF-8; white space around the token does not count.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def get_token(self) -> str:
        token = read_secret(self.path)
        if not token:
            raise TokenError(detail=f"{self.path} holds no token")
        return SECRETS.learn(token)


class CallableTokenProvider(TokenProvider):
    """The token that a function returns; the function is called for each attempt, from any thread.

    Args:
        function: Returns the token. That it returns nothing, or an empty text, is a `TokenError`.
    """

    owner = "a function"
    fetches = True

    def __init__(self, function: Callable[[], str]) -> None:
        self._function = function

    def get_token(self) -> str:
        token = self._function()
        if not token:
            raise TokenError(detail="the token function returned nothing")
        return SECRETS.learn(token)


class RotatingTokenProvider(TokenProvider):
    """Several tokens in turn; one that is absent is passed over.

    Args:
        providers: At least one; asked round robin.

    Raises:
        ConfigError: There is none.
    """

    def __init__(self, providers: Iterable[TokenProvider]) -> None:
        self._providers = tuple(providers)
        if not self._providers:
            raise ConfigError("a rotating token provider needs at least one token")
        self.fetches = any(provider.fetches for provider in self._providers)
        self.count = len(self._providers)
        self._next = 0
        self._lock = threading.Lock()

    def at(self, place: int) -> TokenProvider:
        return self._providers[place]

    def get_token(self) -> str:
        with self._lock:
            start = self._next
            self._next = (start + 1) % len(self._providers)
        failure = TokenError()
        for offset in range(len(self._providers)):
            try:
                return self._providers[(start + offset) % len(self._providers)].get_token()
            except TokenError as error:
                failure = error
        raise failure


TOKEN_PROVIDERS: Registry[TokenProvider] = Registry(
    "token provider",
    TokenProvider,  # type: ignore[type-abstract]  # the base of what is looked up, never made
    "llmproxy.token_providers",
    {},
)
"""Where `[llm.*] token_provider` is found: nothing of ours, which `token_env` stands for."""
