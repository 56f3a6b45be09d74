import json
import textwrap

import pytest
from fakes import CHAT_URL, completion, upstream

from llmproxy import ConfigError, RequestRefused, create_app, load_config
from llmproxy.dialects import CLIENT_DIALECTS, PROVIDER_DIALECTS
from llmproxy.gateway import Gateway
from llmproxy.routing.policies import Policy
from llmproxy.web.blueprint import Face

CHAT = "/v1/chat/completions"
STANDARD = {path for name in CLIENT_DIALECTS for path in CLIENT_DIALECTS.get(name).paths}


def model_sent(up):
    return json.loads(up.calls[-1].request.body)["model"]


@pytest.fixture
def routed(make_app, up):
    """Calls an application with these routes, further tables and an upstream that answers."""

    def client_of(*routes, **tables):
        up.post(CHAT_URL, json=completion())
        return make_app({"route": list(routes), **tables}).test_client()

    return client_of


# Routes


def test_without_routes_every_standard_path_is_at_the_root(load):
    assert set(Gateway(load()).endpoints) == STANDARD


def test_a_route_serves_every_standard_path_below_its_prefix(load):
    gateway = Gateway(load({"route": [{"path_prefix": "/team-a"}]}))
    assert set(gateway.endpoints) == {f"/team-a{path}" for path in STANDARD}


@pytest.mark.parametrize("prefix", ["/team-a", "/team-a/", "/a/b/c"])
def test_a_prefix_may_end_in_a_slash_and_have_several_parts(routed, ask, prefix):
    client = routed({"path_prefix": prefix})
    assert ask(client, prefix.rstrip("/") + CHAT).status_code == 200
    assert ask(client, CHAT).status_code == 404


def test_a_route_may_be_one_whole_path(routed, ask):
    client = routed({"path_prefix": "/only/v1/chat/completions"})
    assert ask(client, f"/only{CHAT}").status_code == 200
    assert ask(client, "/only/v1/completions", prompt="x").status_code == 404
    assert ask(client, f"/only{CHAT}{CHAT}").status_code == 404


GENERATE = "/v1beta/models/up/m:generateContent"
STREAM = "/v1beta/models/up/m:streamGenerateContent"
CONTENTS = [{"parts": [{"text": "hello"}]}]


def test_a_whole_path_may_say_what_a_dialect_has_placeholders_for(routed, ask, up):
    client = routed({"path_prefix": f"/only{GENERATE}"})
    assert ask(client, f"/only{GENERATE}", contents=CONTENTS).status_code == 200
    assert model_sent(up) == "m"
    for path in (f"/only{STREAM}", GENERATE, f"/only{GENERATE}{GENERATE}"):
        assert ask(client, path, contents=CONTENTS).status_code == 404


def test_a_whole_path_is_no_prefix_of_others(routed, get):
    client = routed({"path_prefix": f"/only{GENERATE}"})
    assert get(client, f"/only{GENERATE}/v1/models").status_code == 404


def contexts_served(monkeypatch):
    """The contexts of requests that come to an endpoint, where they are refused unread."""
    contexts = []

    def prepare(face, request, endpoint, context):
        contexts.append(context)
        raise RequestRefused()

    monkeypatch.setattr(Face, "_prepare", prepare)
    return contexts


NESTED = ["/", "/a", "/a/v1/chat/completions", GENERATE, f"/a{GENERATE}", "/v1beta/models/x"]


@pytest.mark.parametrize(
    ("path", "route", "said"),
    [
        (CHAT, "/", {}),
        (f"/a{CHAT}", f"/a{CHAT}", {}),
        ("/a/v1/completions", "/a", {}),
        (GENERATE, GENERATE, {"model": "up/m", "method": "generateContent"}),
        (STREAM, "/", {"model": "up/m", "method": "streamGenerateContent"}),
        (f"/a{GENERATE}", f"/a{GENERATE}", {"model": "up/m", "method": "generateContent"}),
        (f"/a{STREAM}", "/a", {"model": "up/m", "method": "streamGenerateContent"}),
        ("/v1beta/tunedModels/mine:countTokens", "/", {"kind": "tunedModels", "model": "mine"}),
        (f"/v1beta/models/x{GENERATE}", "/v1beta/models/x", {"model": "up/m", "method": "generateContent"}),
    ],
)
def test_a_path_is_found_where_the_web_serves_it(load, ask, path, route, said, monkeypatch):
    config = load({"route": [{"path_prefix": prefix} for prefix in NESTED]})
    endpoint, found = Gateway(config).find(path)
    assert (endpoint.route, dict(found)) == (route, said)
    served = contexts_served(monkeypatch)
    ask(create_app(config).test_client(), path)
    [context] = served
    assert (context.route, context.dialect, dict(context.path)) == (route, endpoint.dialect.name, said)


