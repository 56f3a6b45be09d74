import json

import pytest

from llmproxy.core.answer import Answer, Aside, Choice, Usage
from llmproxy.core.chat import Image, Other, Refusal, Signature, Source, Text, Thinking, TokenLogprob, ToolCall
from llmproxy.core.context import RequestContext
from llmproxy.core.sse import Event
from llmproxy.dialects.gemini_generate import GeminiGenerateClient
from llmproxy.dialects.gemini_generate.answer import count, read_answer, read_usage, write_answer, write_usage
from llmproxy.dialects.gemini_generate.stream import signs

NAME = "gemini.generate"


def body(*parts, reason="STOP", **members):
    candidate = {"content": {"parts": list(parts), "role": "model"}, "finishReason": reason, "index": 0}
    return {"candidates": [candidate], **members}


def write(*parts, reason="stop", **members):
    context = RequestContext(id="req-1", path={"model": "gemini-2.5-flash", "method": "generateContent"})
    request = GeminiGenerateClient().parse(b'{"contents": [{"parts": [{"text": "hi"}]}]}', context)
    return write_answer(Answer((Choice(parts, reason),), **members), request)


def parts_of(written):
    return written["candidates"][0]["content"].get("parts")


# Why it ended.


def test_a_call_ends_with_stop_and_is_a_call_all_the_same():
    answer = read_answer(body({"functionCall": {"name": "f", "args": {"a": "ü"}}}))
    assert (answer.reason, answer.tool_calls) == ("tool_calls", (ToolCall(None, "f", '{"a":"ü"}'),))
    assert write(ToolCall(None, "f", "{}"), reason="tool_calls")["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "error"),
        ("SOMETHING_NEW", "stop"),
    ],
)
def test_google_s_own_word_comes_back_to_google_s_clients(said, reason):
    answer = read_answer(body({"text": "a"}, reason=said))
    assert answer.reason == reason
    assert write(*answer.parts, reason=reason)["candidates"][0]["finishReason"] in (
        "STOP",
        "MAX_TOKENS",
        "SAFETY",
        "OTHER",
    )
    own = answer.choices[0].extra.get(NAME, {})
    assert own.get("finishReason", write(reason=reason)["candidates"][0]["finishReason"]) == said


def test_a_blocked_prompt_has_no_candidates_and_a_status_of_200():
    said = {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "m", "responseId": "r"}
    answer = read_answer(said)
    assert (answer.reason, answer.parts) == ("content_filter", ())
    assert signs(Event.whole(json.dumps(said).encode()), True).finished
    assert write(reason="content_filter", extra=answer.extra) == said


@pytest.mark.parametrize("content", [{}, {"role": "model"}, {"parts": []}, None])
def test_a_candidate_may_have_nothing_in_it(content):
    answer = read_answer({"candidates": [{"content": content, "finishReason": "MAX_TOKENS"}]})
    assert (answer.reason, answer.parts) == ("length", ())
    assert write(reason="length")["candidates"][0]["content"] == {"role": "model"}


def test_a_candidate_may_have_no_content_at_all():
    assert read_answer({"candidates": [{"finishReason": "SAFETY"}]}).reason == "content_filter"


# What was said.


def test_an_id_is_mostly_absent_and_shown_where_there_is_one():
    (call,) = read_answer(body({"functionCall": {"name": "f", "args": {}, "id": "x1"}})).tool_calls
    assert call.id == "x1"
    assert parts_of(write(ToolCall("call_1", "f")))[0]["functionCall"] == {"name": "f", "args": {}, "id": "call_1"}
    assert "id" not in parts_of(write(ToolCall(None, "f")))[0]["functionCall"]


def test_thoughts_and_signatures_are_read_and_written():
    said = [
        {"text": "hm", "thought": True},
        {"text": "so", "thoughtSignature": "x"},
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "y"},
    ]
    parts = read_answer(body(*said)).parts
    assert parts[:2] == (Thinking("hm"), Text("so", signature=Signature("x", "google")))
    assert parts[2].signature == Signature("y", "google")
    assert parts_of(write(*parts)) == said


