"""Archives that are accepted, and every kind that is refused with the name of the entry."""

import gzip
import io
import stat
import tarfile
import zipfile
from typing import Any

import pytest

from homeport.files.errors import ArchiveRefused, UploadTooLarge
from homeport.files.rules import archive, zips
from homeport.files.rules.editing import change_files, read_files
from homeport.files.rules.zips import tar_to_zip, zip_to_tar
from homeport.files.types import MAX_UPLOAD


def tar_of(*members: tuple[str, dict[str, Any]], form: int = tarfile.PAX_FORMAT) -> bytes:
    """Pack entries: name and attributes of TarInfo; `data` is the content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for name, attributes in members:
            info = tarfile.TarInfo(name)
            data = attributes.pop("data", b"")
            info.size = len(data)
            for key, value in attributes.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def link(target: str, kind: bytes = tarfile.SYMTYPE) -> dict[str, Any]:
    return {"type": kind, "linkname": target}


@pytest.mark.requirement("FILES-SAFE-01")
def test_ordinary_archives_are_read() -> None:
    long = "deep/" * 40 + "name.txt"
    data = tar_of(
        ("./", {"type": tarfile.DIRTYPE}), ("./a", {"data": b"hello"}), ("b", {"type": tarfile.DIRTYPE}),
        ("b/up", link("../a")), ("b/same", link("./up")), ("hard", link("a", tarfile.LNKTYPE)), (long, {"data": b"x"}),
        ("ünïcode", {"data": b""}),
    )  # fmt: skip
    entries = {entry.name: entry for entry in archive.validate(data)}
    assert {entry.kind for entry in entries.values()} == {"file", "folder", "symlink", "hardlink"}
    assert entries["a"].size == 5
    assert long in entries
    assert read_files(data) == dict.fromkeys(("a", "b/same", "b/up", "hard"), b"hello") | {long: b"x", "ünïcode": b""}
    assert archive.validate(tar_of(("a" * 150, {"data": b"x"}), form=tarfile.GNU_FORMAT))


@pytest.mark.requirement("FILES-SAFE-02")
@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("../evil", {"data": b"x"}),
        ("a/../../evil", {"data": b"x"}),
        ("a/..", {"type": tarfile.DIRTYPE}),
        ("/etc/passwd", {"data": b"x"}),
        ("a\\..\\evil", {"data": b"x"}),
        ("out", link("/etc/passwd")),
        ("out", link("../etc/passwd")),
        ("a/out", link("../../x")),
        ("a/out", link("b/../../../x")),
        ("loop", link("loop")),
        ("out", link("../x", tarfile.LNKTYPE)),
        ("out", link("/x", tarfile.LNKTYPE)),
        ("out", link("absent", tarfile.LNKTYPE)),
        ("null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}),
        ("disk", {"type": tarfile.BLKTYPE}),
        ("pipe", {"type": tarfile.FIFOTYPE}),
        ("x" * 1025, {"data": b"x"}),
        ("a/" + "ü" * 128, {"data": b"x"}),
        ("d/" * 64 + "x", {"data": b"x"}),
        ("./.", {"data": b"x"}),
        ("fine/below", {"data": b"x"}),
        ("fine", {"type": tarfile.DIRTYPE}),
    ],
)
def test_entries_that_climb_out_or_are_no_files_are_refused_by_name(name, attributes) -> None:
    data = tar_of(("fine", {"data": b"1"}), (name, dict(attributes)))
    with pytest.raises(ArchiveRefused) as caught:
        archive.validate(data)
    assert name.encode("utf-8", "backslashreplace").decode()[:50] in caught.value.message
    assert caught.value.validations[0].field == "file"


@pytest.mark.requirement("FILES-SAFE-03")
@pytest.mark.parametrize(
    "members",
    [
        # The way out opens only when links are followed one after another.
        [("x", {"type": tarfile.DIRTYPE}), ("x/root", link("..")), ("out", link("x/root/../secret"))],
        [("a", link(".")), ("b", link("a/../x"))],
        [("d", link("e")), ("d/file", {"data": b"x"})],
        [("d", link("e")), ("d", {"data": b"x"})],
        [("d", {"data": b"x"}), ("d", link("e"))],
        [("l", link("f")), ("h", link("l", tarfile.LNKTYPE))],
        [("a", link("b")), ("b", link("a"))],
    ],
)
def test_links_that_lead_out_by_way_of_others_are_refused(members) -> None:
    with pytest.raises(ArchiveRefused):
        archive.validate(tar_of(*[(name, dict(attributes)) for name, attributes in members]))


@pytest.mark.requirement("FILES-SAFE-04")
@pytest.mark.parametrize("data", [b"", b"x", b"hello" * 500, b"\x1f\x8b" + b"\x00" * 600, b"PK\x03\x04" + b"x" * 600])
def test_what_is_no_tar_is_refused(data) -> None:
    with pytest.raises(ArchiveRefused):
        archive.validate(data)


@pytest.mark.requirement("FILES-SAFE-04")
def test_cut_off_and_twisted_archives_are_refused() -> None:
    whole = tar_of(("a", {"data": b"x" * 5000}))
    with pytest.raises(ArchiveRefused):
        archive.validate(whole[:2000])
    negative = bytearray(whole)
    negative[124:136] = b"-0000000001\x00"
    binary = bytearray(whole)
    binary[124:136] = b"\x80" + b"\xff" * 11
    for twisted in (negative, binary):
        with pytest.raises(ArchiveRefused):
            archive.validate(bytes(twisted))
    with pytest.raises(ArchiveRefused):
        archive.validate(tar_of(("a", {"data": b"x", "pax_headers": {"size": "999999999999"}})))
    with pytest.raises(ArchiveRefused):
        archive.validate(tar_of(("a", {"data": b"x", "pax_headers": {"GNU.sparse.major": "1"}})))
    with pytest.raises(ArchiveRefused):
        archive.validate(tar_of(("a", {"data": b"x", "pax_headers": {"comment": "x" * 100_000}})))
    bad_name = bytearray(tar_of(("abc", {"data": b"x"}), form=tarfile.USTAR_FORMAT))
    bad_name[0:3] = b"\xff\xfe\xfd"
    with pytest.raises(ArchiveRefused):
        archive.validate(_with_checksum(bad_name))


@pytest.mark.requirement("FILES-SAFE-04")
def test_headers_that_a_parser_would_pass_over_are_refused() -> None:
    smuggled = tar_of(("x", {"data": b"y", "pax_headers": {"size": "3"}}))
    # In the oldest form of tar a file whose name ends in a slash is a folder: its content is read as further headers.
    folder = tarfile.TarInfo("old/")
    folder.type, folder.size = tarfile.AREGTYPE, len(smuggled)
    solaris = bytearray(smuggled)
    solaris[156:157] = tarfile.SOLARIS_XHDTYPE
    damaged = bytearray(tar_of(("a", {"data": b"1"}), ("b", {"data": b"2"})))
    damaged[1024] ^= 1
    for data in (folder.tobuf(tarfile.USTAR_FORMAT) + smuggled, _with_checksum(solaris), damaged):
        with pytest.raises(ArchiveRefused):
            archive.validate(bytes(data))
    with pytest.raises(ArchiveRefused, match="compressed by gzip"):
        archive.validate(gzip.compress(smuggled))


@pytest.mark.requirement("FILES-SAFE-05")
def test_links_that_would_multiply_work_or_bytes_are_refused(monkeypatch) -> None:
    monkeypatch.setattr(archive, "MAX_UPLOAD", 10_000)
    monkeypatch.setattr(archive, "_MAX_LINK_STEPS", 500)
    hard = [(f"h{n}", link("a", tarfile.LNKTYPE)) for n in range(20)]
    with pytest.raises(ArchiveRefused, match="hard links"):
        archive.validate(tar_of(("a", {"data": b"x" * 1000}), *hard))
    folder = ("d", {"type": tarfile.DIRTYPE})
    chain = [(f"c{n}", link("d/../" * 20 + f"c{n + 1}")) for n in range(30)]
    with pytest.raises(ArchiveRefused, match="through too many"):
        archive.validate(tar_of(folder, *chain, ("c30", {"data": b"x"})))
    soft = tar_of(("a", {"data": b"x" * 1000}), *[(f"s{n}", link("a")) for n in range(20)])
    archive.validate(soft)
    files = read_files(soft)
    assert len(files) == 21
    assert len({id(content) for content in files.values()}) == 1


@pytest.mark.parametrize("mtime", ["nan", "inf", "-inf"])
def test_files_change_beside_folders_of_impossible_moments(mtime: str) -> None:
    data = tar_of(
        ("d", {"type": tarfile.DIRTYPE, "mode": 0o750, "pax_headers": {"mtime": mtime}}), ("f", {"data": b"1"})
    )
    archive.validate(data)
    changed = change_files(data, {"d/x": b"2"})
    assert read_files(changed) == {"f": b"1", "d/x": b"2"}
    with tarfile.open(fileobj=io.BytesIO(changed)) as tar:
        assert tar.getmember("d").mode == 0o750


def _with_checksum(data: bytearray) -> bytes:
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\x00 " % sum(data[:512])
    return bytes(data)


@pytest.mark.requirement("FILES-SAFE-05")
def test_too_many_entries_are_refused(monkeypatch) -> None:
    monkeypatch.setattr(archive, "MAX_ENTRIES", 50)
    monkeypatch.setattr(zips, "MAX_ENTRIES", 50)
    with pytest.raises(ArchiveRefused, match="more than 50"):
        archive.validate(tar_of(*[(str(n), {"data": b""}) for n in range(51)]))
    with pytest.raises(ArchiveRefused, match="more than 50"):
        zip_to_tar(zip_of(**{str(n): b"" for n in range(51)}))
    with pytest.raises(ArchiveRefused, match="more than 50"):
        zip_to_tar(b"PK\x01\x02" * 101)


def zip_of(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.requirement("FILES-ZIP-01")
def test_a_zip_becomes_a_tar_and_back() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("folder/", b"")
        packed.writestr("folder/a.txt", b"hello")
        item = zipfile.ZipInfo("run.sh")
        item.external_attr = (stat.S_IFREG | 0o755) << 16
        packed.writestr(item, b"#!/bin/sh")
        item = zipfile.ZipInfo("link")
        item.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(item, "folder/a.txt")
    data = zip_to_tar(buffer.getvalue())
    assert data == zip_to_tar(buffer.getvalue())
    assert [(entry.name, entry.kind) for entry in archive.validate(data)] == [
        ("folder", "folder"), ("folder/a.txt", "file"), ("run.sh", "file"), ("link", "symlink"),
    ]  # fmt: skip
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getmember("run.sh").mode == 0o755
    with zipfile.ZipFile(io.BytesIO(tar_to_zip(data))) as packed:
        assert packed.read("folder/a.txt") == b"hello"
        assert packed.read("link") == b"folder/a.txt"
        assert packed.getinfo("run.sh").external_attr >> 16 == stat.S_IFREG | 0o755


@pytest.mark.requirement("FILES-ZIP-01")
@pytest.mark.parametrize("mtime", ["nan", "inf", "1e300", "-1e300", "0", "4354819199", "253402300800", "8589934591.5"])
def test_moments_that_zip_cannot_hold_become_the_nearest(mtime: str) -> None:
    data = tar_of(("a", {"pax_headers": {"mtime": mtime}}))
    archive.validate(data)
    with zipfile.ZipFile(io.BytesIO(tar_to_zip(data))) as packed:
        assert 1980 <= packed.getinfo("a").date_time[0] <= 2107


@pytest.mark.requirement("FILES-SAFE-04")
@pytest.mark.parametrize("target", ["\udcff", "x" * 2000])
def test_links_whose_target_nobody_can_write_down_are_refused(target: str) -> None:
    with pytest.raises(ArchiveRefused):
        archive.validate(tar_of(("link", link(target)), form=tarfile.GNU_FORMAT))


@pytest.mark.requirement("FILES-ZIP-02")
def test_zips_that_are_bombs_or_broken_are_refused(monkeypatch) -> None:
    monkeypatch.setattr(zips, "MAX_UPLOAD", 1_000_000)
    bomb = zip_of(a=b"\x00" * 2_000_000)
    assert len(bomb) < 5000
    with pytest.raises(UploadTooLarge):
        zip_to_tar(bomb)
    with pytest.raises(UploadTooLarge):
        zip_to_tar(zip_of(**{str(n): b"\x00" * 400_000 for n in range(3)}))
    good = zip_of(a=b"hello")
    encrypted = bytearray(good)
    encrypted[6] |= 1
    encrypted[good.index(b"PK\x01\x02") + 8] |= 1
    nameless = good.replace(b"a", b"\x00")
    lying = bytearray(good)
    lying[good.index(b"PK\x01\x02") + 10] = 99
    for broken in (b"", b"not a zip", good[:-5], good[:20], bytes(encrypted), bytes(lying), nameless):
        with pytest.raises(ArchiveRefused):
            zip_to_tar(broken)
    with pytest.raises(ArchiveRefused):
        archive.validate(zip_to_tar(zip_of(**{"../evil": b"x"})))


@pytest.mark.requirement("FILES-ZIP-02")
@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_a_bound_are_refused(method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as packed:
        packed.writestr("a", b"hello")
    with pytest.raises(ArchiveRefused, match=r"'a'.*other than deflate"):
        zip_to_tar(buffer.getvalue())


@pytest.mark.requirement("FILES-ZIP-01")
def test_a_zip_whose_moments_are_none_is_accepted() -> None:
    data = bytearray(zip_of(a=b"hello"))
    central = data.index(b"PK\x01\x02")
    data[10:14] = data[central + 12 : central + 16] = bytes(4)
    assert read_files(zip_to_tar(bytes(data))) == {"a": b"hello"}


@pytest.mark.requirement("FILES-ZIP-01")
def test_hard_links_and_the_last_of_two_come_along_into_a_zip() -> None:
    data = tar_of(("a", {"data": b"1"}), ("a", {"data": b"2"}), ("h", link("a", tarfile.LNKTYPE)))
    archive.validate(data)
    with zipfile.ZipFile(io.BytesIO(tar_to_zip(data))) as packed:
        assert [(item.filename, packed.read(item)) for item in packed.infolist()] == [("a", b"2"), ("h", b"2")]


def test_packing_gives_equal_bytes_for_equal_files() -> None:
    files = {"b": b"2", "a/c": b"1"}
    data = archive.pack(files, executable=frozenset({"b"}))
    assert data == archive.pack(dict(reversed(files.items())), executable=frozenset({"b"}))
    assert [entry.name for entry in archive.validate(data)] == ["a/c", "b"]
    assert len(data) < MAX_UPLOAD
