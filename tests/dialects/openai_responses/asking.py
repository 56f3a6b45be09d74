"""A request in this dialect, as a client makes it."""

import json

from llmproxy.core.context import RequestContext
from llmproxy.dialects.openai_responses import OpenAIResponsesClient

CLIENT = OpenAIResponsesClient()


def ask(given="hi", **members):
    """What `members` ask besides this input, in a request whose id is `req`."""
    body = {"model": "m", "input": given, **members}
    return CLIENT.parse(json.dumps(body).encode(), RequestContext(id="req"))
