"""Providers that are one generator, as their authors would write them, and what the author says of an upstream that is
like no other."""

import json

from llmproxy import Counted, End, Provider, ProviderError, Usage
from llmproxy.testing import Words


class Oracle(Provider):
    """Answers in lines of JSON, streamed or not."""

    takes = ("max_tokens",)

    def chat(self, chat):
        turns = [{"by": message.role, "said": message.text} for message in chat.messages]
        ended = False
        for line in self.post("/ask", json={"turns": turns, "limit": chat.max_tokens}).lines():
            said = json.loads(line)
            if "trouble" in said:
                raise ProviderError(detail=said["trouble"])
            yield said.get("piece", "")
            if "cost" in said:
                ended = True
                yield Counted(Usage(*said["cost"]))
                yield End("stop")
        if not ended:
            raise ProviderError(code="upstream_truncated")


class Shout(Provider):
    """Answers by itself."""

    def chat(self, chat):
        for word in chat.last_text().split():
            yield word.upper() + " "


class Clerk(Provider):
    """Asks an upstream that answers whole, and looks at text alone."""

    takes = ()

    def chat(self, chat):
        turns = [{"by": message.role, "said": message.text} for message in chat.messages]
        yield self.post("/letters", json={"turns": turns}).json()["reply"]


LETTERS = Words(answer=lambda text: {"reply": text})


def line(**said):
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"


COST = (5, 7)
WORDS = Words(
    answer=lambda text: line(piece=text) + line(cost=COST),
    say=lambda text: line(piece=text),
    finish=(line(cost=COST),),
    error_event=lambda type, message: line(trouble=message),
    ping=b"\n",
    counted=COST,
    streams=lambda path, body: True,
    stream_media="application/x-ndjson",
)
