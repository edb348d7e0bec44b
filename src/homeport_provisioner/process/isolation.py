"""How a workspace is kept apart from the machine and from other workspaces: by bubblewrap, or not at all."""

import asyncio
import importlib.util
import logging
import os
import shutil
import site
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import UUID

from homeport_provisioner.process.folder import WorkspaceFolder
from homeport_provisioner.settings import Settings

SUPERVISOR = Path(__file__).with_name("supervisor.py")
INSIDE_SUPERVISOR = "/run/homeport/supervisor.py"
INSIDE_AUTHORITIES = "/run/homeport/authorities.pem"
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/etc", "/nix", "/gnu")
_SECRET_FILES = ("/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/sudoers")
_SECRET_FOLDERS = ("/etc/homeport", "/etc/coder.d", "/etc/sudoers.d", "/etc/ssl/private")
_FIRST_USER = 0x70000000
"""Users of workspaces, where the daemon is root: a range that Linux distributions leave alone."""
_USER_BITS = 28
_PROBE_SECONDS = 10.0
_PACKAGES = ("homeport_agent", "homeport_sdk")
_log = logging.getLogger(__name__)
IsolationName = Literal["bubblewrap", "none"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where and as whom a workspace runs: seen from inside. `authorities` is the file SSL_CERT_FILE; empty: there is none."""

    uid: int
    gid: int
    user: str
    home: str
    shell: str
    hostname: str
    authorities: str


@dataclass(frozen=True, kw_only=True)
class Isolator:
    """What this machine can do. `program` is bubblewrap's path; `hidden` are folders and files that no workspace sees.

    `problem` says why nothing isolates; `is_demanded`, that nothing may start then, for whomever.
    """

    name: IsolationName
    program: str = ""
    hidden: tuple[Path, ...] = ()
    problem: str = ""
    is_demanded: bool = False

    @property
    def changes_user(self) -> bool:
        """Whether every workspace runs as a user of its own."""
        return self.name == "bubblewrap" and os.geteuid() == 0

    def refusal(self, *, may_lack_isolation: bool) -> str:
        """Return why a workspace may not start here, and what to do; nothing when it may."""
        if self.name == "bubblewrap" or (may_lack_isolation and not self.is_demanded):
            return ""
        whom = "nobody" if self.is_demanded else "only site owners"
        return (
            f"This provisioner does not isolate workspaces from its machine ({self.problem}), and {whom} may start them so. "
            "Install bubblewrap (bwrap) there, leave PROVISIONER_ISOLATION at auto or bubblewrap, and restart the provisioner."
        )

    def place(self, folder: WorkspaceFolder, workspace_id: UUID, *, owner: str, workspace: str) -> Place:
        """Choose the user, the home and the host name of a workspace."""
        user = owner if owner.isascii() and owner.replace("-", "").isalnum() else "owner"
        uid = _user_of(workspace_id) if self.changes_user else os.geteuid()
        home, authorities = str(folder.home), _authorities()
        if self.name == "bubblewrap":
            authorities = INSIDE_AUTHORITIES if authorities else ""
            home = f"/home/{user}"
            if any(_covers(Path(home), path) for path in program_folders()):
                # Homeport itself is installed there.
                home = f"/homes/{user}"
        shell = next((path for path in ("/bin/bash", "/usr/bin/bash") if os.access(path, os.X_OK)), "/bin/sh")
        gid = uid if self.changes_user else os.getegid()
        return Place(
            uid=uid,
            gid=gid,
            user=user,
            home=home,
            shell=shell,
            hostname=workspace[:63] or "workspace",
            authorities=authorities,
        )

    def command(self, folder: WorkspaceFolder, place: Place, *, orders: int, info: int) -> list[str]:
        """Return the command that runs the supervisor; `orders` and `info` are descriptors that it inherits."""
        python = base_python()
        if self.name == "none":
            return [python, "-I", "-S", str(SUPERVISOR), str(orders)]
        return [
            self.program,
            *self._arguments(folder, place),
            "--info-fd",
            str(info),
            "--",
            python,
            "-I",
            "-S",
            INSIDE_SUPERVISOR,
            str(orders),
        ]

    def _arguments(self, folder: WorkspaceFolder, place: Place) -> list[str]:
        mounts = _Mounts()
        mounts.system()
        mounts.read_only(folder.etc / "passwd", "/etc/passwd")
        mounts.read_only(folder.etc / "group", "/etc/group")
        mounts.kernel()
        for target in ("/tmp", "/var/tmp"):  # noqa: S108 - inside
            mounts.writable(folder.temporary, target)
        mounts.folder("/run")
        programs = program_folders()
        inner = [path for path in programs if any(_covers(hidden, path) for hidden in self.hidden)]
        for program in programs:
            if program not in inner:
                mounts.read_only(program, str(program))
        for hidden in self.hidden:
            mounts.hide(hidden)
        for program in inner:
            mounts.read_only(program, str(program))
        mounts.read_only(SUPERVISOR, INSIDE_SUPERVISOR)
        if authorities := _authorities():
            mounts.read_only(Path(authorities), INSIDE_AUTHORITIES)
        mounts.writable(folder.home, place.home)
        mounts.seal()
        return [*_namespaces(place.hostname), *mounts.options]


def _namespaces(hostname: str) -> list[str]:
    options = [
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--hostname",
        hostname,
        "--as-pid-1",
    ]
    if os.geteuid() == 0:
        # Only to become another user; the supervisor then drops all of them for ever.
        return [*options, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"]
    return [*options, "--unshare-user"]


class _Mounts:
    """Collects mounts in their order; folders on the way to one are made so that everybody may pass."""

    def __init__(self) -> None:
        self.options: list[str] = []
        self._visible: list[Path] = []
        self._made: set[str] = {"/"}
        self._open = ["/"]

    def system(self) -> None:
        for name in _SYSTEM:
            path = Path(name)
            if path.is_symlink():
                self.options += ["--symlink", os.readlink(path), name]
            elif path.is_dir():
                self.read_only(path, name)
        for name in _SECRET_FILES:
            if Path(name).exists():
                self.options += ["--ro-bind", os.devnull, name]
        for name in _SECRET_FOLDERS:
            if Path(name).is_dir():
                self._cover(name)
        # Often a link to a file that a service of the machine writes.
        resolver = Path(os.path.realpath("/etc/resolv.conf"))
        if resolver.is_file() and not self._is_visible(resolver):
            self.read_only(resolver, str(resolver))

    def kernel(self) -> None:
        # The settings of the kernel are files that may belong to the user: nobody inside changes them.
        self.options += ["--proc", "/proc", "--ro-bind-try", "/proc/sys", "/proc/sys"]
        self.options += ["--dev", "/dev", "--perms", "1777", "--tmpfs", "/dev/shm"]  # noqa: S108 - inside
        self._open.append("/dev")

    def read_only(self, source: Path, target: str) -> None:
        if str(source) == target and self._is_visible(source):
            return
        self._on_the_way(target)
        self.options += ["--ro-bind", str(source), target]
        self._visible += [source] if source.is_dir() else []

    def writable(self, source: Path, target: str) -> None:
        self._on_the_way(target)
        self.options += ["--bind", str(source), target]

    def folder(self, target: str) -> None:
        self._on_the_way(target + "/inside")

    def hide(self, path: Path) -> None:
        if not self._is_visible(path) or self._is_behind_link(path):
            return
        if path.is_dir():
            self._cover(str(path))
            self._visible = [other for other in self._visible if other != path]
        elif path.exists():
            self.options += ["--ro-bind", os.devnull, str(path)]

    def seal(self) -> None:
        """Close what was made only to mount on: where the workspace's user is the daemon's, it would own that."""
        for path in reversed(self._open):
            self.options += ["--remount-ro", path]

    def _cover(self, path: str) -> None:
        self.options += ["--perms", "0755", "--tmpfs", path]
        self._open.append(path)

    def _is_visible(self, path: Path) -> bool:
        return any(_covers(root, path) for root in self._visible)

    def _is_behind_link(self, path: Path) -> bool:
        """Whether a link below what is visible leads to it: inside, it leads nowhere, or to what is hidden by its own name."""
        steps = [
            step
            for step in (path, *path.parents)
            if any(_covers(root, step) and root != step for root in self._visible)
        ]
        return any(step.is_symlink() for step in steps)

    def _on_the_way(self, target: str) -> None:
        for parent in reversed(Path(target).parents):
            if str(parent) not in self._made and not self._is_visible(parent):
                self._made.add(str(parent))
                self.options += ["--perms", "0755", "--dir", str(parent)]


def _covers(folder: Path, path: Path) -> bool:
    return path == folder or folder in path.parents


def program_folders() -> list[Path]:
    """List what the agent's Python needs: its prefix, its libraries, its virtual environment, and the two packages themselves."""
    wanted = [Path(sys.base_prefix), *(Path(path) for path in site.getsitepackages())]
    if sys.prefix != sys.base_prefix:
        # Of a virtual environment only its own: people make them in folders that hold other things.
        wanted += [Path(sys.prefix, name) for name in ("bin", "lib", "lib64", "pyvenv.cfg")]
    wanted += [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    if site.ENABLE_USER_SITE and site.getusersitepackages() in sys.path:
        wanted.append(Path(site.getusersitepackages()))
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        wanted += [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    # A link on the way to the interpreter is followed inside as well as outside.
    wanted += [path.resolve() for path in wanted]
    found = dict.fromkeys(path for path in wanted if path.exists() and path != Path("/"))
    return sorted(found, key=lambda path: len(path.parts))


def base_python() -> str:
    """Return the interpreter without a virtual environment."""
    return os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)


def _authorities() -> str:
    """Return the file of certificate authorities that the agent must believe as well, wherever on the machine it lies."""
    path = os.environ.get("SSL_CERT_FILE", "")
    return path if path and Path(path).is_file() else ""


def _user_of(workspace_id: UUID) -> int:
    """Return a user id of a workspace's own; where the container has fewer ids, one among those that it has."""
    uid = _FIRST_USER + workspace_id.int % (2**_USER_BITS - 2)
    highest = _highest_user()
    return uid if uid <= highest else 20_000 + workspace_id.int % max(highest - 25_000, 1)


def _highest_user() -> int:
    try:
        rows = [line.split() for line in Path("/proc/self/uid_map").read_text("ascii").splitlines()]
    except OSError:
        return 65_533
    return max((int(first) + int(count) - 1 for first, _, count in rows), default=65_533)


async def find_isolator(settings: Settings) -> Isolator:
    """Find out what this machine can do, by doing it."""
    if settings.isolation == "none":
        return Isolator(name="none", problem="PROVISIONER_ISOLATION is none")
    program = shutil.which("bwrap")
    problem = "bubblewrap (bwrap) is not installed" if program is None else await _probe(program)
    if program is not None and not problem:
        folders = [settings.data_dir, *settings.hidden]
        if settings.data_dir.parent.is_dir() and settings.data_dir.parent.stat().st_mode & 0o077 == 0:
            # The server keeps its own files there.
            folders.insert(0, settings.data_dir.parent)
        hidden = dict.fromkeys(path for folder in folders for path in (folder, folder.resolve()))
        return Isolator(name="bubblewrap", program=program, hidden=tuple(hidden))
    isolator = Isolator(name="none", problem=problem, is_demanded=settings.isolation == "bubblewrap")
    _log.warning("Workspaces of the process engine are not isolated: %s", isolator.refusal(may_lack_isolation=False))
    return isolator


async def _probe(program: str) -> str:
    """Try everything that a workspace needs; return what does not work, or nothing."""
    mounts = _Mounts()
    mounts.system()
    mounts.kernel()
    mounts.seal()
    command: Sequence[str] = [program, *_namespaces("probe"), *mounts.options, "--", "/bin/sh", "-c", "exit 0"]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            _, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return "bubblewrap does not answer"
    return (
        f"bubblewrap does not work here: {errors.decode('utf-8', 'replace').strip()[:500]}"
        if process.returncode
        else ""
    )
