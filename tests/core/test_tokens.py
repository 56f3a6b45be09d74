import os
import threading
import traceback

import pytest
import requests
import responses

from llmproxy.config.models import ProviderConfig
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ConfigError, LLMProxyError, TokenError
from llmproxy.core.tokens import (
    CallableTokenProvider,
    DotEnvFile,
    Environment,
    EnvTokenProvider,
    FileTokenProvider,
    RotatingTokenProvider,
    StaticTokenProvider,
    read_secret,
)
from llmproxy.dialects.openai_chat import OpenAIChatClient
from llmproxy.providers.openai import OpenAIProvider
from llmproxy.transport.auth import BearerAuth, HeaderAuth

CANARY = "sk-canary-0123456789"


@pytest.fixture
def dotenv(tmp_path):
    """Writes a `.env`, later than whatever was there."""
    path, clock = tmp_path / ".env", iter(range(1, 100))

    def write(text):
        path.write_text(text)
        now = path.stat().st_mtime_ns + next(clock) * 1_000_000_000
        os.utime(path, ns=(now, now))
        return path

    return write


def token_of(name="KEY", files=(), **environ):
    return EnvTokenProvider(name, Environment(files, environ)).get_token()


# Where a token comes from.


def test_a_token_is_read_from_the_environment():
    assert token_of(KEY="a") == "a"


