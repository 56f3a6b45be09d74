"""gunicorn's settings for `gunicorn wsgi:app` in a checkout; the same that `llmproxy serve` uses.

Their values and the long form of each reason stand in `llmproxy/server/settings.py`. What is given on gunicorn's
command line or in `GUNICORN_CMD_ARGS` wins over this file.
"""

from llmproxy.server.settings import (
    accesslog,  # off: our own line when a request has finished says more
    bind,  # [server] host and port
    control_socket_disable,  # its default path is the same for two servers of one user
    errorlog,  # standard error, where our log goes too
    graceful_timeout,  # what streams get to end by themselves when the server stops
    http_parser,  # the one that refuses what can be read in two ways, also where the one in C is installed
    keepalive,  # longer than the idle limit of the usual load balancer
    loglevel,  # [server] log_level
    max_requests,  # 0: a worker that retires stops accepting before its successor starts
    on_reload,  # SIGHUP: the configuration is checked before new workers are made of it
    post_fork,  # each worker gets the configuration that was checked, whatever its file says by now
    post_worker_init,  # what suits the interpreter to a thousand streams; as many requests as there are threads for
    preload_app,  # off: pools and locks must not cross the fork
    proc_name,  # what `ps` shows
    threads,  # [server] threads: one for each request at a time
    timeout,  # heartbeat of the main loop, no limit for requests
    worker_class,  # gthread, mended: one thread owns a stream from start to end, and a stop ends it honestly
    worker_connections,  # more than threads, or keep-alive is silently off
    workers,  # [server] workers
)

__all__ = [
    "accesslog",
    "bind",
    "control_socket_disable",
    "errorlog",
    "graceful_timeout",
    "http_parser",
    "keepalive",
    "loglevel",
    "max_requests",
    "on_reload",
    "post_fork",
    "post_worker_init",
    "preload_app",
    "proc_name",
    "threads",
    "timeout",
    "worker_class",
    "worker_connections",
    "workers",
]
