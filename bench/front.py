"""A proxy in front of a server, as in production: https on localhost, and from http a redirect to it."""

import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from unittest import mock

import requests
import trustme
from support.server import Server

from bench.load import running

HANDSHAKE = b"\x16"
"""How a line begins on which TLS is spoken."""
AT_ONCE = 65536


@dataclass
class Front:
    """Where the server is found; `authority` signed its certificate."""

    server: Server
    url: str
    authority: Path

    def browser(self, key: str) -> requests.Session:
        """As `Server.browser`; `""` is a stranger's."""
        browser = requests.Session()
        if key:
            with mock.patch.dict("os.environ", REQUESTS_CA_BUNDLE=str(self.authority)):
                browser = self.server.browser(key)
        browser.verify, browser.trust_env = str(self.authority), False
        return browser


class _Lines(ThreadingTCPServer):
    daemon_threads, request_queue_size = True, 128


@contextmanager
def in_front(folder: Path, database_url: str, **settings: str) -> Iterator[Front]:
    """A server on this database behind such a proxy, for the length of the block."""
    context, authority = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), trustme.CA()
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))

    class Line(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                if self.request.recv(1, socket.MSG_PEEK) != HANDSHAKE:
                    path = self.request.recv(AT_ONCE).decode("latin-1").split()[1]
                    head = f"HTTP/1.1 301 Moved Permanently\r\nLocation: {url}{path}\r\n"
                    self.request.sendall(f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
                    return
                with (
                    context.wrap_socket(self.request, server_side=True) as near,
                    socket.create_connection(("127.0.0.1", server.port)) as far,
                ):
                    _pass_on(near, far)

    with ExitStack() as stack:
        lines = stack.enter_context(_Lines(("127.0.0.1", 0), Line))
        url = f"https://localhost:{lines.server_address[1]}"
        server = Server(folder, database_url, "wsgi:app", 2, "/readyz", **{"PUBLIC_URL": url, **settings})
        stack.enter_context(running(server))
        server.url = url
        Thread(target=lines.serve_forever, daemon=True).start()
        stack.callback(lines.shutdown)
        yield Front(server, url, file)


def _pass_on(near: ssl.SSLSocket, far: socket.socket) -> None:
    """Both ways, until either side hangs up."""
    while True:
        ready = [near] if near.pending() else select.select([near, far], [], [])[0]
        for one in ready:
            data = one.recv(AT_ONCE)
            if not data:
                return
            (far if one is near else near).sendall(data)
