"""Unpacks a template's archive into a folder of its own: nothing climbs out, nothing is bigger than agreed."""

import io
import os
import posixpath
import shutil
import stat
import tarfile
from pathlib import Path

MOST_ENTRIES = 20_000
MOST_BYTES = 512 * 1024 * 1024
MOST_DEPTH = 64
_CHUNK = 1024 * 1024


class BadArchive(Exception):
    """The archive is damaged or tries what an archive may not; the text names the entry."""


def unpack(data: bytes, folder: Path) -> None:
    """Unpack a tar archive into the empty `folder`. Raises BadArchive; what was unpacked by then stays for the caller to remove."""
    links: list[tuple[str, str]] = []
    try:
        # Plain tar alone, which is what the server gives: in a compressed one, a header of a few bytes may say gigabytes.
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            total = 0
            for number, member in enumerate(archive, start=1):
                if number > MOST_ENTRIES:
                    raise BadArchive(f"The archive has more than {MOST_ENTRIES} entries.")
                name = _safe_name(member.name)
                total += max(member.size, 0)
                if total > MOST_BYTES:
                    raise BadArchive(f"The archive unpacks to more than {MOST_BYTES // 1024**2} MiB, at '{name}'.")
                _unpack_member(archive, member, name, folder, links)
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise BadArchive(f"The archive is damaged: {error}.") from error
    except OSError as error:
        raise BadArchive(f"The archive cannot be unpacked: {error.strerror or error}.") from error
    # Links come last, so that nothing is ever written through one.
    for name, target in links:
        _link(folder, name, target)
    for name, target in links:
        _check_link(folder, name, target)


def _unpack_member(
    archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, folder: Path, links: list[tuple[str, str]]
) -> None:
    if name == ".":
        return
    path = folder / name
    if member.isdir():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    elif member.isreg():
        content = archive.extractfile(member)
        if content is None:
            raise BadArchive(f"The archive is damaged at '{name}'.")
        with _create(path, is_executable=bool(member.mode & stat.S_IXUSR)) as file:
            shutil.copyfileobj(content, file, _CHUNK)
    elif member.islnk():
        origin = folder / _safe_name(member.linkname)
        if not origin.is_file():
            raise BadArchive(
                f"'{name}' is a hard link to '{member.linkname}', which is no file before it in the archive."
            )
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        # A link and no copy: a few megabytes and many links to them would fill the disk.
        os.link(origin, path)
    elif member.issym():
        links.append((name, member.linkname))
    else:
        raise BadArchive(f"'{name}' is neither a file, a folder nor a link: leave it out.")


def _safe_name(name: str) -> str:
    """Return the normal form of an entry's name. Raises BadArchive when it could lead outside."""
    if not name or "\0" in name or name.startswith("/") or len(name) > 4096:
        raise BadArchive(f"'{name[:200]!s}' is no relative path.")
    if ".." in name.split("/"):
        raise BadArchive(f"'{name[:200]}' climbs out of the archive.")
    normal = posixpath.normpath(name)
    if normal.count("/") >= MOST_DEPTH:
        raise BadArchive(f"'{name[:200]}' lies more than {MOST_DEPTH} folders deep.")
    return normal


def _create(path: Path, *, is_executable: bool) -> io.BufferedWriter:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return io.BufferedWriter(io.FileIO(os.open(path, flags, 0o700 if is_executable else 0o600), "w"))


def _link(folder: Path, name: str, target: str) -> None:
    path = folder / name
    if os.path.isabs(target) or "\0" in target:
        raise BadArchive(f"'{name}' is a link to '{target[:200]}', outside of the archive.")
    try:
        # A parent may be a link itself by now; then this one would be made somewhere else.
        if any((folder / parent).is_symlink() for parent in Path(name).parents):
            raise BadArchive(f"'{name}' lies behind a link.")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)
    except (OSError, RuntimeError) as error:
        raise BadArchive(f"The link '{name}' cannot be made: {error}.") from error


def _check_link(folder: Path, name: str, target: str) -> None:
    """Follow the link as the system would, through all others, and see that it ends inside."""
    real = Path(os.path.realpath(folder / name))
    if not real.is_relative_to(folder.resolve()):
        raise BadArchive(f"'{name}' is a link to '{target[:200]}', outside of the archive.")
