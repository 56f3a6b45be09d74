"""A provider that is one generator, with an upstream of its own kind and without any."""

import contextlib
import http.client
import itertools
import json
import logging
import sys
import threading
import time
import types

import pytest
from fakes import completion, upstream
from fakes import http as answer_of

from llmproxy import (
    Appended,
    Counted,
    End,
    Opened,
    Provider,
    ProviderConfig,
    ProviderError,
    ProviderRateLimited,
    StaticTokenProvider,
    Thinking,
    ToolCall,
    UnsupportedFeature,
    Usage,
)
from llmproxy.config.models import Timeouts
from llmproxy.core.errors import ClientGone
from llmproxy.testing import FaultUpstream, Words

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
GEMINI, OLLAMA = "/v1beta/models/own/m:{}", "/api/chat"
TEXTS = {
    CHAT: lambda body: body["choices"][0]["message"]["content"],
    MESSAGES: lambda body: body["content"][0]["text"],
    RESPONSES: lambda body: body["output"][0]["content"][0]["text"],
    OLLAMA: lambda body: body["message"]["content"],
}


class Shout(Provider):
    """As the documentation has it."""

    def chat(self, chat):
        for word in chat.last_text().split():
            yield word.upper() + " "


class Oracle(Provider):
    """Over HTTP, in no dialect that anybody knows."""

    def chat(self, chat):
        reply = self.post("/ask", json={"question": chat.last_text(), "system": chat.system()}, headers={"X-Own": "1"})
        for line in reply.lines():
            yield json.loads(line)["piece"]


IMAGE = {"type": "image_url", "image_url": {"url": "https://a/b.png"}}
NUMBERS = itertools.count()
LINES = Words(
    answer=lambda text: json.dumps({"piece": text}).encode() + b"\n",
    say=lambda text: json.dumps({"piece": text}).encode() + b"\n",
    streams=lambda path, body: True,
    stream_media="application/x-ndjson",
)


@pytest.fixture
def made(monkeypatch):
    """Makes a class findable by a dotted path."""
    module = types.ModuleType("own_providers")
    monkeypatch.setitem(sys.modules, "own_providers", module)

    def add(found):
        name = f"Own{next(NUMBERS)}"  # a registry remembers what it has found
        setattr(module, name, found)
        return f"own_providers:{name}"

    return add


@pytest.fixture
def own(make_app, made):
    """The client of an application whose llm `own` is this class."""

    def make(found, tables=None, **keys):
        llms = {"own": {"provider": made(found), **keys}, **(tables or upstream())["llm"]}
        return make_app({**(tables or {}), "llm": llms}).test_client()

    return make


@pytest.fixture
def says(own, ask):
    """What a generator function makes of a request."""

    def answer(generate, **members):
        found = type("Own", (Provider,), {"chat": lambda self, chat: generate(chat)})
        return ask(own(found), model="own/m", **members)

    return answer


@pytest.fixture
def lines():
    with FaultUpstream(words=LINES) as upstream:
        yield upstream


@pytest.fixture
def oracle(lines):
    """Makes a provider whose upstream is there."""
    with contextlib.ExitStack() as made:

        def make(found=Oracle, **keys):
            config = ProviderConfig(base_url=lines.url, name="own", **keys)
            provider = found(config, token_provider=StaticTokenProvider("oracle-token"))
            made.callback(provider.close)
            return provider

        yield make


# Every client dialect


@pytest.mark.parametrize("path", TEXTS)
def test_a_generator_answers_every_dialect(own, ask, path):
    members = {"input": "hello you"} if path == RESPONSES else {"messages": [{"role": "user", "content": "hello you"}]}
    response = ask(own(Shout), path, model="own/m", max_tokens=9, stream=False, **members)
    assert (response.status_code, TEXTS[path](response.json)) == (200, "HELLO YOU ")


@pytest.mark.parametrize(
    ("path", "ending"), [(CHAT, "data: [DONE]"), (MESSAGES, "event: message_stop"), (OLLAMA, '"done":true')]
)
def test_a_generator_streams_in_every_dialect(own, ask, path, ending):
    text = ask(own(Shout), path, model="own/m", stream=True).get_data(as_text=True)
    assert "HELLO " in text
    assert text.count(ending) == 1


def test_a_generator_answers_gemini(own):
    body = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
    with own(Shout).post(GEMINI.format("generateContent"), json=body) as response:
        assert response.json["candidates"][0]["content"]["parts"] == [{"text": "HELLO "}]


