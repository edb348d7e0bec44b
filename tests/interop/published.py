"""Clients' metadata documents on the web, as far as the server knows: https on loopback, by an authority that it is told of."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.certificates import make_certificates

HOST = "localhost"


class Publisher:
    """Serves what `put` says; everything else is 404. `fetched` are the paths that were asked for."""

    def __init__(self, certificate: Path, port: int, documents: dict[str, bytes]) -> None:
        self.port = port
        self.fetched: list[str] = []
        self._certificate = certificate
        self._documents = documents

    @property
    def environment(self) -> dict[str, str]:
        """What a server's environment needs beside its settings: whose certificates it believes."""
        return {"SSL_CERT_FILE": str(self._certificate)}

    @property
    def authority(self) -> str:
        """What the setting of private hosts calls this one."""
        return f"{HOST}:{self.port}"

    def put(self, path: str, document: dict[str, Any]) -> str:
        """Publish a document at a path and return its address, which is the client's id."""
        url = f"https://{self.authority}{path}"
        self._documents[path] = json.dumps({"client_id": url, **document}).encode()
        return url


@contextmanager
def publisher(folder: Path) -> Iterator[Publisher]:
    """Run a host for documents in a thread."""
    documents: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def handle(self) -> None:
            with suppress(OSError):  # a certificate that is not believed among them
                super().handle()

        def do_GET(self) -> None:
            made.fetched.append(self.path)
            body = documents.get(self.path)
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

    certificate, context = make_certificates(folder, HOST)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    made = Publisher(certificate, int(server.server_address[1]), documents)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
