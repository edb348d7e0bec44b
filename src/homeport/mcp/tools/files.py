"""Files of a workspace: list, read, write, edit."""

import asyncio
import base64
import binascii
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from posixpath import basename, dirname, join
from typing import Annotated, Any, Literal, cast

import asyncssh
import msgspec
from msgspec import Meta

from homeport.kit.ids import new_id
from homeport.mcp import editing, needs
from homeport.mcp.arguments import Arguments
from homeport.mcp.editing import Edit
from homeport.mcp.errors import ToolFailed
from homeport.mcp.inside import WORKSPACE, connect
from homeport.mcp.registry import READS, Call, Hints, tool

MOST_BYTES = 1024 * 1024
MOST_ENTRIES = 1000
_SECONDS = 60.0
_PERMISSIONS = 0o7777

Workspace = Annotated[str, Meta(min_length=1, description=WORKSPACE)]
Path = Annotated[
    str, Meta(min_length=1, max_length=4096, description="Path; relative ones start in the agent's folder, ~ is home.")
]


class ListFolder(Arguments):
    """Arguments of coder_workspace_ls."""

    workspace: Workspace
    path: Annotated[str, Meta(max_length=4096, description="Folder; relative ones start in the agent's folder.")] = "."


class ReadFile(Arguments):
    """Arguments of coder_workspace_read_file."""

    workspace: Workspace
    path: Path
    offset: Annotated[int, Meta(ge=0, le=2**53, description="Byte at which to begin.")] = 0
    limit: Annotated[int, Meta(ge=1, le=MOST_BYTES, description="At most this many bytes.")] = 256 * 1024


class WriteFile(Arguments):
    """Arguments of coder_workspace_write_file."""

    workspace: Workspace
    path: Path
    content: Annotated[str, Meta(description="What the file shall hold.")]
    encoding: Annotated[
        Literal["utf-8", "base64"], Meta(description="base64 for content that is not text; then it is decoded first.")
    ] = "utf-8"


class EditFile(Arguments):
    """Arguments of coder_workspace_edit_file."""

    workspace: Workspace
    path: Path
    edits: Annotated[list[Edit], Meta(min_length=1, max_length=1000, description="Replacements, made in this order.")]


class FileEdits(Arguments):
    """The edits of one file."""

    path: Path
    edits: Annotated[list[Edit], Meta(min_length=1, max_length=1000, description="Replacements, made in this order.")]


class EditFiles(Arguments):
    """Arguments of coder_workspace_edit_files."""

    workspace: Workspace
    files: Annotated[list[FileEdits], Meta(min_length=1, max_length=100, description="Files, each named once.")]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder holds."""

    name: str
    type: Literal["file", "folder", "link", "other"]
    size: int
    modified_at: datetime


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of a file; `next_offset` is there when more follows."""

    path: str
    size: int
    encoding: Literal["utf-8", "base64"]
    content: str
    next_offset: int | None = None


@tool(
    "coder_workspace_ls",
    "List a folder",
    needs=needs.on_workspace(needs.ENTER_WORKSPACES),
    hints=READS,
    kind=ListFolder,
)
async def list_folder(call: Call, given: ListFolder) -> Any:
    """List what a folder in a workspace holds: names, types, sizes and times."""
    async with _files(call, given.workspace, given.path) as sftp:
        path = await sftp.realpath(given.path)
        found = [each async for each in sftp.scandir(path) if each.filename not in {".", ".."}]
    entries = sorted((_entry(str(each.filename), each.attrs) for each in found), key=lambda entry: entry.name)
    omitted = max(0, len(entries) - MOST_ENTRIES)
    return {"path": path, "entries": entries[:MOST_ENTRIES], **({"omitted": omitted} if omitted else {})}


@tool(
    "coder_workspace_read_file",
    "Read a file",
    needs=needs.on_workspace(needs.ENTER_WORKSPACES),
    hints=READS,
    kind=ReadFile,
)
async def read_file(call: Call, given: ReadFile) -> Any:
    """Return the content of a file in a workspace, or a piece of it; what is not text comes as base64."""
    async with _files(call, given.workspace, given.path) as sftp:
        path, attributes = await _find_file(sftp, given.path)
        data = await _read(sftp, path, given.limit, given.offset)
    size = attributes.size or 0
    text, taken = _as_text(data, is_end=given.offset + len(data) >= size)
    end = given.offset + taken
    return Content(
        path=path,
        size=size,
        encoding="base64" if text is None else "utf-8",
        content=base64.b64encode(data).decode() if text is None else text,
        next_offset=end if data and end < size else None,
    )


@tool(
    "coder_workspace_write_file",
    "Write a file",
    needs=needs.on_workspace(needs.ENTER_WORKSPACES),
    hints=Hints(is_destructive=True, is_idempotent=True),
    kind=WriteFile,
)
async def write_file(call: Call, given: WriteFile) -> Any:
    """Write a file in a workspace: make it, with the folders above it, or replace it as a whole."""
    data = _decoded(given)
    async with _files(call, given.workspace, given.path) as sftp:
        path = await _write(sftp, given.path, data)
    return {"path": path, "size": len(data)}


@tool(
    "coder_workspace_edit_file",
    "Edit a file",
    needs=needs.on_workspace(needs.ENTER_WORKSPACES),
    hints=Hints(is_destructive=True),
    kind=EditFile,
)
async def edit_file(call: Call, given: EditFile) -> Any:
    """Replace pieces of a text file in a workspace. Nothing is written unless every search text is found exactly once."""
    async with _files(call, given.workspace, given.path) as sftp:
        return await _edit_all(sftp, [FileEdits(path=given.path, edits=given.edits)])


