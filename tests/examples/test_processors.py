"""The three examples of docs/processors.md between clients and upstreams: of one dialect, where bytes are relayed, and
of two, where everything is written anew."""

import json
import logging
import runpy

import pytest
from docs.blocks import ROOT, block
from fakes import BASE_URL, CHAT_URL, chunk, completion, sse

from llmproxy import create_app

EXAMPLES = ROOT / "examples" / "processors"
CLAUDE_URL = "https://claude.example/v1"
KEYS = {"ANN_KEY": "ann-key", "BOB_KEY": "bob-key", "UP_KEY": "up-token"}
TABLES = {"who_asks": "stranger", "refuse_words": "top secret", "count_words": "[processor.words]"}
LLMS = f"""
[llm.openai_like]
provider = "openai"
base_url = "{BASE_URL}"
token_env = "UP_KEY"
dialects = ["chat"]

[llm.claude_like]
provider = "anthropic"
base_url = "{CLAUDE_URL}"
token_env = "UP_KEY"

[client.ann]
token_env = "ANN_KEY"

[client.bob]
token_env = "BOB_KEY"
"""

ANSWER = ["one two thr", "ee ", "four"]
"""In the pieces in which it is streamed: four words, one of them cut in two."""

CLAUDE_WHOLE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "".join(ANSWER)}],
    "usage": {"input_tokens": 5, "output_tokens": 7},
}  # fmt: skip
CLAUDE_EVENTS = [
    {"type": "message_start", "message": {**CLAUDE_WHOLE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}} for text in ANSWER),
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
    {"type": "message_stop"},
]
CLAUDE_STREAM = b"".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in CLAUDE_EVENTS)
OPENAI_STREAM = sse(*(chunk({"content": text}) for text in ANSWER), chunk({}, "stop"), "[DONE]")

OPENAI, ANTHROPIC, OLLAMA = "/v1/chat/completions", "/v1/messages", "/api/chat"
UPSTREAMS = {
    "openai_like": (CHAT_URL, completion("".join(ANSWER)), OPENAI_STREAM),
    "claude_like": (f"{CLAUDE_URL}/messages", CLAUDE_WHOLE, CLAUDE_STREAM),
}

every_client = pytest.mark.parametrize("path", [OPENAI, ANTHROPIC, OLLAMA])
every_upstream = pytest.mark.parametrize("llm", UPSTREAMS)
streamed_and_whole = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])


@pytest.fixture
def client(folder, monkeypatch):
    """A client of the application whose file is what the page shows of one example, with upstreams and two callers."""

    def make(name):
        (folder / f"{name}.py").write_text((EXAMPLES / f"{name}.py").read_text(encoding="utf-8"), encoding="utf-8")
        text = block("docs/processors.md", "toml", TABLES[name]).code
        (folder / "llmproxy.toml").write_text(LLMS + text, encoding="utf-8")
        for variable, key in KEYS.items():
            monkeypatch.setenv(variable, key)
        return create_app("llmproxy.toml").test_client()

    return make


@pytest.fixture
def say(up):
    """Has an upstream answer, whole or streamed, but only to requests that hold all of these words."""

    def answer(llm, stream, *words):
        url, whole, events = UPSTREAMS[llm]
        content = {"body": events, "content_type": "text/event-stream"} if stream else {"json": whole}
        up.post(url, **content, match=[holding(words)])

    return answer


def holding(words):
    def match(request):
        said = request.body.decode()
        return all(word in said for word in words), f"{words} in {said}"

    return match


def post(ask, client, path, llm, text, key="ann-key", **members):
    headers = {"x-api-key": key} if path == ANTHROPIC else {"Authorization": f"Bearer {key}"}
    body = {"model": f"{llm}/m", "max_tokens": 50, "messages": [{"role": "user", "content": text}], **members}
    return ask(client, path, headers, **body)


@every_client
@every_upstream
@streamed_and_whole
def test_the_model_is_told_who_is_asking(client, ask, say, path, llm, stream):
    asking = client("who_asks")
    for name in ("ann", "bob"):
        say(llm, stream, f"User: {name}", "hello")
        response = post(ask, asking, path, llm, "hello", f"{name}-key", stream=stream)
        assert response.status_code == 200
        assert b"four" in response.get_data()


@every_client
@every_upstream
@streamed_and_whole
def test_a_word_of_the_list_is_refused_and_any_other_passes(client, ask, say, up, path, llm, stream):
    asking = client("refuse_words")
    for text in ("my PassWord is x", "it is (top secret)"):
        refused = post(ask, asking, path, llm, text, stream=stream)
        assert (refused.status_code, refused.content_type) == (400, "application/json")
        assert "Keep your secrets to yourself." in refused.get_data(as_text=True)
    assert not up.calls
    say(llm, stream)
    assert post(ask, asking, path, llm, "passwords are a top-secret matter", stream=stream).status_code == 200


@every_client
@every_upstream
@streamed_and_whole
def test_the_words_of_every_answer_are_counted(client, ask, say, counted, path, llm, stream):
    asking = client("count_words")
    say(llm, stream)
    response = post(ask, asking, path, llm, "how many words are these", stream=stream)
    assert response.status_code == 200
    assert counted() == [("words asked=5 answered=4", response.headers["x-request-id"])]


@every_upstream
def test_a_stream_in_the_clients_own_dialect_is_counted_and_relayed_byte_for_byte(client, ask, say, llm):
    asking = client("count_words")
    say(llm, True)
    path = {"openai_like": OPENAI, "claude_like": ANTHROPIC}[llm]
    assert post(ask, asking, path, llm, "hello", stream=True).get_data() == UPSTREAMS[llm][2]


def test_what_has_come_of_a_broken_stream_is_counted(client, ask, up, counted):
    asking = client("count_words")
    up.post(CHAT_URL, body=sse(chunk({"content": "one two"})), content_type="text/event-stream")
    assert b"error" in post(ask, asking, OPENAI, "openai_like", "hello", stream=True).get_data()
    assert [line for line, _ in counted()] == ["words asked=1 answered=2"]


@pytest.mark.parametrize("pieces", [["one", " two"], ["o", "n", "e two"], ["one\n", "\ntwo"], [" one two "]])
def test_a_word_is_one_however_it_is_cut(pieces):
    count = runpy.run_path(EXAMPLES / "count_words.py")["WordCount"]()
    for piece in pieces:
        count.add(piece)
    assert count.words == 2


@pytest.fixture
def counted():
    """The lines that the example has logged, with their requests' ids."""
    logger, handler, records = logging.getLogger("llmproxy.count_words"), logging.Handler(), []
    handler.emit = records.append
    logger.addHandler(handler)
    yield lambda: [(record.getMessage(), record.request_id) for record in records]
    logger.removeHandler(handler)
