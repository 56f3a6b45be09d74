"""A URL provider: where an llm is, if that is not known when the configuration is written."""

from llmproxy import UrlProvider


class PortUrlProvider(UrlProvider):
    """A server on this machine, by its port."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def get_url(self) -> str:
        return self.url
