import json

import pytest

from llmproxy.cli.explain import find_endpoint
from llmproxy.gateway import Gateway

CONFIG = """
    [server]
    request_timeout_secs = 100

    [llm.main]
    provider = "openai"
    token_env = "MAIN_KEY"
    headers = { "x-team" = "search" }
    timeouts = { connect_secs = 2 }

    [llm.embedder]
    provider = "openai"
    base_url = "http://127.0.0.1:9/v1"
    dialects = ["embeddings"]

    [model.smart]
    targets = ["main/gpt-5-mini", "groq/llama"]
    params = { temperature = 0.2 }

    [processor.cap]
    type = "token_limit"
    max_tokens = 20

    [processor.improve]
    type = "llm"
    target = "main/gpt-5-mini"
    prompt = "Ask better."

    [processor.rare]
    type = "system_prompt"
    text = "Hi."
    when = { models = ["nobody-asks-for-this"] }

    [[route]]
    path_prefix = "/"

    [[route]]
    path_prefix = "/team"
    processors = ["cap", "improve", "rare"]
    allow_streaming = false
"""
CHAT = "/v1/chat/completions"


@pytest.fixture
def explain(run, write):
    """Explains a chat to a path; gives the outcome of the command."""
    write(CONFIG)

    def ask(path=CHAT, env=None, **body):
        body = {"model": "smart", "messages": [{"role": "user", "content": "hi"}], **body}
        return run("explain", path, "-", stdin=json.dumps(body), env={"MAIN_KEY": "main-secret-token", **(env or {})})

    return ask


def told(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_it_has_the_promised_members_and_no_others(explain):
    explained = told(explain())

    members = ["route", "dialect", "client", "processors", "targets", "dropped", "deadlines"]
    assert list(explained) == members
    assert all(list(target) == ["llm", "model", "dialect", "url", "headers", "body"] for target in explained["targets"])


def test_the_upstream_request_is_shown_as_it_would_be_sent(explain):
    target = told(explain())["targets"][0]

    assert (target["llm"], target["model"], target["dialect"]) == ("main", "gpt-5-mini", "openai.chat")
    assert target["url"] == "https://api.openai.com/v1/chat/completions"
    assert target["body"] == {
        "model": "gpt-5-mini",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.2,
    }
    assert target["headers"]["x-team"] == "search"


def test_the_token_is_masked(explain):
    result = explain()

    assert told(result)["targets"][0]["headers"]["Authorization"] == "Bearer ***"
    assert "main-secret-token" not in result.output


def test_a_token_that_is_not_there_is_shown_as_absent_and_told(explain):
    result = explain(env={"MAIN_KEY": None})

    assert told(result)["targets"][0]["headers"]["Authorization"] is None
    assert "main has no token, so the request would be refused: MAIN_KEY is not set" in result.stderr


def test_processors_are_those_that_concern_the_request_and_they_take_effect(explain):
    explained = told(explain(f"/team{CHAT}"))

    assert explained["route"] == "/team"
    assert explained["processors"] == ["cap", "improve"]
    assert explained["targets"][0]["body"]["max_completion_tokens"] == 20


def test_a_processor_that_asks_a_model_is_listed_and_not_run(explain):
    result = explain(f"/team{CHAT}")

    assert told(result)["targets"][0]["body"]["messages"][0]["content"] == "hi"
    assert "the processor improve asks a model, so it was not run" in result.stderr


def test_nothing_is_sent(explain, up):
    told(explain(f"/team{CHAT}"))

    assert len(up.calls) == 0


def test_a_target_that_is_off_is_shown_without_a_request(explain):
    result = explain()

    assert told(result)["targets"][1] == {
        "llm": "groq",
        "model": "llama",
        "dialect": None,
        "url": None,
        "headers": {},
        "body": None,
    }
    assert "groq is off: set GROQ_API_KEY to switch it on" in result.stderr


def test_an_llm_that_answers_by_itself_has_no_url(explain):
    result = explain(model="echo")

    assert told(result)["targets"][0]["url"] is None
    assert "echo answers by itself" in result.stderr


HOUSE = """
from llmproxy import Provider

class House(Provider):
    def chat(self, chat):
        yield self.post("/ask").json()["answer"]
"""


def test_an_llm_that_asks_in_code_of_its_own_shows_no_request(explain, newcomers, write):
    (newcomers / "house.py").write_text(HOUSE, encoding="utf-8")
    write(CONFIG + '\n    [llm.house]\n    provider = "house:House"\n    base_url = "http://127.0.0.1:9"\n')
    result = explain(model="house/m")

    assert told(result)["targets"][0]["url"] is None
    assert "house makes its requests in code of its own, so they are not shown" in result.stderr


def test_deadlines_are_those_of_the_exchange_and_of_the_first_target(explain):
    deadlines = told(explain())["deadlines"]

    assert (deadlines["request_timeout_secs"], deadlines["connect_secs"]) == (100, 2)
    assert deadlines["idle_secs"] == 300


def test_a_streamed_request_asks_for_usage(explain):
    assert told(explain(stream=True))["targets"][0]["body"]["stream_options"] == {"include_usage": True}


def test_the_body_may_be_a_file_and_the_path_may_have_a_query(run, write):
    body = write('{"model": "echo", "messages": [{"role": "user", "content": "hi"}]}', "body.json")

    assert told(run("explain", f"{CHAT}?beta=true", str(body)))["dialect"] == "openai.chat"


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/v1/chat/completion", {}, 'Did you mean "/v1/chat/completions"?'),
        (CHAT, {"model": "gpt-x"}, 'The model "gpt-x" does not exist'),
        (CHAT, {"messages": 3}, "messages: Must be a list"),
        (f"/team{CHAT}", {"stream": True}, "This route does not stream."),
        (CHAT, {"model": "embedder/m"}, "speaks openai.embeddings, not openai.chat"),
    ],
)
def test_what_a_client_would_be_refused_for_is_told_in_one_line(explain, path, body, message):
    result = explain(path, **body)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr


