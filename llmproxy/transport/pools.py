"""Pools of connections to one origin: what goes back was read to its end, and is not kept for long."""

import contextlib
import time
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool

from llmproxy.transport.connection import UpstreamHTTPConnection, UpstreamHTTPSConnection
from llmproxy.transport.lease import Lease


class _Pool:
    """What both kinds of pool do besides pooling."""

    reuse = True
    proxy: Any

    def urlopen(self, method: Any, url: Any, body: Any = None, headers: Any = None, *args: Any, **options: Any) -> Any:
        """One attempt, as urllib3 makes it, without the retries, redirects and preloading that we never ask for."""
        if self.proxy is not None:
            return super().urlopen(method, url, body, headers, *args, **options)  # type: ignore[misc]
        connection = self._get_conn()
        try:
            if connection.sock is None:
                self._validate_conn(connection)  # type: ignore[attr-defined]  # where TLS connects
            connection.timeout = options["timeout"].read_timeout
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # an early answer may be there
                connection.request(method, url, body=body, headers=headers, preload_content=False, decode_content=False)
            response = connection.getresponse()
        except BaseException:
            connection.close()
            self._put_conn(connection)
            raise
        response._connection, response._pool = connection, self
        return response

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        if connection.sock is not None and connection.worn():
            connection.close()  # it connects again when it is used
        return connection

    def _put_conn(self, conn: Any) -> None:
        """Called with a connection that nobody reads from any more: here its lease ends, and not later."""
        if conn is not None:
            lease, conn.lease = getattr(conn, "lease", None), None
            if lease is not None:
                lease.end()
            conn.idle_since = time.monotonic()
            if not self.reuse or _more_came(conn.sock, lease):
                conn.close()
        super()._put_conn(conn)  # type: ignore[misc]


class UpstreamHTTPPool(_Pool, HTTPConnectionPool):
    """Plain connections to one origin."""

    ConnectionCls = UpstreamHTTPConnection


class UpstreamHTTPSPool(_Pool, HTTPSConnectionPool):
    """TLS connections to one origin."""

    ConnectionCls = UpstreamHTTPSConnection


class _HTTPPoolUsedOnce(UpstreamHTTPPool):
    reuse = False


class _HTTPSPoolUsedOnce(UpstreamHTTPSPool):
    reuse = False


POOLS = {"http": UpstreamHTTPPool, "https": UpstreamHTTPSPool}
POOLS_USED_ONCE = {"http": _HTTPPoolUsedOnce, "https": _HTTPSPoolUsedOnce}


def _more_came(sock: Any, lease: Lease | None) -> bool:
    """Whether bytes followed the answer that nobody asked for: buffered here, or decrypted by TLS already."""
    if lease is not None and lease.answer is not None and lease.answer.left_over:
        return True
    pending = getattr(sock, "pending", None)
    return pending is not None and pending() > 0
