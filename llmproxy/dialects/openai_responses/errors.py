"""How a streamed response says that it failed."""

from collections.abc import Iterator
from typing import Any

from llmproxy.core.context import RequestContext
from llmproxy.core.sse import Event


def error_events(error: dict[str, Any], context: RequestContext) -> Iterator[Event]:
    """An `error`, then `response.failed`, as OpenAI sends them.

    Their numbers start anew: how far the upstream had counted is not ours to know.
    """
    said = {"code": error["code"], "message": error["message"], "param": error["param"]}
    yield Event.of_json({"type": "error", "sequence_number": 0, **said, "error": error}, "error")
    response = {
        "id": f"resp_{context.id}",
        "object": "response",
        "created_at": int(context.received_at),
        "status": "failed",
        "error": {"code": error["code"], "message": error["message"]},
        "model": context.model,
        "output": [],
    }
    yield Event.of_json({"type": "response.failed", "sequence_number": 1, "response": response}, "response.failed")
