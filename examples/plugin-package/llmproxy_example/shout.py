"""A provider without an upstream: it answers by itself."""

from collections.abc import Iterator

from marshmallow import Schema, fields

from llmproxy import Chat, Provider


class ShoutOptions(Schema):
    """Keys of its own in `[llm.*]`."""

    mark = fields.String(load_default="!")


class ShoutProvider(Provider):
    """Says again what it is told, louder."""

    options_schema = ShoutOptions
    takes = ()  # of a chat, nothing but text

    def chat(self, chat: Chat) -> Iterator[str]:
        for word in chat.last_text().split():
            yield word.upper() + " "
        yield self.options["mark"]
