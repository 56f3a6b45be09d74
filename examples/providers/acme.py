"""Acme: OpenAI's chat dialect, with the key in a header of its own and another word for the limit."""

from llmproxy import HeaderAuth, Provider


class AcmeProvider(Provider):
    """Acme's hosted models. https://docs.acme.example/api"""

    endpoints = {"openai.chat": "/chat"}
    default_base_url = "https://api.acme.example/v1"
    default_token_env = "ACME_API_KEY"

    def auth(self):
        return HeaderAuth("X-Acme-Key", self.token_provider)

    def payload(self, call):
        return {"max_length" if name == "max_tokens" else name: value for name, value in call.body.items()}
