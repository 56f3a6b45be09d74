"""The contract, kept by the providers beside this file; `pytest` in this folder runs it."""

import json

from acme import AcmeProvider
from local_model import LocalProvider
from scribe import ScribeProvider

from llmproxy.testing import ProviderContract, Words


def line(**members):
    return json.dumps(members).encode() + b"\n"


OVER = line(over="said", spent=[5, 7])
SCRIBE = Words(
    answer=lambda text: line(says=text) + OVER,
    say=lambda text: line(says=text),
    finish=(OVER,),
    error_event=lambda type, message: line(failed=message),
    counted=(5, 7),
    media="application/x-ndjson",
    stream_media="application/x-ndjson",
)


class TestAcme(ProviderContract):
    provider_class = AcmeProvider
    token_header = ("X-Acme-Key", "test-token")


class TestScribe(ProviderContract):
    provider_class = ScribeProvider
    token_header = ("Authorization", "Bearer test-token")
    words = SCRIBE


class TestLocal(ProviderContract):
    provider_class = LocalProvider
