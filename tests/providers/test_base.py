import itertools
import json
from pathlib import Path

import pytest
import responses
from fakes import BASE_URL, CHAT_URL, STREAM, completion, http, upstream
from responses import matchers

from llmproxy import (
    ConfigError,
    HeaderAuth,
    Provider,
    ProviderConfig,
    ProviderRejected,
    StaticTokenProvider,
    StaticUrlProvider,
    TokenError,
    UrlProvider,
)
from llmproxy.core.context import RequestContext
from llmproxy.core.tokens import Environment
from llmproxy.dialects import PROVIDER_DIALECTS
from llmproxy.dialects.openai_chat import OpenAIChatProvider
from llmproxy.providers.base import same_origin
from llmproxy.providers.openai import OpenAIProvider


def provider(environ=None, files=(), **settings):
    """An OpenAI provider at the mocked upstream, which finds its secrets in `environ`."""
    environment = Environment(files, environ if environ is not None else {"UP_KEY": "up-token"})
    settings = {"base_url": BASE_URL, "token_env": "UP_KEY", **settings}
    return OpenAIProvider(ProviderConfig(name="up", environment=environment, **settings))


def say(provider, request):
    """The whole answer as bytes."""
    with provider.execute(request).prime() as stream:
        return b"".join(stream)


def sent(mock, index=0):
    return mock.calls[index].request


# The request as it is sent


def test_a_request_goes_to_the_base_url_and_the_dialects_path_with_the_token(up, parse):
    match = [
        matchers.header_matcher({"Authorization": "Bearer up-token", "Content-Type": "application/json"}),
        matchers.json_params_matcher({"model": "m", "messages": [{"role": "user", "content": "hello"}]}),
    ]
    up.post(CHAT_URL, json=completion("hi"), match=match)
    assert json.loads(say(provider(), parse())) == completion("hi")


def test_a_body_that_nobody_edited_leaves_with_the_clients_own_bytes(client, up):
    raw = b'{ "messages":[ {"role":"user","content":"caf\\u00e9 \xc3\xa9"} ],  "model" : "m" , "new": 1.50 }\n'
    up.post(CHAT_URL, json=completion())
    client.post("/v1/chat/completions", data=raw, content_type="application/json").close()
    assert sent(up).body == raw


def test_a_model_named_with_its_llm_loses_the_llms_name(client, ask, up):
    up.post(CHAT_URL, json=completion())
    ask(client, model="up/org/model")
    assert json.loads(sent(up).body)["model"] == "org/model"


def test_an_edited_body_is_ascii_so_that_odd_characters_stay_as_they_came(client, ask, up):
    up.post(CHAT_URL, json=completion())
    ask(client, raw=b'{"model": "up/m", "messages": [{"role": "user", "content": "\\ud800 \xc3\xa9"}]}')
    assert b"\\ud800" in sent(up).body
    assert sent(up).body.isascii()


def test_members_we_do_not_know_go_on(client, ask, up):
    up.post(CHAT_URL, json=completion())
    ask(client, invented={"a": [None, 1.5]}, model="up/x")
    assert json.loads(sent(up).body)["invented"] == {"a": [None, 1.5]}


@pytest.mark.parametrize(
    ("dialect", "path", "body"),
    [
        ("openai.chat", "/chat/completions", {}),
        ("openai.completions", "/completions", {"model": "m", "prompt": "x"}),
        ("openai.responses", "/responses", {"model": "m", "input": "x"}),
        ("openai.embeddings", "/embeddings", {"model": "m", "input": "x"}),
    ],
)
def test_each_dialect_has_its_path(parse, dialect, path, body):
    each = provider()
    assert each.prepare(each.call(parse(dialect, **body))).url == BASE_URL + path


def test_a_path_of_the_hosts_own_wins(up, parse):
    up.post(f"{BASE_URL}/talk", json=completion())
    assert say(provider(paths={"openai.chat": "/talk"}), parse())


def test_a_slash_at_the_end_of_the_base_url_does_not_count(up, parse):
    up.post(CHAT_URL, json=completion())
    assert say(provider(base_url=f"{BASE_URL}/"), parse())


