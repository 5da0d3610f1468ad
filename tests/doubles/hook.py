"""What stands in for the application: an empty page, and a place that keeps the callbacks it receives."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl

from werkzeug.datastructures import MultiDict

PAGE = b"<!doctype html><html lang=en><title>call</title><body></body></html>"


class Received(NamedTuple):
    """One callback."""

    event: str
    form: MultiDict[str, str]
    signature: str


class Hook:
    """Answers a post with 204 and anything else with the page, on a free port of this machine."""

    def __init__(self) -> None:
        received: list[Received] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(PAGE)))
                self.end_headers()
                self.wfile.write(PAGE)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = MultiDict(parse_qsl(body, keep_blank_values=True))
                received.append(
                    Received(form["StatusCallbackEvent"], form, self.headers["X-Twilio-Signature"])
                )
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.received = received

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook?of=us"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def events(self) -> list[str]:
        """Names of the events so far."""
        return [received.event for received in self.received]