@pytest.mark.parametrize("path", ["/", "/nowhere", "/v1beta/models/m", "/v1beta/models/m:embedContent", f"{CHAT}/"])
def test_a_path_that_nobody_serves_is_not_found(load, path):
    assert Gateway(load()).find(path) is None


@pytest.mark.parametrize("order", [1, -1])
def test_the_longest_prefix_wins_whatever_the_order(routed, ask, order, logged):
    routes = [{"path_prefix": "/"}, {"path_prefix": "/a"}, {"path_prefix": "/a/v1/chat/completions"}]
    client = routed(*routes[::order])
    for path in (CHAT, f"/a{CHAT}"):
        ask(client, path)
    ask(client, "/a/v1/completions", prompt="x", model="echo")
    assert [facts["route"] for facts in logged.requests] == ["/", "/a/v1/chat/completions", "/a"]


def test_a_route_leads_to_an_llm(routed, ask, up):
    assert ask(routed({"path_prefix": "/a", "target_llm": "up"}), f"/a{CHAT}", model="smart").status_code == 200
    assert model_sent(up) == "smart"


def test_a_route_leads_to_a_model(routed, ask, up):
    client = routed({"path_prefix": "/a", "target_llm": "smart"}, model={"smart": {"targets": ["up/big"]}})
    assert ask(client, f"/a{CHAT}", model="whatever").status_code == 200
    assert model_sent(up) == "big"


def test_a_route_without_a_target_goes_by_the_models_name(routed, ask, up):
    ask(routed({"path_prefix": "/a"}), f"/a{CHAT}", model="up/x")
    assert model_sent(up) == "x"


@pytest.mark.parametrize(
    ("route", "stream", "status"),
    [
        ({"allow_streaming": False}, True, 400),
        ({"allow_streaming": False}, False, 200),
        ({"allow_non_streaming": False}, True, 200),
        ({"allow_non_streaming": False}, False, 400),
        ({}, True, 200),
        ({}, False, 200),
    ],
)
def test_a_route_says_which_form_of_answer_it_gives(make_app, ask, route, stream, status):
    client = make_app({"route": [{"path_prefix": "/", **route}]}).test_client()
    response = ask(client, model="echo", stream=stream)
    assert response.status_code == status
    if status == 400:
        assert response.json["error"]["code"] == "streaming_not_allowed"
        assert response.json["error"]["param"] == "stream"


# Processors of a route

CAP = {"cap": {"type": "token_limit", "max_tokens": 7}, "more": {"type": "defaults", "params": {"seed": 1}}}


def sent_limit(up):
    return json.loads(up.calls[-1].request.body).get("max_tokens")


def test_the_processors_of_a_route_see_its_requests_and_no_others(routed, ask, up):
    client = routed({"path_prefix": "/"}, {"path_prefix": "/a", "processors": ["cap", "more"]}, processor=CAP)
    ask(client, CHAT)
    assert sent_limit(up) is None
    ask(client, f"/a{CHAT}")
    assert sent_limit(up) == 7
    assert json.loads(up.calls[-1].request.body)["seed"] == 1