def test_what_is_no_text_is_said_by_deltas(says):
    def generate(chat):
        yield from (Opened(0, Thinking()), Appended(0, "hm"))
        yield "so: "
        yield from (Opened(1, ToolCall("call_1", "look_up")), Appended(1, '{"city": "Paris"}'))
        yield Counted(Usage(3, 4))

    choice = says(generate).json["choices"][0]
    assert (choice["message"]["content"], choice["message"]["reasoning_content"]) == ("so: ", "hm")
    assert choice["message"]["tool_calls"][0]["function"] == {"name": "look_up", "arguments": '{"city": "Paris"}'}
    assert choice["finish_reason"] == "tool_calls"


def test_usage_is_what_the_generator_says(says, logged):
    says(lambda chat: iter(["a", Counted(Usage(3, 4)), End("length")]))
    assert [(facts["input_tokens"], facts["output_tokens"]) for facts in logged.requests] == [(3, 4)]


def test_usage_that_it_does_not_say_is_left_out(says, logged):
    says(lambda chat: iter(["a"]))
    assert [(facts["input_tokens"], facts["outcome"]) for facts in logged.requests] == [(None, "settled")]


def test_tokens_are_counted_by_the_estimate(own, ask):
    assert ask(own(Shout), "/v1/messages/count_tokens", model="own/m").json == {"input_tokens": 2}


def test_a_generator_makes_no_embeddings(own, ask):
    response = ask(own(Shout), "/v1/embeddings", model="own/m", input="x")
    assert (response.status_code, response.json["error"]["code"]) == (400, "unsupported_feature")


# What it cannot do


def test_what_a_generator_does_not_take_is_named(own, ask):
    heedless = type("Own", (Shout,), {"takes": ("max_tokens",)})
    response = ask(own(heedless), model="own/m", max_tokens=5, temperature=0.5, top_p=0.1)
    assert response.headers["x-llmproxy-dropped"] == "temperature, top_p"


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"tools": [{"type": "function", "function": {"name": "a"}}]}, "tools"),
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, "images"),
    ],
)
def test_what_the_answer_has_to_do_with_is_refused(own, ask, members, what):
    response = ask(own(type("Own", (Shout,), {"takes": ()})), model="own/m", **members)
    assert (response.status_code, response.json["error"]["message"]) == (400, f"This target takes no {what}.")


def test_a_strict_proxy_refuses_what_would_be_dropped(own, ask):
    heedless = type("Own", (Shout,), {"takes": ()})
    client = own(heedless, {"server": {"strict": True}, "llm": {}})
    assert ask(client, model="own/m", temperature=0.5).status_code == 400


def test_a_generator_may_refuse_by_itself(says):
    def generate(chat):
        raise UnsupportedFeature("Questions only.")

    response = says(generate)
    assert (response.status_code, response.json["error"]["message"]) == (400, "Questions only.")


# Failures


def broken(chat):
    raise RuntimeError("my bug")
    yield


def broken_later(chat):
    yield "a"
    raise RuntimeError("my bug")


@pytest.mark.parametrize(
    ("generate", "stream"),
    [(broken, True), (broken, False), (broken_later, False), (lambda chat: None, False), (lambda chat: [3], True),
     (lambda chat: [None], False)],
)  # fmt: skip
def test_a_bug_of_the_providers_is_an_upstream_that_failed(says, logged, generate, stream):
    response = says(generate, stream=stream)
    assert (response.status_code, response.json["error"]["code"]) == (502, "upstream_error")
    assert "bug" not in response.get_data(as_text=True)
    assert "chat of the llm own failed" in logged.text


def test_a_bug_is_logged_with_its_traceback(says, logged):
    says(broken)
    assert "RuntimeError: my bug" in logged.text
    assert "in broken" in logged.text


def test_a_bug_in_a_stream_ends_it_with_an_error(says):
    text = says(broken_later, stream=True).get_data(as_text=True)
    assert '"code":"upstream_error"' in text
    assert "[DONE]" not in text


