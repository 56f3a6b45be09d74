"""A GenerateContentResponse, by https://ai.google.dev/api/generate-content."""

from wire.meaning.framing import server_sent
from wire.meaning.said import Said, call, number, word

ENDPOINTS = ("generateContent", "streamGenerateContent")
REASONS = {
    "length": ("MAX_TOKENS",),
    "content_filter": (
        "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
    ),
    "error": ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "OTHER"),
}  # fmt: skip
events = server_sent


def whole(body):
    return streamed([body])


def streamed(frames):
    body = assembled(frames)
    if body is None:
        return None
    parts, usage = body["parts"], body["usage"]
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    texts = [part for part in parts if "text" in part]
    meaning = "content_filter" if body["blocked"] else word(REASONS, body["reason"])
    thoughts = number(usage, "thoughtsTokenCount")
    return Said(
        text="".join(part["text"] for part in texts if not part.get("thought")),
        calls=tuple(call(each["name"], each.get("args")) for each in calls),
        reason="tool_calls" if calls and meaning == "stop" else meaning,
        input=number(usage, "promptTokenCount") + number(usage, "toolUsePromptTokenCount"),
        output=number(usage, "candidatesTokenCount") + thoughts,
        cached=number(usage, "cachedContentTokenCount"),
        reasoning=thoughts,
        thoughts="".join(part["text"] for part in texts if part.get("thought")),
        ids=tuple(each.get("id") for each in calls),
    )


def assembled(frames):
    """The parts of the first candidate, its reason, and the last figures; None if it broke off."""
    parts, reason, usage, blocked = [], None, None, False
    for frame in frames:
        if "error" in frame:
            return None
        usage = frame.get("usageMetadata") or usage
        blocked = blocked or bool((frame.get("promptFeedback") or {}).get("blockReason"))
        for candidate in (frame.get("candidates") or ())[:1]:
            parts += (candidate.get("content") or {}).get("parts") or ()
            reason = candidate.get("finishReason") or reason
    if reason is None and not blocked:
        return None
    return {"parts": with_whole_calls(parts), "reason": reason, "usage": usage, "blocked": blocked}


def with_whole_calls(parts):
    """The parts with every call in one; Vertex may send a call in pieces, whose arguments come as paths and texts."""
    joined = []
    for part in parts:
        said = part.get("functionCall")
        if said is None or "name" in said:
            joined.append({**part, "functionCall": {**said, "args": dict(said.get("args") or {})}} if said else part)
        for more in (said or {}).get("partialArgs") or ():
            name, args = more["jsonPath"].removeprefix("$."), joined[-1]["functionCall"]["args"]
            args[name] = args.get(name, "") + more["stringValue"]
    return joined