def test_headers_of_the_configuration_are_added(up, parse):
    up.post(CHAT_URL, json=completion(), match=[matchers.header_matcher({"x-team": "search"})])
    assert say(provider(headers={"x-team": "search"}), parse())


def test_a_header_edit_wins_over_the_configuration_whatever_its_case(up, parse):
    up.post(CHAT_URL, json=completion())
    edits = {"X-Team": "other", "x-gone": None}
    say(provider(headers={"x-team": "search", "X-Gone": "1"}), parse().with_headers(edits))
    assert sent(up).headers["x-team"] == "other"
    assert "x-gone" not in sent(up).headers


def test_only_the_beta_header_of_the_client_goes_on(up, parse):
    up.post(CHAT_URL, json=completion(), match=[matchers.header_matcher({"openai-beta": "x"})])
    assert say(provider(), parse(context=RequestContext(headers={"openai-beta": "x"})))


# Streams


def test_usage_is_asked_for_in_a_stream_and_its_chunk_hidden(up, parse):
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    up.post(
        CHAT_URL,
        body=STREAM,
        content_type="text/event-stream",
        match=[matchers.json_params_matcher(asked, strict_match=False)],
    )
    request = parse(stream=True)
    body = say(provider(), request)
    assert b"usage" not in body
    assert body.endswith(b"data: [DONE]\n\n")
    assert (request.context.usage.input, request.context.usage.output) == (5, 7)


def test_usage_that_the_client_asked_for_is_shown_and_its_bytes_left_alone(client, up):
    raw = b'{"model":"m", "messages":[{"role":"user","content":"x"}],"stream":true, "stream_options":'
    raw += b'{"include_usage":true}}'
    up.post(CHAT_URL, body=STREAM, content_type="text/event-stream")
    response = client.post("/v1/chat/completions", data=raw, content_type="application/json")
    assert response.get_data() == STREAM
    assert sent(up).body == raw
    response.close()


def test_other_stream_options_of_the_client_stay(up, parse):
    up.post(CHAT_URL, body=STREAM, content_type="text/event-stream")
    say(provider(), parse(stream=True, stream_options={"include_obfuscation": False}))
    assert json.loads(sent(up).body)["stream_options"] == {"include_obfuscation": False, "include_usage": True}


def test_usage_is_not_asked_for_where_the_host_refuses_that(up, parse):
    class Refuses(OpenAIProvider):
        asks_usage = False

    up.post(CHAT_URL, body=STREAM, content_type="text/event-stream")
    config = ProviderConfig(base_url=BASE_URL, token_env=(), name="up")
    say(Refuses(config), parse(stream=True))
    assert "stream_options" not in json.loads(sent(up).body)


def test_usage_is_not_asked_for_in_a_whole_answer(up, parse):
    up.post(CHAT_URL, json=completion())
    say(provider(), parse())
    assert "stream_options" not in json.loads(sent(up).body)


def test_an_llm_that_does_not_stream_still_serves_a_client_that_does(make_app, ask, up):
    up.post(CHAT_URL, json=completion("hi"))
    text = ask(make_app(upstream(supports_streaming=False)).test_client(), stream=True).get_data(as_text=True)
    assert json.loads(sent(up).body)["stream"] is False
    assert '"content":"hi"' in text
    assert text.endswith("data: [DONE]\n\n")


def test_an_llm_that_only_streams_still_serves_a_client_that_does_not(up, parse):
    class OnlyStreams(OpenAIProvider):
        only_streams = True

    up.post(CHAT_URL, body=STREAM, content_type="text/event-stream")
    config = ProviderConfig(base_url=BASE_URL, token_env=(), name="up")
    body = json.loads(say(OnlyStreams(config), parse()))
    assert json.loads(sent(up).body)["stream"] is True
    assert body["choices"][0]["message"]["content"] == "one two"


# Tokens


def test_the_default_token_goes_to_the_default_host(parse):
    each = OpenAIProvider(ProviderConfig(environment=Environment([], {"OPENAI_API_KEY": "default"})))
    assert each.prepare(each.call(parse())).headers["Authorization"] == "Bearer default"


