"""What becomes of the answer to a request that was passed on unread."""

from collections.abc import Iterable

from llmproxy.core.errors import ProviderError
from llmproxy.core.raw import RawRequest
from llmproxy.core.response import ResponseStream
from llmproxy.core.secrets import SECRETS
from llmproxy.core.sse import PAUSE
from llmproxy.dialects.statuses import error_for
from llmproxy.transport.reading import Reply

# What the head of an answer says of its body, and of when to ask again. Everything else in it is about us.
PASSED_HEADERS = frozenset({
    "accept-ranges", "content-disposition", "content-encoding", "content-length", "content-range", "etag",
    "last-modified", "retry-after", "retry-after-ms", "x-should-retry",
})  # fmt: skip
UNKNOWN_TYPE = "application/octet-stream"
_ERROR_BYTES = 64 * 1024


def check_passable(status: int) -> None:
    """Raises for an answer that is between the upstream and us: its client has no part in our token.

    Raises:
        ProviderError: The token was refused, or the answer is no answer.
    """
    detail = f"upstream status {status}"
    if status in (401, 403):
        raise ProviderError(code="upstream_auth_failed", detail=detail)
    if 300 <= status < 400 and status != 304:
        raise ProviderError(code="upstream_redirect", detail=detail)
    if not 200 <= status < 600:
        raise ProviderError(code="upstream_bad_response", detail=detail)


def passed(reply: Reply, request: RawRequest) -> ResponseStream:
    """The answer as it comes. An error comes so as well, but for secrets in it, and counts as one all the same."""
    context, failed = request.context, reply.status >= 400
    context.status = reply.status
    headers = {name: value for name, value in reply.headers.items() if name in PASSED_HEADERS}
    content: Iterable[bytes] = (piece for piece in reply.chunks() if piece is not PAUSE)
    if failed and request.method != "HEAD":
        said = SECRETS.mask_bytes(reply.beginning(_ERROR_BYTES))
        content, headers["content-length"] = [said], str(len(said))
    stream = ResponseStream(
        content,
        None if failed else request,  # an error is no answer that has begun
        status=reply.status,
        content_type=reply.headers.get("content-type", UNKNOWN_TYPE),
        headers=headers,
    )
    stream.on_begin(reply.begun)
    stream.on_move(reply.moved)
    stream.on_close(reply.close)
    if failed:
        error = error_for(reply.status, reply.headers, message=None, upstream={})
        error.status = reply.status
        stream.on_close(lambda: context.finish(error))
    return stream
