"""Sessions and their pools: one per token, nothing from the environment, nothing remembered."""

import os
import shutil
import ssl
import subprocess
import threading

import pytest

from llmproxy.core.errors import ClientGone, ProviderError
from llmproxy.transport import sessions

from .conftest import CHUNKED, CLOSE, OK, READ, WAIT_SECS, attempted, chunk, sized

LIMIT = 1024 * 1024


def answered(send, upstream, **keys):
    reply = send(upstream, **keys)
    body = reply.body(LIMIT)
    reply.close()
    return body


def headers_of(request):
    lines = request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]


def values_of(request, name):
    return [value for key, value in headers_of(request) if key == name]


# What is sent.


def test_the_request_is_sent_as_it_was_prepared(serve, send):
    upstream = serve([READ, OK])
    answered(send, upstream, body=b'{"a":1}', headers={"X-One": "1"}, url=f"{upstream.url}/a%2Fb?c=d&e")
    assert upstream.requests[0].startswith(b"POST /v1/a%2Fb?c=d&e HTTP/1.1\r\n")
    assert upstream.requests[0].endswith(b'\r\n\r\n{"a":1}')
    assert dict(headers_of(upstream.requests[0])) == {
        "host": f"127.0.0.1:{upstream.port}",
        "accept-encoding": "identity",
        "x-one": "1",
        "content-length": "7",
        "user-agent": dict(headers_of(upstream.requests[0]))["user-agent"],
    }


@pytest.mark.parametrize(("body", "lengths"), [(None, []), (b"", ["0"])])
def test_a_body_that_is_none_is_not_an_empty_one(serve, client, body, lengths):
    upstream = serve([READ, OK])
    client().send(sessions.prepare("GET", upstream.url, {}, body), attempted()).close()
    assert values_of(upstream.requests[0], "content-length") == lengths
    assert values_of(upstream.requests[0], "transfer-encoding") == []


@pytest.mark.parametrize("headers", [{}, {"Accept-Encoding": "identity"}, {"accept-encoding": "identity"}])
def test_no_coding_is_asked_for(serve, send, headers):
    upstream = serve([READ, OK])
    answered(send, upstream, headers=headers)
    assert values_of(upstream.requests[0], "accept-encoding") == ["identity"]


def test_a_url_without_a_path_asks_for_the_root(serve, send):
    upstream = serve([READ, OK])
    answered(send, upstream, url=f"http://127.0.0.1:{upstream.port}")
    assert upstream.requests[0].startswith(b"POST / HTTP/1.1\r\n")


def test_a_header_with_a_line_break_is_never_sent(serve, send):
    upstream = serve([READ, OK])
    with pytest.raises(ProviderError):
        send(upstream, headers={"X-One": "a\r\nX-Two: b"})
    assert upstream.requests == []


# What is not taken from elsewhere.


def test_cookies_are_neither_stored_nor_sent(serve, send):
    upstream = serve([READ, sized(b"ok", "Set-Cookie: a=b; Path=/"), READ, OK])
    answered(send, upstream)
    answered(send, upstream)
    assert [values_of(request, "cookie") for request in upstream.requests] == [[], []]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(serve, send, status):
    elsewhere = serve([READ, OK])
    upstream = serve([READ, sized(b"", f"Location: {elsewhere.url}", status=f"{status} x")])
    assert send(upstream, headers={"X-Api-Key": "canary"}).status == status
    assert (elsewhere.connections, elsewhere.requests) == (0, [])


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_the_proxy_of_the_environment_is_ignored(serve, send, monkeypatch, name):
    proxy, upstream = serve([READ, OK]), serve([READ, OK])
    monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    answered(send, upstream)
    assert (proxy.connections, upstream.connections) == (0, 1)


def test_a_configured_proxy_is_used(serve, send, client):
    proxy = serve([READ, OK])
    answered(send, None, url="http://up.example/v1/x", through=client(proxy=f"http://127.0.0.1:{proxy.port}"))
    assert proxy.requests[0].startswith(b"POST http://up.example/v1/x HTTP/1.1\r\n")