@pytest.mark.parametrize(
    ("when", "seen"),
    [
        ({}, True),
        ({"models": ["up/m"]}, True),
        ({"models": ["up/*"]}, True),
        ({"models": ["gpt-*"]}, False),
        ({"models": ["gpt-*", "up/?"]}, True),
        ({"routes": ["/a"]}, True),
        ({"routes": ["/b"]}, False),
        ({"routes": ["/*"]}, True),
        ({"clients": ["ci"]}, True),
        ({"clients": ["other"]}, False),
        ({"models": ["up/m"], "routes": ["/a"], "clients": ["c*"]}, True),
        ({"models": ["up/m"], "routes": ["/a"], "clients": ["x"]}, False),
    ],
)
def test_a_processor_sees_the_requests_that_its_when_names(make_app, ask, up, when, seen):
    up.post(CHAT_URL, json=completion())
    config = {
        "processor": {"cap": {"type": "token_limit", "max_tokens": 7, "when": when}},
        "route": [{"path_prefix": "/a", "processors": ["cap"]}],
        "client": {"ci": {"token_env": "CI_KEY"}},
    }
    client = make_app(config, {"CI_KEY": "ci-key"}).test_client()
    ask(client, f"/a{CHAT}", headers={"Authorization": "Bearer ci-key"})
    assert sent_limit(up) == (7 if seen else None)


def test_a_caller_without_a_name_is_no_client_of_any_when(routed, ask, up):
    processor = {"cap": {"type": "token_limit", "max_tokens": 7, "when": {"clients": ["ci"]}}}
    ask(routed({"path_prefix": "/", "processors": ["cap"]}, processor=processor))
    assert sent_limit(up) is None


def test_a_processor_of_ones_own_is_found_by_its_path(make_app, ask, folder):
    code = """
        from llmproxy import Processor, RequestRefused

        class Refuses(Processor):
            def __init__(self, word):
                self.word = word

            def process(self, request):
                if self.word in request.last_user_text():
                    raise RequestRefused()
                return request
    """
    (folder / "own_processor.py").write_text(textwrap.dedent(code))
    processor = {"no": {"type": "own_processor:Refuses", "word": "bad"}}
    client = make_app({"processor": processor, "route": [{"path_prefix": "/", "processors": ["no"]}]}).test_client()
    assert ask(client, model="echo").status_code == 200
    response = ask(client, model="echo", messages=[{"role": "user", "content": "a bad word"}])
    assert (response.status_code, response.json["error"]["code"]) == (400, "request_refused")


def test_a_provider_of_ones_own_is_found_by_its_path(make_app, ask, folder):
    code = """
        from llmproxy import LLMClient, ResponseStream

        class Fixed(LLMClient):
            def execute(self, request):
                return ResponseStream([b'{"said": "fixed"}'], request)
    """
    (folder / "own_provider.py").write_text(textwrap.dedent(code))
    client = make_app({"llm": {"own": {"provider": "own_provider:Fixed"}}}).test_client()
    assert ask(client, model="own/x").json == {"said": "fixed"}


# Models


def test_params_of_a_model_are_defaults(routed, ask, up):
    client = routed({"path_prefix": "/"}, model={"smart": {"targets": ["up/big"], "params": {"top_p": 0.1, "seed": 1}}})
    ask(client, model="smart", seed=5)
    body = json.loads(up.calls[-1].request.body)
    assert (body["model"], body["top_p"], body["seed"]) == ("big", 0.1, 5)


def test_an_answer_keeps_the_upstreams_name_of_the_model(routed, ask):
    client = routed({"path_prefix": "/"}, model={"smart": {"targets": ["up/big"]}})
    response = ask(client, model="smart")
    assert (response.json["model"], response.headers["x-llmproxy-model"]) == ("m", "big")


def test_an_llm_without_its_token_is_not_configured(make_app, ask, up, logged):
    response = ask(make_app(env={"UP_KEY": ""}).test_client())
    assert (response.status_code, response.json["error"]["code"]) == (503, "llm_not_configured")
    assert response.headers["x-should-retry"] == "false"
    assert logged.requests[-1]["outcome"] == "void"


TOKENLESS = {
    "llm": {**upstream()["llm"], "claude": {"provider": "anthropic", "token_env": "CLAUDE_KEY"}},
    "model": {"smart": {"targets": ["claude/haiku"]}},
    "route": [{"path_prefix": "/"}, {"path_prefix": "/claude", "target_llm": "claude"}],
}


