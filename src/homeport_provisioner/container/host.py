"""Where the container engine is: what the operator says, else Docker's conventions, else the usual sockets."""

import os
import re
import ssl
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.settings import Settings

_SCHEME = re.compile(r"(unix|tcp|http|https)://(.+)")


@dataclass(frozen=True, kw_only=True)
class Host:
    """An engine's address; `certificates` is the folder with ca.pem, cert.pem and key.pem, None for no TLS."""

    url: str
    certificates: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether the engine runs on this machine, so that its `host` network is ours."""
        if self.url.startswith("unix://"):
            return True
        return is_loopback(self.url)

    def mark(self) -> tuple[object, ...]:
        """Return what is another one when another engine may answer: a service that begins anew makes its socket anew."""
        path = self.url.removeprefix("unix://")
        if path == self.url:
            return self.url, self.certificates
        try:
            status = os.stat(path)
        except OSError:
            return (self.url, None)
        return self.url, status.st_dev, status.st_ino, status.st_ctime_ns

    def tls(self) -> ssl.SSLContext | None:
        """Return what is needed for TLS with certificates on both sides. Raises EngineFailure."""
        if self.certificates is None:
            return None
        try:
            context = ssl.create_default_context(cafile=self.certificates / "ca.pem")
            context.load_cert_chain(self.certificates / "cert.pem", self.certificates / "key.pem")
        except (OSError, ssl.SSLError) as error:
            raise EngineFailure(
                f"The certificates for the container engine cannot be read from {self.certificates} (ca.pem, cert.pem, key.pem): {error}. "
                "Set DOCKER_CERT_PATH in the provisioner's environment to the folder that holds them."
            ) from error
        return context


def find_host(settings: Settings, environment: Mapping[str, str] = os.environ) -> Host | None:
    """Return where the engine is; None when nothing is said and no socket is there. Raises EngineFailure for an address that is none."""
    url = settings.container_host or environment.get("DOCKER_HOST", "")
    if not url:
        path = next((path for path in _sockets(environment) if _is_socket(path)), None)
        return Host(url=f"unix://{path}") if path else None
    found = _SCHEME.fullmatch(url)
    if found is None:
        raise EngineFailure(
            f"'{url}' is no address of a container engine: it begins with unix:// or tcp://. "
            "Correct HOMEPORT_PROVISIONER_CONTAINER_HOST or DOCKER_HOST of the provisioner. (For ssh, forward the socket: ssh -L.)"
        )
    scheme, place = found.groups()
    if scheme == "unix":
        return Host(url=url)
    if scheme == "https" or environment.get("DOCKER_TLS_VERIFY", "") not in {"", "0"}:
        folder = environment.get("DOCKER_CERT_PATH") or "~/.docker"
        return Host(url=f"https://{place}", certificates=Path(folder).expanduser())
    return Host(url=f"http://{place}")


def is_loopback(url: str) -> bool:
    """Whether an address leads everybody to themselves: a container that dials it reaches the container."""
    name = (urlsplit(url).hostname or "").rstrip(".").lower()
    is_name = name == "localhost" or name.endswith(".localhost")
    return is_name or name in {"::1", "0.0.0.0", "::"} or re.fullmatch(r"127(\.\d{1,3}){3}", name) is not None  # noqa: S104


def _sockets(environment: Mapping[str, str]) -> Iterable[Path]:
    runtime = environment.get("XDG_RUNTIME_DIR")
    yield Path("/run/docker.sock")
    yield Path("/var/run/docker.sock")
    if runtime:
        yield Path(runtime) / "docker.sock"
        yield Path(runtime) / "podman" / "podman.sock"
    yield Path("/run/podman/podman.sock")


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False