@pytest.mark.parametrize("url", ["https://api.openai.com/v1", "https://api.openai.com/v1/", "https://API.openai.com/v1"])
def test_the_default_host_may_be_written_down(parse, url):
    each = OpenAIProvider(ProviderConfig(base_url=url, environment=Environment([], {"OPENAI_API_KEY": "default"})))
    assert each.prepare(each.call(parse())).headers["Authorization"] == "Bearer default"


def test_the_default_token_goes_to_no_other_host(parse):
    environment = Environment([], {"OPENAI_API_KEY": "default"})
    each = OpenAIProvider(ProviderConfig(base_url=BASE_URL, environment=environment))
    assert "Authorization" not in each.prepare(each.call(parse())).headers


def test_a_token_named_for_another_host_is_sent_there(parse):
    each = provider({"OPENAI_API_KEY": "mine"}, token_env="OPENAI_API_KEY")
    assert each.prepare(each.call(parse())).headers["Authorization"] == "Bearer mine"


def test_tokens_take_turns(up, parse):
    up.post(CHAT_URL, json=completion())
    each = provider({"A": "one", "B": "two"}, token_env=["A", "B"])
    for _ in range(4):
        say(each, parse())
    tokens = [call.request.headers["Authorization"] for call in up.calls]
    assert tokens == ["Bearer one", "Bearer two"] * 2


def test_a_token_that_is_absent_is_passed_over(up, parse):
    up.post(CHAT_URL, json=completion())
    each = provider({"B": "two"}, token_env=["A", "B"])
    for _ in range(2):
        say(each, parse())
    assert {call.request.headers["Authorization"] for call in up.calls} == {"Bearer two"}


@pytest.mark.parametrize("environ", [{}, *({"UP_KEY": value} for value in ("", "  ", "bad\ntoken", "tökén"))])
def test_nothing_is_sent_without_a_usable_token(up, parse, environ):
    with pytest.raises(TokenError) as caught:
        say(provider(environ), parse())
    assert (caught.value.status, caught.value.code) == (503, "llm_not_configured")
    assert not up.calls
    assert "bad" not in f"{caught.value} {caught.value.detail}"


def test_a_token_edited_in_the_env_file_is_used_from_the_next_request_on(up, parse, tmp_path):
    up.post(CHAT_URL, json=completion())
    file = tmp_path / ".env"
    each = provider({}, [file])
    for token in ("first", "second-one"):
        file.write_text(f"UP_KEY={token}\n")
        say(each, parse())
    assert [call.request.headers["Authorization"] for call in up.calls] == ["Bearer first", "Bearer second-one"]


def test_a_token_may_stand_in_a_file_of_its_own(up, parse, tmp_path):
    (tmp_path / "secret").write_text("from-file\n")
    up.post(CHAT_URL, json=completion(), match=[matchers.header_matcher({"Authorization": "Bearer from-file"})])
    assert say(provider({"UP_KEY_FILE": str(tmp_path / "secret")}), parse())


class Elsewhere(OpenAIProvider):
    """Whose hook sends the request to another host."""

    address = "https://other.example/v1/chat"

    def url(self, call):
        return self.address


