"""The table of processors, and the way back through a chain of them."""

import json
import textwrap

import pytest
from fakes import CHAT_URL, STREAM, completion

from llmproxy import Processor
from llmproxy.processors import PROCESSORS

MARKS = """
    import json
    from llmproxy import Processor
    from llmproxy.core.sse import Event

    class Marks(Processor):
        def __init__(self, name):
            self.name = name

        def process(self, request):
            return request.map_texts(lambda text: text + self.name)

        def process_response(self, request, stream):
            return stream.map(self.mark)

        def mark(self, event):
            if event.data in (None, b"[DONE]"):
                return event
            body = {**event.json(), "marks": event.json().get("marks", "") + self.name}
            raw = json.dumps(body).encode()
            return Event.of_json(body) if event.raw.startswith(b"data:") else Event.whole(raw, body)

    class Drops(Processor):
        def process_response(self, request, stream):
            return stream.map(lambda event: None if b"one" in event.raw else event)

    class Fails(Processor):
        def process_response(self, request, stream):
            raise RuntimeError("canary")
"""


@pytest.fixture
def chained(make_app, folder):
    """Calls an application with processors of our own."""
    (folder / "own_marks.py").write_text(textwrap.dedent(MARKS))

    def client_of(*names, **when):
        tables = {name: {"type": "own_marks:Marks", "name": name, **when.get(name, {})} for name in ("a", "b")}
        tables |= {name: {"type": f"own_marks:{name.capitalize()}"} for name in ("drops", "fails")}
        return make_app({"processor": tables, "route": [{"path_prefix": "/", "processors": list(names)}]}).test_client()

    return client_of


@pytest.mark.parametrize("name", PROCESSORS.names())
def test_every_name_stands_for_a_processor_with_options(name):
    assert issubclass(PROCESSORS.get(name), Processor)
    assert PROCESSORS.get(name).options_schema


def test_requests_pass_in_order_and_answers_in_reverse(chained, ask, up):
    up.post(CHAT_URL, json=completion())
    response = ask(chained("a", "b"))
    assert json.loads(up.calls[0].request.body)["messages"][0]["content"] == "helloab"
    assert response.json["marks"] == "ba"
    assert int(response.headers["Content-Length"]) == len(response.get_data())


def test_events_pass_in_reverse_as_well(chained, ask, up):
    up.post(CHAT_URL, body=STREAM, content_type="text/event-stream")
    assert ask(chained("a", "b"), stream=True).get_data().count(b'"marks": "ba"'.replace(b" ", b"")) == 3


def test_a_processor_that_did_not_see_the_request_does_not_see_the_answer(chained, ask, up):
    up.post(CHAT_URL, json=completion())
    assert ask(chained("a", "b", b={"when": {"models": ["other"]}})).json["marks"] == "a"


def test_an_event_can_be_dropped(chained, ask, up):
    up.post(CHAT_URL, body=STREAM, content_type="text/event-stream")
    body = ask(chained("drops"), stream=True).get_data()
    assert b"one" not in body
    assert b"two" in body


@pytest.mark.parametrize("stream", [False, True])
def test_a_processor_that_fails_is_a_bug_of_ours(chained, ask, up, logged, stream):
    body, kind = (STREAM, "text/event-stream") if stream else (json.dumps(completion()), "application/json")
    up.post(CHAT_URL, body=body, content_type=kind)
    response = ask(chained("fails"), stream=stream)
    assert (response.status_code, response.json["error"]["code"]) == (500, "internal_error")
    assert len(logged.requests) == 1
