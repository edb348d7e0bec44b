"""Fetches the agent from the server, and becomes it. The script that starts agents hands this text to the machine's Python.

Nothing but Python's own library; the server's address and the agent's token come by environment, and stay out of every
command line and message.
"""

import datetime as dt
import fcntl
import hashlib
import http.client
import json
import os
import pwd
import shutil
import struct
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

URL = os.environ.get("HOMEPORT_AGENT_URL", "")
MANIFEST = "/bin/agent.json"
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
MOST_BYTES = 256 * 1024 * 1024
MOST_DAMAGED = 5
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
OLD_SECONDS = 7 * 86400
STAMP = "complete.json"
PROGRAM = "homeport_agent/__main__.py"

Json = dict[str, Any]


class Trouble(Exception):
    """Something that may be better in a moment: the server is away, a download broke off."""


class Damaged(Trouble):
    """What was fetched is not what the server said that it is."""


class Hopeless(Exception):
    """Something that waiting does not mend."""


def main() -> NoReturn:
    """Become the agent, or leave with a reason."""
    told = sys.argv[1:3]
    try:
        if not URL.startswith(("http://", "https://")):
            raise Hopeless(
                f"HOMEPORT_AGENT_URL must be the server's address, such as https://homeport.example.com; it is '{URL}'."
            )
        folder = fetch_patiently(told)
    except Hopeless as error:
        say(f"cannot start the agent: {error}")
        report(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    become(folder)


def fetch_patiently(told: list[str]) -> Path:
    """Return the folder with the agent, however long the server is away. Raises Hopeless."""
    patience = float(os.environ.get("HOMEPORT_AGENT_PATIENCE") or "inf")
    began, said, damaged, number = time.monotonic(), "", 0, 0
    while True:
        try:
            return provide(told)
        except (Trouble, OSError) as error:
            why = str(error)
            damaged = damaged + 1 if isinstance(error, Damaged) else 0
        pause = PAUSES[min(number, len(PAUSES) - 1)]
        number += 1
        if damaged >= MOST_DAMAGED:
            raise Hopeless(f"{why} Gave up after {damaged} times.")
        if time.monotonic() + pause - began > patience:
            raise Hopeless(f"{why} Gave up after {patience:g} seconds.")
        if why != said:
            say(f"{why} Trying again.")
            said = why
        time.sleep(pause)


def provide(told: list[str]) -> Path:
    """Return the folder with the agent for this Python: the one in the cache, or one made now."""
    chosen = choose(fetch_manifest(), told)
    places = caches()
    problems = []
    for cache in places:
        folder = place(cache, chosen)
        if is_whole(folder):
            prune(cache, folder)
            return folder
    for cache in places:
        try:
            folder = make(cache, chosen)
        except OSError as error:
            # This place is full, or not what it seemed to be.
            problems.append(str(error))
            continue
        prune(cache, folder)
        return folder
    raise Hopeless(f"There is no folder for the agent: {'; '.join(problems)}. Name one by HOMEPORT_AGENT_CACHE.")


# What fits


def choose(manifest: Json, told: list[str]) -> Json:
    """Return the bundle for this Python and machine; may go on in another Python. Raises Hopeless."""
    if struct.calcsize("P") != 8:
        raise Hopeless(f"{sys.executable} is a Python of 32 bits: the agent needs one of 64.")
    mine = {
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}{getattr(sys, 'abiflags', '')}",
        "os": sys.platform,
        "arch": MACHINES.get(os.uname().machine, os.uname().machine),
        "libc": libc(),
    }
    bundles: list[Json] = manifest["bundles"]
    here = [bundle for bundle in bundles if all(bundle[key] == mine[key] for key in ("os", "arch", "libc"))]
    found = next((bundle for bundle in here if bundle["python"] == mine["python"]), None)
    if found is not None:
        if told and told != [mine["os"], mine["arch"]]:
            say(
                f"The template says {'/'.join(told)}, but this machine is {mine['os']}/{mine['arch']}: going on with that."
            )
        return found
    for bundle in here:
        go_on_in(shutil.which(f"python{bundle['python']}"))
    offered = sorted({f"Python {each['python']} on {each['os']}/{each['arch']} ({each['libc']})" for each in bundles})
    raise Hopeless(
        f"The server has no agent for Python {mine['python']} on {mine['os']}/{mine['arch']} ({mine['libc']}), but for: "
        f"{', '.join(offered) or 'nothing'}. Use such an image, or let the server's operator make more."
    )


def libc() -> str:
    """Return which C library this Python was made for."""
    if "musl" in str(sysconfig.get_config_var("SOABI") or sysconfig.get_config_var("HOST_GNU_TYPE")):
        return "musl"
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")[0] or "unknown"
    except (OSError, ValueError):
        return "musl"


