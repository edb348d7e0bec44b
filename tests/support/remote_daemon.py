"""Provisioner daemons as programs of their own, also in a network namespace that the test can cut off from the server."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.names import unique_name

# What Linux keeps free for tests of networks (RFC 2544); nothing beyond this machine ever sees it.
_NETWORK = "198.18"
_MOST = 64 * 1024


class RemoteDaemon:
    """One daemon with the echo engine, without anything that it was not given."""

    def __init__(
        self, folder: Path, url: str, *, name: str, key: str = "", psk: str = "", inside: Sequence[str] = ()
    ) -> None:
        """`inside` is put before its command, such as `ip netns exec NAME`."""
        self.name, self.data_dir, self.log = name, folder / name, folder / f"{name}.log"
        credentials = {"HOMEPORT_PROVISIONER_KEY": key, "HOMEPORT_PROVISIONER_DAEMON_PSK": psk}
        environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environment |= {name: value for name, value in credentials.items() if value}
        environment |= {
            "HOME": str(folder),
            "HOMEPORT_URL": url,
            "HOMEPORT_PROVISIONER_NAME": name,
            "HOMEPORT_PROVISIONER_DATA_DIR": str(self.data_dir),
            "HOMEPORT_PROVISIONER_ENGINES": "echo",
            "HOMEPORT_PROVISIONER_END_WITH_STDIN": "false",
        }
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [*inside, sys.executable, "-m", "homeport_provisioner"],
                env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    def allow(self, step: str) -> None:
        """Let echo scripts that wait for this name go on."""
        folder = self.data_dir / "echo"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / step).touch()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the daemon; `ip netns exec` becomes the command, so it is the same process."""
        self._process.send_signal(number)

    def end(self) -> None:
        """End it, however it is."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
        self._process.wait()

    def words(self) -> str:
        """Return what it has logged."""
        return self.log.read_text("utf-8", "replace")


@contextmanager
def remote_daemon(
    folder: Path, url: str, *, name: str, key: str = "", psk: str = "", inside: Sequence[str] = ()
) -> Iterator[RemoteDaemon]:
    """Run a daemon; it is gone afterwards."""
    daemon = RemoteDaemon(folder, url, name=name, key=key, psk=psk, inside=inside)
    try:
        yield daemon
    finally:
        daemon.end()


class Namespace:
    """A network namespace with one cable to this machine, at whose end the server can be reached and nothing else."""

    def __init__(self, server_url: str) -> None:
        self.name = unique_name("hp").replace("_", "-")[-12:]
        parts = urlsplit(server_url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._target = (parts.hostname, parts.port)
        number = os.getpid() % 250 + 1
        self._near, self._far = f"{_NETWORK}.{number}.1", f"{_NETWORK}.{number}.2"
        self._cable = f"v{self.name}"[-13:]
        self._relay: _Relay | None = None

    @property
    def inside(self) -> tuple[str, ...]:
        """What is put before a command that runs in it."""
        return ("ip", "netns", "exec", self.name)

    @property
    def url(self) -> str:
        """The server's address as seen from inside."""
        assert self._relay is not None
        return f"http://{self._near}:{self._relay.port}"

    def make(self) -> None:
        _ip("netns", "add", self.name)
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        _ip("addr", "add", f"{self._near}/30", "dev", self._cable)
        _ip("link", "set", self._cable, "up")
        _ip("-n", self.name, "addr", "add", f"{self._far}/30", "dev", "eth0")
        _ip("-n", self.name, "link", "set", "eth0", "up")
        _ip("-n", self.name, "link", "set", "lo", "up")
        self._relay = _Relay(self._near, self._target)

    def cut(self) -> None:
        """Pull the cable: packets vanish, and no connection ends."""
        _ip("-n", self.name, "link", "set", "eth0", "down")

    def mend(self) -> None:
        """Plug it in again."""
        _ip("-n", self.name, "link", "set", "eth0", "up")

    def remove(self) -> None:
        if self._relay is not None:
            self._relay.close()
        for words in (("link", "delete", self._cable), ("netns", "delete", self.name)):
            with suppress(subprocess.CalledProcessError):
                _ip(*words)


@contextmanager
def namespace(server_url: str) -> Iterator[Namespace]:
    """Make a namespace; nothing of it is left afterwards."""
    made = Namespace(server_url)
    try:
        made.make()
        yield made
    finally:
        made.remove()


class _Relay:
    """Hands connections at the cable's end on to the server, which listens on loopback alone."""

    def __init__(self, host: str, target: tuple[str, int]) -> None:
        self._target = target
        self._listening = socket.create_server((host, 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._hand_on, args=(near,), daemon=True).start()

    def _hand_on(self, near: socket.socket) -> None:
        with near, suppress(OSError), socket.create_connection(self._target) as far:
            other = {near: far, far: near}
            while True:
                for ready in select.select([near, far], [], [])[0]:
                    data = ready.recv(_MOST)
                    if not data:
                        return
                    other[ready].sendall(data)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=20)
