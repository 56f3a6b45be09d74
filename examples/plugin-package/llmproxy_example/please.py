"""A processor that teaches manners."""

from llmproxy import LLMRequest, Processor


class PleaseProcessor(Processor):
    """Ends what the user said last with a polite word.

    Args:
        word: That word.
    """

    def __init__(self, word: str = "please") -> None:
        self.word = word

    def process(self, request: LLMRequest) -> LLMRequest:
        text = request.last_user_text()
        return request.with_last_user_text(f"{text}, {self.word}") if text else request
