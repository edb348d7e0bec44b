"""Archives as people bring them: of any kind, with or without a folder around everything."""

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest

from homeport.files.errors import ArchiveRefused, UploadTooLarge
from homeport.files.rules import archive, uploads
from homeport.files.rules.editing import read_files
from homeport.files.rules.uploads import as_tar

FILES = {"main.tf": b"x", "scripts/run.sh": b"#!/bin/sh\n"}
TAR = archive.pack(FILES, executable=frozenset({"scripts/run.sh"}))


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return buffer.getvalue()


def with_links() -> bytes:
    """A tar of one folder, as `tar c folder` makes it, with links and a mode."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for name, kind, target in (
            ("box", tarfile.DIRTYPE, ""),
            ("box/main.tf", tarfile.REGTYPE, ""),
            ("box/hard", tarfile.LNKTYPE, "box/main.tf"),
            ("box/soft", tarfile.SYMTYPE, "main.tf"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = kind, target, 0o755
            info.size = 1 if kind == tarfile.REGTYPE else 0
            made.addfile(info, io.BytesIO(b"x"))
    return buffer.getvalue()


@pytest.mark.requirement("FILES-BROWSER-01")
@pytest.mark.parametrize(
    ("data", "files"),
    [
        (TAR, FILES),
        (gzip.compress(TAR), FILES),
        (zipped(FILES), FILES),
        (zipped({f"my-template/{name}": content for name, content in FILES.items()}), FILES),
        (zipped({"t/": b"", "t/main.tf": b"x", "__MACOSX/t/._main.tf": b"?", "t/.DS_Store": b"?"}), {"main.tf": b"x"}),
        (zipped({"a/x": b"1", "b/x": b"2"}), {"a/x": b"1", "b/x": b"2"}),
        (zipped({"alone": b"1"}), {"alone": b"1"}),
        (with_links(), {"main.tf": b"x", "hard": b"x", "soft": b"x"}),
    ],
)
def test_an_archive_becomes_the_tar_of_its_files(data: bytes, files: dict[str, bytes]) -> None:
    tar = as_tar(data)
    archive.validate(tar)
    assert read_files(tar) == files


@pytest.mark.requirement("FILES-BROWSER-01")
def test_what_can_be_run_stays_so_when_the_folder_around_it_goes() -> None:
    with tarfile.open(fileobj=io.BytesIO(as_tar(with_links()))) as tar:
        assert {member.name: member.mode for member in tar}["main.tf"] == 0o755


@pytest.mark.requirement("FILES-BROWSER-01")
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is empty"),
        (b"%PDF-1.7 " + b"x" * 2000, "neither a zip nor a tar"),
        (gzip.compress(b"words " * 500), "neither a zip nor a tar"),
        (gzip.compress(TAR)[:60], "cut off"),
        (gzip.compress(TAR)[:10] + b"\xff" * 50, "damaged"),
        (zipped(FILES)[:50], "not a zip archive"),
        (zipped({"../out": b"x"}), "leads out"),
        (zipped({"t/../../out": b"x"}), "leads out"),
    ],
)
def test_what_is_no_archive_or_does_harm_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ArchiveRefused, match=words):
        as_tar(data)


@pytest.mark.requirement("FILES-BROWSER-01")
def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_UPLOAD", 64 * 1024)
    with pytest.raises(UploadTooLarge):
        as_tar(gzip.compress(bytes(1024 * 1024)))


@pytest.mark.requirement("FILES-BROWSER-01")
@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress])
def test_what_python_would_unpack_without_a_bound_is_not_unpacked_at_all(compress: Callable[[bytes], bytes]) -> None:
    header = tarfile.TarInfo("a")
    header.type, header.size = tarfile.XHDTYPE, 8 * 1024 * 1024
    data = compress(header.tobuf(tarfile.USTAR_FORMAT) + bytes(header.size))
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveRefused, match="neither a zip nor a tar"):
            as_tar(data)
        assert tracemalloc.get_traced_memory()[1] < header.size
    finally:
        tracemalloc.stop()
