"""The README's code blocks work as they stand."""

import json
import re
import sys
from pathlib import Path

import pytest
import responses
from fakes import completion
from gunicorns import gunicorn

import llmproxy
from llmproxy import load_config

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
HELLO = {"model": "echo", "messages": [{"role": "user", "content": "hello there"}]}


def block(language, word):
    """The one block of a language that holds a word."""
    found = [text for text in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if word in text]
    assert len(found) == 1
    return found[0]


def run(code, **names):
    """Executes a block in a namespace of its own, which is returned."""
    names["__name__"] = "__main__"
    exec(compile(code, "README.md", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def nowhere(folder, monkeypatch):
    """No configuration and no key of the machine's."""
    for name in re.findall(r"[A-Z]+_(?:API_KEY|TOKEN)", " ".join(sys.modules["os"].environ)):
        monkeypatch.delenv(name, raising=False)


def test_every_python_block_is_run_here():
    assert len(re.findall("```python", README)) == 8


def test_the_openai_client_gets_an_answer(folder):
    pytest.importorskip("openai", reason="the openai SDK comes with the dev extra")
    (folder / "llmproxy.toml").touch()
    with gunicorn(folder / "llmproxy.toml") as port:
        printed = []
        run(block("python", "from openai").replace(":3000", f":{port}"), print=printed.append)
    assert printed == ["hello there"]


def test_the_anthropic_client_gets_an_answer(folder):
    pytest.importorskip("anthropic", reason="the anthropic SDK comes with the dev extra")
    (folder / "llmproxy.toml").touch()
    with gunicorn(folder / "llmproxy.toml") as port:
        printed = []
        run(block("python", "from anthropic").replace(":3000", f":{port}"), print=printed.append)
    assert printed == ["hello there"]


def test_the_application_with_its_own_login_serves_below_its_prefix():
    app = run(block("python", "who_is_calling"))["app"]
    with app.test_client() as client:
        assert client.post("/llm/v1/chat/completions", json=HELLO).status_code == 401
        answer = client.post("/llm/v1/chat/completions", json=HELLO, headers={"X-User": "ann"})
        assert answer.json["choices"][0]["message"]["content"] == "hello there"


def test_the_proxy_answers_in_process():
    printed = []
    run(block("python", "proxy.chat"), print=lambda *words, **_: printed.extend(words))
    assert printed[0] == "hello there"
    assert "".join(printed[1:]) == "hello there"


def test_the_processor_refuses_and_counts(folder):
    (folder / "my_module.py").write_text(block("python", "NoSecrets"), encoding="utf-8")
    route = '[[route]]\npath_prefix = "/"\nprocessors = ["no_secrets"]\n'
    (folder / "llmproxy.toml").write_text(block("toml", "NoSecrets") + route, encoding="utf-8")
    proxy = llmproxy.LLMProxy(config=folder / "llmproxy.toml")
    proxy.chat(**HELLO)
    assert sys.modules["my_module"].NoSecrets.__name__ == "NoSecrets"
    with pytest.raises(llmproxy.RequestRefused):
        proxy.chat("echo", [{"role": "user", "content": "the password is 1234"}])


def test_the_provider_sends_its_key_in_its_own_header(folder, monkeypatch):
    monkeypatch.setenv("ACME_API_KEY", "acme-token")
    (folder / "acme.py").write_text(block("python", "AcmeProvider"), encoding="utf-8")
    (folder / "llmproxy.toml").write_text(block("toml", "AcmeProvider"), encoding="utf-8")
    with responses.RequestsMock() as upstream:
        matcher = responses.matchers.header_matcher({"X-Acme-Key": "acme-token"})
        upstream.post("https://api.acme.example/v1/chat", json=completion("hi"), match=[matcher])
        answer = llmproxy.LLMProxy(config=folder / "llmproxy.toml").chat("acme/m", HELLO["messages"])
    assert answer.text == "hi"


def test_the_generator_answers(folder):
    (folder / "shout.py").write_text(block("python", "Shout"), encoding="utf-8")
    (folder / "llmproxy.toml").write_text(block("toml", "shout:Shout"), encoding="utf-8")
    assert llmproxy.LLMProxy(config=folder / "llmproxy.toml").chat("shout/any", HELLO["messages"]).text.isupper()


def test_the_pipeline_works_as_plain_python(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "openai-token")
    with responses.RequestsMock() as upstream:
        upstream.post("https://api.openai.com/v1/chat/completions", json=completion("hi"))
        body = run(block("python", "pipeline.execute"))["body"]
        assert json.loads(upstream.calls[0].request.body)["max_tokens"] == 2000
    assert json.loads(body) == completion("hi")


@pytest.mark.parametrize("word", ["[server]", "my_module:NoSecrets", "shout:Shout", "acme:AcmeProvider", "replay"])
def test_a_configuration_can_be_used(word, folder, monkeypatch):
    monkeypatch.setenv("CI_PROXY_KEY", "client-key")
    (folder / "my_module.py").write_text(block("python", "NoSecrets"), encoding="utf-8")
    (folder / "acme.py").write_text(block("python", "AcmeProvider"), encoding="utf-8")
    (folder / "shout.py").write_text(block("python", "Shout"), encoding="utf-8")
    (folder / "recordings.jsonl").touch()
    (folder / "llmproxy.toml").write_text(block("toml", word), encoding="utf-8")
    assert llmproxy.LLMProxy(config=folder / "llmproxy.toml").gateway.llms


def test_the_mistake_is_reported_as_it_is_shown(folder):
    text = '[server]\nport = 3000\nlog_format = "json"\n\n\n[llm.openai]\nprovder = "openai"\n'
    (folder / "llmproxy.toml").write_text(text, encoding="utf-8")
    with pytest.raises(llmproxy.ConfigError) as caught:
        load_config("llmproxy.toml")
    assert block("text", "provder").strip() in caught.value.problems