@pytest.mark.parametrize(
    "address",
    [
        "https://other.example/v1/chat",
        "http://up.example/v1/chat",
        "https://up.example:8443/v1",
        "https://up.example.evil.example/v1/chat",
        "https://up.example@evil.example/v1/chat",
        "https://evil.example/https://up.example/v1/chat",
    ],
)
def test_a_token_is_bound_to_its_origin(up, parse, address):
    config = ProviderConfig(base_url=BASE_URL, token_env="UP_KEY", environment=Environment([], {"UP_KEY": "up-token"}))
    each = Elsewhere(config)
    each.address = address
    with pytest.raises(Exception, match="failed to handle") as caught:
        say(each, parse())
    assert caught.value.status == 500
    assert not up.calls


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://up.example/v1/chat", True),
        ("https://up.example/other", True),
        ("https://up.example", True),
        ("https://up.example/v1x", True),
        ("https://up.examples/v1", False),
        ("http://up.example/v1", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(url, same):
    assert same_origin(url, "https://up.example/v1") is same


def test_a_token_shows_in_no_repr():
    each = provider({"UP_KEY": "canary"})
    assert "canary" not in f"{each!r} {each.config!r} {each.token_provider!r} {each.auth()!r} {each.auth()}"


# What may be set, and what must be


def test_a_provider_without_a_host_of_its_own_needs_a_base_url():
    class Homeless(Provider):
        endpoints = {"openai.chat": "/chat"}  # noqa: RUF012

    with pytest.raises(ConfigError, match="needs a base_url"):
        Homeless()


@pytest.mark.parametrize("options", [{"dialects": ["nonsense"]}, {"dialects": []}, {"unknown": 1}, {"organization": 5}])
def test_options_that_are_wrong_are_refused(options):
    with pytest.raises(ConfigError, match=r"\[llm.up\]"):
        provider(options=options)


def test_a_provider_can_be_given_its_token_and_its_url_by_code(up, parse):
    class Key(OpenAIProvider):
        def auth(self):
            return HeaderAuth("X-Acme-Key", self.token_provider)

    up.post(CHAT_URL, json=completion(), match=[matchers.header_matcher({"X-Acme-Key": "given"})])
    config = ProviderConfig(base_url=BASE_URL)
    assert say(Key(config, token_provider=StaticTokenProvider("given")), parse())
    assert "Authorization" not in sent(up).headers


def test_the_configuration_may_say_who_gives_the_token_and_the_base_url(up, parse):
    up.post(CHAT_URL, json=completion(), match=[matchers.header_matcher({"Authorization": "Bearer given"})])
    parts = {"token_provider": StaticTokenProvider("given"), "url_provider": StaticUrlProvider(BASE_URL)}
    assert say(OpenAIProvider(ProviderConfig(**parts)), parse())


def test_a_class_s_own_token_is_not_sent_where_a_url_provider_leads(up, parse, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-own")
    up.post(CHAT_URL, json=completion())
    assert say(OpenAIProvider(ProviderConfig(url_provider=StaticUrlProvider(BASE_URL))), parse())
    assert "Authorization" not in sent(up).headers


def test_a_url_provider_may_take_turns(up, parse):
    class Turns(UrlProvider):
        turns = itertools.cycle(["https://one.example/v1", "https://two.example/v1"])

        def get_url(self):
            return next(self.turns)

    for host in ("one", "two"):
        up.post(f"https://{host}.example/v1/chat/completions", json=completion())
    each = OpenAIProvider(ProviderConfig(url_provider=Turns()))
    for _ in range(3):
        say(each, parse())
    assert [call.request.url[8:11] for call in up.calls] == ["one", "two", "one"]


def test_a_hook_may_change_the_body_and_not_the_clients(up, parse):
    class Adds(OpenAIProvider):
        def payload(self, call):
            return {**call.body, "added": True}

    up.post(CHAT_URL, json=completion())
    request = parse()
    say(Adds(ProviderConfig(base_url=BASE_URL)), request)
    assert json.loads(sent(up).body)["added"] is True
    assert "added" not in request.body


def test_a_dialect_that_is_not_spoken_there_is_refused(parse):
    each = provider(options={"dialects": ["chat"]})
    with pytest.raises(Exception, match="speaks openai") as caught:
        each.execute(parse("openai.embeddings", model="m", input="x"))
    assert (caught.value.status, caught.value.code) == (400, "unsupported_feature")


def test_an_authority_file_is_looked_for_beside_the_configuration():
    each = provider(ca_file="ca.pem", folder=Path("/etc/llmproxy"))
    assert each._transport.settings.verify == "/etc/llmproxy/ca.pem"


def test_certificates_are_checked_unless_told_otherwise():
    assert provider()._transport.settings.verify is True
    assert provider(verify=False)._transport.settings.verify is False


# What comes back


def rejected(up, parse, **answer):
    """The error that an answer becomes."""
    up.post(CHAT_URL, **answer)
    request = parse()
    with pytest.raises(ProviderRejected) as caught:
        say(provider(), request)
    return caught.value


TOLD = {"message": "too long", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 418])
def test_what_the_request_did_wrong_is_passed_on(up, parse, status):
    error = rejected(up, parse, status=status, json={"error": TOLD})
    assert (error.status, error.message, error.settlement) == (status, "too long", "void")
    assert error.upstream == {"type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}


def test_the_token_and_the_host_are_taken_out_of_what_is_passed_on(up, parse):
    told = {"message": "Key up-token is wrong at https://up.example/v1", "code": "up-token", "type": "x up-token"}
    error = rejected(up, parse, status=400, json={"error": told})
    assert error.message == "Key [redacted] is wrong at https://[redacted]/v1"
    said = f"{error.message} {error} {error.upstream} {error.detail} {error.args}"
    assert "up-token" not in said
    assert "up.example" not in said


@pytest.mark.parametrize("code", [{"a": "up-token"}, ["up-token"], 1.5, True])
def test_members_of_an_error_that_are_no_words_are_not_passed_on(up, parse, code):
    error = rejected(up, parse, status=400, json={"error": {"message": "x", "code": code}})
    assert "up-token" not in str(error.upstream)


def test_an_error_with_numbers_that_are_not_json_is_still_passed_on(client, ask, up):
    up.post(CHAT_URL, status=400, body=b'{"error": {"message": "x", "code": NaN}}')
    response = ask(client)
    assert (response.status_code, response.json["error"]["message"]) == (400, "x")


SAYS_NOTHING = [b"", b"<html>up-token</html>", b'{"error"', b"[]", b"null", b"[1]", b'"x"', b"\xff\xfe"]


@pytest.mark.parametrize("body", [*SAYS_NOTHING, b"[" * 100_000, b"x" * 5_000_000])
@pytest.mark.parametrize(("status", "expected"), [(400, 400), (404, 404), (429, 429), (500, 502), (503, 503)])
def test_an_error_whose_body_says_nothing_keeps_the_class_of_its_status(client, ask, up, status, expected, body):
    up.post(CHAT_URL, status=status, body=body)
    response = ask(client)
    assert response.status_code == expected
    assert "up-token" not in response.get_data(as_text=True)
    assert response.json["error"]["code"].startswith("upstream_")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_our_token_is_told_without_its_words(client, ask, up, logged, status):
    told = {"error": {"message": "Incorrect API key: up-token", "code": "invalid_api_key"}}
    up.post(CHAT_URL, status=status, json=told, headers={"WWW-Authenticate": "Bearer up-token"})
    response = ask(client)
    assert (response.status_code, response.json["error"]["code"]) == (502, "upstream_auth_failed")
    assert "up-token" not in response.get_data(as_text=True) + str(response.headers) + logged.text
    assert "Incorrect" not in response.get_data(as_text=True)
    assert "WWW-Authenticate" not in response.headers


@pytest.mark.parametrize("status", [204, 206, 304, 600, 999])
def test_a_status_that_no_answer_has_is_not_understood(client, ask, up, status):
    up.post(CHAT_URL, status=status, body=b"")
    response = ask(client)
    assert (response.status_code, response.json["error"]["code"]) == (502, "upstream_bad_response")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://other.example/v1",
        "file:///etc/passwd",
        "https://user:pass@up.example/",
        CHAT_URL,
        "",
    ],
)
def test_a_redirect_is_never_followed_nor_told(client, ask, up, status, location):
    up.post(CHAT_URL, status=status, headers={"Location": location})
    response = ask(client)
    assert (response.status_code, response.json["error"]["code"]) == (502, "upstream_redirect")
    assert len(up.calls) == 1
    assert "Location" not in response.headers