@pytest.mark.parametrize("generate", [broken, lambda chat: broken_later(chat)])
def test_another_target_answers_where_a_whole_answer_failed(own, ask, up, generate):
    up.post("https://up.example/v1/chat/completions", json=completion("saved"))
    found = type("Own", (Provider,), {"chat": lambda self, chat: generate(chat)})
    tables = {**upstream(), "model": {"both": {"targets": ["own/m", "up/m"]}}}
    response = ask(own(found, tables), model="both")
    assert response.json["choices"][0]["message"]["content"] == "saved"
    assert response.headers["x-llmproxy-attempts"] == "2"


def test_another_target_answers_where_a_stream_failed_before_its_first_step(own, ask, up):
    up.post("https://up.example/v1/chat/completions", json=completion("saved"))
    found = type("Own", (Provider,), {"chat": lambda self, chat: broken(chat)})
    tables = {**upstream(), "model": {"both": {"targets": ["own/m", "up/m"]}}}
    assert "saved" in ask(own(found, tables), model="both", stream=True).get_data(as_text=True)


def test_an_error_of_ours_passes_as_it_is(says):
    def generate(chat):
        raise ProviderRateLimited(retry_after=7)
        yield

    response = says(generate)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")


# Its end


def test_it_is_closed_when_nobody_listens_any_more(parse):
    closed = threading.Event()

    class Endless(Provider):
        def chat(self, chat):
            try:
                while True:
                    yield "a"
            finally:
                closed.set()

    stream = Endless().execute(parse(stream=True)).prime()
    next(stream)
    stream.close()
    assert closed.is_set()


@pytest.mark.parametrize("waiting", ["", "."])
def test_it_hears_at_its_yields_that_the_client_has_gone(serve, own, waiting):
    started, closed = threading.Event(), threading.Event()

    class Slow(Provider):
        def chat(self, chat):
            started.set()
            try:
                while True:
                    time.sleep(0.02)
                    yield waiting
            finally:
                closed.set()

    port = serve(own(Slow).application)
    connection = asking(port)
    assert started.wait(5)
    connection.close()
    assert closed.wait(1)


def test_it_hears_in_post_that_the_client_has_gone(serve, own, lines):
    lines.play("slow_headers", seconds=30)
    closed = threading.Event()

    class Patient(Oracle):
        def chat(self, chat):
            try:
                yield from super().chat(chat)
            finally:
                closed.set()

    connection = asking(serve(own(Patient, base_url=lines.url).application))
    assert lines.wait_for(lambda upstream: upstream.open_requests == 1)
    connection.close()
    assert closed.wait(1)
    assert lines.wait_for(lambda upstream: upstream.open_requests == 0, 1)


def asking(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = {"model": "own/m", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    connection.request("POST", CHAT, json.dumps(body), {"Content-Type": "application/json"})
    return connection


@pytest.mark.parametrize(
    ("timeouts", "phase"), [({"first_event_secs": 0.1}, "first_event"), ({"total_secs": 0.1}, "total")]
)
def test_a_generator_that_only_waits_is_given_up(parse, timeouts, phase):
    class Waiting(Provider):
        def chat(self, chat):
            while True:
                time.sleep(0.01)
                yield ""

    with pytest.raises(ProviderError) as caught:
        Waiting(ProviderConfig(timeouts=Timeouts(**timeouts))).execute(parse(stream=True)).prime()
    assert (caught.value.code, caught.value.phase) == ("upstream_timeout", phase)


# Over HTTP


def test_post_sends_the_token_the_headers_and_the_body(lines, oracle, parse):
    provider = oracle(headers={"x-team": "search"})
    answer = provider.execute(parse(messages=[{"role": "user", "content": "why"}])).answer()
    (sent,) = lines.requests
    assert (sent.path, sent.json()) == ("/v1/ask", {"question": "why", "system": ""})
    assert (sent.headers["authorization"], sent.headers["x-team"]) == ("Bearer oracle-token", "search")
    assert (sent.headers["x-own"], answer.text) == ("1", "one two")


def test_header_edits_of_processors_reach_it(lines, oracle, parse):
    oracle(headers={"x-team": "search"}).execute(parse().with_headers({"x-team": None, "x-more": "1"})).answer()
    assert ("x-team" in lines.requests[0].headers, lines.requests[0].headers["x-more"]) == (False, "1")


def test_a_connection_is_used_again_when_its_answer_was_read(lines, oracle, parse):
    provider = oracle()
    for _ in range(3):
        provider.execute(parse()).answer()
    assert lines.connections == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "upstream_rejected"), (401, "upstream_auth_failed"), (429, "upstream_rate_limited"), (500, "upstream_error"),
     (503, "upstream_overloaded"), (504, "upstream_timeout")],
)  # fmt: skip
def test_a_status_is_an_error_before_anything_is_said(lines, oracle, parse, status, code):
    lines.play("status", code=status, message="no: oracle-token")
    with pytest.raises(ProviderError) as caught:
        oracle().execute(parse(stream=True)).prime()
    assert caught.value.code == code
    assert "oracle-token" not in f"{caught.value} {caught.value.detail}"