def test_a_body_that_is_not_json_is_told(run):
    result = run("explain", CHAT, "-", stdin="{")

    assert result.exit_code == 1
    assert "not valid JSON" in result.stderr


def test_a_body_file_that_is_not_there_is_told(run):
    result = run("explain", CHAT, "gone.json")

    assert (result.exit_code, result.stderr) == (1, "Error: gone.json: cannot be read: No such file or directory\n")


GENERATE = "/v1beta/models/main/gpt-5-mini"
CONTENTS = {"contents": [{"parts": [{"text": "hi"}]}]}


def test_a_path_may_hold_what_is_asked(explain):
    explained = told(explain(f"{GENERATE}:streamGenerateContent?alt=sse", **CONTENTS))

    target = explained["targets"][0]
    assert (explained["dialect"], target["llm"], target["model"]) == ("gemini.generate", "main", "gpt-5-mini")
    assert target["body"]["stream"] is True


def test_a_path_may_be_encoded(explain):
    path = f"{GENERATE.replace('main/', 'main%2F')}:generateContent"

    assert told(explain(path, **CONTENTS))["targets"][0]["model"] == "gpt-5-mini"


def test_a_path_below_a_route_is_found(explain):
    explained = told(explain(f"/team{GENERATE}:generateContent", **CONTENTS))

    assert (explained["route"], explained["processors"]) == ("/team", ["cap", "improve"])
    assert explained["targets"][0]["body"]["max_completion_tokens"] == 20


def test_a_query_reaches_the_request(load):
    endpoint, context = find_endpoint(Gateway(load()), "/v1beta/models/m:countTokens?alt=sse&a=&alt=x")

    assert (endpoint.dialect.name, context.route) == ("gemini.count_tokens", "/")
    assert (context.path, context.query) == ({"model": "m"}, {"alt": "sse", "a": ""})
