"""What looks like a secret. Secrets never stand in the TOML, and no message repeats what looks like one."""

import re

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# How the vendors' keys begin. In the middle of a text, too: "Bearer sk-...".
_KEY = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      sk-[A-Za-z0-9_-]{6,}                    # OpenAI, Anthropic (sk-ant-), OpenRouter (sk-or-), DeepSeek
    | gsk_[A-Za-z0-9]{8,}                     # Groq
    | xai-[A-Za-z0-9]{8,}
    | AIza[A-Za-z0-9_-]{8,}                   # Google
    | ya29\.[A-Za-z0-9_-]{8,}
    | hf_[A-Za-z0-9]{12,}                     # Hugging Face
    | (?:AKIA|ASIA)[A-Z0-9]{8,}               # AWS
    | (?:ghp|gho|ghs)_[A-Za-z0-9]{16,} | github_pat_[A-Za-z0-9_]{16,}
    | (?:pplx|nvapi)-[A-Za-z0-9_-]{16,} | r8_[A-Za-z0-9]{16,} | xox[abp]-[A-Za-z0-9-]{8,}
    | eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}[A-Za-z0-9_.-]*     # a JWT
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----
    )""",
    re.VERBOSE,
)
_WHOLE_KEY = re.compile(r"sk-\S+")
# Mistral's, Cohere's and Azure's keys have no mark but their length; as a variable's name they would pass.
_OPAQUE = re.compile(r"(?=(?:.*[0-9]){3})[A-Za-z0-9]{24,}")

_SECRET_NAME = re.compile(r"token|secret|passw|authorization|key(?!word|board)", re.IGNORECASE)
# Names that count tokens, lead to a file, or choose a bucket of a cache.
_HARMLESS_NAME = re.compile(r"^max_|_per_|_(?:file|path)$|cache_key$", re.IGNORECASE)

_QUOTED = re.compile(r"""(["']).*\1""")


def looks_like_key(text: str) -> bool:
    """Whether a value is, or holds, what looks like a vendor's key."""
    return bool(_KEY.search(text) or _WHOLE_KEY.fullmatch(text))


def is_secret_name(name: str) -> bool:
    """Whether a key of this name would hold a secret or name the variable with one."""
    return bool(_SECRET_NAME.search(name)) and not _HARMLESS_NAME.search(name)


def is_variable_name(text: str) -> bool:
    """Whether a value can be the name of an environment variable, rather than what belongs into it."""
    return bool(VARIABLE_NAME.fullmatch(text)) and not looks_like_key(text) and not _OPAQUE.fullmatch(text)


def mask(text: str) -> str:
    """The text with everything that looks like a key made unreadable."""
    return _KEY.sub("***", text)


def oddity(secret: str) -> str | None:
    """What about a secret's value will most likely not be meant so, or None: a predicate without the value."""
    if _QUOTED.fullmatch(secret):
        return "stands in quotes, which are sent as part of it"
    if any(character.isspace() for character in secret):
        return "has white space inside"
    if not (secret.isascii() and secret.isprintable()):
        return "holds characters that no header can carry"
    return None
