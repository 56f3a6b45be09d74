import json

import pytest

SHOUT = """
    from llmproxy import Provider

    class Shout(Provider):
        def chat(self, chat):
            for word in chat.last_text().split():
                yield word.upper() + " "

    class Hoarse(Shout):
        def chat(self, chat):
            if chat.stream:
                raise RuntimeError("lost my voice")
            yield "hm"
"""


@pytest.fixture
def shouting(write):
    write(SHOUT, "shouting_aloud.py")


def checks(result):
    return {check["name"]: check for check in json.loads(result.stdout)["checks"]}


def test_a_provider_that_keeps_its_promises_ends_well(run, shouting):
    result = run("test-provider", "shouting_aloud:Shout", "--json")
    said = json.loads(result.stdout)
    assert (result.exit_code, said["provider"], len(said["checks"]) >= 20) == (0, "shouting_aloud:Shout", True)
    assert checks(result)["ends_each_answer_once"] == {"name": "ends_each_answer_once", "result": "passed", "why": ""}
    assert checks(result)["keeps_retry_after"] == {
        "name": "keeps_retry_after", "result": "not applicable", "why": "it asks nobody over HTTP",
    }  # fmt: skip


def test_a_broken_promise_is_an_exit_code_of_one(run, shouting):
    result = run("test-provider", "shouting_aloud:Hoarse")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["PROMISE", "RESULT"]
    assert any(line.startswith("streams_what_it_says_whole") and "lost my voice" in line for line in lines)
    assert lines[-1].startswith("shouting_aloud:Hoarse: ")
    assert " failed, " in lines[-1]


def test_a_provider_is_found_by_its_name(run):
    result = run("test-provider", "echo", "--json")
    assert (result.exit_code, json.loads(result.stdout)["provider"]) == (0, "echo")


def test_an_llm_is_checked_as_its_table_has_it(run, write, monkeypatch):
    monkeypatch.setattr("llmproxy.cli.contract.CHECKS", [sends_no_stream])
    write("""
        [llm.mine]
        provider = "openai"
        base_url = "https://mine.example/v1"
        paths = { "openai.chat" = "/talk" }
        supports_streaming = false
    """)
    assert run("test-provider", "mine").exit_code == 0


def sends_no_stream(bench):
    bench.ask(bench.request(stream=True))
    assert (bench.last.path, bench.last.json()["stream"]) == ("/v1/talk", False)


def test_a_contract_says_what_an_upstream_answers(run, write):
    write(SHOUT, "shouting_aloud.py")
    write(
        """
        from llmproxy.testing import ProviderContract
        from shouting_aloud import Shout

        class TestShout(ProviderContract):
            provider_class = Shout
        """,
        "test_shouting_aloud.py",
    )
    result = run("test-provider", "test_shouting_aloud:TestShout", "--json")
    assert (result.exit_code, json.loads(result.stdout)["provider"]) == (0, "Shout")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("opneai", 'unknown provider "opneai". Did you mean "openai"?'),
        ("no_such_module:Class", "cannot be loaded"),
        ("json:JSONDecoder", "json:JSONDecoder is neither a provider nor a ProviderContract"),
    ],
)
def test_what_cannot_be_checked_is_told_in_one_line(run, name, said):
    result = run("test-provider", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_what_cannot_be_made_is_told(run, write):
    write("from llmproxy import LLMClient\nclass Bare(LLMClient):\n    execute = None\n", "bare_client.py")
    result = run("test-provider", "bare_client:Bare")
    assert (result.exit_code, result.stderr) == (2, "Bare has no from_config: no [llm.*] table can make it\n")