def test_what_others_say_is_written_in_google_s_parts():
    picture, foreign = Image(Source("image/png", data="AAAA")), Other("openai.responses", {"type": "x"})
    said = parts_of(write(Refusal("no"), picture, foreign, ToolCall(None, "f", "{not json")))
    assert said == [
        {"text": "no"},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"functionCall": {"name": "f", "args": {"INVALID_JSON": "{not json"}}},
    ]


def test_several_candidates_are_several_choices_in_their_order():
    candidates = [{"content": {"parts": [{"text": text}]}, "index": index} for text, index in (("b", 1), ("a", 0))]
    answer = read_answer({"candidates": candidates})
    assert [choice.text for choice in answer.choices] == ["a", "b"]


def test_probabilities_are_read_and_written():
    result = {
        "chosenCandidates": [{"token": "a", "tokenId": 5, "logProbability": -0.5}],
        "topCandidates": [{"candidates": [{"token": "b", "logProbability": -1.5}]}],
    }
    said = body({"text": "a"})
    said["candidates"][0]["logprobsResult"] = result
    (text,) = read_answer(said).parts
    assert text.logprobs == (TokenLogprob("a", -0.5, token_id=5, top=(TokenLogprob("b", -1.5),)),)
    assert write(text)["candidates"][0]["logprobsResult"] == result


def test_grounding_and_the_like_are_kept():
    said = body({"text": "a"}, modelVersion="v", responseId="r")
    said["candidates"][0] |= {"groundingMetadata": {"webSearchQueries": ["q"]}, "finishMessage": "done"}
    answer = read_answer(said)
    assert write(*answer.parts, extra=answer.extra)["modelVersion"] == "v"
    assert answer.choices[0].extra == {
        NAME: {"groundingMetadata": {"webSearchQueries": ["q"]}, "finishMessage": "done"}
    }


def test_an_answer_put_together_from_a_stream_has_what_its_frames_said_besides():
    aside = Aside(NAME, {"candidates": [{"index": 0, "safetyRatings": [1]}], "modelStatus": "x"})
    written = write(Text("a"), asides=(aside, Aside("openai.chat", {"x": 1})))
    assert (written["candidates"][0]["safetyRatings"], written["modelStatus"]) == ([1], "x")
    assert "x" not in written


def test_an_answer_of_ours_has_a_name_and_an_id():
    written = write(Text("a"))
    assert (written["modelVersion"], written["responseId"]) == ("gemini-2.5-flash", "req-1")


# What it cost.


USAGE = {
    "promptTokenCount": 10,
    "toolUsePromptTokenCount": 5,
    "candidatesTokenCount": 7,
    "thoughtsTokenCount": 3,
    "cachedContentTokenCount": 4,
    "totalTokenCount": 25,
}


def test_the_total_is_the_prompt_the_tools_prompt_the_candidates_and_the_thoughts():
    usage = read_usage(USAGE)
    assert (usage.input, usage.output, usage.cached, usage.reasoning, usage.total) == (15, 10, 4, 3, 25)
    assert count(USAGE) == Usage(15, 10, 4, 3)
    assert write_usage(usage) == USAGE


@pytest.mark.parametrize(
    "said", [{"promptTokenCount": 5, "totalTokenCount": 5}, {"candidatesTokenCount": 5}, {"trafficType": "ON_DEMAND"}]
)
def test_any_figure_may_be_absent(said):
    assert write_usage(read_usage(said)) == said


def test_a_total_that_is_none_of_ours_is_kept():
    said = {"promptTokenCount": 5, "candidatesTokenCount": 5, "totalTokenCount": 99}
    assert write_usage(read_usage(said)) == said


def test_sound_is_counted_by_its_modality():
    details = [{"modality": "TEXT", "tokenCount": 1}, {"modality": "AUDIO", "tokenCount": 9}]
    usage = read_usage({"promptTokenCount": 10, "promptTokensDetails": details, "totalTokenCount": 10})
    assert usage.input_audio == 9
    assert write_usage(usage)["promptTokensDetails"] == details
    assert write_usage(Usage(10, 5, output_audio=5))["candidatesTokensDetails"] == [
        {"modality": "AUDIO", "tokenCount": 5}
    ]
