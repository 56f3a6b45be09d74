import json
import time

import pytest
from fakes import STREAM, completion

from llmproxy import ConfigError
from llmproxy.providers.replay import cut, read_exchanges


def recorded(body, answer, status=200, endpoint="chat/completions", headers=None):
    """A line of a recording."""
    text = answer.decode() if isinstance(answer, bytes) else json.dumps(answer)
    response = {"status": status, "headers": headers or {}, "is_stream": isinstance(answer, bytes), "body_text": text}
    return {"endpoint": endpoint, "request": {"json": body}, "response": response}


def chat(text="hello", **members):
    return {"model": "m", "messages": [{"role": "user", "content": text}], **members}


@pytest.fixture
def replay(make_app, folder):
    """Calls an application that answers from these records."""

    def client_of(*records, **options):
        lines = [json.dumps(record, ensure_ascii=False) for record in records]
        (folder / "tape.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        table = {"provider": "replay", "files": ["tape.jsonl"], **options}
        return make_app({"llm": {"tape": table}}).test_client()

    return client_of


def asked(ask, client, body, path="/v1/chat/completions"):
    return ask(client, path, raw=json.dumps({**body, "model": f"tape/{body['model']}"}))


def test_the_same_body_has_the_same_answer(replay, ask):
    client = replay(recorded(chat("a"), completion("A")), recorded(chat("b"), completion("B")))
    assert asked(ask, client, chat("b")).json == completion("B")


def test_the_bytes_are_those_of_the_recording(replay, ask):
    record = recorded(chat(), None)
    record["response"]["body_text"] = '{ "choices": [],\n "x": 1.50 }'
    assert asked(ask, replay(record), chat()).get_data() == b'{ "choices": [],\n "x": 1.50 }'


def test_members_that_say_nothing_of_the_question_do_not_count(replay, ask):
    client = replay(recorded(chat("a", user="u", temperature=1), completion("A")), recorded(chat("a"), completion("B")))
    body = chat("a", temperature=1, user="other", metadata={"x": "y"}, top_p=None)
    assert asked(ask, client, body).json == completion("A")


def test_a_body_with_the_same_last_text_comes_next(replay, ask):
    client = replay(recorded(chat("a"), completion("A")), recorded(chat("b"), completion("B")))
    assert asked(ask, client, chat(" b ", temperature=1)).json == completion("B")


def test_a_body_of_the_same_kind_comes_last(replay, ask):
    tools = [{"type": "function", "function": {"name": "f"}}]
    client = replay(recorded(chat("a"), completion("A")), recorded(chat("b", tools=tools), completion("B")))
    assert asked(ask, client, chat("c", tools=tools)).json == completion("B")


def test_nothing_like_it_is_not_found(replay, ask):
    client = replay(recorded(chat("a", stream=True), STREAM))
    response = asked(ask, client, chat("a"))
    assert response.status_code == 404
    assert response.json["error"]["message"] == "No recorded exchange is like this request."


def test_endpoints_are_kept_apart(replay, ask):
    client = replay(recorded({"model": "m", "input": "hello"}, {"output": [], "id": "r"}, endpoint="responses"))
    assert asked(ask, client, {"model": "m", "input": "hello"}, "/v1/responses").json == {"output": [], "id": "r"}
    assert asked(ask, client, chat()).status_code == 404


@pytest.mark.parametrize("chunk", ["event", "all", 1, 7])
def test_a_stream_is_replayed_in_pieces_of_any_size(replay, ask, chunk):
    body = chat(stream=True, stream_options={"include_usage": True})
    response = asked(ask, replay(recorded(body, STREAM), chunk=chunk), body)
    assert response.get_data() == STREAM
    assert response.mimetype == "text/event-stream"


def test_a_stream_can_be_replayed_slowly(replay, ask):
    body = chat(stream=True)
    client = replay(recorded(body, STREAM), pace=50)
    started = time.monotonic()
    asked(ask, client, body)
    assert time.monotonic() - started >= 0.1


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [
        (400, 400, "bad"),
        (404, 404, "bad"),
        (401, 502, "upstream_auth_failed"),
        (429, 429, "upstream_rate_limited"),
        (500, 502, "upstream_error"),
    ],
)
def test_a_recorded_error_is_an_error(replay, ask, status, expected, code):
    client = replay(recorded(chat(), {"error": {"message": "no", "type": "t", "code": "bad"}}, status))
    response = asked(ask, client, chat())
    assert (response.status_code, response.json["error"]["code"]) == (expected, code)


def test_recorded_rate_limits_pass_and_nothing_else(replay, ask):
    headers = {"X-RateLimit-Limit-Requests": "9", "server": "canary", "set-cookie": "canary"}
    response = asked(ask, replay(recorded(chat(), completion(), headers=headers)), chat())
    assert response.headers["x-ratelimit-limit-requests"] == "9"
    assert "canary" not in str(response.headers)


def test_line_separators_within_a_text_do_not_end_a_line(replay, ask):
    text = "one\u2028two\u0085three\x0c"
    client = replay(recorded(chat(text), completion(text)))
    assert asked(ask, client, chat(text)).json == completion(text)


def test_blank_lines_and_records_without_a_request_are_passed_over(tmp_path):
    tape = tmp_path / "tape.jsonl"
    records = [{"request": None, "response": {}}, recorded(chat(), completion()), {"request": {}, "response": {}}]
    tape.write_text("\n\n".join(json.dumps(record) for record in records) + "\n\n")
    assert len(list(read_exchanges(tape))) == 1


def test_a_line_that_is_no_record_is_named(tmp_path):
    tape = tmp_path / "tape.jsonl"
    tape.write_text(json.dumps(recorded(chat(), completion())) + "\nnonsense\n")
    with pytest.raises(ConfigError, match=r"tape.jsonl:2: not a recorded exchange"):
        list(read_exchanges(tape))


def test_a_file_that_is_not_there_is_named_at_the_start(make_app):
    with pytest.raises(ConfigError, match=r"gone.jsonl: cannot be read"):
        make_app({"llm": {"tape": {"provider": "replay", "files": ["gone.jsonl"]}}})


@pytest.mark.parametrize("options", [{}, {"files": []}, {"files": "x"}, {"chunk": 0}, {"chunk": "x"}, {"pace": -1}])
def test_options_that_are_wrong_are_refused(make_app, options):
    table = {"provider": "replay", **({"files": ["x"]} if "files" not in options and options else {}), **options}
    with pytest.raises(ConfigError, match=r"files|chunk|pace"):
        make_app({"llm": {"tape": table}})


@pytest.mark.parametrize("chunk", ["event", "all", 1, 5])
@pytest.mark.parametrize("body", [b"", b"data: 1\n\ndata: 2\n\n", b"data: 1\r\n\r\ndata: 2\r\n\r\n", b"data: 1"])
def test_pieces_make_the_body_again(body, chunk):
    assert b"".join(cut(body, chunk)) == body


def test_a_piece_may_be_one_event():
    assert list(cut(b"data: 1\n\ndata: 2\r\n\r\n: x", "event")) == [b"data: 1\n\n", b"data: 2\r\n\r\n", b": x"]
