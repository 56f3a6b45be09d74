"""A valid exchange in each dialect, with as much in it as the dialect has words for."""

import base64
import json

from eventstreams import chunk, message

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "minLength": 1}}, "required": ["city"]}
ARGUMENTS = '{"city": "Paris"}'
TOKEN = {"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -2.0, "bytes": None}]}
SIGNED = base64.b64encode(b"signed").decode()

# What clients ask.

_CHAT = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "be brief", "name": "boss"},
        {"role": "user", "content": [
            {"type": "text", "text": "look", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
        ]},
        {"role": "assistant", "content": None, "reasoning_details": [
            {"type": "reasoning.text", "text": "hm", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0},
        ], "tool_calls": [{
            "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS},
            "extra_content": {"google": {"thought_signature": "c2ln"}},
        }]},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "sunny"}]},
    ],
    "tools": [{"type": "function", "function": {
        "name": "weather", "description": "says it", "parameters": SCHEMA, "strict": True,
    }}],
    "tool_choice": {"type": "function", "function": {"name": "weather"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": True}},
    "parallel_tool_calls": False, "max_tokens": 10, "temperature": 0.5, "top_p": 0.9, "stop": ["END"], "seed": 1,
    "n": 1, "presence_penalty": 0.1, "frequency_penalty": 0.1, "logprobs": True, "top_logprobs": 2,
    "logit_bias": {"5": 1}, "reasoning_effort": "low", "user": "u", "metadata": {"a": "b"}, "stream": False,
    "stream_options": {"include_usage": True},
}  # fmt: skip

_COMPLETIONS = {
    "model": "m", "prompt": "say", "max_tokens": 10, "temperature": 0.5, "stop": "END", "logprobs": 2, "n": 1,
    "stream": False, "stream_options": {"include_usage": True},
}  # fmt: skip

_RESPONSES = {
    "model": "m",
    "instructions": "be brief",
    "input": [
        {"role": "user", "content": [
            {"type": "input_text", "text": "look"},
            {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "low"},
            {"type": "input_file", "file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"},
        ]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}],
         "encrypted_content": SIGNED},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "well"}]},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": ARGUMENTS},
        {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
    ],
    "tools": [{"type": "function", "name": "weather", "description": "says it", "parameters": SCHEMA}],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "weather"}]},
    "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}, "verbosity": "low"},
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["message.output_text.logprobs"],
    "max_output_tokens": 10, "temperature": 0.5, "top_p": 0.9, "top_logprobs": 2, "parallel_tool_calls": False,
    "user": "u", "metadata": {"a": "b"}, "stream": False,
}  # fmt: skip

_MESSAGES = {
    "model": "m",
    "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            {"type": "document", "title": "a", "source": {"type": "text", "media_type": "text/plain", "data": "b"}},
        ]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "c2ln"},
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Paris"}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": False,
             "content": [{"type": "text", "text": "sunny"}]},
        ]},
    ],
    "tools": [{"name": "weather", "description": "says it", "input_schema": SCHEMA}],
    "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
    "max_tokens": 4096, "temperature": 0.5, "top_p": 0.9, "top_k": 5, "stop_sequences": ["END"],
    "metadata": {"user_id": "u"}, "stream": False,
}  # fmt: skip

_GENERATE = {
    "systemInstruction": {"parts": [{"text": "be brief"}]},
    "contents": [
        {"role": "user", "parts": [
            {"text": "look"},
            {"inlineData": {"mimeType": "image/png", "data": PNG}},
            {"inlineData": {"mimeType": "application/pdf", "data": "AAAA", "displayName": "a.pdf"}},
        ]},
        {"role": "model", "parts": [
            {"text": "hm", "thought": True},
            {"functionCall": {"name": "weather", "args": {"city": "Paris"}}, "thoughtSignature": SIGNED},
        ]},
        {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"result": "sunny"}}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "weather", "description": "says it", "parameters": SCHEMA}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
    "generationConfig": {
        "temperature": 0.5, "topP": 0.9, "topK": 5, "maxOutputTokens": 10, "stopSequences": ["END"],
        "candidateCount": 1, "seed": 1, "responseLogprobs": True, "logprobs": 2,
        "responseMimeType": "application/json", "responseSchema": SCHEMA,
        "thinkingConfig": {"thinkingBudget": 100, "includeThoughts": True},
    },
}  # fmt: skip

