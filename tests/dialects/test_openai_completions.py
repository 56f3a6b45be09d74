import json

import pytest

from llmproxy.core.answer import Answer, Appended, Choice, Opened, Usage
from llmproxy.core.chat import Message, Text, Thinking, TokenLogprob
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ParseError, UnsupportedFeature
from llmproxy.core.sse import PAUSE, Event
from llmproxy.dialects.openai_completions import OpenAICompletionsClient, OpenAICompletionsProvider

SAID = Answer.of("hello", usage=Usage(3, 2))


def ask(prompt="hi", **members):
    body = {"model": "m", "prompt": prompt, **members}
    return OpenAICompletionsClient().parse(json.dumps(body).encode(), RequestContext())


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"stream": "yes"}, "stream"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"stream_options": []}, "stream_options"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
    ],
)
def test_a_member_that_is_wrong_is_named_by_its_path(members, path):
    with pytest.raises(ParseError) as caught:
        ask(**members)
    assert (caught.value.param, caught.value.code) == (path, "invalid_value")


@pytest.mark.parametrize(
    ("prompt", "texts"), [("a", ["a"]), (["a", "b"], ["a", "b"]), ([1, 2], []), ([[1], [2]], []), (None, [])]
)
def test_the_texts_of_a_prompt_are_found(prompt, texts):
    assert list(ask(prompt).texts()) == texts
    assert ask(prompt).messages == [{"role": "user", "content": text} for text in texts]


@pytest.mark.parametrize(("prompt", "text"), [("a", "a"), (["a", "b"], "b"), ([1, 2], ""), (None, "")])
def test_the_last_text_is_the_last_prompt(prompt, text):
    assert ask(prompt).last_user_text() == text


@pytest.mark.parametrize(("prompt", "edited"), [("a", "new"), (["a", "b"], ["a", "new"]), ([], "new"), (None, "new")])
def test_the_last_prompt_is_replaced(prompt, edited):
    assert ask(prompt).with_last_user_text("new").to_dict()["prompt"] == edited


@pytest.mark.parametrize("prompt", [[1, 2], [[1], [2]]])
def test_tokens_hold_no_text_to_be_replaced(prompt):
    with pytest.raises(UnsupportedFeature) as caught:
        ask(prompt).with_last_user_text("new")
    assert caught.value.param == "prompt"


@pytest.mark.parametrize(("prompt", "edited"), [("a", "A"), (["a", "b"], ["A", "B"]), ([1, 2], [1, 2])])
def test_every_text_is_mapped(prompt, edited):
    assert ask(prompt).map_texts(str.upper).to_dict()["prompt"] == edited


@pytest.mark.parametrize(("prompt", "edited"), [("a", "s\n\na"), (["a", "b"], ["s\n\na", "s\n\nb"]), ("", "s\n\n")])
def test_a_system_prompt_goes_before_the_prompt(prompt, edited):
    assert ask(prompt).with_system_prompt("s").to_dict()["prompt"] == edited


@pytest.mark.parametrize("prompt", [[1, 2], [[1], [2]]])
def test_tokens_take_no_system_prompt(prompt):
    with pytest.raises(UnsupportedFeature) as caught:
        ask(prompt).with_system_prompt("s")
    assert caught.value.param == "prompt"


def test_a_negative_output_limit_is_none():
    assert ask(max_tokens=-1).max_tokens is None


def test_the_output_limit_is_read_and_set():
    request = ask(max_tokens=50)
    assert (request.max_tokens, request.with_max_tokens(7).max_tokens) == (50, 7)


def test_usage_is_wanted_by_those_who_asked():
    assert ask(stream_options={"include_usage": True}).wants_usage
    assert not ask().wants_usage


@pytest.mark.parametrize(
    ("data", "finished", "terminal"),
    [
        ('{"choices":[{"text":"a","finish_reason":null}]}', False, False),
        ('{"choices":[{"text":"","finish_reason":"stop"}]}', True, False),
        ("[DONE]", False, True),
    ],
)
def test_the_signs_of_an_event(data, finished, terminal):
    signs = OpenAICompletionsProvider().signs(Event.of(data), whole=False)
    assert (signs.finished, signs.terminal) == (finished, terminal)


