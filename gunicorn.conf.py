"""How the application is served: the one place for worker class, connections, times and logs.

It imports nothing of the application: a worker must be patched by gevent before that is loaded.
"""

import os
import re
import sys
from urllib.parse import quote

from gunicorn.glogging import Logger
from gunicorn.workers.ggevent import GeventWorker

wsgi_app = "wsgi:app"
bind = f"127.0.0.1:{os.environ.get('PORT') or 8000}"


class Worker(GeventWorker):
    """gevent: an open event stream costs a greenlet and no thread."""

    def handle_quit(self, sig, frame):
        """Ctrl-C arrives twice, from the terminal and from the master: one of them is enough."""
        if self.alive:
            self.alive = False
            super().handle_quit(sig, frame)


worker_class = Worker
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
worker_connections = 4000
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
control_socket_disable = True

# Longer than any poll of a page, so that no poll meets a connection that is just being closed.
keepalive = 75
timeout = 60
graceful_timeout = 5

limit_request_line = 2048
limit_request_fields = 60

# The application reads a proxy's headers itself, as many as TRUSTED_PROXIES allows.
forwarded_allow_ips = ""
secure_scheme_headers = {}

accesslog = "-"
errorlog = "-"

SECRET_IN_PATH = re.compile(r"/(join|invitation)/[^\s\"']+", re.IGNORECASE)


def masked(text):
    """The text without the tokens of links and invitations."""
    return SECRET_IN_PATH.sub(r"/\1/***", text)


def mask(record):
    """A filter of log records that lets all of them pass, without tokens."""
    record.msg, record.args = masked(record.getMessage()), None
    return True


class SafeLogger(Logger):
    """A log of requests that holds no token, no query and no header."""

    def setup(self, cfg):
        """gunicorn's own complaints quote the address they are about."""
        super().setup(cfg)
        self.error_log.addFilter(mask)

    def access(self, resp, req, environ, request_time):
        """One line a request: when, from where, what, status, bytes, milliseconds."""
        if self.access_log_enabled:
            self.access_log.info(
                '%s %s "%s %s" %s %s %dms',
                self.now(),
                environ.get("REMOTE_ADDR", "-"),
                environ["REQUEST_METHOD"],
                masked(quote(environ["PATH_INFO"], encoding="latin-1")),
                str(resp.status).partition(" ")[0],
                resp.sent,
                request_time.total_seconds() * 1000,
            )


logger_class = SafeLogger


def post_worker_init(worker):
    """Let the streams of this worker end when it is told to stop."""
    hub = sys.modules.get("telehealth.live.hub")
    if hub is not None:
        hub.watch(worker)
