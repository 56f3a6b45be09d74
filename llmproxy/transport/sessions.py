"""Sessions and their pools: one per provider token, made when first used, so that none crosses a fork."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict

from llmproxy.core.context import RequestContext
from llmproxy.transport.auth import UpstreamRequest
from llmproxy.transport.deadlines import Deadlines
from llmproxy.transport.failures import FOREIGN, translated
from llmproxy.transport.lease import Lease, leased
from llmproxy.transport.pools import POOLS, POOLS_USED_ONCE
from llmproxy.transport.reading import Reply


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """How one llm's upstream is reached.

    Attributes:
        connect_secs: For DNS, connecting and TLS.
        first_event_secs: Until the head of the answer has come.
        idle_secs: Between two reads of a stream.
        progress_secs: Between two real events of a stream; a ping is none.
        total_secs: For the whole attempt.
        pool_size: How many idle connections are kept for each token.
        proxy: The URL of an HTTP proxy; None: none, whatever the environment says.
        verify: Whether certificates are checked, or the path of a CA bundle to check them with.
        reuse: Whether a connection may serve several requests.
    """

    connect_secs: float = 5.0
    first_event_secs: float = 600.0
    idle_secs: float = 300.0
    progress_secs: float = 300.0
    total_secs: float = 900.0
    pool_size: int = 64
    proxy: str | None = None
    verify: bool | str = True
    reuse: bool = True


class UpstreamAdapter(HTTPAdapter):
    """Our connections under requests' own adapter: no retries, no cookies, pools by origin."""

    def __init__(self, settings: TransportSettings) -> None:
        self._pool_classes = POOLS if settings.reuse else POOLS_USED_ONCE
        self._pools: dict[str, Any] = {}
        super().__init__(pool_connections=16, pool_maxsize=settings.pool_size, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pool_classes
        return manager

    def close(self) -> None:
        super().close()  # which forgets its pools and leaves them to whoever still knows them
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """The pool of the request's origin. An adapter has one setting of TLS, so the origin alone is the key."""
        url = request.url or ""
        origin = url[: _path_start(url)]
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = super().get_connection_with_tls_context(request, verify, proxies, cert)
        return pool

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """What stands in the request line; our URLs are whole and encoded, so nothing has to be parsed again."""
        if proxies:
            return super().request_url(request, proxies)
        url = request.url or ""
        return url[_path_start(url) :] or "/"

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """The response without its cookies, which are nobody's business here."""
        response = requests.Response()
        response.status_code = resp.status
        response.headers = resp.headers  # urllib3's own mapping is case-insensitive as well
        response.raw = resp
        response.reason = resp.reason
        response.url = req.url or ""
        response.request = req
        return response


class UpstreamSession(requests.Session):
    """A session that takes nothing from the environment, follows nothing and remembers nothing."""

    def __init__(self, settings: TransportSettings) -> None:
        super().__init__()
        self.trust_env = False
        self.max_redirects = 0
        self.cookies = RequestsCookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
        self._adapter = UpstreamAdapter(settings)
        self.mount("https://", self._adapter)
        self.mount("http://", self._adapter)
        # One timeout for all: a connection takes that of connecting from its lease, and none has to be changed midway.
        self._timeout = settings.first_event_secs
        self._proxies = {"http": settings.proxy, "https": settings.proxy} if settings.proxy else None
        self._verify = settings.verify

    def exchange(self, request: UpstreamRequest) -> requests.Response:
        """Sends a prepared request and waits for the head of its answer.

        `Session.send` would look for cookies and redirects on the way, at a third of the cost of the whole call.
        """
        return self._adapter.send(
            request, stream=True, timeout=self._timeout, verify=self._verify, proxies=self._proxies
        )


class ClientProvider:
    """The sessions of one llm. Shared by all threads."""

    def __init__(self, settings: TransportSettings) -> None:
        self.settings = settings
        self._sessions: dict[str, UpstreamSession] = {}
        self._process = 0
        self._lock = threading.Lock()

    def send(self, request: UpstreamRequest, context: RequestContext) -> Reply:
        """Sends the request on a connection of its token's pool.

        Raises:
            ProviderError: No answer came; the error knows whether anything was sent.
        """
        settings = self.settings
        lease = Lease(settings.connect_secs, context.ticker)
        forget = context.cancellation.on_cancel(lease.shut_down)
        deadlines = Deadlines(lease, settings.first_event_secs, settings.progress_secs, settings.total_secs)
        try:
            with leased(lease):
                response = self._session(request.token_id).exchange(request)
        except BaseException as error:
            forget()
            deadlines.end()
            if isinstance(error, FOREIGN):
                raise translated(error, lease, context.cancellation) from error
            raise
        finally:
            if context.attempts:
                context.attempts[-1].sent = lease.sent
        return Reply(response, lease, context.cancellation, forget, settings.idle_secs, deadlines)

    def close(self) -> None:
        """Closes every idle connection."""
        with self._lock:
            for session in self._sessions.values():
                session.close()
            self._sessions.clear()

    def _session(self, token_id: str) -> UpstreamSession:
        session = self._sessions.get(token_id)
        if session is None or self._process != os.getpid():
            session = self._make(token_id)
        return session

    def _make(self, token_id: str) -> UpstreamSession:
        with self._lock:
            if self._process != os.getpid():  # after a fork the parent's connections are the parent's
                self._sessions, self._process = {}, os.getpid()
            return self._sessions.setdefault(token_id, UpstreamSession(self.settings))


def _path_start(url: str) -> int:
    start = url.find("/", url.find("//") + 2)
    return len(url) if start < 0 else start


def prepare(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> UpstreamRequest:
    """A request ready to be sent; its URL and headers come from the configuration and are used as they are.

    A body of None is none at all, rather than an empty one.
    """
    request = UpstreamRequest()
    request.method = method
    request.url = url
    request.headers = CaseInsensitiveDict(headers)
    if body is not None:
        request.headers["Content-Length"] = str(len(body))
    request.body = body
    return request
