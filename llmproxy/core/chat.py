"""The neutral model of a request: a conversation, what may be done in it, and how it should be answered.

Every dialect is read into these words and written from them, so each of them knows only itself. What a dialect says
that the model has no word for travels in `extra`, by the dialect's name, and is written again where the other side
speaks the same dialect: `{"openai.chat": {"service_tier": "flex"}}`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Extra: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Members that only one dialect knows, by that dialect's name."""


@dataclass(frozen=True, slots=True)
class Cache:
    """A point up to which the provider should keep the prompt.

    Attributes:
        ttl: For how long, as `5m` or `1h`; None leaves it to the provider.
    """

    ttl: str | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """What a provider adds to a thought or a call, and wants back unchanged in the next turn.

    Attributes:
        value: Its bytes as text; nobody but its maker can read it.
        maker: Whose it is: `anthropic`, `google` or `openai`. To another vendor it means nothing.
    """

    value: str
    maker: str

    def carried(self, native: str) -> str:
        """The signature in a place where `native`'s stand bare: another maker's names its maker."""
        return self.value if self.maker == native else f"{_CARRIED}{self.maker}.{self.value}"

    @classmethod
    def uncarried(cls, text: str, native: str) -> Signature:
        """What `carried` wrote."""
        if not text.startswith(_CARRIED):
            return cls(text, native)
        maker, _, value = text.removeprefix(_CARRIED).partition(".")
        return cls(value, maker)

    @staticmethod
    def carried_in(body: bytes) -> bool:
        """Whether a body in JSON holds a signature of another maker than the one whose place it stands in."""
        return b'"' + _CARRIED.encode() in body


_CARRIED = "llmproxy."


