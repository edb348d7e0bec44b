"""Archives as pure functions on bytes: check a tar, turn a zip into a tar and back, pack a folder's files.

Whoever unpacks a checked archive into an empty folder stays inside it: no absolute names, no `..`, no links that lead
out, no devices, bounded in entries and size. Nothing here touches the file system.
"""

import io
import lzma
import math
import posixpath
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from homeport.files.errors import ArchiveRefused, UploadTooLarge
from homeport.files.types import MAX_UPLOAD

MAX_ENTRIES = 20_000
MAX_NAME_BYTES = 1024
# What file systems take for one part of a name.
MAX_PART_BYTES = 255
MAX_LINK_HOPS = 40
_BLOCK = 512
# Extended headers hold long names and a few attributes; larger ones serve only to keep a parser busy.
_MAX_EXTENDED_HEADER = 64 * 1024
_EXTENDED_HEADERS = b"xgLK"
# Zip counts from 1980 to the end of 2107, in steps of two seconds.
_ZIP_BEGINS, _ZIP_ENDS = 315_532_800, 4_354_819_198
_CENTRAL_ENTRY = b"PK\x01\x02"
_UNREADABLE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, zlib.error, lzma.LZMAError, EOFError,
    OSError, ValueError, OverflowError, struct.error,
)  # fmt: skip


class Entry(NamedTuple):
    """One entry of a checked archive; `name` is relative and normal, `target` is set for links."""

    name: str
    kind: str
    size: int
    target: str


class Place(NamedTuple):
    """Where in a tar the content of a file lies."""

    offset: int
    size: int


def validate(data: bytes) -> list[Entry]:
    """Return the entries of a tar archive, or raise ArchiveRefused with the name of the entry that could do harm."""
    if not data:
        raise ArchiveRefused("it is empty.")
    _scan_headers(data)
    entries: dict[str, Entry] = {}
    for member in _members(data):
        entry = _check_member(member)
        if entry.name == ".":
            continue
        before = entries.get(entry.name)
        if before is not None and (before.kind != entry.kind or "link" in entry.kind):
            raise ArchiveRefused("its name occurs twice, as a link or as different things.", entry=entry.name)
        if entry.kind == "hardlink" and (entry.target not in entries or entries[entry.target].kind != "file"):
            raise ArchiveRefused(
                "it is a hard link to something that is no file before it in the archive.", entry=entry.name
            )
        entries[entry.name] = entry
    _check_links(entries)
    return list(entries.values())


def read_text(data: bytes, name: str, *, limit: int = 1 << 20) -> str | None:
    """Return the text of one file of a checked tar, at most `limit` bytes of it, or None where there is none."""
    for member in _members(data):
        if member.isreg() and posixpath.normpath(member.name) == name:
            return data[member.offset_data : member.offset_data + min(member.size, limit)].decode("utf-8", "replace")
    return None


def index(data: bytes) -> dict[str, Place]:
    """Return where the files of a checked tar lie, links to them included; of a name that occurs twice the last counts."""
    places: dict[str, Place] = {}
    links: dict[str, str] = {}
    for member in _members(data):
        name = posixpath.normpath(member.name)
        links.pop(name, None)
        if member.isreg():
            places[name] = Place(member.offset_data, member.size)
        elif member.islnk() and posixpath.normpath(member.linkname) in places:
            places[name] = places[posixpath.normpath(member.linkname)]
        elif member.issym():
            links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
    for name in links:
        target = name
        for _ in range(MAX_LINK_HOPS):
            if target not in links:
                break
            target = links[target]
        if target in places:
            places[name] = places[target]
    return places


def pack(files: Mapping[str, bytes], *, executable: frozenset[str] = frozenset()) -> bytes:
    """Return a tar of these files by name; equal files always give equal bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            info = tarfile.TarInfo(name)
            info.size = len(files[name])
            info.mode = 0o755 if name in executable else 0o644
            tar.addfile(info, io.BytesIO(files[name]))
    return buffer.getvalue()


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
    """Return the zip of a checked tar archive; links become entries with their target as content, as zip has them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in _members(data):
            name = posixpath.normpath(member.name)
            if name == "." or not (member.isreg() or member.isdir() or member.issym()):
                continue
            item = zipfile.ZipInfo(name + "/" * member.isdir(), _zip_moment(member.mtime))
            kind = stat.S_IFDIR if member.isdir() else stat.S_IFLNK if member.issym() else stat.S_IFREG
            item.external_attr = (kind | member.mode & 0o777) << 16
            item.compress_type = zipfile.ZIP_DEFLATED
            content = (
                member.linkname.encode()
                if member.issym()
                else data[member.offset_data : member.offset_data + member.size]
            )
            archive.writestr(item, b"" if member.isdir() else content)
    return buffer.getvalue()


def _zip_moment(mtime: float) -> tuple[int, int, int, int, int, int]:
    """Return a tar's moment as zip can hold it; a tar's may be beyond the calendar, or no number."""
    seconds = min(max(mtime, _ZIP_BEGINS), _ZIP_ENDS) if math.isfinite(mtime) else _ZIP_BEGINS
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second


def _copy_item(archive: zipfile.ZipFile, item: zipfile.ZipInfo, tar: tarfile.TarFile, left: int) -> int:
    """Copy one entry and return how many bytes may still follow; reads no more than `left`, whatever the header claims."""
    if item.flag_bits & 0x1:
        raise ArchiveRefused("it is encrypted.", entry=item.filename)
    info = tarfile.TarInfo(item.filename.rstrip("/") or ".")
    info.mtime = int(datetime(*item.date_time, tzinfo=UTC).timestamp())
    mode = item.external_attr >> 16
    info.mode = mode & 0o777 or (0o755 if item.is_dir() else 0o644)
    if item.is_dir():
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
        return left - _BLOCK
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
    return left - len(content) - _BLOCK