def go_on_in(python: str | None) -> None:
    """Run this very text in another Python, once."""
    if python and "HOMEPORT_AGENT_SEARCHED" not in os.environ and "-c" in sys.orig_argv:
        environment = {**os.environ, "HOMEPORT_AGENT_SEARCHED": "1"}
        os.execve(python, [python, *sys.orig_argv[1:]], environment)


# Where it lies


def caches() -> list[Path]:
    """Return folders of ours that can be written to, the best first. Raises Hopeless."""
    named = os.environ.get("HOMEPORT_AGENT_CACHE")
    number = os.getuid()
    if named:
        wanted = [Path(named)]
    else:
        wanted = [Path(os.environ.get("XDG_CACHE_HOME") or home() / ".cache") / "homeport-agent"]
        wanted += [Path(f"{base}/homeport-agent-{number}") for base in ("/var/tmp", "/tmp", "/run", "/dev/shm")]
    fitting = [folder for folder in wanted if is_ours(folder)]
    if not fitting:
        raise Hopeless(
            f"None of {', '.join(map(str, wanted))} can be written to and run programs from. "
            "Name a folder by HOMEPORT_AGENT_CACHE, or give the container one (tmpfs)."
        )
    return fitting


def home() -> Path:
    """Return the home of the user, even without HOME."""
    found = os.environ.get("HOME")
    if not found:
        try:
            found = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            found = "/nonexistent"
    return Path(found)


def is_ours(folder: Path) -> bool:
    """Make the folder unless it is there; tell whether it is ours alone to write, and libraries in it may be loaded."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status, system = folder.lstat(), os.statvfs(folder)
        is_private = not folder.is_symlink() and status.st_uid == os.getuid() and not status.st_mode & 0o022
        if not is_private or system.f_flag & os.ST_NOEXEC or system.f_flag & os.ST_RDONLY:
            return False
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def place(cache: Path, chosen: Json) -> Path:
    """Return the folder of a bundle: another content has another one."""
    return cache / str(chosen["sha256"])[:32]


def is_whole(folder: Path) -> bool:
    """Tell whether all that was unpacked is still there: whoever cleans up may have taken some of it."""
    try:
        stamp = json.loads((folder / STAMP).read_text())
        return all((folder / name).stat().st_size == size for name, size in stamp.items())
    except (OSError, ValueError):
        return False


def make(cache: Path, chosen: Json) -> Path:
    """Fetch and unpack a bundle; it appears whole or not at all. Raises Trouble, OSError."""
    folder = place(cache, chosen)
    with tempfile.TemporaryDirectory(prefix="new-", dir=cache) as name:
        archive, fresh = Path(name, "bundle"), Path(name, "agent")
        download(f"/bin/{chosen['file']}", archive, chosen["size"])
        with archive.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != chosen["sha256"]:
            raise Damaged(f"What came from {URL}/bin/{chosen['file']} has another checksum than the server says.")
        unpack(archive, fresh)
        if folder.exists() and not is_whole(folder):
            folder.rename(Path(name, "broken"))
        try:
            fresh.rename(folder)
        except OSError:
            # Another agent that starts in this home was quicker.
            if not is_whole(folder):
                raise
    return folder


def unpack(archive: Path, folder: Path) -> None:
    """Write plain files, and nothing outside of the folder."""
    sizes = {}
    folder.mkdir(mode=0o700)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                parts = Path(member.name).parts
                if not member.isreg() or member.name.startswith("/") or ".." in parts:
                    raise Damaged(f"The bundle holds what it should not: {member.name}")
                target, content = folder / member.name, tar.extractfile(member)
                assert content is not None
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    shutil.copyfileobj(content, file)
                sizes[member.name] = member.size
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise Damaged(f"The bundle cannot be unpacked: {error}") from error
    (folder / STAMP).write_text(json.dumps(sizes))


def prune(cache: Path, mine: Path) -> None:
    """Remove what no agent uses any more: one that runs holds a lock on its folder."""
    hold(mine, fcntl.LOCK_SH)
    for other in cache.iterdir():
        try:
            is_old = time.time() - other.stat().st_mtime > OLD_SECONDS
            if other != mine and other.is_dir() and is_old and hold(other, fcntl.LOCK_EX):
                shutil.rmtree(other)
        except OSError:
            continue


def hold(folder: Path, how: int) -> bool:
    """Lock a folder for as long as this process lives, also as the agent."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        os.set_inheritable(descriptor, how == fcntl.LOCK_SH)
        os.utime(folder)
    except OSError:
        return False
    return True


# The network


