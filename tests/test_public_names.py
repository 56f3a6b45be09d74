"""What `from llmproxy import ...` gives."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import llmproxy

# The names that are promised; `Chat` comes with the neutral model of a request.
PROMISED = """
    LLMProxy create_app create_blueprint Config load_config ProviderConfig Pipeline Processor ProcessorChain
    TokenLimitProcessor RequestParser LLMRequest LLMClient Provider ResponseStream TokenProvider BearerAuth HeaderAuth
    RequestContext EnvTokenProvider StaticTokenProvider UrlProvider StaticUrlProvider Answer Delta Usage LLMProxyError
    ConfigError RequestError ParseError UnsupportedFeature TokenLimitExceeded AuthenticationFailed AccessDenied
    ModelNotFound RequestTooLarge UnsupportedMedia RateLimited BudgetExceeded Overloaded ProviderError TokenError
    ProviderRejected ProviderRateLimited ProviderUnreachable ProviderTimeout ProviderUnavailable NoTargetAvailable
    StreamError ClientGone
""".split()  # noqa: SIM905  # a list of words reads better than a list of strings


@pytest.mark.parametrize("name", PROMISED)
def test_a_promised_name_is_there(name):
    assert getattr(llmproxy, name).__name__ == name if name != "Delta" else llmproxy.Delta


def test_what_the_type_checker_sees_is_what_is_there():
    tree = ast.parse(Path(llmproxy.__file__).read_text(encoding="utf-8"))
    seen = {
        (alias.name, node.module)
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == set(llmproxy._HOME_OF.items())
    assert set(llmproxy.__all__) == {name for name, _ in seen} | {"__version__"}
    assert dir(llmproxy) == llmproxy.__all__


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = llmproxy.Nonsense


def test_importing_the_package_imports_none_of_what_it_stands_on():
    code = "import sys, llmproxy; print(sorted({'flask', 'requests', 'marshmallow', 'werkzeug'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
