"""What may stand where an address is wanted: base URLs, proxies, origins. Messages are predicates ("must be ..."), for
whoever knows the key's name, and never repeat the address: it may hold a password."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")

_ODD = re.compile(r"[\s\x00-\x1f\x7f]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def base_url_problem(url: str, allow_http: bool) -> str | None:
    """What is wrong with an upstream's base URL, or None.

    Args:
        url: The URL as written.
        allow_http: Whether plain http may leave this machine.
    """
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https"):
        return "must be a URL that starts with http:// or https://"
    if _has_userinfo(parts):
        return "must hold no user name or password: token_env names the variable with the token"
    if "?" in url or "#" in url:
        return "must hold no ? or #"
    if parts.scheme == "http" and not allow_http and not is_loopback(parts.hostname or ""):
        return "is plain http to another machine, where anybody between can read the token. allow_http = true allows it"
    return None


def proxy_problem(url: str) -> str | None:
    """What is wrong with a proxy's URL, or None. A user name and password may be in it."""
    parts = _split(url)
    if parts is None or parts.scheme not in PROXY_SCHEMES:
        return "must be a URL such as http://proxy.example:3128"
    return None


def origin_problem(text: str) -> str | None:
    """What is wrong with an entry of `cors_allowed_origins`, or None."""
    if text == "*":
        return None
    parts = _split(text)
    bare = parts is not None and text == f"{parts.scheme}://{parts.netloc}" and not _has_userinfo(parts)
    return None if bare else 'must be "*" or an origin such as https://app.example, without a path'


def has_password(text: str) -> bool:
    """Whether this is a URL with a password in it."""
    try:
        return bool(urlsplit(text).password)
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own, seen by nobody else."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def has_control(text: str) -> bool:
    """Whether a text holds characters that would break a line, a header or a log."""
    return bool(_CONTROL.search(text))


def same_place(url: str, default: str) -> bool:
    """Whether a written base URL is a class's default one, spelled in whatever way.

    The default's origin without any path counts as well: it is the same host, and what leads there is the vendor's.
    """
    ours, theirs = urlsplit(url), urlsplit(default)
    return _origin(ours) == _origin(theirs) and ours.path.rstrip("/") in ("", theirs.path.rstrip("/"))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        usable = parts.hostname and parts.port != 0 and not _ODD.search(url)
    except ValueError:
        return None
    return parts if usable else None


def _has_userinfo(parts: SplitResult) -> bool:
    return "@" in parts.netloc


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
