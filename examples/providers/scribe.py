"""Scribe: an upstream like nothing else. It reads the lines of a play, and writes the next one as lines of JSON."""

import json

from llmproxy import Counted, End, Provider, StreamError, Usage


class ScribeProvider(Provider):
    """Scribe's voices. https://docs.scribe.example/api"""

    default_base_url = "https://api.scribe.example/v1"
    default_token_env = "SCRIBE_API_KEY"
    takes = ("max_tokens", "temperature")

    def chat(self, chat):
        play = [{"who": message.role, "says": message.text} for message in chat.messages]
        body = {"voice": chat.model, "play": play, "at_most": chat.max_tokens, "daring": chat.temperature}
        for line in self.post("write", json=body).lines():
            said = json.loads(line)
            if "failed" in said:
                raise StreamError(detail=said["failed"])
            if "over" in said:
                yield Counted(Usage(*said["spent"]))
                yield End("length" if said["over"] == "cut" else "stop")
                return
            yield said["says"]
        raise StreamError(code="upstream_truncated")
