"""A proxy in front of a server that ends TLS and passes everything else on as it is. Stands for what operators put there."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def tls_in_front_of(port: int, context: ssl.SSLContext, listener: socket.socket) -> Iterator[None]:
    """Listen on `listener` with https, and lead each connection to a port on loopback."""
    listener.listen(64)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return  # closed: the test is over
            threading.Thread(target=_serve, args=(client, context, port), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _serve(client: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with contextlib.suppress(OSError):
        outer = context.wrap_socket(client, server_side=True)
        inner = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=_copy, args=(inner, outer), daemon=True).start()
        _copy(outer, inner)


def _copy(source: Any, target: Any) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.close()
