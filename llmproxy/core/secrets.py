"""The secrets that this process has read, so that none of them is shown, whoever else repeats it.

Nothing of ours puts a secret into a message. But an upstream may say a token back to us, a client may name a model like
its key, and a library may quote what it could not send: so whatever leaves for a log passes through `mask`.
"""

import json
import threading

MASK = "[redacted]"

_SHORTEST = 8  # a token such as "ollama" or "none" is no secret, and a word that other texts hold
_MOST = 4096  # some tokens are new ones each hour


class Secrets:
    """What must not be shown. Shared by all threads."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, ...]] = {}
        self._forms: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def learn(self, secret: str) -> str:
        """Remembers a secret, and returns it."""
        if secret not in self._known and len(secret) >= _SHORTEST:
            with self._lock:
                self._known[secret] = _forms_of(secret)
                while len(self._known) > _MOST:
                    del self._known[next(iter(self._known))]
                # The longest first: one secret may begin with another.
                forms = {form for forms in self._known.values() for form in forms}
                self._forms = tuple(sorted(forms, key=len, reverse=True))
        return secret

    def mask(self, text: str) -> str:
        """The text with every secret in it made unreadable."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def mask_bytes(self, raw: bytes) -> bytes:
        """The same for bytes, in whatever encoding that holds ASCII."""
        text = raw.decode("utf-8", "surrogateescape")
        masked = self.mask(text)
        return raw if masked is text else masked.encode("utf-8", "surrogateescape")


def _forms_of(secret: str) -> tuple[str, ...]:
    """A secret as it is, and as JSON has it, with slashes escaped or not."""
    quoted = json.dumps(secret)[1:-1]
    return tuple(dict.fromkeys((secret, quoted, quoted.replace("/", "\\/"))))


SECRETS = Secrets()
"""Those of the process."""
