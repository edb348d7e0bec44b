"""What people upload by hand, as pure functions on bytes: any kind of archive, packed in any way, into the tar of its files."""

import io
import posixpath
import tarfile
import zlib

from homeport.files.errors import ArchiveRefused, UploadTooLarge
from homeport.files.rules.archive import members, validate
from homeport.files.rules.zips import zip_to_tar
from homeport.files.types import MAX_UPLOAD

_GZIP = b"\x1f\x8b"
_ZIPS = (b"PK\x03\x04", b"PK\x05\x06")
_WITH_HEADER = 16 + zlib.MAX_WBITS


def as_tar(data: bytes) -> bytes:
    """Return the checked tar of a zip, tar or tar.gz archive, which its first bytes tell apart. Raises ArchiveRefused, UploadTooLarge.

    File managers pack a folder with the folder around everything, and macOS with notes of its own: both are taken off.
    """
    if data.startswith(_ZIPS):
        tar = zip_to_tar(data)
    else:
        tar = _gunzip(data) if data.startswith(_GZIP) else data
        if not _looks_like_tar(tar):
            raise ArchiveRefused("it is neither a zip nor a tar archive, nor one that is compressed by gzip.")
    return _unwrap(tar)


def _looks_like_tar(data: bytes) -> bool:
    if not data or data[257:262] == b"ustar":
        return True
    # Not tarfile's own question, which unpacks bzip2 and xz without a bound: a header of a few bytes may say gigabytes.
    try:
        return next(members(data), None) is not None
    except ArchiveRefused:
        return False


def _gunzip(data: bytes) -> bytes:
    stream = zlib.decompressobj(_WITH_HEADER)
    try:
        found = stream.decompress(data, MAX_UPLOAD + 1)
    except zlib.error as error:
        raise ArchiveRefused("it is compressed by gzip, and damaged.") from error
    if len(found) > MAX_UPLOAD:
        raise UploadTooLarge
    if not stream.eof:
        raise ArchiveRefused("it is compressed by gzip, and cut off.")
    return found


def _unwrap(data: bytes) -> bytes:
    entries = validate(data)
    kept = [entry for entry in entries if not _is_note(entry.name)]
    tops = {entry.name.partition("/")[0] for entry in kept}
    [top] = tops if len(tops) == 1 else [""]
    if any(entry.name == top and entry.kind != "folder" for entry in kept):
        top = ""
    if not top and len(kept) == len(entries):
        return data
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in members(data):
            name = posixpath.normpath(member.name)
            if name in {".", top} or _is_note(name):
                continue
            _add(new, data, member, top)
    return buffer.getvalue()


def _add(new: tarfile.TarFile, data: bytes, member: tarfile.TarInfo, top: str) -> None:
    info = tarfile.TarInfo(_inside(member.name, top))
    info.type, info.mode = member.type, member.mode
    info.linkname = _inside(member.linkname, top) if member.islnk() else member.linkname
    if not member.isreg():
        new.addfile(info)
        return
    info.size = member.size
    new.addfile(info, io.BytesIO(data[member.offset_data : member.offset_data + member.size]))


def _inside(name: str, top: str) -> str:
    return posixpath.normpath(name).removeprefix(f"{top}/")


def _is_note(name: str) -> bool:
    return name.partition("/")[0] == "__MACOSX" or posixpath.basename(name) == ".DS_Store"