def test_nothing_was_sent_where_the_proxy_did_not_let_us_through(serve, send, client):
    proxy, context = serve([READ, b"HTTP/1.1 403 Forbidden\r\n\r\n", CLOSE]), attempted()
    through = client(proxy=f"http://127.0.0.1:{proxy.port}")
    with pytest.raises(ProviderError) as caught:
        send(None, url="https://up.example/v1/x", context=context, through=through)
    assert proxy.requests[0].startswith(b"CONNECT up.example:443 HTTP/1.")
    assert (caught.value.code, context.attempts[0].sent) == ("upstream_unavailable", False)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer ours"}])
def test_netrc_is_ignored(serve, send, monkeypatch, tmp_path, headers):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login canary password canary\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    upstream = serve([READ, OK])
    answered(send, upstream, headers=headers)
    assert values_of(upstream.requests[0], "authorization") == list(headers.values())


def test_a_session_says_itself_that_it_takes_nothing_from_outside():
    session = sessions.UpstreamSession(sessions.TransportSettings())
    assert (session.trust_env, session.max_redirects, session.auth) == (False, 0, None)


# Pools.


def test_each_token_has_its_own_pool(serve, send):
    upstream = serve([READ, OK, READ, OK])
    for token in ("a", "b", "a", "b"):
        answered(send, upstream, token_id=token)
    assert upstream.connections == 2


def test_each_llm_has_its_own_pool(serve, send, client):
    upstream = serve([READ, OK])
    answered(send, upstream, through=client())
    answered(send, upstream, through=client())
    assert upstream.connections == 2