def _scan_headers(data: bytes) -> None:
    """Walk the raw headers before any parser does, and refuse what could make a parser loop, disagree or grow."""
    offset = count = 0
    while offset + _BLOCK <= len(data):
        header = data[offset : offset + _BLOCK]
        if not header.rstrip(b"\x00"):
            return
        count += 1
        if count > 3 * MAX_ENTRIES:
            raise ArchiveRefused(f"it has more than {MAX_ENTRIES} entries.")
        try:
            size = int(header[124:136].strip(b" \x00") or b"0", 8)
        except ValueError:
            size = -1
        if size < 0 or size > MAX_UPLOAD:
            raise ArchiveRefused("it is not a tar archive, or an entry says an impossible size.")
        kind = header[156:157]
        if kind in _EXTENDED_HEADERS and kind:
            content = data[offset + _BLOCK : offset + _BLOCK + size]
            if size > _MAX_EXTENDED_HEADER or b" size=" in content or b"GNU.sparse" in content:
                raise ArchiveRefused(
                    "it has an extended header that is not accepted (huge, sparse, or changing a size)."
                )
        # Links and folders carry no content, whatever their size field says; parsers know that too.
        has_content = kind not in b"123456" or not kind
        offset += _BLOCK + (-(-size // _BLOCK) * _BLOCK if has_content else 0)
    if count == 0:
        raise ArchiveRefused("it is not a tar archive.")


def _members(data: bytes) -> Iterator[tarfile.TarInfo]:
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for count, member in enumerate(tar):
                if count >= MAX_ENTRIES:
                    raise ArchiveRefused(f"it has more than {MAX_ENTRIES} entries.")
                yield member
    except (tarfile.TarError, *_UNREADABLE, RecursionError) as error:
        raise ArchiveRefused("it is not a tar archive, or it is cut off.") from error


def _check_member(member: tarfile.TarInfo) -> Entry:
    name = _check_name(member.name)
    if member.issparse():
        raise ArchiveRefused("sparse files are not accepted.", entry=name)
    if member.isdir():
        return Entry(name, "folder", 0, "")
    if member.issym():
        return Entry(name, "symlink", 0, _check_text(member.linkname, entry=name))
    if member.islnk():
        return Entry(name, "hardlink", 0, _check_name(member.linkname, entry=name))
    if member.isreg():
        return Entry(name, "file", member.size, "")
    raise ArchiveRefused("only files, folders and links are accepted, no devices or pipes.", entry=name)


def _check_name(name: str, *, entry: str = "") -> str:
    """Return the normal form of a relative name. `entry` is the link whose target this is."""
    shown = entry or name
    _check_text(name, entry=shown)
    if name.startswith("/") or "\\" in name:
        raise ArchiveRefused("names are relative to the archive's root and have no backslash.", entry=shown)
    parts = name.split("/")
    if ".." in parts:
        raise ArchiveRefused("it leads out of the archive by '..'.", entry=shown)
    if any(len(part.encode()) > MAX_PART_BYTES for part in parts):
        raise ArchiveRefused(f"each part of a name has at most {MAX_PART_BYTES} bytes.", entry=shown)
    return posixpath.normpath(name)


def _check_text(text: str, *, entry: str) -> str:
    """Return a name or a link's target that everybody can write down."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ArchiveRefused("its name or target is not UTF-8.", entry=entry) from None
    if not text or "\x00" in text or size > MAX_NAME_BYTES:
        raise ArchiveRefused(f"names and targets have 1 to {MAX_NAME_BYTES} bytes.", entry=entry)
    return text


def _check_links(entries: Mapping[str, Entry]) -> None:
    """Follow every symbolic link inside the archive as a kernel would, and refuse those that leave it."""
    links = {entry.name: entry.target for entry in entries.values() if entry.kind == "symlink"}
    for name, entry in entries.items():
        parents = name.split("/")[:-1]
        for depth in range(1, len(parents) + 1):
            above = "/".join(parents[:depth])
            if above in links:
                raise ArchiveRefused("it lies behind a symbolic link.", entry=name)
            if above in entries and entries[above].kind != "folder":
                raise ArchiveRefused(f"{above} is a file, and no folder.", entry=name)
        if entry.kind == "symlink":
            _follow(name, entry.target, links)


def _follow(name: str, target: str, links: Mapping[str, str]) -> None:
    here = name.split("/")[:-1]
    todo = target.split("/")[::-1]
    hops = 0
    if target.startswith("/") or not target or "\x00" in target:
        raise ArchiveRefused("it is a link with an absolute or empty target.", entry=name)
    while todo:
        part = todo.pop()
        if part in {"", "."}:
            continue
        if part == "..":
            if not here:
                raise ArchiveRefused("it is a link that leads out of the archive.", entry=name)
            here.pop()
            continue
        here.append(part)
        next_target = links.get("/".join(here))
        if next_target is None:
            continue
        hops += 1
        if hops > MAX_LINK_HOPS or next_target.startswith("/"):
            raise ArchiveRefused("it is a link that leads in circles or out of the archive.", entry=name)
        here.pop()
        todo += next_target.split("/")[::-1]
