"""A token provider: where an llm's token comes from, if neither from the environment nor from a file."""

from datetime import UTC, datetime

from llmproxy import TokenProvider


class DayTokenProvider(TokenProvider):
    """A token that is another one each day. It is asked for each request, so what costs time has to be remembered."""

    def __init__(self, prefix: str = "day") -> None:
        self.prefix = prefix

    def get_token(self) -> str:
        return f"{self.prefix}-{datetime.now(UTC):%Y%m%d}"
