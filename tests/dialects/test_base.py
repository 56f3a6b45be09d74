"""What every client dialect does with a body, and every request with its edits."""

import copy
import json

import pytest

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ParseError
from llmproxy.dialects import CLIENT_DIALECTS, PROVIDER_DIALECTS
from llmproxy.dialects.base import first_problem, map_text, texts_in

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
BODIES = {
    "anthropic.count_tokens": CHAT,
    "anthropic.messages": {**CHAT, "max_tokens": 100},
    "gemini.count_tokens": CONTENTS,
    "gemini.generate": CONTENTS,
    "ollama.chat": CHAT,
    "openai.chat": CHAT,
    "openai.completions": {"model": "m", "prompt": "hi"},
    "openai.embeddings": {"model": "m", "input": "hi"},
    "openai.responses": {"model": "m", "input": "hi"},
}


def parse(name, body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    context = RequestContext(path={"model": "m", "method": "generateContent"})
    return CLIENT_DIALECTS.get(name)().parse(raw, context)


def refused(name, body):
    with pytest.raises(ParseError) as caught:
        parse(name, body)
    return caught.value


every_dialect = pytest.mark.parametrize("name", BODIES)
# Gemini's clients say the model and the form of the answer in the path.
every_model_in_a_body = pytest.mark.parametrize("name", [name for name in BODIES if "model" in BODIES[name]])


def test_what_is_spoken_with_clients_is_spoken_with_upstreams_too():
    assert CLIENT_DIALECTS.names() == sorted(BODIES)
    assert set(CLIENT_DIALECTS.names()) < set(PROVIDER_DIALECTS.names())


@every_dialect
def test_a_dialect_knows_its_own_name(name):
    assert CLIENT_DIALECTS.get(name).name == PROVIDER_DIALECTS.get(name).name == name
    assert parse(name, BODIES[name]).dialect == name


@every_dialect
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"null", "invalid_json"),
        (b"[]", "invalid_json"),
        (b"7", "invalid_json"),
        (b'"x"', "invalid_json"),
        (b"\xff", "invalid_json"),
        (b'{"model": "m", "temperature": NaN}', "invalid_json"),
        (b"[" * 200_000, "invalid_json"),
        (b'{"model": "a", "model": "b"}', "duplicate_key"),
        (b"{}", "invalid_value"),
    ],
)
def test_a_body_that_is_no_request_is_refused(name, body, code):
    error = refused(name, body)
    assert (error.status, error.code) == (400, code)


@every_model_in_a_body
@pytest.mark.parametrize("model", [None, "", 7, ["m"], {"a": 1}, True])
def test_a_model_must_be_a_name(name, model):
    error = refused(name, {**BODIES[name], "model": model})
    assert error.param == "model"
    assert error.message.startswith("model: ")


@every_dialect
@pytest.mark.parametrize("member", ["temperature", "x_of_next_week", "user"])
def test_members_we_do_not_know_are_kept(name, member):
    assert parse(name, {**BODIES[name], member: {"a": [1]}}).to_dict()[member] == {"a": [1]}


@every_dialect
def test_the_bytes_of_the_client_are_kept_while_nothing_is_edited(name):
    raw = json.dumps(BODIES[name], indent=3).encode()
    assert parse(name, raw).to_json() == raw


@every_dialect
def test_an_edit_that_changes_nothing_keeps_the_bytes(name):
    raw = json.dumps(BODIES[name], indent=3).encode()
    request = parse(name, raw)
    assert request.with_model("m").map_texts(str).with_defaults({}).with_headers({}).to_json() == raw


@every_model_in_a_body
def test_the_bytes_of_an_edited_request_say_the_edit(name):
    request = parse(name, BODIES[name]).with_model("other")
    assert json.loads(request.to_json()) == {**BODIES[name], "model": "other"}
    assert request.model == "other"


@every_dialect
def test_an_edit_that_is_taken_back_gives_the_bytes_of_the_client(name):
    raw = json.dumps(BODIES[name], indent=3).encode()
    assert parse(name, raw).with_model("other").with_model("m").to_json() == raw


