"""What is asked: carried to the upstream whole, or refused; never dropped in silence."""

import base64
import json
from typing import Any
from urllib.parse import unquote

from llmproxy.core.errors import RequestError
from llmproxy.testing.contract.bench import PROMPT, Bench, NotApplicable, must
from llmproxy.testing.contract.dialects import ASKING
from llmproxy.testing.contract.subject import spoken_by
from llmproxy.testing.script import Exchange

_PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63000100000005000100"
        "0d0a2db40000000049454e44ae426082"
    )
).decode()
_CITY = "Ouagadougou"
_FORECAST = "rain-of-frogs"
_TOOL = {
    "type": "function",
    "function": {
        "name": "forecast_tool",
        "description": "tells-the-weather",
        "parameters": {"type": "object", "properties": {"town_parameter": {"type": "string"}}},
    },
}


def sends_what_is_asked(bench: Bench) -> None:
    """The prompt reaches the upstream as JSON, and so does the model's name where there is a choice of models."""
    bench.needs_upstream()
    for form, _ in bench.ask_both():
        request = bench.last
        must("json" in request.headers.get("content-type", ""), f"{form}: the content type is not JSON's")
        must(is_json(request.body), f"{form}: the body is no JSON")
        must(holds(request, PROMPT), f"{form}: the prompt did not arrive")
        if spoken_by(bench.provider()):
            must(holds(request, bench.subject.model), f"{form}: the model's name did not arrive")


def sends_the_expected_body(bench: Bench) -> None:
    """The body of the plainest question is the one that its author has written down."""
    bench.needs_upstream()
    expected = bench.subject.expected_body
    if expected is None:
        raise NotApplicable("no `expected_body` was given")
    bench.ask()
    must(bench.last.json() == expected, f"the body was {bench.last.body!r}")


def sends_its_configured_headers(bench: Bench) -> None:
    """The headers of the llm's table are on every request."""
    bench.needs_upstream()
    provider = bench.provider(headers={"x-team": "search"})
    for stream in (False, True):
        bench.ask(bench.request(stream=stream), provider=provider)
        must(bench.last.headers.get("x-team") == "search", "a header of the configuration was not sent")


def carries_the_system_prompt(bench: Bench) -> None:
    """A system prompt reaches the upstream, or the request is refused."""
    messages = [{"role": "system", "content": "system-prompt"}, {"role": "user", "content": PROMPT}]
    _carried(bench, "the system prompt", ("system-prompt",), messages=messages)


def carries_every_turn(bench: Bench) -> None:
    """Every turn of the conversation reaches the upstream, in order, or the request is refused."""
    said = ("first-question", "first-answer", "second-question")
    roles = ("user", "assistant", "user")
    messages = [{"role": role, "content": text} for role, text in zip(roles, said, strict=True)]
    _carried(bench, "a turn of the conversation", said, messages=messages)


def carries_images(bench: Bench) -> None:
    """An image reaches the upstream, or the request is refused."""
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PIXEL}"}}
    content = [{"type": "text", "text": PROMPT}, image]
    _carried(bench, "an image", (_PIXEL,), messages=[{"role": "user", "content": content}])


def carries_tools(bench: Bench) -> None:
    """A tool reaches the upstream with its name, its description and its parameters, or the request is refused."""
    _carried(bench, "a tool", ("forecast_tool", "tells-the-weather", "town_parameter"), tools=[_TOOL])


def carries_what_tools_answered(bench: Bench) -> None:
    """A call of an earlier turn and its result reach the upstream, or the request is refused."""
    arguments = json.dumps({"town_parameter": _CITY})
    call = {"id": "call_1", "type": "function", "function": {"name": "forecast_tool", "arguments": arguments}}
    messages = [
        {"role": "user", "content": PROMPT},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": _FORECAST},
    ]
    said = ("forecast_tool", _CITY, _FORECAST)
    _carried(bench, "a call or its result", said, messages=messages, tools=[_TOOL])


def leaves_the_request_as_it_was(bench: Bench) -> None:
    """The request is the same after an attempt as before: the next attempt starts from it."""
    own = [name for name in spoken_by(bench.provider()) if name in ASKING]
    for dialect in dict.fromkeys(["openai.chat", *own]):
        request = bench.request_in(dialect)
        before = request.to_dict()
        bench.ask(request)
        must(request.to_dict() == before, f"a request in {dialect} was changed")


def _carried(bench: Bench, what: str, marks: tuple[str, ...], **members: Any) -> None:
    """Raises unless all of `marks` arrive in this order, or nothing does."""
    bench.needs_upstream()
    requests, outcome = bench.sent(bench.request(**members))
    if not requests:
        must(isinstance(outcome.error, RequestError), f"{what} was neither carried nor refused: {outcome.error!r}")
        return
    text = "\n".join(map(said_in, requests))
    places = [text.find(mark) for mark in marks]
    lost = [mark for mark, place in zip(marks, places, strict=True) if place < 0]
    must(not lost, f"{what} did not arrive, and nobody was told: {lost[0] if lost else ''}")
    if members.get("tools") is None:
        must(places == sorted(places), f"{what} stands in another place than it did")


def holds(request: Exchange, mark: str) -> bool:
    """Whether a text stands in the path or in the body of a request."""
    return mark in unquote(request.path) or mark in said_in(request)


def said_in(request: Exchange) -> str:
    """A request's body as text, slashes and quotes as they were before they were escaped."""
    return request.body.decode("utf-8", "replace").replace("\\", "")


def is_json(body: bytes) -> bool:
    """Whether a body is one JSON value."""
    try:
        json.loads(body)
    except ValueError:
        return False
    return True
