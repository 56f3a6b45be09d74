"""A request's body: its media type checked, read under a cap."""

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from llmproxy.core.errors import ParseError, RequestTooLarge, UnsupportedMedia

JSON = "application/json"


def read_body(request: Request, limit: int) -> bytes:
    """The bytes of a JSON body.

    Raises:
        UnsupportedMedia: It says that it is something else than JSON in UTF-8, or that it is compressed.
        RequestTooLarge: It has more than `limit` bytes, whether it said so or not.
    """
    _check_media(request)
    return read_bytes(request, limit)


def read_bytes(request: Request, limit: int) -> bytes:
    """The bytes of a body, whatever they are.

    Raises:
        RequestTooLarge: There are more than `limit`, whether it said so or not.
    """
    if (request.content_length or 0) > limit:
        raise RequestTooLarge()
    # A chunked body is silently cut where Werkzeug's own limit is: so ask for one byte more, and look.
    request.max_content_length = limit + 1
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise RequestTooLarge() from error
    except ClientDisconnected as error:
        raise ParseError("The body is shorter than it was said to be.", code="invalid_json") from error
    if len(body) > limit:
        raise RequestTooLarge()
    return body


def _check_media(request: Request) -> None:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("The body must not be compressed.")
    if request.headers.get("Content-Type") in (None, JSON):
        return
    if request.mimetype != JSON:
        raise UnsupportedMedia()
    if request.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMedia("The body must be in UTF-8.")
