"""A streamed completion."""

from collections import defaultdict
from collections.abc import Iterable

from llmproxy.core.answer import Appended, Counted, End, Opened, Usage
from llmproxy.core.chat import Text
from llmproxy.core.request import LLMRequest
from llmproxy.core.sse import Event
from llmproxy.dialects.base import StreamWriter
from llmproxy.dialects.openai import DONE
from llmproxy.dialects.openai_chat.answer import head, write_reason, write_usage
from llmproxy.dialects.openai_completions.answer import write_logprobs


class CompletionsWriter(StreamWriter):
    """Writes the chunks of one stream; their `object` is that of the whole answer."""

    def __init__(self, request: LLMRequest) -> None:
        super().__init__()
        self._head = head(request, "text_completion", "cmpl")
        self._wants_usage = request.wants_usage
        self._usage: Usage | None = None
        self._texts: set[tuple[int, int]] = set()
        self._lengths: dict[int, int] = defaultdict(int)

    def opened(self, delta: Opened) -> Iterable[Event]:
        if isinstance(delta.part, Text):
            self._texts.add((delta.choice, delta.index))
        return ()

    def appended(self, delta: Appended) -> Iterable[Event]:
        if (delta.choice, delta.index) in self._texts:
            logprobs = write_logprobs(delta.logprobs, self._lengths[delta.choice]) if delta.logprobs else None
            self._lengths[delta.choice] += len(delta.text)
            choice = {"index": delta.choice, "text": delta.text, "logprobs": logprobs, "finish_reason": None}
            yield Event.of_json({**self._head, "choices": [choice]})

    def counted(self, delta: Counted) -> Iterable[Event]:
        self._usage = delta.usage
        return ()

    def end(self, delta: End) -> Iterable[Event]:
        reason = write_reason(delta.reason)
        choice = {"index": delta.choice, "text": "", "logprobs": None, "finish_reason": reason}
        yield Event.of_json({**self._head, "choices": [choice]})

    def finish(self) -> Iterable[Event]:
        if self._usage is not None and self._wants_usage:
            yield Event.of_json({**self._head, "choices": [], "usage": write_usage(self._usage)})
        yield Event.of(DONE)
