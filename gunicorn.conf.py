"""How the application is served: the one place for worker class, connections, times and logs.

It imports nothing of the application: a worker must be patched by gevent before that is loaded.
"""

import os
import re
import resource
import sys
from contextlib import contextmanager
from urllib.parse import quote
from weakref import WeakSet

import gevent
from gunicorn.glogging import Logger
from gunicorn.workers.ggevent import GeventWorker

wsgi_app = "wsgi:app"
bind = f"127.0.0.1:{os.environ.get('PORT') or 8000}"


# A stopping worker takes connections for up to a second more, and those have their answer too.
LAST_WORD = 0.5


class Worker(GeventWorker):
    """gevent's worker; told to stop, it waits for answers under way and not for idle browsers."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.idle = {}
        self.known = WeakSet()

    @contextmanager
    def timeout_ctx(self):
        """How long a connection may wait for its next request."""
        waiting = gevent.getcurrent()
        rest = 0 if waiting in self.known else LAST_WORD
        self.known.add(waiting)
        with gevent.Timeout(self.cfg.keepalive if self.alive else rest, False) as timeout:
            self.idle[waiting] = timeout, rest
            try:
                yield
            finally:
                del self.idle[waiting]

    def handle_exit(self, sig, frame):
        """Stop after the answers under way; who has just connected may still ask."""
        super().handle_exit(sig, frame)
        for waiting, (timeout, rest) in list(self.idle.items()):
            gevent.spawn_later(rest, self.let_go, waiting, timeout)

    def let_go(self, waiting, timeout):
        """End a connection that still waits as it did."""
        if self.idle.get(waiting, (None,))[0] is timeout:
            waiting.kill(timeout, block=False)

    def handle_quit(self, sig, frame):
        """Stop at once. Ctrl-C says so twice, by the terminal and by the master: once is enough."""
        if self.alive:
            self.alive = False
            super().handle_quit(sig, frame)


worker_class = Worker
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
worker_connections = 4000
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
control_socket_disable = True

# Each connection is an open file, and many systems begin with 1024 of them for a process.
FILES = 2 * worker_connections
files, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
if files < FILES:
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, most_files), most_files))

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


# Of a request that cannot be read, anything may be the token.
UNREADABLE = re.compile(r"(Invalid request from ip=\S+: [\w ]+).*", re.DOTALL)


def masked(text):
    """The text without the tokens of links and invitations."""
    return UNREADABLE.sub(r"\1", SECRET_IN_PATH.sub(r"/\1/***", text))


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
                # Of a request that could not be read there is neither.
                environ.get("REQUEST_METHOD", "-"),
                masked(quote(environ.get("PATH_INFO", "-"), encoding="latin-1")),
                str(resp.status).partition(" ")[0],
                resp.sent,
                request_time.total_seconds() * 1000,
            )


logger_class = SafeLogger


def post_worker_init(worker):
    """Listen and see to the chores from the start; streams end when this worker is told to stop."""
    hub = sys.modules.get("telehealth.live.hub")
    if hub is not None:
        hub.watch(worker)
        worker.wsgi.extensions["hub"].start()
