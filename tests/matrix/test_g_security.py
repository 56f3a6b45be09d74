"""Section G: what callers, upstreams and the environment try, and what they never get."""

import configparser
import contextlib
import http.client
import importlib.metadata
import json
import re
import subprocess
import sys

import pytest
from gunicorns import ROOT, free_port

from llmproxy import create_app
from matrix.conftest import (
    CHAT,
    CLIENT_KEY,
    MESSAGES,
    PROMPT,
    PROVIDER_TOKEN,
    SECOND_TOKEN,
    SECRETS,
    posted,
    proxy,
    status_of,
)

ASKED = json.dumps({"model": "up/g", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 5}).encode()
ADDRESS = "http://169.254.169.254/"
STREAMED = json.dumps({**json.loads(ASKED), "stream": True}).encode()

BAD_KEYS = [
    None,
    "",
    "wrong",
    CLIENT_KEY + "x",
    CLIENT_KEY[:-1],
    CLIENT_KEY.upper(),
    f"{CLIENT_KEY} x",
    f"Bearer {CLIENT_KEY}",
    "k\xe9y",
    "\xff" * 100,
    "k" * 5000,
    "' OR 1=1--",
    "'; DROP TABLE keys;--",
]


def answered(row, *lines, path=CHAT, key=CLIENT_KEY, body=ASKED, outcome="void"):
    """What comes back to a request with further lines in its head."""
    return row.send(posted(body, *lines, path=path, key=key), outcome=outcome)


@pytest.mark.parametrize("key", BAD_KEYS, ids=range(len(BAD_KEYS)))
def test_G1_every_key_but_the_right_one_has_the_same_answer(row, key):
    row.attempts = 0
    received = answered(row, key=key)
    head, _, body = received.partition(b"\r\n\r\n")
    assert (status_of(received), b"WWW-Authenticate: Bearer" in head) == (401, True)
    assert json.loads(body)["error"]["message"] == "The API key is missing or not valid."


@pytest.mark.parametrize("path", [CHAT, "/passthrough/up/files", "/v1/messages/count_tokens"])
def test_G1_a_key_is_asked_for_before_the_body_is_looked_at(row, path):
    row.attempts = 0
    ten = 10 * 1024 * 1024
    received = row.send(posted(b"", path=path, key="wrong", length=ten), b"{" * ten, outcome="void")
    assert status_of(received) == 401
    assert status_of(answered(row, "Content-Encoding: gzip", path=path, key="wrong", body=b"{")) == 401


def test_G2_a_key_that_is_no_ascii_is_a_wrong_one(row):
    row.attempts = 0
    for key in ("k\xc3\xa9y", "\x80", "\u00e9"):
        assert status_of(answered(row, key=key)) == 401


INJECTIONS = ["' OR 1=1--", "'; DROP TABLE clients; --", '" OR ""="', "1) UNION SELECT 1 --", "\\'; --", "%27"]


@pytest.mark.parametrize("text", INJECTIONS)
def test_G3_sql_is_a_text_like_any_other(row, text):
    row.attempts = 2
    row.play("ok")
    assert status_of(answered(row, key=text)) == 401
    for header in ("x-request-id", "openai-beta", "anthropic-version", "x-forwarded-for", "user-agent"):
        assert status_of(answered(row, f"{header}: {text}", key="wrong")) == 401
    assert row.ask("settled", user=text, metadata={"user": text}).status == 200
    assert row.ask("settled", prompt=text).status == 200
    assert row.ask("void", model=text).status == 404


@pytest.mark.parametrize("name", ["api_key", "key", "api-key", "access_token", "x-api-key"])
def test_G4_a_key_in_a_url_opens_nothing(row, name):
    row.attempts = 0
    path = f"{CHAT}?{name}={CLIENT_KEY}"
    assert status_of(answered(row, path=path, key=None)) == 401
    assert status_of(answered(row, path=path)) == 400


