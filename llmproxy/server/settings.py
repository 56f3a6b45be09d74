"""gunicorn's settings, each with its reason. gunicorn reads this module as a configuration file.

What the configuration says of the server comes from there; everything else is a fact about streams in threads.
"""

import gc
import importlib
import sys
from typing import Any

from llmproxy.server.last_good import LastGood

# Neither `config` nor `server`: gunicorn takes every name here that is one of its settings. It reads this module once;
# at a reload (SIGHUP) the hooks below renew what can be renewed.
_last_good = LastGood()
_server = _last_good.checked.server

bind = _server["bind"]

# One thread owns a request from its first byte to its last: a stream is a loop that reads and writes. It is gunicorn's
# gthread, with what streams and slow clients need beside.
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

# gunicorn's parser in C, used wherever it is installed, takes folded header lines and bare line feeds. Two servers that
# read one request in two ways are how a second one is smuggled past the first.
http_parser = "python"

# What a stream gets to end by itself when the server stops or reloads. Two seconds before that our worker ends it with
# an error event, so that it never looks complete; at the limit gunicorn kills what is left.
graceful_timeout = 30

# Each worker makes its own pools after the fork; an application loaded before it would share sockets and locks.
preload_app = False

# A worker that retires stops accepting before its successor does: with few workers that is an outage.
max_requests = 0

# gunicorn's own remote control. Its default path is the same for every server of a user: two would fight over it.
control_socket_disable = True

# One line per request is written when it has finished, with what gunicorn cannot know: model, tokens, outcome.
accesslog = None
errorlog = "-"
loglevel = _server["log_level"].lower()

proc_name = "llmproxy"

# With the default of 5 ms every thread that has something to do asks for the interpreter's lock 200 times a second: at
# 1,000 streams an event then comes 700 ms late in the median, against 0.7 ms with this.
SWITCH_INTERVAL_SECS = 0.1

# Looking for reference cycles stops every thread: with the default (700, 10, 10), 300 ms at a time while a thousand
# streams are opened. Ours leave few cycles behind, and what was loaded at the start need not be looked at again.
GC_THRESHOLDS = 10_000, 20, 20


def on_reload(server: Any) -> None:
    """At SIGHUP, in gunicorn's main process, before it makes new workers. A failure here would end it."""
    _last_good.renew(server.log)


def post_fork(server: Any, worker: Any) -> None:
    """In each worker, before it hears signals: what takes longer, such as an import, has to wait until it does."""
    worker.before_loading = _last_good.hand_over


def post_worker_init(worker: Any) -> None:
    """In each worker, once its application is loaded."""
    sys.setswitchinterval(SWITCH_INTERVAL_SECS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    importlib.import_module("llmproxy.web.in_flight").IN_FLIGHT.set_threads(worker.cfg.threads)