def test_where_a_redirect_leads_gets_nothing(make_app, ask, server):
    other = type(server)()
    other.answers(http(b"{}"))
    server.answers(http(b"", "307 Temporary Redirect", Location=other.url))
    assert ask(make_app(upstream(base_url=server.url)).test_client()).status_code == 502
    assert len(server.requests) == 1
    assert other.requests == []
    other.close()


BAD_BODIES = [
    b"",
    b"<html>canary</html>",
    b"null",
    b"[]",
    b'"canary"',
    b"5",
    b"{}",
    b'{"choices": null}',
    b'{"choices": []} {}',
    b'{"choices": [',
    b"canary",
    b'\xef\xbb\xbf{"choices": []}',
    '{"choices": []}'.encode("utf-16"),
    b'{"choices": ["\xff"]}',
    b'{"choices": [], "x": NaN}',
    b'{"choices": [' + b"[" * 100_000,
    b'{"choices": [], "x": ' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("body", BAD_BODIES)
def test_a_whole_answer_that_is_none_is_not_passed(client, ask, up, body):
    up.post(CHAT_URL, body=body, content_type="application/json")
    response = ask(client)
    assert (response.status_code, response.json["error"]["code"]) == (502, "upstream_bad_response")
    assert b"canary" not in response.get_data()


BAD_EVENTS = [
    b"<html>canary</html>",
    b"null",
    b"[]",
    b'"canary"',
    b'{"choices": [null]}',
    b'{"choices": 5}',
    b'{"choices": ["x"]}',
    b'{"choices": {"a": 1}}',
    b'{"choices": [], "x": NaN}',
    b"\xff\xfe",
    b'{"choices": [' + b"[" * 100_000,
]


@pytest.mark.parametrize("data", BAD_EVENTS)
def test_a_first_event_that_is_none_is_not_passed(client, ask, up, data):
    up.post(CHAT_URL, body=b"data: " + data + b"\n\n", content_type="text/event-stream")
    response = ask(client, stream=True)
    assert (response.status_code, response.json["error"]["code"]) == (502, "upstream_bad_response")
    assert b"canary" not in response.get_data()


@pytest.mark.parametrize("data", BAD_EVENTS)
def test_a_later_event_that_is_none_ends_the_stream_with_an_error(client, ask, up, data):
    first = b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n'
    up.post(CHAT_URL, body=first + b"data: " + data + b"\n\n" + STREAM, content_type="text/event-stream")
    body = ask(client, stream=True).get_data()
    assert body.startswith(first + b'data: {"error":')
    assert b"upstream_bad_response" in body
    assert b"[DONE]" not in body


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ({"type": "rate_limit_error"}, 429, "upstream_rate_limited"),
        ({"code": 429}, 429, "upstream_rate_limited"),
        ({"type": "overloaded_error"}, 503, "upstream_overloaded"),
        ({"type": "insufficient_quota"}, 503, "upstream_quota_exhausted"),
        ({"type": "server_error"}, 502, "upstream_error"),
        ({}, 502, "upstream_error"),
    ],
)
def test_an_error_in_the_place_of_an_answer_has_the_status_of_its_type(client, ask, up, error, status, code):
    up.post(CHAT_URL, json={"error": {"message": "canary", **error}})
    response = ask(client)
    assert (response.status_code, response.json["error"]["code"]) == (status, code)
    assert b"canary" not in response.get_data()


