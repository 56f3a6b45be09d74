"""The bytes that an HTTP answer is put together from, right or wrong."""

LAST_CHUNK = b"0\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked"


def head(*lines: str, status: str = "200 OK") -> bytes:
    """The head of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


def sized(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    """A whole answer with its length."""
    return head(*lines, f"Content-Length: {len(body)}", status=status) + body


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)
