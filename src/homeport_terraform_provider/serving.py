"""The program that Terraform starts: handshake, server, end."""

import base64
import contextlib
import os
import re
import signal
import ssl
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from homeport_terraform_provider.facts import read_facts
from homeport_terraform_provider.kinds import Provider
from homeport_terraform_provider.service import Service

# The protocol of Terraform's plugins has this word, so that nobody starts one by hand and waits.
_COOKIE = ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2")
_THREADS = 8
_MOST_BYTES = 256 * 1024 * 1024
_LONGEST_SOCKET = 100
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)


def serve(provider: Provider, identity: str, environment: Mapping[str, str] = os.environ) -> int:
    """Answer Terraform until it says that it is done, or is gone; return the exit status. `identity` is a file of key and certificate."""
    name, word = _COOKIE
    if environment.get(name) != word:
        sys.stderr.write("This is a provider for Terraform, which starts it by itself.\n")
        return 1
    try:
        service = Service(provider, read_facts(environment))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    ended = threading.Event()
    # Terraform is interrupted together with its providers, and asks them to stop when it wants to.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    pem = open(identity, encoding="ascii").read()  # noqa: SIM115 - pathlib costs more than the file
    parent = os.getppid()
    folder = _make_folder(environment.get("TMPDIR") or "/tmp")  # noqa: S108 - closed to others, with a name by chance
    socket = f"{folder}/socket"
    try:
        server = _start(service, ended, pem=pem, socket=socket)
        sys.stdout.write(f"1|6|unix|{socket}|grpc|{_short(pem)}\n")
        sys.stdout.flush()
        while not ended.wait(1.0) and os.getppid() == parent:
            pass
        server.stop(0.5).wait()
    finally:
        with contextlib.suppress(OSError):
            os.unlink(socket)
        with contextlib.suppress(OSError):
            os.rmdir(folder)
    return 0


def _start(service: Service, ended: threading.Event, *, pem: str, socket: str) -> Any:
    server = grpc.server(
        ThreadPoolExecutor(_THREADS),
        options=[
            ("grpc.max_receive_message_length", _MOST_BYTES),
            ("grpc.max_send_message_length", _MOST_BYTES),
        ],
    )
    server.add_generic_rpc_handlers((_handlers("tfplugin6.Provider", service), *_plugin_handlers(ended)))
    certificate = _certificate(pem)
    # Terraform's own certificate is of a kind that grpc's TLS does not accept; the socket lies in a folder that is closed to others.
    credentials = grpc.ssl_server_credentials([(pem.replace(certificate, "").encode(), certificate.encode())])
    server.add_secure_port(f"unix:{socket}", credentials)
    server.start()
    return server


def _handlers(name: str, service: Service) -> Any:
    def handler(from_bytes: Any, answer: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(
            lambda request, _: answer(request),
            request_deserializer=from_bytes,
            response_serializer=lambda message: message.SerializeToString(),
        )

    methods = {method: handler(*each) for method, each in service.methods().items()}
    return grpc.method_handlers_generic_handler(name, methods)


def _plugin_handlers(ended: threading.Event) -> tuple[Any, Any]:
    """Return what every plugin has: its end, and an output that is empty. Empty messages are no bytes."""

    def shut_down(request: bytes, context: Any) -> bytes:
        ended.set()
        return b""

    return (
        grpc.method_handlers_generic_handler(
            "plugin.GRPCController", {"Shutdown": grpc.unary_unary_rpc_method_handler(shut_down)}
        ),
        grpc.method_handlers_generic_handler(
            "plugin.GRPCStdio", {"StreamStdio": grpc.unary_stream_rpc_method_handler(lambda request, context: iter(()))}
        ),
    )


def _make_folder(parent: str) -> str:
    name = f"homeport-terraform-{os.getpid()}-{os.urandom(8).hex()}"
    if len(f"{parent}/{name}/socket") > _LONGEST_SOCKET:
        parent = "/tmp"  # noqa: S108 - as above
    os.mkdir(f"{parent}/{name}", 0o700)
    return f"{parent}/{name}"


def _certificate(pem: str) -> str:
    found = _CERTIFICATE.search(pem)
    if found is None:
        raise ValueError("The file of the identity holds no certificate.")
    return found[0]


def _short(pem: str) -> str:
    """Return the certificate as Terraform wants it."""
    return base64.b64encode(ssl.PEM_cert_to_DER_cert(_certificate(pem))).decode().rstrip("=")
