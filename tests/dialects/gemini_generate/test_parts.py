import base64

import pytest

from llmproxy.core.chat import Audio, Document, Image, Other, Signature, Source, Text, Thinking, ToolResult
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.dialects.gemini_generate.parts import (
    read_part,
    read_signature,
    write_media,
    write_result,
    write_signature,
    write_thought,
)

STORED = "https://generativelanguage.googleapis.com/v1beta/files/x"


def read(**part):
    (read,) = read_part(part)
    return read


def inline(media_type, data="AAAA"):
    return read(inlineData={"mimeType": media_type, "data": data})


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [("image/png", Image), ("audio/wav", Audio), ("application/pdf", Document), ("video/mp4", Document)],
)
def test_inline_data_is_what_its_media_type_says(media_type, kind):
    part = inline(media_type)
    assert (type(part), part.source) == (kind, Source(media_type, data="AAAA"))
    assert write_media(part) == {"inlineData": {"mimeType": media_type, "data": "AAAA"}}


def test_base64_in_the_alphabet_of_urls_is_read_into_the_one_that_everybody_reads():
    assert inline("image/png", "_9j-").source.data == "/9j+"
    assert inline("image/png", "_w").source.data == "/w=="


@pytest.mark.parametrize("uri", [STORED, "gs://bucket/a.png"])
def test_a_file_in_google_s_store_is_nobody_else_s_to_fetch(uri):
    part = read(fileData={"mimeType": "image/png", "fileUri": uri})
    assert part == Image(Source("image/png", file_id=uri))
    assert write_media(part) == {"fileData": {"mimeType": "image/png", "fileUri": uri}}


def test_a_film_by_url_is_a_document():
    part = read(fileData={"fileUri": "https://www.youtube.com/watch?v=x"})
    assert part == Document(Source(url="https://www.youtube.com/watch?v=x"))


def test_a_url_without_a_media_type_gets_that_of_its_ending():
    written = write_media(Image(Source(url="https://x.example/a.PNG?size=1")))
    assert written == {"fileData": {"mimeType": "image/png", "fileUri": "https://x.example/a.PNG?size=1"}}


def test_a_file_in_another_store_is_refused():
    with pytest.raises(UnsupportedFeature):
        write_media(Document(Source(file_id="file-abc")))


@pytest.mark.parametrize(
    "part",
    [
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB"}, "thoughtSignature": "x"},
        {"thought": True, "inlineData": {"mimeType": "image/png", "data": "AAAA"}},
    ],
)
def test_what_only_google_has_is_kept_whole(part):
    assert read(**part) == Other("gemini.generate", part)


def test_a_part_of_google_s_own_is_named_by_its_kind():
    assert next(iter(read(thoughtSignature="x", toolCall={}).value)) == "toolCall"


def test_a_picture_with_a_signature_is_a_thought_and_the_picture():
    parts = list(read_part({"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thoughtSignature": "x"}))
    assert parts == [Thinking(signature=Signature("x", "google")), Image(Source("image/png", data="AAAA"))]


def test_an_empty_text_with_a_signature_is_nothing_but_the_signature():
    assert read(text="", thoughtSignature="x") == Thinking(signature=Signature("x", "google"))
    assert write_thought(Thinking(signature=Signature("x", "google"))) == {"text": "", "thoughtSignature": "x"}


# Signatures of other makers.


def test_a_signature_of_google_s_stands_bare():
    assert write_signature(Signature("EvsD/+==", "google")) == "EvsD/+=="
    assert read_signature("EvsD_-==") == Signature("EvsD_-==", "google")


def test_another_makers_signature_is_base64_since_the_sdk_decodes_it():
    written = write_signature(Signature("sig.nature", "anthropic"))
    assert base64.b64decode(written, validate=True)
    assert read_signature(written) == Signature("sig.nature", "anthropic")


def test_another_makers_signature_survives_the_alphabet_that_the_sdk_writes():
    signature = Signature("\u00ff\u00fe?>~" * 3, "openai")
    written = write_signature(signature)
    assert read_signature(base64.urlsafe_b64encode(base64.b64decode(written)).decode()) == signature


@pytest.mark.parametrize(
    "thought",
    [
        Thinking("hm", Signature("x", "anthropic")),
        Thinking("hm", Signature("x", "google")),
        Thinking(signature=Signature("x", "openai")),
        Thinking(redacted=Signature("x", "anthropic")),
        Thinking("hm"),
    ],
)
def test_clients_bring_every_thought_back_as_it_was(thought):
    assert read(**write_thought(thought)) == thought


# What tools answered.


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("sunny", {"result": "sunny"}),
        ('{"a":1}', {"a": 1}),
        ("[1,2]", {"result": [1, 2]}),
        ("5", {"result": "5"}),
        ("[1,", {"result": "[1,"}),
        ('{"error":"x"}', {"result": {"error": "x"}}),
        ("", {}),
    ],
)
def test_what_a_tool_answered_is_an_object_and_read_back(text, response):
    parts = (Text(text),) if text else ()
    written = write_result(ToolResult(None, parts, "f"), ())
    assert written == {"functionResponse": {"name": "f", "response": response}}
    assert read(**written) == ToolResult(None, parts, "f")


def test_an_error_is_an_error():
    result = read(functionResponse={"name": "f", "response": {"error": "no"}})
    assert result == ToolResult(None, (Text("no"),), "f", True)


def test_google_s_own_word_for_a_result_is_read_and_kept():
    said = {"functionResponse": {"name": "f", "response": {"output": "sunny"}}}
    result = read(**said)
    assert result.parts == (Text("sunny"),)
    assert write_result(result, ()) == said


def test_pictures_that_a_tool_answered_are_parts_of_its_answer():
    picture = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    result = read(functionResponse={"name": "f", "response": {}, "parts": [picture]})
    assert result.parts == (Image(Source("image/png", data="AAAA")),)