def test_a_refusal_that_is_safe_to_repeat_is_repeated(own, ask, lines):
    lines.play("status", code=503).then("ok")
    response = ask(own(Oracle, base_url=lines.url), model="own/m")
    assert (response.status_code, response.headers["x-llmproxy-attempts"]) == (200, "2")


def test_a_page_of_html_is_no_answer(lines, oracle, parse):
    lines.play("html_answer")
    with pytest.raises(ProviderError, match="could not be understood"):
        oracle().execute(parse())


def test_a_body_of_which_nothing_is_said_is_no_answer(lines, oracle, parse):
    lines.play("empty_answer")
    with pytest.raises(ProviderError, match="could not be understood"):
        oracle().execute(parse(stream=True)).prime()


def test_a_stream_that_is_cut_is_an_error(lines, oracle, parse):
    lines.play("close_midway")
    with oracle().execute(parse(stream=True)).prime() as stream:
        assert b"upstream_stream_reset" in b"".join(stream)


def test_a_silent_upstream_is_given_up(lines, oracle, parse):
    lines.play("stall_midway")
    provider = oracle(timeouts=Timeouts(idle_secs=0.2))
    with provider.execute(parse(stream=True)).prime() as stream:
        assert b"upstream_stream_stalled" in b"".join(stream)
    assert lines.wait_for(lambda upstream: upstream.open_requests == 0, 1)


def test_what_was_sent_once_stays_sent(lines, oracle, parse):
    class Insistent(Oracle):
        def chat(self, chat):
            list(super().chat(chat))
            lines.play("refuse")
            yield from super().chat(chat)

    request = parse()
    with pytest.raises(ProviderError, match="could not be reached"):
        oracle(Insistent).execute(request)
    assert request.context.attempts[0].sent


def test_post_belongs_to_chat(oracle):
    with pytest.raises(Exception, match="failed to handle") as caught:
        oracle().post("/ask")
    assert "belongs to chat" in caught.value.detail


def test_post_needs_a_base_url(parse):
    with pytest.raises(ProviderError) as caught:
        Oracle(ProviderConfig(name="own")).execute(parse())
    assert caught.value.detail == "[llm.own] needs a base_url"


def test_a_json_answer_may_be_as_long_as_the_llm_allows(server, parse):
    class Whole(Provider):
        def chat(self, chat):
            yield self.post("/ask", json={}).json()["text"]

    server.answers(answer_of(json.dumps({"text": "a" * 2000}).encode()))
    config = ProviderConfig(base_url=server.url, max_response_mb=0.001, token_env=())
    with pytest.raises(ProviderError) as caught:
        Whole(config).execute(parse())
    assert "more than 1048 bytes" in caught.value.detail


def test_two_runs_in_one_thread_do_not_meet(lines, oracle, parse):
    one, other = (oracle().execute(parse(stream=True)).prime() for _ in range(2))
    assert next(one.deltas()) == next(other.deltas())
    one.close()
    assert b"two" in b"".join(other)
    other.close()


def test_a_cancelled_request_fails_for_the_reason_of_its_cancellation(parse):
    request = parse(stream=True)

    class Rude(Provider):
        def chat(self, chat):
            yield "a"
            request.context.cancellation.cancel(ClientGone())
            raise RuntimeError("woken")

    stream = Rude().execute(request).prime()
    list(stream)
    assert stream.failure.code == "client_gone"
    stream.close()


def test_a_traceback_that_would_show_the_token_is_not_logged(lines, oracle, parse, caplog):
    class Careless(Oracle):
        def chat(self, chat):
            list(super().chat(chat))
            raise RuntimeError(self.token_provider.get_token())

    provider = oracle(Careless)
    with caplog.at_level(logging.DEBUG), pytest.raises(ProviderError) as caught:
        provider.execute(parse())
    assert "oracle-token" not in caplog.text + caught.value.detail