def test_G4_a_key_in_a_line_that_is_none_is_not_logged(row):
    row.attempts = 0
    start = row.worker.log_size
    row.send(f"GET /v1/models?key={CLIENT_KEY}\r\n\r\n".encode())
    assert b"[redacted]" in row.worker.logged(start)
    row.received = b""  # the server's own page repeats the line to whoever has sent it


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("code", [400, 401, 403, 404, 422, 429, 500, 503])
def test_G5_a_token_that_an_upstream_repeats_is_shown_to_nobody(row, code, path, stream):
    message = f"{PROVIDER_TOKEN} is no good, nor is Bearer {PROVIDER_TOKEN}"
    row.play("status", code=code, type=PROVIDER_TOKEN, message=message)
    answer = row.ask("unknown" if code == 500 else "void", stream, path=path)
    assert answer.status >= 400


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_G5_nor_a_token_in_an_error_in_the_place_of_a_stream(row, path):
    answer = row.play("error_event_first", type=f"about {PROVIDER_TOKEN}").ask("unknown", stream=True, path=path)
    assert answer.status == 502


def test_G5_nor_a_token_in_an_error_event_in_other_words(row):
    row.play("error_event_midway", type=f"about {PROVIDER_TOKEN}")
    assert row.ask("partial", stream=True, path=MESSAGES).error["type"] == "api_error"


def test_G5_nor_a_token_in_an_error_event_that_is_relayed(row):
    answer = row.play("error_event_midway", type=f"about {PROVIDER_TOKEN}").ask("partial", stream=True)
    assert answer.error["type"] == "about [redacted]"


def test_G5_nor_a_token_in_an_error_that_is_passed_through(row):
    row.play("status", code=400, message=f"no such thing for {PROVIDER_TOKEN}")
    received = answered(row, path="/passthrough/up/chat/completions")
    assert (status_of(received), b"no such thing for" in received) == (400, True)


def test_G5_a_key_that_a_client_puts_elsewhere_is_not_logged(row):
    row.attempts = 0
    row.ask("void", model=CLIENT_KEY)
    row.ask("void", model=f"nothing/{CLIENT_KEY}")
    row.received = b""  # the name of the model that is not there is repeated to whoever asked for it
    received = answered(row, f"x-request-id: {CLIENT_KEY}", body=b"{")
    assert CLIENT_KEY.encode() not in received
    assert status_of(answered(row, path=f"/v1/{CLIENT_KEY}", key=None)) == 404


OTHERS = [ASKED + b"}", ASKED.replace(b'"up/g"', b"5"), ASKED.replace(b"up", b"down")]


@pytest.mark.parametrize("body", [ASKED, *OTHERS], ids=["right", "no JSON", "no name", "no such model"])
def test_G6_no_prompt_is_logged_or_repeated_whatever_becomes_of_it(row, body):
    row.attempts = int(body == ASKED)
    received = row.play("ok").send(posted(body), outcome="settled" if body == ASKED else "void")
    assert PROMPT.encode() not in received


def test_G7_each_upstream_is_sent_its_own_token_and_no_other(row, spare):
    row.attempts = 1
    row.play("ok").ask("settled")
    spare.play("ok")
    row.ask("settled", llm="spare")
    assert row.upstream.requests[-1].headers["authorization"] == f"Bearer {PROVIDER_TOKEN}"
    assert spare.requests[-1].headers["authorization"] == f"Bearer {SECOND_TOKEN}"


@pytest.mark.parametrize("url", ["http://up.example/v1", "http://10.0.0.1/v1", "ftp://127.0.0.1/", "https://u:p@h/v1"])
def test_G7_a_token_goes_nowhere_in_clear_and_to_no_address_that_is_none(url, tmp_path):
    config = f'[llm.up]\nprovider = "openai"\nbase_url = "{url}"\ntoken_env = "UP_KEY"\n'
    assert "base_url" in refuses_to_start(config, tmp_path, **SECRETS)