EDITS = {
    "with_model": lambda request: request.with_model("other"),
    "with_max_tokens": lambda request: request.with_max_tokens(7),
    "with_system_prompt before": lambda request: request.with_system_prompt("s"),
    "with_system_prompt after": lambda request: request.with_system_prompt("s", "after"),
    "with_system_prompt replace": lambda request: request.with_system_prompt("s", "replace"),
    "with_defaults": lambda request: request.with_defaults({"temperature": 1}),
    "with_headers": lambda request: request.with_headers({"x-a": "b"}),
    "map_texts": lambda request: request.map_texts(str.upper),
    "with_last_user_text": lambda request: request.with_last_user_text("new"),
}
RICH_CONTENTS = {
    "systemInstruction": {"parts": [{"text": "be kind"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"text": "bye"}]},
    ],
}
RICH_TURNS = {
    "model": "m",
    "system": "be kind",
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1"}, {"type": "text", "text": "bye"}]},
    ],
}
RICH_BODIES = {
    "anthropic.count_tokens": RICH_TURNS,
    "anthropic.messages": {**RICH_TURNS, "max_tokens": 100},
    "gemini.count_tokens": RICH_CONTENTS,
    "gemini.generate": RICH_CONTENTS,
    "ollama.chat": {
        "model": "m",
        "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": "hi", "images": ["iVBORw0KGgo="]},
            {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
            {"role": "user", "content": "bye"},
        ],
    },
    "openai.chat": {
        "model": "m",
        "messages": [
            {"role": "system", "content": "be kind"},
            {
                "role": "user",
                "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "u"}}],
            },
            {"role": "assistant", "tool_calls": [{"id": "1"}]},
            {"role": "user", "content": "bye"},
        ],
    },
    "openai.completions": {"model": "m", "prompt": ["hi", "bye"]},
    "openai.embeddings": {"model": "m", "input": ["hi", "bye"]},
    "openai.responses": {
        "model": "m",
        "instructions": "be kind",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}, {"type": "input_image"}]}],
    },
}


@every_dialect
@pytest.mark.parametrize("edit", EDITS)
def test_no_edit_changes_the_original(name, edit):
    request = parse(name, RICH_BODIES[name])
    before = copy.deepcopy(request.body)
    EDITS[edit](request)
    assert request.body == before == RICH_BODIES[name]
    assert request.header_edits == {}


@every_dialect
@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_gives_a_request_that_parses_again(name, edit):
    edited = EDITS[edit](parse(name, RICH_BODIES[name]))
    assert parse(name, edited.to_json()).to_dict() == edited.to_dict()


@every_dialect
def test_a_copy_of_the_body_is_the_callers_to_change(name):
    request = parse(name, RICH_BODIES[name])
    for value in request.to_dict().values():
        if isinstance(value, list):
            value.clear()
    assert request.to_dict() == RICH_BODIES[name]


CHATS = ("anthropic.messages", "openai.chat", "openai.completions", "openai.responses")


@pytest.mark.parametrize("name", CHATS)
def test_defaults_fill_only_what_the_client_left_out(name):
    request = parse(name, {**BODIES[name], "temperature": 0, "top_p": None})
    edited = request.with_defaults({"temperature": 1, "top_p": 0.5, "own": 7}).to_dict()
    assert (edited["temperature"], edited["top_p"], edited["own"]) == (0, 0.5, 7)


@every_dialect
def test_header_edits_add_up(name):
    request = parse(name, BODIES[name]).with_headers({"x-a": "1", "x-b": "1"}).with_headers({"x-b": None})
    assert request.header_edits == {"x-a": "1", "x-b": None}


@every_model_in_a_body
def test_a_request_knows_what_the_client_wrote_itself(name):
    request = parse(name, BODIES[name]).with_members(seed=7)
    assert (request.asked_for("model"), request.asked_for("seed")) == (True, False)


@every_dialect
def test_parsing_notes_model_dialect_and_form(name):
    method = "countTokens" if name == "gemini.count_tokens" else "streamGenerateContent"
    context = RequestContext(path={"model": "m", "method": method})
    CLIENT_DIALECTS.get(name)().parse(json.dumps({**BODIES[name], "stream": True}).encode(), context)
    streams = name not in ("openai.embeddings", "anthropic.count_tokens", "gemini.count_tokens")
    assert (context.dialect, context.model, context.stream) == (name, "m", streams)


@every_dialect
def test_a_lone_surrogate_goes_on_as_the_escape_it_came_as(name):
    request = parse(name, json.dumps({**BODIES[name], "user": "\ud800"}).encode()).with_model("other")
    assert b'"\\ud800"' in request.to_json()


@pytest.mark.parametrize(
    ("problems", "found"),
    [
        ({"a": ["x"]}, ("a", "x")),
        ({"a": {3: {"b": ["x", "y"]}}}, ("a.3.b", "x")),
        ({"a": {"_schema": ["x"]}}, ("a", "x")),
        ({"a": "x"}, ("a", "x")),
    ],
)
def test_the_first_problem_is_named_by_its_path(problems, found):
    assert first_problem(problems) == found


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("a", ["a"]),
        (["a", {"text": "b"}, {"type": "image_url"}, {"text": 7}, 7], ["a", "b"]),
        (None, []),
        ({"text": "a"}, []),
        (7, []),
    ],
)
def test_the_texts_of_a_content_are_found(content, texts):
    assert list(texts_in(content)) == texts


def test_texts_are_replaced_and_all_else_stays():
    content = ["a", {"type": "text", "text": "b", "x": 1}, {"type": "image_url", "image_url": {"url": "u"}}, 7]
    assert map_text(content, str.upper) == ["A", {"type": "text", "text": "B", "x": 1}, *content[2:]]
