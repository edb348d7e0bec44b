"""A Podman of the tests' own: its storage, its networks and its service on a socket, with one small image."""

import hashlib
import inspect
import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

COMPONENTS = ("podman", "runc", "netavark", "iptables", "system python", "ps")
"""What a test with this Podman needs (marker `needs`)."""
IMAGE = "localhost/homeport-test:1"
"""Debian's shell, coreutils and Python; users root and dev (1000, with a home)."""
_PACKAGES = (
    "bash", "ca-certificates", "coreutils", "dash", "findutils", "grep", "gzip", "hostname", "procps", "python3", "sed", "tar",
    "util-linux",
)  # fmt: skip
_LEFT_OUT = ("/usr/share/", "/usr/lib/x86_64-linux-gnu/perl", "/usr/lib/aarch64-linux-gnu/perl", "/usr/include/")
_LINKS = ("bin", "sbin", "lib", "lib64")
_CONFIGURATION = """
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
image_default_transport = "docker://"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
default_subnet = "10.113.0.0/24"
default_subnet_pools = [{{"base" = "10.114.0.0/16", "size" = 24}}]
"""
_STORAGE = """
[storage]
driver = "{driver}"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""
# The image's users; also what the engine reads to find a home.
_PASSWD = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\ndev:x:1000:1000::/home/dev:/bin/bash\n"
_GROUP = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\ndev:x:1000:\n"


@dataclass
class Podman:
    """A running service. `url` is for the daemon's settings; calls on it go around the daemon."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "api.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "XDG_RUNTIME_DIR": str(self.folder / "runtime"),
        }

    def call(self, *arguments: str, check: bool = True, stdin: bytes = b"") -> str:
        """Run `podman ARGUMENTS`; return what it writes."""
        done = subprocess.run(
            ["podman", *arguments],
            env=self.environment,
            # What watches a container writes files where it was started.
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            timeout=110,
            check=False,
        )
        output = done.stdout.decode("utf-8", "replace")
        assert not check or done.returncode == 0, (
            f"podman {arguments}: {done.stderr.decode('utf-8', 'replace')}{output}"
        )
        return output.strip()

    def start(self) -> None:
        """Serve on the socket."""
        log = (self.folder / "service.log").open("ab")
        self.process = subprocess.Popen(
            ["podman", "system", "service", "--time=0", self.url],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        log.close()
        give_up_at = time.monotonic() + 30
        while not self.socket.is_socket():
            assert self.process.poll() is None, (self.folder / "service.log").read_text()
            assert time.monotonic() < give_up_at, "the service does not begin"
            time.sleep(0.02)

    def stop(self) -> None:
        """End the service; containers go on."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
            self.process = None
        self.socket.unlink(missing_ok=True)

    def ask(self, method: str, path: str, **params: str) -> Any:
        """Call Podman's own API, which takes a tenth of a program's time; None: there is no such thing."""
        transport = httpx.HTTPTransport(uds=str(self.socket))
        with httpx.Client(transport=transport, base_url="http://podman/v4.0.0/libpod", timeout=100) as client:
            answer = client.request(method, path, params=params)
        if answer.status_code == 404:
            return None
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content.strip() else {}

    def inspect(self, name: str, kind: str = "container") -> dict[str, Any] | None:
        """Return what is known about a container or a volume, or None."""
        found: dict[str, Any] | None = self.ask("GET", f"/{kind}s/{name}/json")
        return found

    def things(self) -> dict[str, list[str]]:
        """List everything whose name is Homeport's, by kind."""
        names = {
            "containers": [row["Names"][0] for row in self.ask("GET", "/containers/json", all="true")],
            "volumes": [row["Name"] for row in self.ask("GET", "/volumes/json")],
            "networks": [row["name"] for row in self.ask("GET", "/networks/json")],
            "images": [name for row in self.ask("GET", "/images/json") for name in row.get("RepoTags") or []],
        }
        marks = {"images": "homeport-workspace"}
        return {kind: [name for name in found if marks.get(kind, "homeport") in name] for kind, found in names.items()}

    def execute(self, container: str, *command: str, user: str = "") -> str:
        """Run a command in a container; return what it writes."""
        options = ["--user", user] if user else []
        return self.call("exec", *options, container, *command)

    def clear(self) -> None:
        """Remove all containers, volumes, networks, and images but the tests' own."""
        for row in self.ask("GET", "/containers/json", all="true"):
            self.ask("DELETE", f"/containers/{row['Id']}", force="true", timeout="0", v="true")
        for row in self.ask("GET", "/volumes/json"):
            self.ask("DELETE", f"/volumes/{row['Name']}", force="true")
        for row in self.ask("GET", "/networks/json"):
            if row["name"] != "podman":
                self.ask("DELETE", f"/networks/{row['name']}", force="true")
        for name in self.things()["images"]:
            self.ask("DELETE", f"/images/{name}", force="true")


@pytest.fixture(scope="session")
def podman_service() -> Iterator[Podman]:
    """One Podman for the tests of a process: they must be of one group (xdist_group), and clear what they leave."""
    with running_podman() as podman:
        yield podman


NOTHING: Mapping[str, list[str]] = {"containers": [], "volumes": [], "networks": [], "images": []}


@contextmanager
def running_podman() -> Iterator[Podman]:
    """Serve in a new folder until the block ends; then nothing is left of it."""
    # The path of a socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="hp-podman-"))
    podman = Podman(folder)
    try:
        (folder / "containers.conf").write_text(_CONFIGURATION.format(folder=folder))
        (folder / "storage.conf").write_text(_STORAGE.format(folder=folder, driver=_driver()))
        (folder / ".config" / "containers").mkdir(parents=True)
        (folder / ".config" / "containers" / "policy.json").write_text(
            '{"default": [{"type": "insecureAcceptAnything"}]}'
        )
        (folder / "networks").mkdir()
        (folder / "runtime").mkdir(mode=0o700)
        podman.call("import", str(test_image()), IMAGE)
        podman.start()
        yield podman
    finally:
        with suppress(AssertionError, httpx.HTTPError):
            podman.clear()
        podman.stop()
        _remove(folder)


def _driver() -> str:
    """Return how images are stored: overlay needs a folder that is none itself."""
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", tempfile.gettempdir()], capture_output=True, text=True, check=False
    ).stdout
    return "vfs" if "overlay" in kind else "overlay"


