"""Cross-origin requests, for the origins the configuration names and no others."""

from collections.abc import Sequence

from flask import Request

_METHODS = "GET, POST, OPTIONS"
_SECONDS = "600"


def cors_headers(request: Request, allowed: Sequence[str]) -> dict[str, str]:
    """The headers a browser wants to see (https://fetch.spec.whatwg.org/#http-cors-protocol).

    Empty unless the caller's origin is allowed. Credentials never are: keys travel in headers of their own.
    """
    origin = request.headers.get("Origin")
    if origin is None or not ("*" in allowed or origin in allowed):
        return {}
    headers = {
        "Access-Control-Allow-Origin": "*" if "*" in allowed else origin,
        "Access-Control-Expose-Headers": "*",
        "Vary": "Origin",
    }
    if request.method == "OPTIONS":
        headers["Access-Control-Allow-Methods"] = _METHODS
        headers["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "*")
        headers["Access-Control-Max-Age"] = _SECONDS
    return headers