@tool(
    "coder_workspace_edit_files",
    "Edit several files",
    needs=needs.on_workspace(needs.ENTER_WORKSPACES),
    hints=Hints(is_destructive=True),
    kind=EditFiles,
)
async def edit_files(call: Call, given: EditFiles) -> Any:
    """Replace pieces of several text files in a workspace. Nothing is written unless every search text is found."""
    async with _files(call, given.workspace, "") as sftp:
        return await _edit_all(sftp, given.files)


async def _edit_all(sftp: asyncssh.SFTPClient, files: list[FileEdits]) -> Any:
    changed: dict[str, bytes] = {}
    for file in files:
        with _in_words(file.path):
            path, attributes = await _find_file(sftp, file.path)
            if path in changed:
                raise ToolFailed(f"{path}: the file is named twice.")
            if (attributes.size or 0) > MOST_BYTES:
                raise ToolFailed(f"{path}: the file has more than {MOST_BYTES} bytes; edit it by a command.")
            data = await _read(sftp, path, MOST_BYTES + 1)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise ToolFailed(f"{path}: the file is not text in UTF-8.") from None
        changed[path] = editing.apply(text, file.edits, path=file.path).encode()
    for path, data in changed.items():
        with _in_words(path):
            await _write(sftp, path, data)
    return {"edited": list(changed)}


@asynccontextmanager
async def _files(call: Call, workspace: str, path: str) -> AsyncIterator[asyncssh.SFTPClient]:
    """Work with the files of a workspace, within a time; what goes wrong is said in words."""
    if "\0" in path:
        raise ToolFailed("A path cannot hold the character NUL.")
    try:
        async with connect(call, workspace) as (connection, _), asyncio.timeout(_SECONDS):
            with _in_words(path):
                async with connection.sftp() as sftp:
                    yield sftp
    except TimeoutError:
        raise ToolFailed(f"{path}: the workspace took longer than {_SECONDS:.0f} seconds.") from None


class _in_words:  # noqa: N801 used as a statement
    """Turn what SFTP says into a ToolFailed that names the path."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, asyncssh.Error):
            raise ToolFailed(f"{self._path or 'The files'}: {error.reason or type(error).__name__}.") from error
        if isinstance(error, UnicodeError):
            raise ToolFailed(f"{self._path or 'The files'}: a name is not text in UTF-8.") from error


async def _find_file(sftp: asyncssh.SFTPClient, path: str) -> tuple[str, asyncssh.SFTPAttrs]:
    """Return the real path of a file and what is known of it."""
    attributes = await sftp.stat(path)
    if stat.S_ISDIR(attributes.permissions or 0):
        raise ToolFailed(f"{path}: this is a folder.")
    if not stat.S_ISREG(attributes.permissions or stat.S_IFREG):
        raise ToolFailed(f"{path}: this is no regular file.")
    return str(await sftp.realpath(path)), attributes


async def _read(sftp: asyncssh.SFTPClient, path: str, most: int, offset: int = 0) -> bytes:
    async with sftp.open(path, "rb") as file:
        # Bytes, because it was opened as such; the library's types cannot say so.
        return cast("bytes", await file.read(most, offset))


async def _write(sftp: asyncssh.SFTPClient, path: str, data: bytes) -> str:
    """Replace a file at once, so that nobody ever sees half of it; links are followed, permissions stay."""
    permissions: int | None = None
    with suppress(asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
        path, attributes = await _find_file(sftp, path)
        permissions = attributes.permissions
    if permissions is None:
        if folder := dirname(path):
            await sftp.makedirs(folder, exist_ok=True)
        path = str(await sftp.realpath(path))
    new = join(dirname(path), f".{basename(path)[:100]}.{new_id()}.new")
    try:
        async with sftp.open(new, "xb") as file:
            await file.write(data)
        if permissions is not None:
            await sftp.chmod(new, permissions & _PERMISSIONS)
        await sftp.posix_rename(new, path)
    except BaseException:
        with suppress(asyncssh.Error, OSError):
            await sftp.remove(new)
        raise
    return path


def _entry(name: str, attributes: asyncssh.SFTPAttrs) -> Entry:
    mode = attributes.permissions or 0
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
    return Entry(
        name=name,
        type=kinds.get(stat.S_IFMT(mode), "other"),  # type: ignore[arg-type]
        size=attributes.size or 0,
        modified_at=datetime.fromtimestamp(attributes.mtime or 0, UTC),
    )


def _as_text(data: bytes, *, is_end: bool) -> tuple[str | None, int]:
    """Return text and how many bytes it took (a character cut off at the end waits for the next piece); None is no text."""
    if b"\0" in data:
        return None, len(data)
    for cut in range(1 if is_end else 4):
        with suppress(UnicodeDecodeError):
            return data[: len(data) - cut].decode(), len(data) - cut
    return None, len(data)


def _decoded(given: WriteFile) -> bytes:
    if given.encoding == "utf-8":
        return given.content.encode()
    try:
        return base64.b64decode(given.content, validate=True)
    except (binascii.Error, ValueError):
        raise ToolFailed("The content is not base64.") from None


TOOLS = (list_folder, read_file, write_file, edit_file, edit_files)