def _remove(folder: Path) -> None:
    for line in sorted(Path("/proc/self/mounts").read_text().splitlines(), reverse=True):
        place = line.split()[1]
        if place.startswith(f"{folder}/"):
            subprocess.run(["umount", "-l", place], check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def test_image() -> Path:
    """Return an archive with the files of an image, made of this Debian's own packages once and then kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "homeport-tests"
    mark = re.sub(
        r"[^A-Za-z0-9.]+", "-", _query("-W", "-f", "${Version}_${Architecture}", "libpython3.11-stdlib") or "none"
    )
    makers = (_make_image, _package_files, _query, _add)
    recipe = [inspect.getsource(maker) for maker in makers]
    recipe += map(repr, (_PACKAGES, _LEFT_OUT, _LINKS, _PASSWD, _GROUP))
    recipe_hash = hashlib.sha256("\n".join(recipe).encode()).hexdigest()[:12]
    path = cache / f"image-{recipe_hash}-{mark}.tar"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        _make_image(draft)
        draft.replace(path)
    return path


test_image.__test__ = False  # type: ignore[attr-defined]


def _make_image(target: Path) -> None:
    with tarfile.open(target, "w") as archive:
        for name in ("tmp", "var/tmp", "proc", "sys", "dev", "run", "root", "etc", "home", "home/dev"):
            _add(
                archive,
                name,
                None,
                mode=0o1777 if name.endswith("tmp") else 0o755,
                owner=1000 if name == "home/dev" else 0,
            )
        for name, text in (("etc/passwd", _PASSWD), ("etc/group", _GROUP), ("home/dev/.profile", "# from the image\n")):
            _add(archive, name, text.encode(), mode=0o644, owner=1000 if name.startswith("home/dev") else 0)
        for link in _LINKS:
            if Path("/", link).is_symlink():
                archive.add(Path("/", link), link, recursive=False)
        taken = set(archive.getnames())
        for path in (path for path in _package_files() if str(path).lstrip("/") not in taken):
            archive.add(path, str(path).lstrip("/"), recursive=False)


def _package_files() -> list[Path]:
    """List the files of the packages and all that they need, each under its real folder."""
    depends = {}
    for line in (_query("-W", "-f", "${Package}\t${Depends}, ${Pre-Depends}\n") or "").splitlines():
        name, _, text = line.partition("\t")
        depends[name] = [part.split("|") for part in text.split(",")]
    wanted, waiting = set(), list(_PACKAGES)
    while waiting:
        name = waiting.pop()
        if name in depends and name not in wanted:
            wanted.add(name)
            for choices in depends[name]:
                names = [re.sub(r"\(.*|:any", "", choice).strip() for choice in choices]
                waiting += [next((choice for choice in names if choice in depends), "")]
    lines = (_query("-L", *sorted(wanted)) or "").splitlines()
    found = {
        Path(os.path.realpath(os.path.dirname(line)), os.path.basename(line)) for line in lines if line.startswith("/")
    }
    kept = [path for path in found if os.path.lexists(path) and str(path).lstrip("/") not in {*_LINKS, ""}]
    return sorted(
        path for path in kept if not str(path).startswith(_LEFT_OUT) and str(path) not in {"/etc/passwd", "/etc/group"}
    )


def _query(*arguments: str) -> str | None:
    done = subprocess.run(["dpkg-query", *arguments], capture_output=True, text=True, check=False)
    return done.stdout or None


def _add(archive: tarfile.TarFile, name: str, content: bytes | None, *, mode: int, owner: int) -> None:
    member = tarfile.TarInfo(name)
    member.mode, member.uid, member.gid = mode, owner, owner
    if content is None:
        member.type = tarfile.DIRTYPE
    else:
        member.size = len(content)
    archive.addfile(member, io.BytesIO(content or b""))
