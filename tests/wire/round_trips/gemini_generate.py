"""Gemini's generateContent, there and back, at Google's own API and at Vertex."""

from llmproxy.dialects.gemini_generate import GeminiGenerateClient, GeminiGenerateProvider

ENDPOINTS = ("generateContent", "streamGenerateContent")
CLIENT, PROVIDER = GeminiGenerateClient(), GeminiGenerateProvider()
INVENTED = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}

CAMEL = {
    "file_data": "fileData",
    "file_search_store_names": "fileSearchStoreNames",
    "file_uri": "fileUri",
    "function_call": "functionCall",
    "function_response": "functionResponse",
    "google_search": "googleSearch",
    "include_thoughts": "includeThoughts",
    "inline_data": "inlineData",
    "mime_type": "mimeType",
    "parameters_json_schema": "parametersJsonSchema",
    "thinking_budget": "thinkingBudget",
    "thinking_level": "thinkingLevel",
    "thought_signature": "thoughtSignature",
    "tool_type": "toolType",
}


def path_of(record):
    return {"model": record["model"], "method": record["endpoint"]}


def names_are_camel_case(value):
    if isinstance(value, dict):
        return {CAMEL.get(name, name): each for name, each in value.items()}
    return value


def base64_is_standard(value):
    if isinstance(value, dict) and {"mimeType", "data"} <= value.keys():
        return {**value, "data": value["data"].replace("-", "+").replace("_", "/").rstrip("=")}
    return value


def text_is_not_asked_for(value):
    if isinstance(value, dict) and value.get("responseModalities") == ["TEXT"]:
        return {name: each for name, each in value.items() if name != "responseModalities"}
    return value


def empty_config_is_left_out(value):
    if isinstance(value, dict) and value.get("generationConfig") == {}:
        return {name: each for name, each in value.items() if name != "generationConfig"}
    return value


REQUESTS = {
    "Members in snake_case, which Google reads too, are written in camelCase.": names_are_camel_case,
    "Base64 in the alphabet of URLs, as Google's SDK has it, is written in the standard one.": base64_is_standard,
    "`responseModalities` of text alone, which is the default, is left out.": text_is_not_asked_for,
    "An empty `generationConfig` is left out.": empty_config_is_left_out,
}


def index_is_said(value):
    if isinstance(value, dict) and "content" in value:
        return {"index": 0, **value}
    return value


ANSWERS = {"An `index` of 0, which Google may leave out, is written.": index_is_said}
STREAMS = {}


def same_stream(written, recorded):
    """Frames are cut otherwise, and arguments that Vertex streams in pieces are written whole: all frames of a stream
    are put together to one answer, and the pieces of a text, where nothing but a cut is between them, to one text."""
    return [put_together(frames) for frames in (written, recorded)]


def put_together(frames):
    whole, candidates = {}, {}
    for _, frame in frames:
        whole.update({name: value for name, value in frame.items() if name != "candidates"})
        for candidate in frame.get("candidates", ()):
            known = candidates.setdefault(candidate.get("index", 0), {"parts": []})
            known.update({name: value for name, value in candidate.items() if name not in ("content", "index")})
            for part in candidate.get("content", {}).get("parts", ()):
                put(known["parts"], part)
    return {**whole, "candidates": candidates}


def put(parts, part):
    """Adds a part to those before it. A part without text goes on with what is there, and so does a piece of a call."""
    last = parts[-1] if parts else {}
    if part.get("functionCall") is not None:
        put_call(parts, part)
    elif "text" in last and "text" in part and "thoughtSignature" not in last and goes_on(last, part):
        parts[-1] = {**last, **part, "text": last["text"] + part["text"]}
    elif part != {"text": ""}:
        parts.append(part)


def goes_on(last, part):
    return last.get("thought") == part.get("thought")


def put_call(parts, part):
    """Vertex streams arguments as pieces with a path; in the recordings each is a text right below the root."""
    call = part["functionCall"]
    if "name" in call:
        members = {name: value for name, value in call.items() if name != "willContinue"}
        parts.append({**part, "functionCall": {"args": {}, **members}})
    args = parts[-1]["functionCall"]["args"]
    for piece in call.get("partialArgs", ()):
        name = piece["jsonPath"].removeprefix("$.")
        args[name] = args.get(name, "") + piece["stringValue"]