def test_an_upstream_that_forgot_its_last_line_owes_it():
    assert [event.raw for event in OpenAICompletionsProvider().terminal_events()] == [b"data: [DONE]\n\n"]


def test_usage_is_asked_for():
    assert OpenAICompletionsProvider().ask_usage({}) == {"stream_options": {"include_usage": True}}


def test_a_whole_answer_is_one_of_openais():
    types = pytest.importorskip("openai.types", reason="the openai SDK is not installed")
    answer = types.Completion.model_validate(OpenAICompletionsClient().write_answer(SAID, ask()), strict=True)
    assert (answer.choices[0].text, answer.usage.total_tokens) == ("hello", 5)


def test_every_chunk_is_one_of_openais():
    types = pytest.importorskip("openai.types", reason="the openai SDK is not installed")
    request = ask(stream=True, stream_options={"include_usage": True})
    *events, done = OpenAICompletionsClient().write_stream(SAID.play(), request)
    bodies = [event.json() for event in events]
    assert done.data == b"[DONE]"
    # While a stream runs, OpenAI sends a finish_reason of null, which its own type of a whole answer does not know.
    for body in bodies:
        for choice in body["choices"]:
            choice["finish_reason"] = choice["finish_reason"] or "stop"
    chunks = [types.Completion.model_validate(body, strict=True) for body in bodies]
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == "hello"
    assert chunks[-1].usage.total_tokens == 5


# Onto a chat model.


def write(*deltas, **members):
    request = ask(stream=True, **members)
    events = [event for event in OpenAICompletionsClient().write_stream(deltas, request) if event is not PAUSE]
    return [event.json() for event in events[:-1]]


def test_a_prompt_becomes_what_the_user_says():
    chat = ask("hi", max_tokens=7, stop="x", logprobs=2, temperature=0.5, suffix="end").to_chat()
    assert chat.messages == (Message("user", (Text("hi"),)),)
    assert (chat.max_tokens, chat.stop, chat.logprobs, chat.top_logprobs) == (7, ("x",), True, 2)
    assert (chat.temperature, chat.extra) == (0.5, {"openai.completions": {"suffix": "end"}})


@pytest.mark.parametrize("prompt", [["hi", "bye"], [1, 2], [[1, 2]], None])
def test_several_prompts_and_tokens_are_no_chat(prompt):
    with pytest.raises(UnsupportedFeature) as caught:
        ask(prompt).to_chat()
    assert caught.value.param == "prompt"


def test_a_list_of_one_prompt_is_that_prompt():
    assert ask(["hi"]).to_chat().last_text() == "hi"


def test_every_choice_is_a_text_of_its_own():
    answer = Answer((Choice((Text("a"),)), Choice((Thinking("hm"), Text("b")), "length")))
    choices = OpenAICompletionsClient().write_answer(answer, ask())["choices"]
    assert [(choice["index"], choice["text"], choice["finish_reason"]) for choice in choices] == [
        (0, "a", "stop"), (1, "b", "length"),
    ]  # fmt: skip


def test_thoughts_are_no_part_of_a_streamed_text():
    deltas = [*Answer.of(Thinking("hm"), "hi").play()]
    assert "".join(chunk["choices"][0]["text"] for chunk in write(*deltas)) == "hi"


def test_probabilities_stand_in_lists_side_by_side():
    tokens = (TokenLogprob("he", -0.5, top=(TokenLogprob("ho", -1.0),)), TokenLogprob("llo", -0.25))
    logprobs = {
        "tokens": ["he", "llo"],
        "token_logprobs": [-0.5, -0.25],
        "top_logprobs": [{"ho": -1.0}, {}],
        "text_offset": [0, 2],
    }
    answer = Answer.of(Text("hello", logprobs=tokens))
    assert OpenAICompletionsClient().write_answer(answer, ask())["choices"][0]["logprobs"] == logprobs
    streamed = write(Opened(0, Text()), *(Appended(0, token.token, logprobs=(token,)) for token in tokens))
    assert [chunk["choices"][0]["logprobs"]["text_offset"] for chunk in streamed] == [[0], [2]]


def test_usage_comes_last_to_those_who_asked():
    deltas = Answer.of("hi", usage=Usage(3, 2)).play()
    assert write(*deltas, stream_options={"include_usage": True})[-1]["usage"]["total_tokens"] == 5
