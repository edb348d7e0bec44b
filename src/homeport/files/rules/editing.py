"""The files of a checked tar, read and changed, as pure functions on bytes."""

import io
import posixpath
import tarfile
from collections.abc import Mapping

from homeport.files.rules import archive


def read_files(data: bytes) -> dict[str, bytes]:
    """Return the files of a checked tar by their names, those behind links included.

    What many names lead to is there once: links cost an archive nothing.
    """
    places = archive.index(data)
    contents = {place: data[place.offset : place.offset + place.size] for place in places.values()}
    return {name: contents[place] for name, place in sorted(places.items())}


def change_files(data: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """Return a tar with these files written, or removed where None; everything else stays as it is, with its mode.

    A file that other names are hard links to keeps them: each of these becomes a file of its own. The answer is not checked
    yet: names are whatever was asked for.
    """
    kept = read_files(data)
    left = dict(changes)
    buffer = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(data), mode="r:") as old,
        tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in old:
            name = posixpath.normpath(member.name)
            if name in changes:
                content = left.pop(name, None)
            elif member.isreg() or member.islnk():
                content = kept.get(name)
            else:
                new.addfile(_bare(member))
                continue
            if content is not None:
                _add(new, member.name, content, 0o644 if member.issym() else member.mode)
        for name, content in left.items():
            if content is not None:
                _add(new, name, content, 0o644)
    return buffer.getvalue()


def _bare(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Return a folder or link with its name, mode and target alone: what else it says may be beyond what can be written."""
    info = tarfile.TarInfo(member.name)
    info.type, info.mode, info.linkname = member.type, member.mode, member.linkname
    return info


def _add(archive_: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    archive_.addfile(info, io.BytesIO(content))
