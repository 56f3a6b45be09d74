"""Cross-origin requests, for the origins the configuration names and no others."""

from collections.abc import Sequence

from flask import Request

_SECONDS = "600"


def cors_headers(request: Request, allowed: Sequence[str], methods: str) -> dict[str, str]:
    """The headers a browser wants to see (https://fetch.spec.whatwg.org/#http-cors-protocol).

    Any header may be sent: each vendor's SDK has its own. Credentials may not: keys travel in headers.

    Args:
        request: What the browser sends.
        allowed: The origins that may call; for any other there are no such headers.
        methods: Those of the path, with commas between them.
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
        headers["Access-Control-Allow-Methods"] = methods
        headers["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "*")
        headers["Access-Control-Max-Age"] = _SECONDS
    return headers