@pytest.mark.parametrize(
    ("path", "model"),
    [(CHAT, "smart"), (CHAT, "claude/haiku"), (CHAT, "claude-haiku"), (f"/claude{CHAT}", "haiku")],
)
def test_what_is_meant_for_an_llm_without_its_token_goes_to_no_other(make_app, ask, up, path, model):
    response = ask(make_app(TOKENLESS).test_client(), path, model=model)
    assert (response.status_code, response.json["error"]["code"]) == (503, "llm_not_configured")
    assert not up.calls


@pytest.mark.parametrize("path", [CHAT, "/groq" + CHAT])
def test_what_is_meant_for_an_llm_that_nobody_switched_on_goes_to_no_other(make_app, ask, up, path):
    config = {
        "model": {"smart": {"targets": ["groq/llama"]}},
        "route": [{"path_prefix": "/"}, {"path_prefix": "/groq", "target_llm": "groq"}],
    }
    response = ask(make_app(config).test_client(), path, model="smart")
    assert (response.status_code, response.json["error"]["code"]) == (503, "llm_not_configured")
    assert not up.calls


@pytest.fixture
def bad(folder):
    """A plug-in that fails when it is imported."""
    (folder / "plugged_bad.py").write_text("value = 1 / 0")
    return "plugged_bad:It"


def test_what_is_meant_for_an_llm_that_cannot_be_imported_goes_to_no_other(make_app, ask, up, bad, logged):
    up.post(CHAT_URL, json=completion())
    client = make_app({"llm": {**upstream()["llm"], "x": {"provider": bad, "models": ["own-*"]}}}).test_client()
    for model in ("x/m", "own-1"):
        response = ask(client, model=model)
        assert (response.status_code, response.json["error"]["code"]) == (503, "llm_not_configured")
    assert ask(client, model="up/m").status_code == 200
    assert "plugged_bad" not in str([request["error"] for request in logged.requests])


@pytest.mark.parametrize("longer", [None, "x/m"])
def test_the_other_targets_of_a_model_answer_without_it(make_app, ask, up, bad, longer):
    up.post(CHAT_URL, json={"error": {"code": "context_length_exceeded", "message": "long"}}, status=400)
    model = {"targets": ["x/m", "up/m"], **({"fallback_on_context_length": longer} if longer else {})}
    config = {"llm": {**upstream()["llm"], "x": {"provider": bad}}, "model": {"smart": model}}
    response = ask(make_app(config).test_client(), model="smart")
    assert (response.status_code, response.headers["x-llmproxy-llm"]) == (400, "up")


def test_a_processor_that_cannot_be_imported_lets_nothing_pass_that_concerns_it(make_app, ask, up, bad, logged):
    up.post(CHAT_URL, json=completion())
    processor = {"x": {"type": bad, "when": {"models": ["up/secret*"]}}}
    routes = [{"path_prefix": "/"}, {"path_prefix": "/a", "processors": ["x"]}]
    client = make_app({"processor": processor, "route": routes}).test_client()
    refused = ask(client, "/a/v1/chat/completions", model="up/secret")
    assert (refused.status_code, refused.json["error"]["code"]) == (500, "invalid_config")
    assert "plugged_bad" not in refused.get_data(as_text=True)
    assert "plugged_bad.py:1: processor 'plugged_bad:It' cannot be loaded" in logged.text
    for path, model in (("/a/v1/chat/completions", "up/m"), ("/v1/chat/completions", "up/secret")):
        assert ask(client, path, model=model).status_code == 200


def test_a_client_dialect_that_cannot_be_imported_is_not_spoken(load, bad, monkeypatch):
    monkeypatch.setitem(CLIENT_DIALECTS._table, "own.words", bad)
    gateway = Gateway(load({"server": {"port": 1}}))
    assert gateway.warnings[-1].startswith("plugged_bad.py:1: client dialect 'own.words' cannot be loaded: ZeroDiv")
    assert {dialect.name for dialect in gateway.dialects} == {*CLIENT_DIALECTS} - {"own.words"}


def test_an_llm_whose_dialect_cannot_be_imported_is_off(load, folder, bad, monkeypatch):
    monkeypatch.setitem(PROVIDER_DIALECTS._table, "own.words", bad)
    code = "from llmproxy import Provider\nclass Own(Provider):\n    endpoints = {'own.words': '/'}\n"
    (folder / "own_words.py").write_text(code)
    llm = {"provider": "own_words:Own", "base_url": "https://up.example"}
    gateway = Gateway(load({"llm": {"own": llm}}))
    assert {llm.name: llm.reason for llm in gateway.off}["own"].startswith("plugged_bad.py:1: provider dialect")
    assert "own" not in gateway.llms


