import pytest

from llmproxy.core.errors import ConfigError
from llmproxy.core.urls import EnvUrlProvider, StaticUrlProvider, TemplateUrlProvider


@pytest.mark.parametrize("url", ["https://a.example/v1", "https://a.example/v1/", "https://a.example/v1//"])
def test_a_base_url_ends_without_a_slash(url):
    assert StaticUrlProvider(url).get_url() == "https://a.example/v1"


def test_a_static_url_shows_itself():
    assert repr(StaticUrlProvider("https://a.example")) == "StaticUrlProvider('https://a.example')"


def test_a_url_is_read_from_the_environment_at_each_use(monkeypatch):
    provider = EnvUrlProvider("MY_URL")
    monkeypatch.setenv("MY_URL", "https://a.example/")
    assert provider.get_url() == "https://a.example"
    monkeypatch.setenv("MY_URL", "https://b.example")
    assert provider.get_url() == "https://b.example"


@pytest.mark.parametrize("value", [None, ""])
def test_a_default_counts_while_the_variable_is_not_set(value):
    provider = EnvUrlProvider("MY_URL", "https://default.example/", {"MY_URL": value}.get)
    assert provider.get_url() == "https://default.example"


def test_a_variable_that_is_not_set_is_named():
    with pytest.raises(ConfigError, match="MY_URL is not set"):
        EnvUrlProvider("MY_URL", lookup={}.get).get_url()


def test_a_template_is_filled():
    template = "https://{region}.example/{project}/"
    provider = TemplateUrlProvider(template, {"region": "eu", "project": "p", "more": "x"})
    assert provider.get_url() == "https://eu.example/p"


def test_a_value_that_is_missing_is_named():
    with pytest.raises(ConfigError, match=r"needs a value for project, region"):
        TemplateUrlProvider("https://{region}.example/{project}", {})


@pytest.mark.parametrize("template", ["https://{region", "https://}", "https://{}.example", "https://{region!x}"])
def test_a_template_that_cannot_be_read_is_a_config_error(template):
    with pytest.raises(ConfigError, match="cannot be read"):
        TemplateUrlProvider(template, {"region": "eu"})
