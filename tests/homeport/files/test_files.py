"""Uploading and reading over HTTP, and who may."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from homeport.database import Database
from homeport.files.api import routes
from homeport.files.rules import archive
from homeport.files.rules.editing import read_files
from homeport.files.service import archives
from homeport.files.service.memory import Memory
from homeport.files.types import MAX_UPLOAD
from tests.homeport.files.test_archive import tar_of, zip_of
from tests.support.accounts import Accounts, Api, build_api

TAR = {"Content-Type": "application/x-tar"}
DATA = archive.pack({"main.tf": b"x"})


@pytest.fixture
async def files_api(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    monkeypatch.setattr(archives, "_readers", [])
    built = build_api(db, routes=routes)
    yield built
    await built.gate.close()


async def upload(api: Api, person, data: bytes = DATA, kind: str = "application/x-tar"):
    return await api.call(person, "POST", "/files", content=data, headers={"Content-Type": kind})


@pytest.mark.requirement("FILES-UPLOAD-01")
async def test_the_same_archive_is_stored_once_per_person(files_api: Api, accounts: Accounts) -> None:
    one, two = await accounts.make(), await accounts.make()
    first, again, other = await upload(files_api, one), await upload(files_api, one), await upload(files_api, two)
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 201)
    assert first.json() == again.json() != other.json()
    read = await files_api.call(one, "GET", f"/files/{first.json()['hash']}")
    assert (read.content, read.headers["content-type"]) == (DATA, "application/x-tar")
    row = await files_api.db.fetchrow(
        "select hash, size, organization_id from files where id = $1", UUID(first.json()["hash"])
    )
    assert row is not None
    assert (row["hash"], row["size"]) == (hashlib.sha256(DATA).digest(), len(DATA))
    assert row["organization_id"] is not None


@pytest.mark.requirement("FILES-UPLOAD-01")
async def test_concurrent_uploads_of_one_archive_give_one_file(files_api: Api, accounts: Accounts) -> None:
    person = await accounts.make()
    answers = await asyncio.gather(*(upload(files_api, person) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    assert len({answer.json()["hash"] for answer in answers}) == 1


@pytest.mark.requirement("FILES-UPLOAD-02")
async def test_a_zip_is_stored_as_tar(files_api: Api, accounts: Accounts) -> None:
    person = await accounts.make()
    for kind in ("application/zip", "application/x-zip-compressed", "Application/ZIP; charset=x"):
        made = await upload(files_api, person, zip_of(a=b"hello"), kind)
        assert made.status_code in {200, 201}, made.text
    path = f"/files/{made.json()['hash']}"
    assert read_files((await files_api.call(person, "GET", path)).content) == {"a": b"hello"}
    packed = await files_api.call(person, "GET", f"{path}?format=zip")
    assert packed.headers["content-type"] == "application/zip"
    assert packed.content.startswith(b"PK")
    assert (await files_api.call(person, "GET", f"{path}?format=rar")).status_code == 400


@pytest.mark.requirement("FILES-UPLOAD-03")
async def test_what_is_refused_names_the_reason(files_api: Api, accounts: Accounts) -> None:
    person = await accounts.make()
    for kind in ("", "text/plain", "application/json", "application/x-tar+gzip"):
        answer = await upload(files_api, person, DATA, kind)
        assert (answer.status_code, answer.json()["validations"][0]["field"]) == (400, "Content-Type")
    evil = await upload(files_api, person, tar_of(("../evil", {"data": b"x"})))
    assert evil.status_code == 400
    assert "'../evil'" in evil.json()["message"]
    assert (await upload(files_api, person, b"")).status_code == 400
    assert (await upload(files_api, None)).status_code == 401
    assert await files_api.db.fetchval("select count(*) from files") == 0


@pytest.mark.requirement("FILES-UPLOAD-04")
async def test_an_upload_is_cut_off_at_the_limit(files_api: Api, accounts: Accounts, monkeypatch) -> None:
    person = await accounts.make()
    declared = await files_api.call(
        person, "POST", "/files", content=b"", headers={**TAR, "Content-Length": str(MAX_UPLOAD + 1)}
    )
    assert declared.status_code == 413
    monkeypatch.setattr(archives, "MAX_UPLOAD", 100_000)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 10_000_000:
            sent += 10_000
            yield b"\x00" * 10_000

    answer = await files_api.call(person, "POST", "/files", content=endless(), headers=TAR)
    assert answer.status_code == 413
    assert "100 MiB" in answer.json()["message"]


@pytest.mark.requirement("FILES-UPLOAD-05")
async def test_uploads_share_a_bound_of_memory_and_give_it_back(
    files_api: Api, accounts: Accounts, monkeypatch
) -> None:
    person = await accounts.make()
    uploads = Memory(2 * len(DATA))
    monkeypatch.setattr(archives, "_uploads", uploads)
    with uploads.hold() as another:
        another.grow(len(DATA) + 1)
        refused = await upload(files_api, person)
        assert (refused.status_code, "Try again" in refused.json()["message"]) == (503, True)
    assert (await upload(files_api, person)).status_code == 201
    assert (await upload(files_api, person, b"no archive")).status_code == 400
    assert uploads.used == 0


@pytest.mark.requirement("FILES-READ-01")
async def test_files_are_read_by_their_owner_and_those_with_the_right(
    files_api: Api, accounts: Accounts, db: Database
) -> None:
    person, other, admin = await accounts.make(), await accounts.make(), await accounts.make("template-admin")
    local = await accounts.make("organization-template-admin")
    path = f"/files/{(await upload(files_api, person)).json()['hash']}"
    assert (await files_api.call(other, "GET", path)).status_code == 404
    assert (await files_api.call(await accounts.make("stranger"), "GET", path)).status_code == 404
    assert (await files_api.call(admin, "GET", path)).status_code == 200
    # Files know their organization, so its template administrators can read them.
    assert (await files_api.call(local, "GET", path)).status_code == 200
    assert (await files_api.call(person, "GET", f"/files/{uuid4()}")).status_code == 404
    assert (await files_api.call(person, "GET", "/files/x")).status_code == 400


@pytest.mark.requirement("FILES-READ-02")
async def test_another_room_may_open_a_file_or_explain_the_refusal(files_api: Api, accounts: Accounts) -> None:
    person, other = await accounts.make(), await accounts.make()
    path = f"/files/{(await upload(files_api, person)).json()['hash']}"
    reach = "visible"

    async def reader(_conn, _subject, _file_id):
        return reach

    archives.register_reader(reader)
    refused = await files_api.call(other, "GET", path)
    assert refused.status_code == 403
    assert "source" in refused.json()["message"]
    reach = "allowed"
    assert (await files_api.call(other, "GET", path)).content == DATA