def test_a_provider_switched_on_by_its_key_has_its_own_name(make_app, ask, up):
    up.post("https://api.groq.com/openai/v1/chat/completions", json=completion())
    assert ask(make_app(env={"GROQ_API_KEY": "x"}).test_client(), model="groq/llama").status_code == 200


def test_with_nothing_configured_only_echo_answers(load, ask):
    client = create_app(load()).test_client()
    assert ask(client, model="echo").status_code == 200
    assert ask(client, model="gpt-5").status_code == 404


# Where a configuration comes from


def test_a_configuration_may_be_a_file_a_dict_or_one_already(folder, monkeypatch):
    monkeypatch.delenv("LLMPROXY_CONFIG", raising=False)
    (folder / "own.toml").write_text("[server]\nport = 4000\n")
    from_file = load_config(folder / "own.toml")
    assert from_file.server.port == load_config(str(folder / "own.toml")).server.port == 4000
    assert load_config({"server": {"port": 4000}}).server == from_file.server
    assert load_config(from_file) is from_file


def test_a_configuration_is_looked_for_in_the_working_directory(folder, monkeypatch):
    monkeypatch.delenv("LLMPROXY_CONFIG", raising=False)
    assert load_config().server.port == 3000
    (folder / "llmproxy.toml").write_text("[server]\nport = 4000\n")
    assert load_config().server.port == 4000
    assert load_config(overrides={"port": 5000}).server.port == 5000


@pytest.mark.parametrize(
    ("kind", "told"),
    [("ValueError", "cannot be built: ValueError: no such thing"), ("ConfigError", "no such thing")],
)
def test_a_processor_that_cannot_be_made_is_named(make_app, folder, kind, told):
    code = """
        from llmproxy import ConfigError, Processor

        class Broken(Processor):
            def __init__(self, kind):
                raise {"ValueError": ValueError, "ConfigError": ConfigError}[kind]("no such thing")
    """
    (folder / "broken_processor.py").write_text(textwrap.dedent(code))
    with pytest.raises(ConfigError) as caught:
        make_app({"processor": {"x": {"type": "broken_processor:Broken", "kind": kind}}})
    assert caught.value.problems == (f"[processor.x] {told}",)


def test_a_pipeline_in_the_same_process_is_that_of_the_root(load):
    root = Gateway(load({"route": [{"path_prefix": "/"}]}))
    assert root.pipeline("openai.chat") is root.endpoints[CHAT].pipeline


def test_without_a_route_at_the_root_a_pipeline_goes_by_the_models_name(load, parse):
    pipeline = Gateway(load({"route": [{"path_prefix": "/a", "target_llm": "echo"}]})).pipeline("openai.chat")
    with pipeline.execute(b'{"model": "echo", "messages": [{"role": "user", "content": "hi"}]}') as stream:
        assert b"hi" in b"".join(stream)


class Backwards(Policy):
    """Begins with the last."""

    def order(self, candidates):
        return candidates[::-1]


def test_a_policy_may_be_a_class_of_ones_own(make_app, ask, up):
    up.post(CHAT_URL, json=completion())
    smart = {"targets": ["up/first", "up/last"], "policy": f"{__name__}:Backwards"}
    assert ask(make_app({"model": {"smart": smart}}).test_client(), model="smart").headers["x-llmproxy-model"] == "last"


def test_all_routes_share_what_is_known_of_an_llm(make_app, ask, up):
    up.post(CHAT_URL, status=429, headers={"Retry-After": "30"})
    client = make_app({"route": [{"path_prefix": "/a"}, {"path_prefix": "/b", "target_llm": "up"}]}).test_client()
    assert ask(client, "/a/v1/chat/completions").headers["x-llmproxy-attempts"] == "1"
    refused = ask(client, "/b/v1/chat/completions", model="m")
    assert (refused.status_code, refused.headers["x-llmproxy-attempts"]) == (429, "0")