def test_a_token_is_read_from_the_process_itself(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEY", "a")
    assert EnvTokenProvider("KEY").get_token() == "a"


def test_a_token_is_read_from_the_file_in_the_working_directory(monkeypatch, tmp_path, dotenv):
    dotenv("A_KEY_OF_THIS_TEST=a")
    monkeypatch.chdir(tmp_path)
    assert EnvTokenProvider("A_KEY_OF_THIS_TEST").get_token() == "a"
    assert "A_KEY_OF_THIS_TEST" not in os.environ


def test_the_environment_wins_over_the_file(dotenv):
    assert token_of(files=[dotenv("KEY=file")], KEY="environment") == "environment"


def test_the_file_is_read_where_the_environment_says_nothing(dotenv):
    assert token_of(files=[dotenv("KEY=file")]) == "file"


def test_the_first_file_wins(tmp_path, dotenv):
    other = tmp_path / "other"
    other.write_text("KEY=second\nMORE=second")
    files = [dotenv("KEY=first"), other]
    assert (token_of(files=files), token_of("MORE", files)) == ("first", "second")


def test_a_secret_file_is_read_where_nothing_else_says(tmp_path):
    (tmp_path / "secret").write_text("a\n")
    assert token_of(KEY_FILE=str(tmp_path / "secret")) == "a"


def test_a_secret_file_may_be_named_in_the_dotenv_file(tmp_path, dotenv):
    (tmp_path / "secret").write_text("a\n")
    assert token_of(files=[dotenv(f"KEY_FILE={tmp_path}/secret")]) == "a"


def test_the_variable_itself_wins_over_its_secret_file(tmp_path, dotenv):
    (tmp_path / "secret").write_text("secret")
    assert token_of(files=[dotenv("KEY=file")], KEY_FILE=str(tmp_path / "secret")) == "file"


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_an_empty_value_gives_way_to_the_secret_file(tmp_path, value):
    (tmp_path / "secret").write_text("a")
    assert token_of(KEY=value, KEY_FILE=str(tmp_path / "secret")) == "a"


def test_only_a_token_that_is_asked_for_is_fetched():
    known, asked = StaticTokenProvider("a"), CallableTokenProvider(lambda: "b")
    assert not known.fetches
    assert asked.fetches
    assert not RotatingTokenProvider([known, known]).fetches
    assert RotatingTokenProvider([known, asked]).fetches


@pytest.mark.parametrize("environ", [{}, {"KEY": ""}, {"KEY": "  "}, {"KEY_FILE": ""}, {"KEY_FILE": "/no/such/file"}])
def test_what_is_empty_or_missing_is_absent(environ):
    with pytest.raises(TokenError) as caught:
        token_of(**environ)
    assert (caught.value.status, caught.value.detail) == (503, "KEY is not set")


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe\x00"])
def test_a_secret_file_without_a_secret_is_absent(tmp_path, content):
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(TokenError):
        token_of(KEY_FILE=str(tmp_path / "secret"))


@pytest.mark.parametrize(
    "line",
    [
        "KEY=a",
        "KEY = a ",
        "export KEY=a",
        "KEY='a'",
        'KEY="a"',
        "KEY=a # a comment",
        "\ufeffKEY=a",
        "KEY=a\r",
        "#\n\nKEY=a",
    ],
)
def test_a_line_of_the_file_is_read_as_people_write_it(dotenv, line):
    assert token_of(files=[dotenv(line)]) == "a"


def test_a_value_that_looks_like_a_variable_is_taken_literally(dotenv):
    assert token_of(files=[dotenv("KEY=a$HOME${HOME}")]) == "a$HOME${HOME}"


@pytest.mark.parametrize("line", ["KEY", "KEY=", "=a"])
def test_a_line_without_a_value_sets_nothing(dotenv, line):
    with pytest.raises(TokenError):
        token_of(files=[dotenv(line)])


# Changes.


def test_the_file_is_read_again_when_it_changes(dotenv):
    provider = EnvTokenProvider("KEY", Environment([dotenv("KEY=old")], {}))
    assert provider.get_token() == "old"
    dotenv("KEY=new")
    assert provider.get_token() == "new"


def test_the_file_is_read_again_when_it_is_replaced(tmp_path, dotenv):
    provider = EnvTokenProvider("KEY", Environment([dotenv("KEY=old")], {}))
    stamp = os.stat(tmp_path / ".env")
    assert provider.get_token() == "old"
    (tmp_path / "next").write_text("KEY=new")
    os.utime(tmp_path / "next", ns=(stamp.st_mtime_ns, stamp.st_mtime_ns))
    (tmp_path / "next").replace(tmp_path / ".env")
    assert provider.get_token() == "new"


def test_the_file_is_not_read_again_while_it_stays(dotenv, monkeypatch):
    file = DotEnvFile(dotenv("KEY=a"))
    file.values()
    monkeypatch.setattr(DotEnvFile, "_read", lambda self: pytest.fail("was read again"))
    assert file.values() == {"KEY": "a"}


def test_the_file_may_come_and_go(tmp_path, dotenv):
    file = DotEnvFile(tmp_path / ".env")
    assert (file.values(), file.stamp(), file.problems()) == ({}, None, [])
    dotenv("KEY=a")
    assert file.values() == {"KEY": "a"}
    (tmp_path / ".env").unlink()
    assert file.values() == {}


def test_the_environment_is_read_at_each_use():
    environ = {"KEY": "old"}
    provider = EnvTokenProvider("KEY", Environment((), environ))
    assert provider.get_token() == "old"
    environ["KEY"] = "new"
    assert provider.get_token() == "new"


def test_stamps_change_with_the_files(dotenv):
    environment = Environment([dotenv("KEY=a")], {})
    before = environment.stamps()
    assert environment.stamps() == before
    dotenv("KEY=bb")
    assert environment.stamps() != before


def test_lines_that_do_not_parse_are_told_by_number_and_not_by_content(dotenv):
    problems = DotEnvFile(dotenv(f"KEY=a\n{CANARY}\nKEY2='{CANARY}\n")).problems()
    assert [number for number, _ in problems] == [2, 3]
    assert CANARY not in str(problems)


def test_a_variable_is_known_by_its_line(dotenv):
    file = DotEnvFile(dotenv("A=1\n\nB=2\n"))
    assert (file.line_of("B"), file.line_of("C")) == (3, None)


def test_a_variable_set_to_nothing_is_defined():
    environment = Environment((), {"KEY": ""})
    assert (environment.defines("KEY"), environment.defines("OTHER")) == (True, False)


# The other kinds.


def test_a_static_token_is_itself():
    assert StaticTokenProvider("a").get_token() == "a"


def test_an_empty_static_token_is_absent():
    with pytest.raises(TokenError):
        StaticTokenProvider("").get_token()


def test_a_file_is_read_at_each_use(tmp_path):
    path = tmp_path / "token"
    provider = FileTokenProvider(path)
    path.write_text("old\n")
    assert provider.get_token() == "old"
    path.write_text("new\n")
    assert provider.get_token() == "new"


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_file_without_a_token_is_named(tmp_path, content):
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    with pytest.raises(TokenError) as caught:
        FileTokenProvider(str(path)).get_token()
    assert caught.value.detail == f"{path} holds no token"


def test_a_folder_holds_no_secret(tmp_path):
    assert read_secret(tmp_path) is None


def test_a_function_is_called_for_each_token():
    tokens = iter(["a", "b"])
    provider = CallableTokenProvider(lambda: next(tokens))
    assert (provider.get_token(), provider.get_token()) == ("a", "b")


@pytest.mark.parametrize("nothing", ["", None])
def test_a_function_that_returns_nothing_has_no_token(nothing):
    with pytest.raises(TokenError):
        CallableTokenProvider(lambda: nothing).get_token()


def rotating(*tokens):
    return RotatingTokenProvider([StaticTokenProvider(token) for token in tokens])


def test_tokens_take_turns():
    provider = rotating("a", "b", "c")
    assert [provider.get_token() for _ in range(7)] == list("abcabca")


def test_a_token_that_is_absent_is_passed_over():
    provider = rotating("a", "", "c")
    assert {provider.get_token() for _ in range(6)} == {"a", "c"}


def test_without_any_token_the_last_reason_is_told():
    provider = RotatingTokenProvider(
        [EnvTokenProvider("A", Environment((), {})), EnvTokenProvider("B", Environment((), {}))]
    )
    with pytest.raises(TokenError) as caught:
        provider.get_token()
    assert caught.value.detail == "B is not set"


def test_a_token_may_be_asked_for_by_its_place():
    provider = rotating("a", "b")
    assert (provider.count, provider.at(1).get_token(), provider.get_token()) == (2, "b", "a")


def test_a_token_that_stands_alone_is_the_only_one():
    provider = StaticTokenProvider("a")
    assert (provider.count, provider.at(0)) == (1, provider)


def test_turns_need_a_token_at_least():
    with pytest.raises(ConfigError):
        RotatingTokenProvider([])


def test_threads_share_the_turns_fairly():
    provider, taken, barrier = rotating("a", "b"), [], threading.Barrier(8)

    def take():
        barrier.wait(5)
        taken.extend(provider.get_token() for _ in range(50))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert (taken.count("a"), taken.count("b")) == (200, 200)


# Where a token never shows.


def canaries(tmp_path):
    (tmp_path / "token").write_text(CANARY)
    return {
        "static": StaticTokenProvider(CANARY),
        "environment": EnvTokenProvider("KEY", Environment((), {"KEY": CANARY})),
        "file": FileTokenProvider(tmp_path / "token"),
        "callable": CallableTokenProvider(lambda: CANARY),
        "rotating": rotating(CANARY),
    }


KINDS = ["static", "environment", "file", "callable", "rotating"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_token_shows_in_what_holds_it(kind, tmp_path):
    provider = canaries(tmp_path)[kind]
    assert provider.get_token() == CANARY
    holders = [provider, BearerAuth(provider), HeaderAuth("x", provider), OpenAIProvider(token_provider=provider)]
    assert CANARY not in "".join(f"{holder!r} {holder}" for holder in holders)


def test_no_token_shows_in_the_environment_that_was_read(dotenv):
    file = DotEnvFile(dotenv(f"KEY={CANARY}"))
    environment = Environment([file.path], {"KEY": CANARY})
    file.values()
    assert CANARY not in f"{file!r} {environment!r} {environment.files!r}"


def asked(provider):
    body = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
    request = OpenAIChatClient().parse(body, RequestContext())
    return b"".join(provider.execute(request))


FAILURES = {
    "refused": {"body": requests.ConnectionError("refused")},
    "repeated": {"status": 401, "json": {"error": {"message": f"bad key {CANARY}", "code": CANARY}}},
    "quoted": {"status": 400, "json": {"error": {"message": f"bad key {CANARY}", "type": CANARY}}},
    "limited": {"status": 429, "json": {"error": {"message": f"key {CANARY} is tired"}}},
    "broken": {"status": 500, "body": CANARY},
    "html": {"status": 200, "body": f"<html>{CANARY}", "content_type": "text/html"},
    "error in a 200": {"status": 200, "json": {"error": {"message": CANARY, "code": CANARY}}},
    "no json": {"status": 200, "body": CANARY, "content_type": "application/json"},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("failure", FAILURES)
def test_no_token_shows_when_a_request_fails(kind, failure, tmp_path, caplog):
    caplog.set_level(0)
    provider = OpenAIProvider(token_provider=canaries(tmp_path)[kind])
    with responses.RequestsMock() as mock:
        mock.post("https://api.openai.com/v1/chat/completions", **FAILURES[failure])
        with pytest.raises(LLMProxyError) as caught:
            asked(provider)
        assert mock.calls[0].request.headers["Authorization"] == f"Bearer {CANARY}"
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + f"{error!r} {error.message} {error.upstream}" + caplog.text
    assert CANARY not in shown
    assert CANARY not in (error.detail or "")


@pytest.mark.parametrize("token", [f"{CANARY}\nX: y", f"{CANARY}\r", f"{CANARY}\0", f"{CANARY}é", f"{CANARY}\ud800"])
def test_a_token_that_no_header_may_hold_is_refused_without_showing_it(token):
    with pytest.raises(TokenError) as caught:
        asked(OpenAIProvider(token_provider=StaticTokenProvider(token)))
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + str(caught.value.detail)
    assert CANARY not in shown


def test_no_token_shows_in_the_traceback_of_an_upstream_that_is_not_there():
    provider = OpenAIProvider(
        ProviderConfig(base_url="http://127.0.0.1:9/v1"), token_provider=StaticTokenProvider(CANARY)
    )
    with pytest.raises(LLMProxyError) as caught:
        asked(provider)
    text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=False).format())
    assert CANARY not in text + repr(caught.value) + str(caught.value.detail)
