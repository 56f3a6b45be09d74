"""Counts the words that are asked and answered, and writes both to the log when the answer has left."""

import logging

from llmproxy import LLMRequest, Processor, ResponseStream

log = logging.getLogger("llmproxy.count_words")


class CountWords(Processor):
    """Counts words in any dialect, streamed or whole, without holding anything back."""

    def process(self, request: LLMRequest) -> LLMRequest:
        request.context.data[self] = sum(len(text.split()) for text in request.texts())
        return request

    def process_response(self, request: LLMRequest, stream: ResponseStream) -> ResponseStream:
        asked, answered = request.context.data[self], WordCount()

        def tell() -> None:
            extra = {"request_id": request.context.id, "words_asked": asked, "words_answered": answered.words}
            log.info("words asked=%d answered=%d", asked, answered.words, extra=extra)

        stream.on_close(tell)
        return stream.tap_text(answered.add)


class WordCount:
    """Counts words in a text that comes in pieces, which may end within a word."""

    def __init__(self) -> None:
        self.words = 0
        self._within = False

    def add(self, piece: str) -> None:
        """Counts a piece, which is not empty."""
        goes_on = self._within and not piece[0].isspace()
        self.words += len(piece.split()) - goes_on
        self._within = not piece[-1].isspace()