@pytest.mark.parametrize("path", ["@169.254.169.254/", ":80@h/", ".evil.example/", "http://h/"])
def test_G7_a_path_of_the_configuration_leads_to_no_other_host(path, tmp_path):
    config = f"""
    [llm.up]
    provider = "openai"
    base_url = "https://up.example"
    paths = {{ "openai.chat" = "{path}" }}
    """
    assert "openai.chat" in refuses_to_start(config, tmp_path)


ROUTES = {
    CHAT: {"model": "up/g", "messages": [{"role": "user", "content": "hello"}]},
    MESSAGES: {"model": "up/g", "max_tokens": 5, "messages": [{"role": "user", "content": "hello"}]},
    "/v1/messages/count_tokens": {"model": "up/g", "messages": [{"role": "user", "content": "hello"}]},
    "/v1/completions": {"model": "up/g", "prompt": "hello"},
    "/v1/embeddings": {"model": "up/g", "input": "hello"},
    "/v1/responses": {"model": "up/g", "input": "hello"},
    "/v1beta/models/up/g:generateContent": {"contents": [{"parts": [{"text": "hello"}]}]},
    "/v1beta/models/up/g:streamGenerateContent": {"contents": [{"parts": [{"text": "hello"}]}]},
    "/v1beta/models/up/g:countTokens": {"contents": [{"parts": [{"text": "hello"}]}]},
    "/api/chat": {"model": "up/g", "messages": [{"role": "user", "content": "hello"}]},
    "/passthrough/up/chat/completions": {"model": "g", "messages": []},
}


@pytest.mark.parametrize("path", ROUTES)
def test_G8_no_request_says_where_it_goes_on_any_route(row, trap, path):
    row.attempts = 0
    said, where = ROUTES[path], trap.origin
    for name in ("base_url", "api_base", "custom_host", "api_key"):
        for members in ({name: where}, {"metadata": {name: where}}, {"extra_body": {name: where}}):
            received = answered(row, path=path, body=json.dumps({**said, **members}).encode())
            assert (status_of(received), name.encode() in received) == (400, True)
    for name in ("x-portkey-custom-host", "x-portkey-config", "x-llmproxy-base-url", "api-base", "helicone-target-url"):
        assert status_of(answered(row, f"{name}: {where}", path=path, body=json.dumps(said).encode())) == 400
    assert status_of(answered(row, path=f"{path}?base_url={where}", body=json.dumps(said).encode())) == 400
    assert trap.connections == 0


@pytest.mark.parametrize(("llm", "path"), [("up", CHAT), ("up", MESSAGES), ("claude", CHAT), ("claude", MESSAGES)])
def test_G9_an_address_in_a_message_is_passed_on_and_never_visited(row, trap, llm, path):
    image = {"type": "image_url", "image_url": {"url": trap.url}}
    if path == MESSAGES:
        image = {"type": "image", "source": {"type": "url", "url": trap.url}}
    row.play("ok").ask("settled" if llm == "up" else "unknown", llm=llm, path=path, prompt=[image])
    assert (trap.url.encode() in row.upstream.requests[-1].body, trap.connections) == (True, 0)


@pytest.mark.parametrize("text", ["{{7*7}}", "${7*7}", "{7*7}", "%(x)s", "{0.__class__}", "<%= 7*7 %>", "#{7*7}"])
def test_G10_a_template_stays_as_typed(row, text):
    row.play("ok").ask("settled", prompt=text)
    assert row.upstream.requests[-1].json()["messages"][0]["content"] == text


@pytest.mark.parametrize("name", ["os:system", "os.system", "builtins:eval", "llmproxy.testing:FaultUpstream"])
def test_G10_no_name_of_a_request_is_imported(row, name):
    row.attempts = 0
    assert row.ask("void", model=name, processor=name, provider=name, hooks=[name]).status == 404


