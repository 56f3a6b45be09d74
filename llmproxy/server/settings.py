"""gunicorn's settings, each with its reason. gunicorn reads this module as a configuration file.

What the configuration says of the server comes from there; everything else is a fact about streams in threads.
"""

import json
import os
import subprocess
import sys
from typing import Any


def checked_server() -> dict[str, Any]:
    """The configuration's `[server]`; one that cannot be used ends the process with exit code 2.

    Read by a process of its own: what this one imports, it keeps for as long as the server runs, beside its workers.
    `llmproxy serve` was that process before it became gunicorn, and left what it found in the environment.
    """
    found = os.environ.pop("LLMPROXY_CHECKED", None)
    if found:
        return dict(json.loads(found))
    check = subprocess.run([sys.executable, "-m", "llmproxy.server.start"], stdout=subprocess.PIPE)
    if check.returncode:
        raise SystemExit(check.returncode)
    server: dict[str, Any] = json.loads(check.stdout)
    return server


# Not `config` or `server`: gunicorn takes every name here that is one of its settings.
_server = checked_server()

bind = _server["bind"]

# One thread owns a request from its first byte to its last: a stream is a loop that reads and writes. gunicorn's gthread,
# with what streams and slow clients need beside: see there.
worker_class = "llmproxy.server.worker.StreamWorker"

# One process by default: limits, pools and breakers are then shared by all without a round trip.
workers = _server["workers"]

# As many requests at a time as threads. A thread that waits for a model costs some 100 KB, so there may be many.
threads = _server["threads"]

# Connections a worker holds: threads and, beside them, clients that keep theirs open between requests. At the number of
# threads or below, gunicorn silently switches keep-alive off.
worker_connections = threads + 1000

# Longer than the usual load balancer keeps an idle connection (60 s): whoever closes first loses the request that is on
# its way, so it must not be us. A connection between two requests holds no thread.
keepalive = 75

# The worker's main loop must report within this time. It is no limit for requests: those run in threads, and a stream
# may last as long as its deadlines allow.
timeout = 30

# What a stream gets to end by itself when the server stops, before gunicorn cuts it.
graceful_timeout = 30

# Each worker makes its own pools after the fork; an application loaded before it would share sockets and locks.
preload_app = False

# A worker that retires stops accepting before its successor does: with few workers that is an outage.
max_requests = 0

# Its default path is the same for every server of a user, so that two of them would fight over it.
control_socket_disable = True

# One line per request is written when it has finished, with what gunicorn cannot know: model, tokens, outcome.
accesslog = None
errorlog = "-"
loglevel = _server["log_level"].lower()

proc_name = "llmproxy"

# With the default of 5 ms every thread that has something to do asks for the interpreter's lock 200 times a second: at
# 1,000 streams an event then comes 700 ms late in the median, against 0.7 ms with this.
SWITCH_INTERVAL_SECS = 0.1


def post_worker_init(worker: Any) -> None:
    """In each worker, once its application is loaded."""
    sys.setswitchinterval(SWITCH_INTERVAL_SECS)
