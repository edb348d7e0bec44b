"""Archives that climb, lie or burst; and those that do not."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from homeport_provisioner import archive
from homeport_provisioner.archive import BadArchive, unpack

Entry = tuple[str, bytes, str | bytes]


def build(*entries: Entry) -> bytes:
    """Return a tar of (name, type, content or link target)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, content in entries:
            info = tarfile.TarInfo(name)
            info.type = kind
            data = b""
            if kind in {tarfile.SYMTYPE, tarfile.LNKTYPE}:
                info.linkname = str(content)
            else:
                data = content if isinstance(content, bytes) else content.encode()
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


FILE, FOLDER, LINK, HARD = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "a" / "b" / "unpacked"
    path.mkdir(parents=True)
    return path


@pytest.mark.requirement("ENGINE-ARCHIVE-01")
@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([("/etc/x", FILE, "")], "no relative path"),
        ([("../x", FILE, "")], "climbs out"),
        ([("a/../../x", FILE, "")], "climbs out"),
        ([("a/..", FOLDER, "")], "climbs out"),
        ([("l", LINK, "/etc/passwd")], "outside"),
        ([("l", LINK, "../x")], "outside"),
        ([("d/l", LINK, "../../x")], "outside"),
        ([("d/e", LINK, ".."), ("p", LINK, "d/e/../../x")], "outside"),
        ([("l", LINK, "../../.."), ("l/x", FILE, "")], "cannot be unpacked|behind a link|outside|cannot be made"),
        ([("l", LINK, "../out"), ("l/sub/m", LINK, "x")], "outside|behind a link|cannot be made"),
        ([("h", HARD, "../../secret")], "climbs out"),
        ([("h", HARD, "/etc/passwd")], "no relative path"),
        ([("h", HARD, "missing")], "no file before it"),
        ([("p", tarfile.FIFOTYPE, "")], "neither a file"),
        ([("c", tarfile.CHRTYPE, "")], "neither a file"),
        ([("/".join(["d"] * 100), FILE, "")], "folders deep"),
        ([("x" * 300, FILE, "")], "cannot be unpacked"),
        ([("a", FILE, "x"), ("a/b", FILE, "")], "cannot be unpacked"),
    ],
)
def test_archives_that_climb_or_lie_are_refused(folder: Path, tmp_path: Path, entries: list[Entry], words: str) -> None:
    with pytest.raises(BadArchive, match=words):
        unpack(build(*entries), folder)
    outside = [Path(root) / name for root, folders, files in os.walk(tmp_path) for name in (*folders, *files)]
    assert {path for path in outside if folder not in path.parents} == {tmp_path / "a", tmp_path / "a" / "b", folder}


@pytest.mark.requirement("ENGINE-ARCHIVE-01")
def test_bombs_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 1000)
    with pytest.raises(BadArchive, match="more than"):
        unpack(build(("a", FILE, b"x" * 600), ("b", FILE, b"x" * 600)), folder)
    monkeypatch.setattr(archive, "MOST_ENTRIES", 2)
    with pytest.raises(BadArchive, match="more than 2 entries"):
        unpack(build(*((str(number), FILE, "") for number in range(3))), folder)


@pytest.mark.requirement("ENGINE-ARCHIVE-01")
def test_links_to_one_file_take_no_room(folder: Path) -> None:
    """Else ten megabytes and twenty thousand links to them fill any disk."""
    links: list[Entry] = [(f"link-{number}", HARD, "a") for number in range(100)]
    unpack(build(("a", FILE, b"x" * 100_000), *links), folder)
    assert (folder / "link-99").read_bytes() == b"x" * 100_000
    assert (folder / "a").stat().st_nlink == 101


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\0" * 100, build(("a", FILE, b"x" * 5000))[:2000]])
def test_damaged_archives_are_refused(folder: Path, data: bytes) -> None:
    with pytest.raises(BadArchive):
        unpack(data, folder)


def test_ordinary_archives_come_out_whole(folder: Path) -> None:
    entries: list[Entry] = [
        ("./", FOLDER, ""),
        ("./homeport.yaml", FILE, "one"),
        ("scripts/deep/run.sh", FILE, "two"),
        ("homeport.yaml", FILE, "last wins"),
        ("same", HARD, "homeport.yaml"),
        ("scripts/link", LINK, "../homeport.yaml"),
        ("loop", LINK, "loop"),
    ]
    unpack(build(*entries), folder)
    assert (folder / "homeport.yaml").read_text() == "last wins"
    assert (folder / "scripts/link").read_text() == "last wins"
    assert (folder / "same").read_text() == "last wins"
    assert (folder / "scripts/deep/run.sh").read_text() == "two"
    assert oct(folder.stat().st_mode)[-3:] == "755"
    assert oct((folder / "homeport.yaml").stat().st_mode)[-3:] == "600"