def test_G11_the_environment_says_nothing_of_where_and_as_whom(row, trap):
    row.play("ok").ask("settled")
    assert row.upstream.requests[-1].headers["authorization"] == f"Bearer {PROVIDER_TOKEN}"
    assert (trap.connections, row.upstream.requests[-1].path) == (0, CHAT)


FOREIGN = [
    "Cookie: c=1", "X-Forwarded-For: 1.2.3.4", "X-Real-IP: 1.2.3.4", "Forwarded: for=1.2.3.4", "Via: 1.1 x",
    "Origin: https://web.example", "Referer: https://web.example/", "Proxy-Authorization: Basic eA==", "TE: trailers",
    "Keep-Alive: timeout=5", "Upgrade: h2c", "openai-organization: org", "x-stainless-lang: python",
    "anthropic-beta: b", "anthropic-version: v", "x-goog-api-key: k", "x-api-key: k", "traceparent: 00-1-1-00",
]  # fmt: skip


def test_G12_nothing_of_a_clients_head_goes_on_but_what_is_allowed(row):
    received = row.play("ok").send(posted(ASKED, "openai-beta: b=1", *FOREIGN), outcome="settled")
    assert status_of(received) == 200
    sent = row.upstream.requests[-1].headers
    assert set(sent) - {"connection"} == {
        "host", "accept", "accept-encoding", "user-agent", "content-type", "content-length", "authorization",
        "openai-beta",
    }  # fmt: skip
    assert (sent["authorization"], sent["user-agent"]) == (f"Bearer {PROVIDER_TOKEN}", "llmproxy")


@pytest.mark.parametrize("host", ["a?b#", "evil.example", "127.0.0.1@evil.example", "[::1]:99999", "x/y", ""])
def test_G13_the_host_header_changes_nothing(row, host):
    received = row.play("ok").send(posted(ASKED).replace(b"Host: proxy", f"Host: {host}".encode()), outcome="settled")
    assert (status_of(received), b"evil" in received) == (200, False)
    assert row.upstream.requests[-1].headers["host"] == f"127.0.0.1:{row.upstream.port}"


