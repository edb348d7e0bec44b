"""Programs that wait for an answer in the browser, as native clients do: small servers on loopback, each an origin of its own."""

import html
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


class Callback(ThreadingHTTPServer):
    """One such program. `pages` are what it serves by path, `onward` where `/hop` leads."""

    def __init__(self, host: str) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.answers: list[dict[str, str]] = []
        self.pages: dict[str, str] = {}
        self.onward = ""
        super().__init__((host, 0), _Handler)
        self.origin = f"http://{f'[{host}]' if ':' in host else host}:{self.server_address[1]}"

    @property
    def uri(self) -> str:
        """Where answers go."""
        return f"{self.origin}/callback"


class _Handler(BaseHTTPRequestHandler):
    server: Callback

    def do_GET(self) -> None:
        """Keep an answer, lead on, or show a page."""
        parts = urlsplit(self.path)
        if parts.path == "/hop":
            self._send(303, "", location=f"{self.server.onward}?{parts.query}")
        elif parts.path == "/callback":
            self.server.answers.append(dict(parse_qsl(parts.query)))
            self._send(200, "<!doctype html><html lang=en><title>Done</title><h1>You can close this page</h1>")
        else:
            self._send(200 if parts.path in self.server.pages else 404, self.server.pages.get(parts.path, ""))

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _send(self, status: int, text: str, location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(text.encode())))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(text.encode())


@contextmanager
def listening(host: str = "127.0.0.1") -> Iterator[Callback]:
    """Run such a program."""
    server = Callback(host)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def sending_form(action: str) -> str:
    """Return a page that sends a form elsewhere when its button is pressed."""
    return f'<form method="post" action="{html.escape(action)}"><button name="decision" value="allow">Win a prize</button></form>'


def framing(address: str) -> str:
    """Return a page that shows another one inside itself."""
    return f'<iframe src="{html.escape(address)}" width="800" height="600"></iframe>'