def fetch_manifest() -> Json:
    """Return what the server offers. Raises Trouble."""
    with tempfile.TemporaryDirectory(dir=caches()[0]) as name:
        target = Path(name, "manifest")
        download(MANIFEST, target, 1024 * 1024)
        try:
            manifest: Json = json.loads(target.read_bytes())
            for bundle in manifest["bundles"]:
                if (
                    not (set("/\\?#") & set(bundle["file"]))
                    and int(bundle["size"]) <= MOST_BYTES
                    and bundle["sha256"].isalnum()
                ):
                    continue
                raise ValueError(bundle["file"])
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(
                f"{URL}{MANIFEST} answers something that is no Homeport server's answer ({error!r})."
            ) from error
    return manifest


def download(path: str, target: Path, most: int) -> None:
    """Fetch into a file: by Python, and where that fails by curl or wget, which may know other certificates. Raises Trouble."""
    problems = []
    for way in (by_python, by_curl, by_wget):
        try:
            if way(URL + path, target, most):
                return
        except (OSError, ValueError, http.client.HTTPException, subprocess.SubprocessError) as error:
            problems.append(f"{way.__name__.removeprefix('by_')}: {explain(error)}")
            if isinstance(error, urllib.error.HTTPError):
                break
    raise Trouble(f"{URL}{path} cannot be fetched ({'; '.join(problems)}).")


def by_python(url: str, target: Path, most: int) -> bool:
    """Fetch without another program."""
    request = urllib.request.Request(url, headers={"User-Agent": "homeport-bootstrap"})
    with urllib.request.urlopen(request, timeout=30) as answer, target.open("wb") as file:
        for piece in pieces(answer):
            file.write(piece)
            if file.tell() > most:
                raise ValueError(f"longer than {most} bytes")
        length = answer.headers.get("Content-Length")
        if length is not None and int(length) != file.tell():
            raise ValueError(f"broke off after {file.tell()} of {length} bytes")
    return True


def pieces(answer: Any) -> Iterator[bytes]:
    """Read an answer."""
    while piece := answer.read(256 * 1024):
        yield piece


def by_curl(url: str, target: Path, most: int) -> bool:
    """Fetch by curl, if it is there."""
    return run(
        "curl",
        "-fsSL",
        "--connect-timeout",
        "10",
        "--max-time",
        "600",
        "--max-filesize",
        str(most),
        "-o",
        str(target),
        url,
    )


def by_wget(url: str, target: Path, most: int) -> bool:
    """Fetch by wget, if it is there: GNU's or BusyBox's."""
    is_there = run("wget", "-q", "-T", "30", "-O", str(target), url)
    if is_there and target.stat().st_size > most:
        raise ValueError(f"longer than {most} bytes")
    return is_there


def run(program: str, *arguments: str) -> bool:
    """Run a program; tell whether there is one. Raises OSError for one that fails."""
    found = shutil.which(program)
    if found is None:
        return False
    # These two speak to nobody but the server, and need no token.
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_AGENT_TOKEN")}
    done = subprocess.run([found, *arguments], check=False, capture_output=True, timeout=660, env=environment)
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").split()
        raise OSError(f"status {done.returncode} {' '.join(words)[:300]}".strip())
    return True


def explain(error: Exception) -> str:
    """Say what went wrong, in words."""
    if isinstance(error, urllib.error.HTTPError):
        return f"status {error.code}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__


# Words


def say(text: str) -> None:
    """Write to where the machine's own log is."""
    print(f"homeport: {text}", file=sys.stderr, flush=True)


def report(text: str) -> None:
    """Write to the agent's log on the server, which may learn of the agent only in a moment."""
    token = os.environ.get("HOMEPORT_AGENT_TOKEN") or os.environ.get("CODER_AGENT_TOKEN")
    if not token:
        return
    line = {"created_at": dt.datetime.now(dt.UTC).isoformat(), "output": text, "level": "error"}
    body = json.dumps({"log_source_id": "00000000-0000-0000-0000-000000000000", "logs": [line]}).encode()
    for _ in range(5):
        request = urllib.request.Request(f"{URL}/api/v2/workspaceagents/me/logs", body, method="PATCH")
        request.add_header("Content-Type", "application/json")
        request.add_unredirected_header("Coder-Session-Token", token)
        try:
            with urllib.request.urlopen(request, timeout=10):
                return
        except (OSError, ValueError, http.client.HTTPException):
            time.sleep(float(os.environ.get("HOMEPORT_AGENT_REPORT_DELAY") or 3))


def become(folder: Path) -> NoReturn:
    """Run the agent in the place of this process: its signals and its exit status are this one's."""
    environment = {name: value for name, value in os.environ.items() if name != "HOMEPORT_AGENT_SEARCHED"}
    os.execve(sys.executable, [sys.executable, "-I", "-S", str(folder / PROGRAM)], environment)


if __name__ == "__main__":
    main()
