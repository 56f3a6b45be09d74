"""Tells the model who is asking, in a line of its own before the client's system prompt."""

from llmproxy import LLMRequest, Processor


class WhoAsks(Processor):
    """Puts `User: ann` before the system prompt, in whatever dialect the request came.

    Args:
        label: What stands before the name.
        stranger: The name of a caller who has none. None: such a request goes on as it came.
    """

    def __init__(self, label: str = "User", stranger: str | None = None) -> None:
        self.label = label
        self.stranger = stranger

    def process(self, request: LLMRequest) -> LLMRequest:
        name = request.context.client or self.stranger
        if name is None or request.purpose == "embeddings":  # those have no prompt
            return request
        return request.with_system_prompt(f"{self.label}: {name}", "before")
