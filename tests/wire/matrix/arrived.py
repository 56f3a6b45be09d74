"""What arrived at an upstream, read by its vendor's documents: the system prompt, a picture, tools, calls, results.

A reader gives `system`, `images` (base64), `tools` as (name, description, schema), `calls` as (key, call) and `results`
as (key, text), in their order. The key is what pairs them: the id, or where the dialect has none, the name and which
call of that name it is.
"""

import json
import re
from collections import Counter

from wire.meaning.said import call


class OpenAIChat:
    def __init__(self, body):
        self.messages = body["messages"]
        self.body = body

    def system(self):
        said = [message["content"] for message in self.messages if message["role"] in ("system", "developer")]
        return "".join(text_of(content) for content in said)

    def images(self):
        parts = [part for content in self._of("user") if isinstance(content, list) for part in content]
        return [data_of(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"]

    def tools(self):
        functions = [tool["function"] for tool in self.body["tools"] if tool["type"] == "function"]
        return [(each["name"], each["description"], each["parameters"]) for each in functions]

    def calls(self):
        calls = [made for message in self.messages for made in message.get("tool_calls") or ()]
        return [keyed(made["id"], made["function"]["name"], made["function"]["arguments"]) for made in calls]

    def results(self):
        results = [message for message in self.messages if message["role"] == "tool"]
        return [(message["tool_call_id"], text_of(message["content"])) for message in results]

    def _of(self, role):
        return [message["content"] for message in self.messages if message["role"] == role]


class CohereChat(OpenAIChat):
    """As OpenAI's; a result may be a document. https://docs.cohere.com/reference/chat"""

    def results(self):
        results = [message for message in self.messages if message["role"] == "tool"]
        return [(message["tool_call_id"], json.dumps(message["content"])) for message in results]


class OpenAIResponses:
    def __init__(self, body):
        said = body["input"]
        self.items = said if isinstance(said, list) else [{"role": "user", "content": said}]
        self.body = body

    def system(self):
        said = [item["content"] for item in self.items if item.get("role") in ("system", "developer")]
        return (self.body.get("instructions") or "") + "".join(text_of(content) for content in said)

    def images(self):
        contents = [item["content"] for item in self.items if item.get("role") == "user"]
        parts = [part for content in contents if isinstance(content, list) for part in content]
        return [data_of(part["image_url"]) for part in parts if part["type"] == "input_image"]

    def tools(self):
        functions = [tool for tool in self.body["tools"] if tool["type"] == "function"]
        return [(each["name"], each["description"], each["parameters"]) for each in functions]

    def calls(self):
        calls = [item for item in self.items if item.get("type") == "function_call"]
        return [keyed(item["call_id"], item["name"], item["arguments"]) for item in calls]

    def results(self):
        results = [item for item in self.items if item.get("type") == "function_call_output"]
        return [(item["call_id"], text_of(item["output"])) for item in results]


class AnthropicMessages:
    def __init__(self, body):
        self.body = body
        self.blocks = [
            (message["role"], block)
            for message in body["messages"]
            if isinstance(message["content"], list)
            for block in message["content"]
        ]

    def system(self):
        return text_of(self.body.get("system") or "")

    def images(self):
        images = [block["source"] for block in self._of("user", "image")]
        pngs = [source for source in images if (source["type"], source["media_type"]) == ("base64", "image/png")]
        return [source["data"] for source in pngs]

    def tools(self):
        return [(tool["name"], tool["description"], tool["input_schema"]) for tool in self.body["tools"]]

    def calls(self):
        return [keyed(block["id"], block["name"], block["input"]) for block in self._of("assistant", "tool_use")]

    def results(self):
        return [(block["tool_use_id"], text_of(block["content"])) for block in self._of("user", "tool_result")]

    def _of(self, role, kind):
        return [block for said_by, block in self.blocks if said_by == role and block["type"] == kind]


class GeminiGenerate:
    """Google takes members in camel and in snake case, and both alphabets of base64; its own SDK mixes them."""

    def __init__(self, body):
        self.body = body
        self.parts = [(content["role"], part) for content in body["contents"] for part in content["parts"]]

    def system(self):
        return "".join(part["text"] for part in (self.body.get("systemInstruction") or {"parts": []})["parts"])

    def images(self):
        images = [part["inlineData"] for role, part in self.parts if role == "user" and "inlineData" in part]
        pngs = [image["data"] for image in images if either(image, "mimeType") == "image/png"]
        return [data.replace("-", "+").replace("_", "/") for data in pngs]

    def tools(self):
        declared = [each for tool in self.body["tools"] for each in tool["functionDeclarations"]]
        return [(each["name"], each["description"], either(each, "parametersJsonSchema")) for each in declared]

    def calls(self):
        calls = [part["functionCall"] for role, part in self.parts if role == "model" and "functionCall" in part]
        return [keyed(key, made["name"], made["args"]) for key, made in with_keys(calls)]

    def results(self):
        results = [part["functionResponse"] for role, part in self.parts if "functionResponse" in part]
        assert all(isinstance(result["response"], dict) for result in results)
        return [(key, json.dumps(result["response"])) for key, result in with_keys(results)]


class BedrockConverse:
    def __init__(self, body):
        self.body = body
        self.blocks = [(message["role"], block) for message in body["messages"] for block in message["content"]]

    def system(self):
        return "".join(block["text"] for block in self.body.get("system") or ())

    def images(self):
        images = [block["image"] for role, block in self.blocks if role == "user" and "image" in block]
        return [image["source"]["bytes"] for image in images if image["format"] == "png"]

    def tools(self):
        specs = [tool["toolSpec"] for tool in self.body["toolConfig"]["tools"]]
        return [(spec["name"], spec["description"], spec["inputSchema"]["json"]) for spec in specs]

    def calls(self):
        uses = [block["toolUse"] for role, block in self.blocks if role == "assistant" and "toolUse" in block]
        return [keyed(use["toolUseId"], use["name"], use["input"]) for use in uses]

    def results(self):
        results = [block["toolResult"] for role, block in self.blocks if role == "user" and "toolResult" in block]
        return [(result["toolUseId"], json.dumps(result["content"])) for result in results]


class OllamaChat:
    def __init__(self, body):
        self.body = body
        self.messages = body["messages"]

    def system(self):
        return "".join(message["content"] for message in self.messages if message["role"] == "system")

    def images(self):
        said = [message for message in self.messages if message["role"] == "user"]
        return [image for message in said for image in message.get("images") or ()]

    def tools(self):
        functions = [tool["function"] for tool in self.body["tools"] if tool["type"] == "function"]
        return [(each["name"], each["description"], each["parameters"]) for each in functions]

    def calls(self):
        calls = [made["function"] for message in self.messages for made in message.get("tool_calls") or ()]
        return [keyed(key, made["name"], made["arguments"]) for key, made in named(calls, "name")]

    def results(self):
        results = [message for message in self.messages if message["role"] == "tool"]
        return [(key, result["content"]) for key, result in named(results, "tool_name")]


READERS = {
    "openai.chat": OpenAIChat,
    "openai.responses": OpenAIResponses,
    "anthropic.messages": AnthropicMessages,
    "gemini.generate": GeminiGenerate,
    "bedrock.converse": BedrockConverse,
    "ollama.chat": OllamaChat,
    "cohere.chat": CohereChat,
}


def keyed(key, name, arguments):
    """A call; its arguments have to be what the dialect has for them, and JSON."""
    return key, call(name, arguments)


def either(value, name):
    """A member in one of its two spellings."""
    snake = re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name)
    return value[name] if name in value else value[snake]


def with_keys(pieces):
    """Gemini's calls or results with their ids, or by name where there are none."""
    if all(piece.get("id") for piece in pieces):
        return [(piece["id"], piece) for piece in pieces]
    return named(pieces, "name")


def named(pieces, member):
    """Pieces with their names and which of that name they are."""
    seen = Counter()
    keys = []
    for piece in pieces:
        seen[piece[member]] += 1
        keys.append(((piece[member], seen[piece[member]]), piece))
    return keys


def text_of(content):
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def data_of(url):
    """The base64 of a data URL that holds a PNG."""
    head, _, data = url.partition(",")
    assert head == "data:image/png;base64"
    return data