@pytest.mark.parametrize("kind", ["text/html", "text/html; charset=utf-8", "text/event-stream"])
def test_a_whole_answer_of_another_kind_is_not_understood(client, ask, up, kind):
    up.post(CHAT_URL, body=json.dumps(completion()), content_type=kind)
    assert ask(client).json["error"]["code"] == "upstream_bad_response"


def test_a_whole_answer_to_a_request_for_a_stream_is_played(client, ask, up):
    up.post(CHAT_URL, json=completion("hi"))
    response = ask(client, stream=True)
    text = response.get_data(as_text=True)
    assert response.mimetype == "text/event-stream"
    assert '"content":"hi"' in text
    assert text.endswith("data: [DONE]\n\n")


def test_an_error_in_the_place_of_a_stream_has_the_status_of_its_type(client, ask, up):
    up.post(CHAT_URL, json={"error": {"message": "x", "type": "rate_limit_error"}})
    assert ask(client, stream=True).status_code == 429


@pytest.mark.parametrize("coding", ["gzip", "br", "gzip, gzip", "x"])
def test_a_coding_that_was_not_asked_for_is_refused(make_app, ask, server, coding):
    server.answers(http(b"{}", Content_Encoding=coding))
    response = ask(make_app(upstream(base_url=server.url)).test_client())
    assert (response.status_code, response.json["error"]["code"]) == (502, "upstream_bad_response")


def test_an_answer_beyond_the_cap_is_refused(make_app, ask, up):
    up.post(CHAT_URL, json=completion("x" * 3000))
    response = ask(make_app(upstream(max_response_mb=0.002)).test_client())
    assert (response.status_code, response.json["error"]["code"]) == (502, "upstream_bad_response")