_OLLAMA = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "look", "images": [PNG]},
        {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [
            {"id": "call_1#llmproxy?thought=2.anthropic.c2ln",
             "function": {"name": "weather", "arguments": {"city": "Paris"}}},
        ]},
        {"role": "tool", "tool_name": "weather", "tool_call_id": "call_1", "content": "sunny"},
    ],
    "tools": [{"type": "function", "function": {"name": "weather", "description": "says it", "parameters": SCHEMA}}],
    "options": {"num_predict": 10, "temperature": 0.5, "top_p": 0.9, "top_k": 5, "seed": 1, "stop": ["END"]},
    "format": SCHEMA, "think": "low", "logprobs": True, "top_logprobs": 2, "stream": False,
}  # fmt: skip

_EMBEDDINGS = {"model": "m", "input": ["a", "b"], "dimensions": 2, "encoding_format": "base64", "user": "u"}

REQUESTS = {
    "anthropic.count_tokens": _MESSAGES,
    "anthropic.messages": _MESSAGES,
    "gemini.count_tokens": {"generateContentRequest": {**_GENERATE, "model": "models/m"}},
    "gemini.generate": _GENERATE,
    "ollama.chat": _OLLAMA,
    "openai.chat": _CHAT,
    "openai.completions": _COMPLETIONS,
    "openai.embeddings": _EMBEDDINGS,
    "openai.responses": _RESPONSES,
}

# What upstreams answer, whole.

_OPENAI_USAGE = {
    "prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 2}, "completion_tokens_details": {"reasoning_tokens": 3},
}  # fmt: skip
_CLAUDE_USAGE = {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 7}
_GEMINI_USAGE = {
    "promptTokenCount": 5, "candidatesTokenCount": 4, "thoughtsTokenCount": 3, "toolUsePromptTokenCount": 1,
    "totalTokenCount": 13, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 1}],
}  # fmt: skip
_COHERE_USAGE = {"billed_units": {"input_tokens": 1}, "tokens": {"input_tokens": 5, "output_tokens": 7}}
_BEDROCK_USAGE = {"inputTokens": 5, "outputTokens": 7, "totalTokens": 14, "cacheReadInputTokens": 2}
_CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}}

_MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "text", "text": "well", "citations": [{"type": "char_location"}]},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Paris"}},
        {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "a"}},
    ],
    "stop_reason": "tool_use", "stop_sequence": None, "usage": _CLAUDE_USAGE,
}  # fmt: skip

_RESPONSE = {
    "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed",
    "incomplete_details": None,
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}],
         "encrypted_content": SIGNED},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
            {"type": "output_text", "text": "well", "annotations": [], "logprobs": [TOKEN]},
            {"type": "refusal", "refusal": "no"},
        ]},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": ARGUMENTS,
         "status": "completed"},
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": PNG},
    ],
    "usage": {
        "input_tokens": 5, "output_tokens": 7, "total_tokens": 12, "input_tokens_details": {"cached_tokens": 2},
        "output_tokens_details": {"reasoning_tokens": 3},
    },
}  # fmt: skip

_CANDIDATES = {
    "candidates": [{
        "index": 0,
        "content": {"role": "model", "parts": [
            {"text": "hm", "thought": True},
            {"text": "well", "thoughtSignature": SIGNED},
            {"functionCall": {"name": "weather", "args": {"city": "Paris"}}, "thoughtSignature": SIGNED},
            {"inlineData": {"mimeType": "image/png", "data": PNG}},
        ]},
        "finishReason": "STOP",
        "logprobsResult": {
            "chosenCandidates": [{"token": "a", "logProbability": -0.1, "tokenId": 5}],
            "topCandidates": [{"candidates": [{"token": "a", "logProbability": -0.1}]}],
        },
        "safetyRatings": [{"category": "c"}],
    }],
    "promptFeedback": {}, "usageMetadata": _GEMINI_USAGE, "modelVersion": "m", "responseId": "r",
}  # fmt: skip

_CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": SIGNED}},
        {"text": "well"},
        {"citationsContent": {"content": [{"text": "cited"}], "citations": []}},
        {"image": {"format": "png", "source": {"bytes": PNG}}},
        {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Paris"}}},
    ]}},
    "stopReason": "tool_use", "usage": _BEDROCK_USAGE, "metrics": {"latencyMs": 5},
    "additionalModelResponseFields": {"stop_sequence": "END"},
}  # fmt: skip

_COHERE = {
    "id": "c1", "finish_reason": "TOOL_CALL",
    "message": {"role": "assistant", "tool_plan": "hm", "tool_calls": [_CALL], "content": [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "well"},
    ], "citations": [{"start": 0}]},
    "logprobs": [{"text": "well", "token_ids": [5], "logprobs": [-0.1]}],
    "usage": _COHERE_USAGE,
}  # fmt: skip

_OLLAMA_HEAD = {"model": "m", "created_at": "2024-05-24T20:57:43.314639Z"}
_OLLAMA_ANSWER = {
    **_OLLAMA_HEAD,
    "message": {"role": "assistant", "content": "well", "thinking": "hm", "images": [PNG], "tool_calls": [
        {"id": "call_1", "function": {"index": 0, "name": "weather", "arguments": {"city": "Paris"}}},
    ]},
    "done": True, "done_reason": "stop", "logprobs": [TOKEN],
    "total_duration": 5, "prompt_eval_count": 5, "eval_count": 7,
}  # fmt: skip

_COMPLETION = {
    "id": "c1", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{
        "index": 0,
        "message": {
            "role": "assistant", "content": "well", "refusal": "no", "tool_calls": [_CALL],
            "reasoning_details": [{"type": "reasoning.encrypted", "data": "c2ln", "format": "openai-responses-v1"}],
            "images": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}],
            "audio": {"id": "a", "data": "AAAA", "transcript": "said", "expires_at": 1},
        },
        "logprobs": {"content": [TOKEN], "refusal": None},
        "finish_reason": "tool_calls",
    }],
    "usage": _OPENAI_USAGE, "system_fingerprint": "f",
}  # fmt: skip

_OPENAI_EMBEDDINGS = {
    "object": "list", "model": "m", "usage": {"prompt_tokens": 5, "total_tokens": 5},
    "data": [
        {"object": "embedding", "index": 0, "embedding": [0.5, -0.5]},
        {"object": "embedding", "index": 1, "embedding": "AAAAPwAAAL8="},
    ],
}  # fmt: skip

ANSWERS = {
    "anthropic.count_tokens": {"input_tokens": 5},
    "anthropic.messages": _MESSAGE,
    "bedrock.cohere_embed": {"embeddings": {"float": [[0.5, -0.5]]}},
    "bedrock.converse": _CONVERSE,
    "bedrock.titan_embed": {"embedding": [0.5, -0.5], "inputTextTokenCount": 5},
    "cohere.chat": _COHERE,
    "cohere.embed": {"embeddings": {"float": [[0.5, -0.5]]}, "meta": {"billed_units": {"input_tokens": 5}}},
    "gemini.count_tokens": {"totalTokens": 5, "promptTokensDetails": []},
    "gemini.embed": {"embeddings": [{"values": [0.5, -0.5]}], "usageMetadata": {"promptTokenCount": 5}},
    "gemini.generate": _CANDIDATES,
    "ollama.chat": _OLLAMA_ANSWER,
    "ollama.embed": {"embeddings": [[0.5, -0.5]], "prompt_eval_count": 5},
    "openai.chat": _COMPLETION,
    "openai.completions": {
        "id": "c1", "choices": [{"index": 0, "text": "well", "finish_reason": "stop"}], "usage": _OPENAI_USAGE,
    },
    "openai.embeddings": _OPENAI_EMBEDDINGS,
    "openai.responses": _RESPONSE,
}  # fmt: skip

# What upstreams answer, as a stream: the values that its events hold.

_CHUNK = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def _chunk(delta, **members):
    return {**_CHUNK, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None, **members}]}


def _call_piece(**function):
    return _chunk({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]})


