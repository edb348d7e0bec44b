"""The logs as lines of JSON: everything that the asker may read, newest first, piece by piece."""

import json

import pytest

from homeport.audit.api import routes
from homeport.audit.service import paging
from homeport.database import Database
from homeport.kit.ids import new_id
from tests.homeport.audit.entries import connect, make_place, write
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api, Person, build_api


async def lines(api: Api, person: Person, path: str) -> list[str]:
    """Return the ids of an export."""
    answer = await api.call(person, "GET", path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson"), answer.text
    assert answer.text == "" or answer.text.endswith("\n")
    return [json.loads(line)["id"] for line in answer.text.splitlines()]


@pytest.mark.requirement("AUDIT-EXPORT-01")
@pytest.mark.parametrize("piece", [1, 3, 7, 100])
async def test_an_export_has_every_entry_once_and_in_order(
    db: Database, accounts: Accounts, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(paging, "_AT_ONCE", piece)
    api, auditor = build_api(db, routes=routes), await accounts.make("auditor")
    ids = [str(await write(db, minute // 2, organization_id=DEFAULT_ORGANIZATION_ID)) for minute in range(7)]
    found = await lines(api, auditor, "/audit/export")
    assert sorted(found) == sorted(ids)
    listed = (await api.call(auditor, "GET", "/audit")).json()["audit_logs"]
    assert found == [entry["id"] for entry in listed]
    answer = await api.call(auditor, "GET", "/audit/export")
    assert [json.loads(line) for line in answer.text.splitlines()] == listed
    assert await lines(api, auditor, "/audit/export?q=action:create") == []


@pytest.mark.requirement("AUDIT-EXPORT-01")
async def test_an_export_keeps_to_rights_and_refuses_before_it_begins(db: Database, accounts: Accounts) -> None:
    api = build_api(db, routes=routes)
    member, local = await accounts.make(), await accounts.make("organization-auditor")
    here, _ = [await write(db, organization_id=place) for place in (DEFAULT_ORGANIZATION_ID, new_id())]
    assert await lines(api, local, "/audit/export") == [str(here)]
    assert await lines(api, member, "/audit/export") == []
    refused = await api.call(local, "GET", "/audit/export?q=colour:red")
    assert (refused.status_code, refused.json()["validations"][0]["field"]) == (400, "q")
    assert (await api.call(None, "GET", "/audit/export")).status_code == 401


@pytest.mark.requirement("AUDIT-EXPORT-01", "CONNLOG-READ-01")
async def test_connections_are_exported_alike(
    db: Database, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "_AT_ONCE", 2)
    api, auditor = build_api(db, routes=routes), await accounts.make("auditor")
    place = await make_place(db, await accounts.make())
    ids = [str((await connect(db, place, minute)).id) for minute in range(5)]
    assert await lines(api, auditor, "/connectionlog/export") == ids
    assert await lines(api, auditor, "/connectionlog/export?q=type:vscode") == []
    assert await lines(api, await accounts.make(), "/connectionlog/export") == []
