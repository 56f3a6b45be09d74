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
    keepalive,  # longer than the idle limit of the usual load balancer
    loglevel,  # [server] log_level
    max_requests,  # 0: a worker that retires stops accepting before its successor starts
    post_worker_init,  # a switch interval that suits a thousand streams
    preload_app,  # off: pools and locks must not cross the fork
    proc_name,  # what `ps` shows
    threads,  # [server] threads: one for each request at a time
    timeout,  # heartbeat of the main loop, no limit for requests
    worker_class,  # gthread: one thread owns a stream from start to end
    worker_connections,  # more than threads, or keep-alive is silently off
    workers,  # [server] workers
)

__all__ = [
    "accesslog",
    "bind",
    "control_socket_disable",
    "errorlog",
    "graceful_timeout",
    "keepalive",
    "loglevel",
    "max_requests",
    "post_worker_init",
    "preload_app",
    "proc_name",
    "threads",
    "timeout",
    "worker_class",
    "worker_connections",
    "workers",
]