_CHUNKS = [
    _chunk({"role": "assistant", "content": ""}),
    _chunk({"reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "c2ln", "index": 0}]}),
    _chunk({"content": "well"}, logprobs={"content": [TOKEN]}),
    _chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
    _chunk({"refusal": "no", "images": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]}),
    _call_piece(name="weather", arguments=""),
    _call_piece(arguments=ARGUMENTS),
    {**_CHUNK, "x_host": {"a": 1}, "choices": []},
    _chunk({}, finish_reason="tool_calls"),
    {**_CHUNK, "choices": [], "usage": _OPENAI_USAGE},
]


def _block(index, block, *deltas):
    start = {"type": "content_block_start", "index": index, "content_block": block}
    pieces = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    return [start, *pieces, {"type": "content_block_stop", "index": index}]


_MESSAGE_EVENTS = [
    {"type": "message_start", "message": {**_MESSAGE, "content": [], "stop_reason": None}},
    *_block(
        0, {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "c2ln"},
    ),
    {"type": "ping"},
    *_block(
        1, {"type": "text", "text": ""},
        {"type": "text_delta", "text": "well"}, {"type": "citations_delta", "citation": {"type": "a"}},
    ),
    *_block(
        2, {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}},
        {"type": "input_json_delta", "partial_json": ARGUMENTS},
    ),
    {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": _CLAUDE_USAGE},
    {"type": "message_stop"},
]  # fmt: skip


def _response_event(kind, **members):
    return {"type": f"response.{kind}", "sequence_number": 1, **members}


_TEXT_PLACE = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
_THOUGHT_PLACE = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
_REASONING, _SAID, _CALLED, _PICTURE = _RESPONSE["output"]
_BEGUN = {**_RESPONSE, "status": "in_progress", "output": [], "usage": None}
_ANNOTATION = {"type": "url_citation", "url": "https://x.example"}
_RESPONSE_EVENTS = [
    _response_event("created", response=_BEGUN),
    _response_event("output_item.added", output_index=0, item={**_REASONING, "summary": []}),
    _response_event("reasoning_summary_part.added", **_THOUGHT_PLACE, part={"type": "summary_text", "text": ""}),
    _response_event("reasoning_summary_text.delta", **_THOUGHT_PLACE, delta="hm"),
    _response_event("output_item.done", output_index=0, item=_REASONING),
    _response_event("output_item.added", output_index=1, item={**_SAID, "content": []}),
    _response_event("content_part.added", **_TEXT_PLACE, part={"type": "output_text", "text": "", "annotations": []}),
    _response_event("output_text.delta", **_TEXT_PLACE, delta="well", logprobs=[TOKEN]),
    _response_event("output_text.annotation.added", **_TEXT_PLACE, annotation_index=0, annotation=_ANNOTATION),
    _response_event("output_text.done", **_TEXT_PLACE, text="well"),
    _response_event("output_item.done", output_index=1, item=_SAID),
    _response_event("output_item.added", output_index=2, item={**_CALLED, "arguments": ""}),
    _response_event("function_call_arguments.delta", item_id="fc_1", output_index=2, delta=ARGUMENTS),
    _response_event("output_item.done", output_index=2, item=_CALLED),
    _response_event("output_item.done", output_index=3, item=_PICTURE),
    _response_event("completed", response=_RESPONSE),
]


def _frame(*parts, **members):
    candidate = {"index": 0, "content": {"role": "model", "parts": list(parts)}, **members}
    return {"candidates": [candidate], "usageMetadata": _GEMINI_USAGE, "modelVersion": "m", "responseId": "r"}


_FRAMES = [
    _frame({"text": "hm", "thought": True}),
    _frame({"text": "well"}, logprobsResult=_CANDIDATES["candidates"][0]["logprobsResult"]),
    _frame({"functionCall": {"name": "weather", "args": {"city": "Paris"}}, "thoughtSignature": SIGNED}),
    _frame({"functionCall": {"name": "pack", "willContinue": True}}),
    _frame({"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "b"}], "willContinue": True}}),
    _frame({"functionCall": {"partialArgs": [{"jsonPath": "$.b[0]", "numberValue": 5}]}}),
    _frame({"inlineData": {"mimeType": "image/png", "data": PNG}}, safetyRatings=[{"category": "c"}]),
    _frame({"text": "", "thoughtSignature": SIGNED}, finishReason="STOP"),
]


def _cohere(kind, index=0, **message):
    return {"type": kind, "index": index, "delta": {"message": message}}


_COHERE_EVENTS = [
    {"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant", "content": []}}},
    _cohere("tool-plan-delta", tool_plan="hm"),
    _cohere("content-start", content={"type": "text", "text": ""}),
    {**_cohere("content-delta", content={"text": "well"}), "logprobs": _COHERE["logprobs"][0]},
    {"type": "content-end", "index": 0},
    _cohere("tool-call-start", tool_calls={**_CALL, "function": {"name": "weather", "arguments": ""}}),
    _cohere("tool-call-delta", tool_calls={"function": {"arguments": ARGUMENTS}}),
    {"type": "tool-call-end", "index": 0},
    {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": _COHERE_USAGE}},
]


def _line(message=None, **members):
    said = {"role": "assistant", "content": "", **(message or {})}
    return {**_OLLAMA_HEAD, "message": said, "done": False, **members}


_LINES = [
    _line({"thinking": "hm"}),
    _line({"content": "well"}, logprobs=[TOKEN]),
    _line({"images": [PNG]}),
    _line({"tool_calls": _OLLAMA_ANSWER["message"]["tool_calls"]}),
    _line(done=True, done_reason="stop", total_duration=5, prompt_eval_count=5, eval_count=7),
]


def _converse(kind, index=None, **members):
    return kind, {**({} if index is None else {"contentBlockIndex": index}), **members, "p": "abc"}


_CONVERSE_EVENTS = [
    _converse("messageStart", role="assistant"),
    _converse("contentBlockDelta", 0, delta={"reasoningContent": {"text": "hm"}}),
    _converse("contentBlockDelta", 0, delta={"reasoningContent": {"signature": "c2ln"}}),
    _converse("contentBlockStop", 0),
    _converse("contentBlockDelta", 1, delta={"text": "well"}),
    _converse("contentBlockStop", 1),
    _converse("contentBlockStart", 2, start={"toolUse": {"toolUseId": "t1", "name": "weather"}}),
    _converse("contentBlockDelta", 2, delta={"toolUse": {"input": ARGUMENTS}}),
    _converse("contentBlockStop", 2),
    _converse("contentBlockStart", 3, start={"image": {"format": "png"}}),
    _converse("contentBlockDelta", 3, delta={"image": {"source": {"bytes": PNG}}}),
    _converse("contentBlockStop", 3),
    _converse("messageStop", stopReason="tool_use", additionalModelResponseFields={"stop_sequence": "END"}),
    _converse("metadata", usage=_BEDROCK_USAGE, metrics={"latencyMs": 5}),
]

STREAMS = {
    "anthropic.messages": _MESSAGE_EVENTS,
    "bedrock.converse": [value for _, value in _CONVERSE_EVENTS],
    "bedrock.invoke": _MESSAGE_EVENTS,
    "cohere.chat": _COHERE_EVENTS,
    "gemini.generate": _FRAMES,
    "ollama.chat": _LINES,
    "openai.chat": _CHUNKS,
    "openai.responses": _RESPONSE_EVENTS,
}


def framed(name, values):
    """The bytes of a stream in the dialect `name` whose events hold these values."""
    if name == "bedrock.converse":
        kinds = [kind for kind, _ in _CONVERSE_EVENTS]
        return b"".join(message(kind, json.dumps(value).encode()) for kind, value in zip(kinds, values, strict=True))
    if name == "bedrock.invoke":
        return b"".join(map(chunk, values))
    if name == "ollama.chat":
        return b"".join(json.dumps(value).encode() + b"\n" for value in values)
    return b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)


# What upstreams say when something fails: no body holds all of it.

_DETAILS = [{"reason": "API_KEY_INVALID"}, {"retryDelay": "5s"}]
ERRORS = {
    "error": {
        "type": "a", "code": "b", "message": "c", "param": "d", "status": "UNAVAILABLE", "innererror": {},
        "details": _DETAILS,
    },
    "type": "error", "message": "m", "detail": [{"loc": ["a"], "msg": "b"}], "error_type": "e", "__type": "f",
}  # fmt: skip