def test_requests_at_the_same_time_have_a_connection_each(serve, send):
    gate, arrived = threading.Event(), threading.Semaphore(0)
    upstream = serve([READ, arrived.release, gate, OK])
    bodies = []
    threads = [threading.Thread(target=lambda: bodies.append(answered(send, upstream)), daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert all(arrived.acquire(timeout=WAIT_SECS) for _ in threads)
    gate.set()
    for thread in threads:
        thread.join(WAIT_SECS)
    assert (bodies, upstream.connections) == ([b"ok"] * 8, 8)


def test_idle_connections_are_closed_with_the_llm(serve, send, client):
    upstream, provider = serve([READ, OK]), client()
    answered(send, upstream, through=provider)
    provider.close()
    assert upstream.left.wait(WAIT_SECS)


def test_an_llm_that_was_closed_may_be_used_again(serve, send, client):
    upstream, provider = serve([READ, OK]), client()
    answered(send, upstream, through=provider)
    provider.close()
    assert answered(send, upstream, through=provider) == b"ok"


def test_a_connection_never_crosses_a_fork(serve, send, monkeypatch):
    upstream = serve([READ, OK, READ, OK])
    answered(send, upstream)
    parent = os.getpid()
    monkeypatch.setattr(sessions.os, "getpid", lambda: parent + 1)
    answered(send, upstream)
    assert upstream.connections == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_process_makes_connections_of_its_own(serve, send):
    upstream = serve([READ, OK, READ, OK])
    answered(send, upstream)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if answered(send, upstream) == b"ok" else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert upstream.connections == 2
    assert answered(send, upstream) == b"ok"
    assert upstream.connections == 2


# TLS.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody has signed but itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command, which makes the certificate, is not there")
    folder = tmp_path_factory.mktemp("tls")
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip(f"openssl made no certificate: {made.stderr.decode(errors='replace')[-200:]}")
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def serve_tls(serve, certificate):
    """Starts an upstream that speaks TLS."""
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    settings.load_cert_chain(*certificate)

    def start(*scripts):
        upstream = serve(*scripts, wrap=lambda peer: settings.wrap_socket(peer, server_side=True))
        upstream.url = upstream.url.replace("http:", "https:")
        return upstream

    return start


def refused(send, upstream, **keys):
    context = attempted()
    with pytest.raises(ProviderError) as caught:
        send(upstream, context=context, **keys)
    return caught.value, context.attempts[0].sent


def test_a_certificate_nobody_vouches_for_is_refused_and_nothing_sent(serve_tls, send):
    upstream = serve_tls([READ, OK])
    error, sent = refused(send, upstream, headers={"Authorization": "Bearer canary"})
    assert (error.code, error.settlement, sent) == ("upstream_unavailable", "void", False)
    assert upstream.left.wait(WAIT_SECS)
    assert upstream.requests == []


def test_a_certificate_of_another_host_is_refused_and_nothing_sent(serve_tls, send, client, certificate):
    upstream = serve_tls([READ, OK])
    url = upstream.url.replace("127.0.0.1", "localhost") + "/x"
    error, sent = refused(send, upstream, url=url, through=client(verify=str(certificate[0])))
    assert (error.code, sent, upstream.requests) == ("upstream_unavailable", False, [])


def test_a_certificate_that_is_vouched_for_is_accepted(serve_tls, send, client, certificate):
    upstream, trusting = serve_tls([READ, OK, READ, OK]), client(verify=str(certificate[0]))
    assert answered(send, upstream, through=trusting) == b"ok"
    assert answered(send, upstream, through=trusting) == b"ok"
    assert upstream.connections == 1


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environment_vouches_for_nobody(serve_tls, send, certificate, monkeypatch, variable):
    monkeypatch.setenv(variable, str(certificate[0]))
    assert refused(send, serve_tls([READ, OK]))[0].code == "upstream_unavailable"


def test_an_upstream_that_does_not_speak_tls_is_not_reached(serve, send):
    upstream = serve([b"HTTP/1.1 400 Bad Request\r\n\r\n", CLOSE])
    error, sent = refused(send, upstream, url=f"https://127.0.0.1:{upstream.port}/v1/x")
    assert (error.code, sent) == ("upstream_unavailable", False)


def test_a_handshake_that_hangs_is_a_connect_timeout(serve, send, client):
    upstream = serve([])
    url = f"https://127.0.0.1:{upstream.port}/v1/x"
    error, sent = refused(send, upstream, url=url, through=client(connect_secs=0.1))
    assert (error.code, error.status, error.should_retry, sent) == ("upstream_timeout", 504, True, False)


def test_an_event_over_tls_is_handed_on_before_the_next_is_sent(serve_tls, send, client, certificate):
    gate = threading.Event()
    upstream = serve_tls([READ, CHUNKED + chunk(b"a"), gate, chunk(b"b"), b"0\r\n\r\n"])
    chunks = send(upstream, through=client(verify=str(certificate[0]))).chunks()
    assert next(chunks) == b"a"
    gate.set()
    assert b"".join(chunks) == b"b"


@pytest.mark.parametrize("size", [10, 15_000, 40_000])
@pytest.mark.parametrize("extra", [OK, b"x"])
def test_a_tls_connection_with_bytes_left_over_is_not_used_again(serve_tls, send, client, certificate, extra, size):
    sent = threading.Event()
    upstream = serve_tls([READ, sized(b"x" * size) + extra, sent.set], [READ, OK])
    trusting = client(verify=str(certificate[0]))
    reply = send(upstream, through=trusting)
    assert sent.wait(WAIT_SECS)
    assert len(reply.body(LIMIT)) == size
    reply.close()
    assert answered(send, upstream, through=trusting) == b"ok"
    assert upstream.connections == 2


def test_a_cancellation_wakes_who_waits_over_tls(serve_tls, send, client, certificate):
    upstream, context, failures = serve_tls([READ]), attempted(), []
    trusting = client(verify=str(certificate[0]))

    def run():
        try:
            send(upstream, context=context, through=trusting)
        except ClientGone as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert upstream.asked.wait(WAIT_SECS)
    context.cancellation.cancel(ClientGone())
    thread.join(WAIT_SECS)
    assert failures == [context.cancellation.reason]