@pytest.mark.parametrize("line", ["X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "X-Real-IP: 127.0.0.1"])
def test_G14_who_says_to_come_from_here_needs_a_key_like_all_others(row, line):
    row.attempts = 0
    assert status_of(answered(row, line, key=None)) == 401


def test_G14_without_clients_a_caller_that_a_front_speaks_for_is_not_here(tmp_path):
    with proxy("", tmp_path) as worker:
        assert status(worker, "GET", "/v1/models", {}) == 200
        assert status(worker, "GET", "/v1/models", {"X-Forwarded-For": "127.0.0.1"}) == 401
        assert status(worker, "GET", "/v1/models", {"Forwarded": "for=127.0.0.1"}) == 401


@pytest.mark.parametrize("origin", ["https://web.example", "null", "http://localhost:3000"])
@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
def test_G15_no_other_origin_is_let_in(row, method, origin):
    row.attempts = 0
    lines = [f"Origin: {origin}", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-a"]
    request = posted(ASKED, *lines, key="wrong").replace(b"POST /", method.encode() + b" /")
    received = row.send(request, outcome="void" if method == "POST" else None)
    assert b"access-control-" not in received.lower()


HEALTH = {"/livez", "/readyz"}
OPEN = {*HEALTH, "/openapi.json"}  # which names neither llms nor models
PLACEHOLDER = re.compile(r"<[^>]+>")


def status(worker, method, path, headers):
    """The status of the answer to a request without a key."""
    connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=5)
    connection.request(method, path, b"{}" if method == "POST" else None, headers)
    with contextlib.closing(connection), connection.getresponse() as response:
        return response.status


def test_G16_without_a_key_nothing_answers_but_health_and_the_description(row, folder):
    app = create_app({"llm": {"up": {"provider": "echo"}}})
    paths = {PLACEHOLDER.sub("up", rule.rule) for rule in app.url_map.iter_rules()}
    assert paths > OPEN
    asked = [(method, path) for method in ("GET", "POST") for path in sorted(paths - OPEN)]
    found = {each: status(row.worker, *each, {"Content-Type": "application/json"}) for each in asked}
    row.attempts, row.asked, row.outcomes = 0, len(asked), ["void"] * len(asked)
    assert {each for each, status in found.items() if status not in (401, 404, 405)} == set()


def test_G16_the_description_names_nothing_that_is_configured(row):
    row.attempts = 0
    received = row.send(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (status_of(received), b"hasty" in received, b"either_limited" in received) == (200, False, False)


def test_G16_health_says_nothing_more(row):
    row.attempts = 0
    for path in HEALTH:
        received = row.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert json.loads(received.partition(b"\r\n\r\n")[2]) == {"status": "ok"}


def refuses_to_start(config, folder, **environ):
    """What `gunicorn wsgi:app` says before it ends with 2."""
    path = folder / "llmproxy.toml"
    path.write_text(config, encoding="utf-8")
    command = [sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{free_port()}"]
    environ = {"PATH": "/usr/bin:/bin", **environ, "LLMPROXY_CONFIG": str(path)}
    ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30)
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    return ended.stderr


CLIENT = '[client.ci]\ntoken_env = "CI_KEY"\n'
ADMIN = '[server]\nadmin_token_env = "A_KEY"\n'


@pytest.mark.parametrize("value", ["", "   "])
@pytest.mark.parametrize(("config", "variable"), [(CLIENT, "CI_KEY"), ("", "LLMPROXY_ADMIN_TOKEN"), (ADMIN, "A_KEY")])
def test_G17_an_empty_secret_of_our_own_refuses_to_start(config, variable, value, tmp_path):
    said = refuses_to_start(config, tmp_path, **{variable: value})
    assert (variable in said, "empty" in said) == (True, True)


def test_G17_nor_one_that_is_empty_in_a_file(tmp_path):
    (tmp_path / ".env").write_text("CI_KEY=\n", encoding="utf-8")
    assert "empty" in refuses_to_start(CLIENT, tmp_path)
    (tmp_path / ".env").unlink()
    secret = tmp_path / "secret"
    secret.write_text("\n", encoding="utf-8")
    assert "CI_KEY_FILE" in refuses_to_start(CLIENT, tmp_path, CI_KEY_FILE=str(secret))


# The core's own requirements and theirs; whoever adds one does so here, knowingly.
CORE = {
    "apispec", "blinker", "certifi", "charset-normalizer", "click", "flask", "gunicorn", "idna", "itsdangerous",
    "jinja2", "markupsafe", "marshmallow", "packaging", "python-dotenv", "requests", "urllib3", "werkzeug",
}  # fmt: skip
NAME = re.compile(r"[A-Za-z0-9._-]+")
ELSEWHERE = re.compile(r"extra ==|win32|python_version < ")


def names_in(lines):
    """The names of requirements, but for those of extras and other systems."""
    return {NAME.match(line)[0].lower().replace("_", "-") for line in lines if line and not ELSEWHERE.search(line)}


def test_G18_the_core_requires_what_is_known_and_nothing_else():
    declared = configparser.ConfigParser(interpolation=None)
    declared.read(ROOT / "setup.cfg", encoding="utf-8")
    found, new = set(), names_in(declared["options"]["install_requires"].splitlines())
    while new:
        found |= new
        new = set().union(*(names_in(importlib.metadata.requires(name) or []) for name in new)) - found
    assert found == CORE


@pytest.mark.parametrize("name", sorted(CORE))
def test_G18_no_requirement_runs_code_at_every_start_of_python(name):
    files = importlib.metadata.distribution(name).files
    assert [str(file) for file in files if file.suffix == ".pth"] == []