@dataclass(frozen=True, slots=True)
class Source:
    """Where the content of an image, a sound or a document is; exactly one of `data`, `url` and `file_id` is given.

    Attributes:
        media_type: As `image/png`; None if nobody said.
        data: The content in base64.
        url: Where it can be fetched. We never do.
        file_id: Its name in the provider's own store.
    """

    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None

    @classmethod
    def of_url(cls, url: str) -> Source:
        """A URL; one that holds its content (`data:image/png;base64,...`, RFC 2397) becomes that content."""
        if not url.startswith("data:"):
            return cls(url=url)
        head, _, data = url.removeprefix("data:").partition(",")
        media_type, *parameters = head.split(";")
        if "base64" not in parameters:
            return cls(url=url)
        return cls(media_type=media_type or None, data=data)

    def to_url(self) -> str | None:
        """The content as a URL; None for a file of the provider's."""
        if self.data is None:
            return self.url
        return f"data:{self.media_type or 'application/octet-stream'};base64,{self.data}"


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """How likely a token was.

    Attributes:
        token: Its text.
        logprob: The natural logarithm of its probability.
        bytes: Its UTF-8 bytes; None if the provider did not say.
        top: The likeliest tokens at this place.
        token_id: Its number in the model's vocabulary.
    """

    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None
    top: tuple[TokenLogprob, ...] = ()
    token_id: int | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text.

    Attributes:
        text: Empty where more is appended to it.
        signature: What the provider wants back with it.
        logprobs: How likely its tokens were, where the client asked for that.
    """

    text: str = ""
    cache: Cache | None = None
    signature: Signature | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The words in which the model refuses to answer: `text`."""

    text: str = ""
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Thinking:
    """What the model thought before it spoke.

    Attributes:
        text: Its thoughts, or a summary of them; empty where only the signature is shown.
        signature: What the provider wants back with them.
        redacted: The thoughts themselves, encrypted, where they may not be read; `text` is empty then.
    """

    text: str = ""
    signature: Signature | None = None
    redacted: Signature | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a tool to be called.

    Attributes:
        id: What the result refers to; None where the dialect has none.
        name: The tool's.
        arguments: A JSON object as the model wrote it, which may be invalid; empty stands for `{}`.
        signature: What the provider wants back with the call.
    """

    id: str | None = None
    name: str = ""
    arguments: str = ""
    signature: Signature | None = None
    cache: Cache | None = None
    extra: Extra = field(default_factory=dict)

    def input(self) -> dict[str, Any]:
        """The arguments as an object, for dialects that have no place for a text.

        What is not a JSON object is kept as it is under `INVALID_JSON`, so that the model can see what it wrote
        (https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/fine-grained-tool-streaming).
        """
        try:
            value = json.loads(self.arguments or "{}")
        except (ValueError, RecursionError):
            return {"INVALID_JSON": self.arguments}
        return value if isinstance(value, dict) else {"INVALID_JSON": self.arguments}


@dataclass(frozen=True, slots=True)
class Image:
    """A picture.

    Attributes:
        source: Where its content is.
        detail: How closely it should be looked at: `low`, `high`, `auto`; None if nobody said.
    """

    source: Source
    detail: str | None = None
    cache: Cache | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Audio:
    """A sound.

    Attributes:
        source: Where its content is; its `media_type` is `audio/wav`, `audio/mpeg`, ...
        transcript: What is said in it, where the provider wrote it down.
    """

    source: Source
    transcript: str | None = None
    cache: Cache | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """A file to be read: a PDF, a text, a film.

    Attributes:
        source: Where its content is.
        name: Its title or file name.
        text: Its content where it came as plain text rather than in base64.
    """

    source: Source
    name: str | None = None
    text: str | None = None
    cache: Cache | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Other:
    """A part that only one dialect has: a call of a tool that the provider runs itself, for instance.

    Attributes:
        dialect: Whose it is.
        value: The part as that dialect writes it.
        text: What was appended to it in a stream, which that dialect knows where to put.
    """

    dialect: str
    value: Mapping[str, Any]
    text: str = ""

    @property
    def extra(self) -> Extra:
        """The whole part is."""
        return {self.dialect: self.value}


Content: TypeAlias = Text | Image | Audio | Document | Other
"""What a tool can answer with."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered. It stands in a message of the user's.

    Attributes:
        call_id: The id of the call; None where the dialect has none.
        name: The tool's name; None where the dialect does not say.
        parts: The answer; empty if there was none.
        is_error: Whether the tool failed; None if nobody said.
    """

    call_id: str | None
    parts: tuple[Content, ...] = ()
    name: str | None = None
    is_error: bool | None = None
    cache: Cache | None = None
    extra: Extra = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All its text."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


Part: TypeAlias = Text | Refusal | Thinking | ToolCall | ToolResult | Image | Audio | Document | Other
Role: TypeAlias = Literal["system", "developer", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. System messages stand where they stood in the conversation.

    Attributes:
        role: `developer` is OpenAI's newer word for `system`; other dialects take both alike.
        parts: What is said, in order.
        name: Of the participant, where several share a role.
    """

    role: Role
    parts: tuple[Part, ...] = ()
    name: str | None = None
    extra: Extra = field(default_factory=dict)

    @property
    def is_system(self) -> bool:
        """Whether it instructs rather than converses."""
        return self.role in ("system", "developer")

    @property
    def text(self) -> str:
        """All its text."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may ask to be called.

    Attributes:
        name: What a `ToolCall` calls it.
        description: What the model is told of it; None: nothing.
        parameters: A JSON schema of its arguments; None if it has none.
        strict: Whether the arguments must obey the schema; None if nobody said.
    """

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None
    cache: Cache | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether tools are called.

    Attributes:
        mode: `required`: at least one must be.
        names: Only these may be; empty: all. One name and `required` force that tool.
    """

    mode: Literal["auto", "none", "required"] = "auto"
    names: tuple[str, ...] = ()
    extra: Extra = field(default_factory=dict)

    @property
    def forced(self) -> str | None:
        """The one tool that must be called; None leaves a choice."""
        return self.names[0] if self.mode == "required" and len(self.names) == 1 else None


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """The form of the answer's text.

    Attributes:
        kind: `json`: any object; `schema`: one that obeys `schema`.
        name, description: Of the schema, for dialects that give it a name.
        strict: Whether the schema is enforced rather than hoped for; None if nobody said.
    """

    kind: Literal["text", "json", "schema"] = "text"
    schema: Mapping[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    extra: Extra = field(default_factory=dict)


EFFORT_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 65536}
"""Tokens of thought for each effort, where one dialect counts and the other does not. No vendor publishes a table."""


@dataclass(frozen=True, slots=True)
class Reasoning:
    """How much the model should think.

    Attributes:
        enabled: Whether it should at all; None leaves it to the model.
        effort: `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`.
        budget: The most tokens of thought; 0 is none.
        visible: Whether the thoughts, or a summary, should be shown; None leaves it to the provider.
    """

    enabled: bool | None = None
    effort: str | None = None
    budget: int | None = None
    visible: bool | None = None
    extra: Extra = field(default_factory=dict)

    @property
    def off(self) -> bool:
        """Whether the model is told not to think."""
        return self.enabled is False or self.effort == "none" or self.budget == 0

    def as_budget(self) -> int | None:
        """The budget, or what the effort stands for; None if neither was said."""
        if self.off:
            return 0
        return self.budget if self.budget is not None else EFFORT_BUDGETS.get(self.effort or "")

    def as_effort(self) -> str | None:
        """The effort, or the smallest that gives the budget its room; None if neither was said."""
        if self.off:
            return "none"
        if self.effort is not None or self.budget is None:
            return self.effort
        return next((effort for effort, budget in EFFORT_BUDGETS.items() if self.budget <= budget), "max")


@dataclass(frozen=True, slots=True)
class Chat:
    """What is asked: a conversation to go on with. None and empty mean that the client did not say.

    Attributes:
        model: The model's name, as the provider of this attempt knows it.
        messages: The conversation, system messages where they stood.
        stream: Whether the answer is wanted step by step.
        tools: What may be called; `Other` is a tool that the provider runs itself.
        tool_choice: Whether one has to be called, and which.
        parallel_tool_calls: Whether several tools may be called in one turn.
        max_tokens: The most tokens of output, thoughts included.
        temperature: How freely the model chooses: 0 is the likeliest token each time. Vendors end at 1 or at 2.
        top_p: The share of the probability, up to 1, that the likeliest tokens must have to be chosen from.
        top_k: How many of the likeliest tokens are chosen from.
        stop: Texts that end the answer.
        n: How many answers are wanted.
        seed: The same one should give the same answer, as far as the provider can.
        presence_penalty, frequency_penalty: How much a token loses for having been said at all, and each time it was;
            from -2 to 2 with OpenAI.
        logprobs, top_logprobs: Whether tokens come with their probabilities, and with those of how many others.
        logit_bias: By token number.
        response_format: The form of the answer's text.
        reasoning: How much to think.
        user: Who asks, as the client's own application names them.
        metadata: Notes of the client's application.
    """

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    tools: tuple[Tool | Other, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    n: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: Mapping[str, float] | None = None
    response_format: ResponseFormat | None = None
    reasoning: Reasoning | None = None
    user: str | None = None
    metadata: Mapping[str, Any] | None = None
    extra: Extra = field(default_factory=dict)

    def system(self) -> str:
        """The text of all system messages, a blank line between two."""
        return "\n\n".join(message.text for message in self.messages if message.is_system)

    def last_text(self) -> str:
        """The text of the last message of the user's; empty if there is none."""
        said = [message.text for message in self.messages if message.role == "user" and message.text]
        return said[-1] if said else ""

    def tool_names(self) -> dict[str, str]:
        """The name of the tool of each call, by the call's id."""
        return {part.id: part.name for part in self.parts() if isinstance(part, ToolCall) and part.id}

    def parts(self) -> Iterator[Part]:
        """Every part of every message."""
        for message in self.messages:
            yield from message.parts


def foreign(value: Any, dialect: str) -> Iterator[str]:
    """The members of a value of the model, at every depth, that only another dialect than `dialect` knows."""
    if isinstance(value, Other):
        if value.dialect != dialect:
            yield str(value.value.get("type") or next(iter(value.value), "part"))
    elif isinstance(value, tuple):
        for item in value:
            yield from foreign(item, dialect)
    elif dataclasses.is_dataclass(value):
        said = {each.name: getattr(value, each.name) for each in dataclasses.fields(value) if each.name != "extra"}
        for member in said.values():
            yield from foreign(member, dialect)
        for name, members in getattr(value, "extra", {}).items():
            if name != dialect:  # what the model has a word for as well is the other dialect's to lose
                yield from (member for member in members if not said.get(member))
