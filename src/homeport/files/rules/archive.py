"""Archives as pure functions on bytes: check a tar, say where its files lie, pack a folder's files.

Whoever unpacks a checked archive into an empty folder stays inside it: no absolute names, no `..`, no links that lead
out, no devices, bounded in entries, depth and size. Nothing here touches the file system.
"""

import io
import posixpath
import tarfile
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from homeport.files.errors import ArchiveRefused
from homeport.files.types import MAX_UPLOAD

MAX_ENTRIES = 20_000
MAX_NAME_BYTES = 1024
# What file systems take for one part of a name.
MAX_PART_BYTES = 255
# What provisioners unpack.
MAX_DEPTH = 64
MAX_LINK_HOPS = 40
# Parts of targets that are looked at for all links of an archive together.
_MAX_LINK_STEPS = 400_000
BLOCK = 512
# Extended headers hold long names and a few attributes; larger ones serve only to keep a parser busy.
_MAX_EXTENDED_HEADER = 64 * 1024
_EXTENDED_HEADERS = b"xgXLK"
_GZIP = b"\x1f\x8b"
_DAMAGED = "it is not a tar archive, or it is damaged or cut off."


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
    if data.startswith(_GZIP):
        raise ArchiveRefused("it is compressed by gzip: send the tar archive itself.")
    headers = _scan_headers(data)
    entries: dict[str, Entry] = {}
    read: list[int] = []
    for member in members(data):
        read.append(member.offset_data - BLOCK)
        entry = _check_member(member)
        if entry.name == "." and entry.kind != "folder":
            raise ArchiveRefused("it has the name of the archive's root, which is a folder.", entry=member.name)
        if entry.name != ".":
            entries[entry.name] = _check_place(entry, entries)
    # What follows a damaged header is left out by a parser that says nothing of it.
    if read != headers:
        raise ArchiveRefused(_DAMAGED)
    if sum(entry.size for entry in entries.values()) > MAX_UPLOAD:
        raise ArchiveRefused(f"with its hard links it unpacks to more than {MAX_UPLOAD // (1024 * 1024)} MiB.")
    _check_links(entries)
    return list(entries.values())


def index(data: bytes) -> dict[str, Place]:
    """Return where the files of a checked tar lie, links to them included; of a name that occurs twice the last counts."""
    places: dict[str, Place] = {}
    links: dict[str, str] = {}
    for member in members(data):
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


def _scan_headers(data: bytes) -> list[int]:
    """Walk the raw headers before any parser does, and refuse what could make a parser loop, disagree or grow.

    Returns where the headers of entries are, without those that only extend others.
    """
    offset = count = 0
    found: list[int] = []
    while offset + BLOCK <= len(data):
        header = data[offset : offset + BLOCK]
        if not header.rstrip(b"\x00"):
            break
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
        if kind not in _EXTENDED_HEADERS:
            found.append(offset)
        else:
            content = data[offset + BLOCK : offset + BLOCK + size]
            if size > _MAX_EXTENDED_HEADER or b" size=" in content or b"GNU.sparse" in content:
                raise ArchiveRefused(
                    "it has an extended header that is not accepted (huge, sparse, or changing a size)."
                )
        # Links and folders carry no content, whatever their size field says; parsers know that too.
        has_content = kind not in b"123456"
        offset += BLOCK + (-(-size // BLOCK) * BLOCK if has_content else 0)
    if count == 0:
        raise ArchiveRefused("it is not a tar archive.")
    return found


def members(data: bytes) -> Iterator[tarfile.TarInfo]:
    """Return the entries of a tar as they come. Raises ArchiveRefused."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for count, member in enumerate(tar):
                if count >= MAX_ENTRIES:
                    raise ArchiveRefused(f"it has more than {MAX_ENTRIES} entries.")
                yield member
    except (tarfile.TarError, EOFError, OSError, ValueError, OverflowError, RecursionError) as error:
        raise ArchiveRefused(_DAMAGED) from error


def _check_place(entry: Entry, entries: Mapping[str, Entry]) -> Entry:
    """Hold an entry against those before it; a hard link gets the size of its file, which whoever unpacks it may copy."""
    before = entries.get(entry.name)
    if before is not None and (before.kind != entry.kind or "link" in entry.kind):
        raise ArchiveRefused("its name occurs twice, as a link or as different things.", entry=entry.name)
    if entry.kind != "hardlink":
        return entry
    file = entries.get(entry.target)
    if file is None or file.kind != "file":
        raise ArchiveRefused(
            "it is a hard link to something that is no file before it in the archive.", entry=entry.name
        )
    return entry._replace(size=file.size)


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
    normal = posixpath.normpath(name)
    if normal.count("/") >= MAX_DEPTH:
        raise ArchiveRefused(f"it lies more than {MAX_DEPTH} folders deep.", entry=shown)
    return normal


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
    folders: set[str] = set()
    for name in entries:
        above = posixpath.dirname(name)
        while above and above not in folders:
            if above in links:
                raise ArchiveRefused("it lies behind a symbolic link.", entry=name)
            if above in entries and entries[above].kind != "folder":
                raise ArchiveRefused(f"{above} is a file, and no folder.", entry=name)
            folders.add(above)
            above = posixpath.dirname(above)
    steps = 0
    for name, target in links.items():
        steps += _follow(name, target, links, most=_MAX_LINK_STEPS - steps)


def _follow(name: str, target: str, links: Mapping[str, str], *, most: int) -> int:
    """Return how many parts of targets were looked at, at most `most`: links to links multiply them."""
    here = name.split("/")[:-1]
    todo = target.split("/")[::-1]
    hops = steps = 0
    if target.startswith("/") or not target or "\x00" in target:
        raise ArchiveRefused("it is a link with an absolute or empty target.", entry=name)
    while todo:
        steps += 1
        if steps > most:
            raise ArchiveRefused("it is a link that leads through too many others.", entry=name)
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
    return steps
