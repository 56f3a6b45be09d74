"""The contract as a test class for pytest."""

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from llmproxy.core.client import LLMClient
from llmproxy.testing.contract import CHECKS
from llmproxy.testing.contract.bench import Bench, NotApplicable
from llmproxy.testing.contract.promises import Check, told
from llmproxy.testing.contract.subject import MODEL, Subject, TokenHeader
from llmproxy.testing.words import Words


class ProviderContract:
    """Checks a provider against a scripted upstream, a test for each promise.

        class TestAcme(ProviderContract):
            provider_class = AcmeProvider
            token_header = ("X-Acme-Key", "test-token")

    An upstream that speaks none of the dialects that are known here is described by its `words`. What nobody has said
    is not checked: the test is skipped, and says what is missing.

    Attributes:
        provider_class: What is checked.
        token_header: The header in which the upstream wants its token, and what it holds then. None: any one header.
        options: The provider's own keys of `[llm.*]`.
        settings: Other keys of that table, as `ProviderConfig` has them.
        words: What the upstream says.
        expected_body: The body that the provider is to make of the question "what-is-asked". None: any that holds it.
        model: The name by which the upstream knows its model.
    """

    provider_class: ClassVar[type[LLMClient]]
    token_header: ClassVar[tuple[str, str] | None] = None
    options: ClassVar[Mapping[str, Any]] = {}
    settings: ClassVar[Mapping[str, Any]] = {}
    words: ClassVar[Words | None] = None
    expected_body: ClassVar[Any] = None
    model: ClassVar[str] = MODEL

    @classmethod
    @functools.cache
    def subject(cls) -> Subject:
        """What is checked, as `llmproxy test-provider` takes it."""
        return Subject(
            cls.provider_class,
            name=cls.provider_class.__name__,
            token_header=TokenHeader(*cls.token_header) if cls.token_header else None,
            options=cls.options,
            settings=cls.settings,
            words=cls.words,
            expected_body=cls.expected_body,
            model=cls.model,
        )

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_promise(self, check: Check) -> None:
        with Bench(self.subject()) as bench:
            try:
                check(bench)
            except NotApplicable as reason:
                pytest.skip(str(reason))
            except AssertionError as error:
                pytest.fail(f"{check.__doc__}\n{told(error)}", pytrace=False)
