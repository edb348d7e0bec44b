"""Archives that mean harm, over HTTP: each is a 4xx that names the field, in bounded time, and nothing is stored."""

import io
import tarfile
import time
import zipfile
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from homeport.database import Database
from homeport.files.api import routes
from homeport.files.rules import archive as rules
from homeport.files.rules import zips
from homeport.files.service import archives
from tests.homeport.files.test_archive import link, tar_of
from tests.support.accounts import Accounts, Api, build_api

MOST_BYTES = 4 * 1024 * 1024
MOST_ENTRIES = 2_000
MANY = 5 * MOST_ENTRIES
"""Limits are a tenth of the real ones, so that archives beyond them are made and read in a moment."""


@pytest.fixture
async def files_api(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    monkeypatch.setattr(archives, "_readers", [])
    monkeypatch.setattr(archives, "MAX_UPLOAD", MOST_BYTES)
    for module in (rules, zips):
        monkeypatch.setattr(module, "MAX_UPLOAD", MOST_BYTES)
        monkeypatch.setattr(module, "MAX_ENTRIES", MOST_ENTRIES)
    built = build_api(db, routes=routes)
    yield built
    await built.gate.close()


def many_in_tar() -> bytes:
    header = tarfile.TarInfo("a").tobuf()
    return header * MANY + bytes(1024)


def zip_with(*names: str, data: bytes = b"x") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in names:
            item = zipfile.ZipInfo("placeholder")
            item.filename = name
            item.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(item, data)
    return buffer.getvalue()


def zip_bomb() -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed,
        packed.open("zeros", "w", force_zip64=True) as file,
    ):
        for _ in range(3 * MOST_BYTES // (1024 * 1024)):
            file.write(bytes(1024 * 1024))
    return buffer.getvalue()


TARS: dict[str, Callable[[], bytes]] = {
    "above the root": lambda: tar_of(("../../etc/passwd", {"data": b"x"})),
    "from the root": lambda: tar_of(("/etc/passwd", {"data": b"x"})),
    "a link out": lambda: tar_of(("a", link("/etc")), ("a/passwd", {"data": b"x"})),
    "a link up": lambda: tar_of(("d", {"type": tarfile.DIRTYPE}), ("d/a", link("../../x"))),
    "a hard link out": lambda: tar_of(("a", link("/etc/passwd", tarfile.LNKTYPE))),
    "links in circles": lambda: tar_of(("a", link("b")), ("b", link("a"))),
    "a device": lambda: tar_of(("a", {"type": tarfile.BLKTYPE})),
    "a pipe": lambda: tar_of(("a", {"type": tarfile.FIFOTYPE})),
    "many entries": many_in_tar,
    "a lie about the size": lambda: tar_of(("a", {"data": b"x"}))[:124] + b"77777777777\x00" + bytes(2048),
    "no archive": lambda: b"#!/bin/sh\n" * 1000,
    "nothing": lambda: b"",
}
ZIPS: dict[str, Callable[[], bytes]] = {
    "above the root": lambda: zip_with("../../etc/passwd"),
    "from the root": lambda: zip_with("/etc/passwd"),
    "of another system": lambda: zip_with("C:\\windows\\x"),
    "with a backslash": lambda: zip_with("..\\x"),
    "too long a name": lambda: zip_with("a" * 5000),
    "a folder as a file": lambda: zip_with("a", "a/../../b"),
    "a bomb": zip_bomb,
    "many entries": lambda: zip_with(*(str(number) for number in range(MANY)), data=b""),
    "cut off": lambda: zip_with("a", "b")[:-30],
    "no archive": lambda: b"PK\x03\x04" + bytes(3000),
}


async def refuse(api: Api, db: Database, person: Any, data: bytes, kind: str) -> None:
    begun = time.process_time()
    answer = await api.call(person, "POST", "/files", content=data, headers={"Content-Type": kind})
    assert answer.status_code in {400, 413}, answer.text
    assert answer.json()["validations"][0]["field"] == "file"
    assert answer.json()["validations"][0]["detail"]
    assert time.process_time() - begun < 5
    assert await db.fetchval("select count(*) from files") == 0


@pytest.mark.requirement("CONTENTS-HOSTILE-01")
@pytest.mark.parametrize("name", TARS)
async def test_harmful_tars(files_api: Api, accounts: Accounts, db: Database, name: str) -> None:
    await refuse(files_api, db, await accounts.make(), TARS[name](), "application/x-tar")


@pytest.mark.requirement("CONTENTS-HOSTILE-01")
@pytest.mark.parametrize("name", ZIPS)
async def test_harmful_zips(files_api: Api, accounts: Accounts, db: Database, name: str) -> None:
    await refuse(files_api, db, await accounts.make(), ZIPS[name](), "application/zip")


@pytest.mark.requirement("CONTENTS-HOSTILE-02")
async def test_a_file_is_had_as_zip(files_api: Api, accounts: Accounts) -> None:
    person = await accounts.make()
    data = tar_of(("a", {"data": b"hello", "mode": 0o755}), ("d", {"type": tarfile.DIRTYPE}), ("d/l", link("../a")))
    stored = await files_api.call(person, "POST", "/files", content=data, headers={"Content-Type": "application/x-tar"})
    answer = await files_api.call(person, "GET", f"/files/{stored.json()['hash']}?format=zip")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert {item.filename: packed.read(item) for item in packed.infolist()} == {
            "a": b"hello",
            "d/": b"",
            "d/l": b"../a",
        }
        assert packed.getinfo("a").external_attr >> 16 & 0o777 == 0o755
