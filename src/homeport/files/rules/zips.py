"""Zip archives as pure functions on bytes: into a tar, which is then checked as any other, and back."""

import io
import math
import posixpath
import stat
import struct
import tarfile
import zipfile
import zlib
from datetime import UTC, datetime

from homeport.files.errors import ArchiveRefused, UploadTooLarge
from homeport.files.rules.archive import BLOCK, MAX_ENTRIES, MAX_NAME_BYTES, index, members
from homeport.files.types import MAX_UPLOAD

# Zip counts from 1980 to the end of 2107, in steps of two seconds.
_ZIP_BEGINS, _ZIP_ENDS = 315_532_800, 4_354_819_198
_CENTRAL_ENTRY = b"PK\x01\x02"
# The others are unpacked by Python without a bound: a kilobyte would become gigabytes of memory.
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_UNREADABLE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError, OSError, ValueError,
    OverflowError, struct.error,
)  # fmt: skip


def zip_to_tar(data: bytes) -> bytes:
    """Return the tar of a zip archive (not yet validated). Raises ArchiveRefused, or UploadTooLarge for a bomb."""
    # Looked at before the directory is parsed: a million entries would cost a gigabyte of memory.
    if data.count(_CENTRAL_ENTRY) > 2 * MAX_ENTRIES:
        raise ArchiveRefused(f"it has more than {MAX_ENTRIES} entries.")
    buffer = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, tarfile.open(fileobj=buffer, mode="w") as tar:
            if len(archive.infolist()) > MAX_ENTRIES:
                raise ArchiveRefused(f"it has more than {MAX_ENTRIES} entries.")
            left = MAX_UPLOAD
            for item in archive.infolist():
                left = _copy_item(archive, item, tar, left)
    except _UNREADABLE as error:
        raise ArchiveRefused("it is not a zip archive that can be read.") from error
    return buffer.getvalue()


def tar_to_zip(data: bytes) -> bytes:
    """Return the zip of a checked tar archive; symbolic links become entries with their target as content, as zip has them."""
    places = index(data)
    # By name, as zip has each once: of one that occurs twice the last counts.
    found = {posixpath.normpath(member.name): member for member in members(data)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in found.items():
            if name == ".":
                continue
            item = zipfile.ZipInfo(name + "/" * member.isdir(), _zip_moment(member.mtime))
            kind = stat.S_IFDIR if member.isdir() else stat.S_IFLNK if member.issym() else stat.S_IFREG
            item.external_attr = (kind | member.mode & 0o777) << 16
            item.compress_type = zipfile.ZIP_DEFLATED
            if member.isdir():
                archive.writestr(item, b"")
            elif member.issym():
                archive.writestr(item, member.linkname.encode())
            else:
                place = places[name]
                archive.writestr(item, data[place.offset : place.offset + place.size])
    return buffer.getvalue()


def _zip_moment(mtime: float) -> tuple[int, int, int, int, int, int]:
    """Return a tar's moment as zip can hold it; a tar's may be beyond the calendar, or no number."""
    seconds = min(max(mtime, _ZIP_BEGINS), _ZIP_ENDS) if math.isfinite(mtime) else _ZIP_BEGINS
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second


def _moment_of(item: zipfile.ZipInfo) -> int:
    """Return when a zip says that an entry was changed; some programs say the day 0 of the month 0."""
    try:
        return int(datetime(*item.date_time, tzinfo=UTC).timestamp())
    except ValueError:
        return _ZIP_BEGINS


def _copy_item(archive: zipfile.ZipFile, item: zipfile.ZipInfo, tar: tarfile.TarFile, left: int) -> int:
    """Copy one entry and return how many bytes may still follow; reads no more than `left`, whatever the header claims."""
    if not item.filename:
        raise ArchiveRefused("it has an entry without a name.")
    if item.flag_bits & 0x1:
        raise ArchiveRefused("it is encrypted.", entry=item.filename)
    if item.compress_type not in _METHODS:
        raise ArchiveRefused("it is compressed by a method other than deflate.", entry=item.filename)
    info = tarfile.TarInfo(item.filename.rstrip("/") or ".")
    info.mtime = _moment_of(item)
    mode = item.external_attr >> 16
    info.mode = mode & 0o777 or (0o755 if item.is_dir() else 0o644)
    if item.is_dir():
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
        return left - BLOCK
    with archive.open(item) as stream:
        content = stream.read(left + 1)
    if len(content) > left:
        raise UploadTooLarge
    if stat.S_ISLNK(mode):
        info.type = tarfile.SYMTYPE
        info.linkname = content[: MAX_NAME_BYTES + 1].decode("utf-8", "surrogateescape")
        tar.addfile(info)
    else:
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return left - len(content) - BLOCK