@pytest.mark.parametrize(
    "usage",
    [None, "many", [], {}, *({"prompt_tokens": count} for count in (None, "5", -5, 1.5, True, 10**18))],
)
def test_usage_that_cannot_be_believed_is_passed_and_not_counted(client, ask, up, logged, usage):
    answer = completion(usage=usage)
    up.post(CHAT_URL, json=answer)
    assert ask(client).json == answer
    assert logged.requests[-1]["input_tokens"] is None


def test_duplicate_keys_of_the_upstream_pass_as_they_came(client, ask, up):
    body = b'{"choices": [], "id": 1, "id": 2}'
    up.post(CHAT_URL, body=body, content_type="application/json")
    assert ask(client).get_data() == body


def test_a_cookie_of_the_upstreams_is_never_sent_back(make_app, ask, server):
    server.answers(http(json.dumps(completion()).encode(), Set_Cookie="a=b; Path=/"))
    client = make_app(upstream(base_url=server.url)).test_client()
    for _ in range(2):
        assert "Set-Cookie" not in ask(client).headers
    assert [request["headers"].get("cookie") for request in server.requests] == [None, None]


def test_the_environment_of_the_process_is_ignored(make_app, ask, server, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login canary password canary\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.answers(http(json.dumps(completion()).encode()))
    assert ask(make_app(upstream(base_url=server.url)).test_client()).status_code == 200
    assert server.requests[0]["headers"]["authorization"] == "Bearer up-token"


def test_what_was_sent_and_lost_may_have_been_billed(make_app, ask, server, logged):
    server.answers(b"")
    response = ask(make_app(upstream(base_url=server.url)).test_client())
    assert (response.status_code, response.json["error"]["code"]) == (502, "upstream_reset")
    assert logged.requests[-1]["outcome"] == "unknown"


def test_what_never_left_was_not_billed(make_app, ask, server, logged):
    server.close()
    response = ask(make_app(upstream(base_url=server.url)).test_client())
    assert response.json["error"]["code"] == "upstream_unavailable"
    assert logged.requests[-1]["outcome"] == "void"


def test_a_provider_that_is_slow_is_given_up(make_app, ask, server):
    server.answers(2, b"")
    response = ask(make_app(upstream(base_url=server.url, timeout_secs=0.2)).test_client())
    assert (response.status_code, response.json["error"]["code"]) == (504, "upstream_timeout")


def test_connections_are_given_up_on_request(parse):
    with responses.RequestsMock() as mock:
        mock.post(CHAT_URL, json=completion())
        each = provider()
        say(each, parse())
        each.close()
        assert each._transport._sessions == {}


@pytest.mark.parametrize(("status", "shown"), [(200, True), (429, True), (400, True), (401, False), (403, False)])
def test_rate_limits_are_shown_unless_our_own_token_is_at_fault(status, shown, client, ask, up):
    up.post(CHAT_URL, status=status, json=completion("hi"), headers={"x-ratelimit-remaining-requests": "3"})
    assert ("x-ratelimit-remaining-requests" in ask(client).headers) is shown


def test_tokens_that_the_upstream_does_not_count_are_estimated(client, ask, up, logged):
    response = ask(client, "/v1/messages/count_tokens", messages=[{"role": "user", "content": "x" * 40}])
    assert (response.status_code, response.json) == (200, {"input_tokens": 10})
    assert response.headers["x-llmproxy-estimated"] == "true"
    assert not up.calls


# A dialect of one's own


class Loud(OpenAIChatProvider):
    """OpenAI's chat, shouted."""

    name = "loud.chat"

    def write_request(self, chat):
        body, lost = super().write_request(chat)
        return {**body, "loud": True}, lost


@pytest.mark.parametrize("key", [f"{__name__}:Loud", "loud.chat"])
def test_a_dialect_of_ones_own_is_found_by_its_name_or_by_where_it_is(up, parse, monkeypatch, key):
    monkeypatch.setitem(PROVIDER_DIALECTS._table, "loud.chat", Loud)
    found = type("Own", (Provider,), {"endpoints": {key: "/loud"}})
    match = [matchers.json_params_matcher({"loud": True}, strict_match=False)]
    up.post(f"{BASE_URL}/loud", json=completion("HI"), match=match)
    assert found(ProviderConfig(base_url=BASE_URL)).execute(parse()).answer().text == "HI"
