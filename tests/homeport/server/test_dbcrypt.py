"""Keys that seal: rotating them over every sealed column, going back to the data folder's, and letting go of what none opens."""

import asyncio
import base64
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from homeport.agents.service.client_key import load_client_key
from homeport.config import Settings
from homeport.database import Database
from homeport.identity.queries import links as link_queries
from homeport.identity.types import LinkClaims, LoginType
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.mail.service.outbox import enqueue
from homeport.mail.types import Message
from homeport.server.dbcrypt import command, queries, resealing
from homeport.server.dbcrypt.columns import SEALED, Loss
from tests.homeport.server.deployment import Deployment
from tests.support.accounts import Accounts

OLD, NEW, LOST = bytes(range(32)), b"n" * 32, b"l" * 32
ROOMS = Path(__file__).resolve().parents[3] / "src" / "homeport"
SEALING = re.compile(r"cipher\.encrypt\(|\bseal\(")
# Who seals, and what for; what is sealed for no table is named by what it is for.
SEALERS = {
    "identity/service/git_ssh_keys.py": "git_ssh_keys.private_key_sealed",
    "identity/service/links.py": "user_links.access_token_sealed",
    "access/service/links.py": "user_links.refresh_token_sealed",
    "templates/service/variables.py": "template_version_variables.value_sealed",
    "templates/service/dry_runs.py": "provisioner_jobs.input",
    "workspaces/service/states.py": "workspace_builds.provisioner_state",
    "workspaces/service/endings.py": "workspace_builds.provisioner_state",
    "workspaces/service/builds.py": "workspace_builds.provisioner_state",
    "workspaces/service/provisioned.py": "workspace_agents.auth_token_sealed",
    "agents/service/sub_agents.py": "workspace_agents.auth_token_sealed",
    "agents/service/client_key.py": "site_configs.value",
    "mail/service/outbox.py": "mails.content_sealed",
    "server/dbcrypt/resealing.py": "all of them",
    "web/pages/sign_in_code.py": "a field of a form, which lives for minutes",
}
# Columns of bytes that are not sealed: hashes, prefixes, files.
PLAIN = {
    "api_keys.hashed_secret", "files.hash", "files.data", "provisioner_keys.hashed_secret", "provisioner_jobs.token_hash",
    "workspace_agents.auth_token_hash", "workspace_proxies.token_hash",
}  # fmt: skip
PLAIN_TABLES = ("oauth2_",)


async def furnish(deployment: Deployment) -> None:
    """Have something in every sealed column, made by those who own them."""
    cipher, db = deployment.parts.cipher, deployment.db
    admin, person = await deployment.accounts.make("owner"), await deployment.accounts.make()
    places = await deployment.furnish(admin, person, user="me")
    await deployment.ask(person, "GET", "/users/me/gitsshkey")
    values = {"user_variable_values": [{"name": "secret", "value": "s3cret"}]}
    await deployment.pending_version(admin, **values)
    await deployment.ask(admin, "POST", f"/templateversions/{places.words['templateversion']}/dry-run", values)
    await load_client_key(db, cipher)
    async with db.transaction() as conn:
        await link_queries.save_link(
            conn, user_id=person.id, login_type=LoginType.OIDC, linked_id="x", access_token_sealed=cipher.encrypt(b"access"),
            refresh_token_sealed=cipher.encrypt(b"refresh"), token_key_id=cipher.key_id, oauth_expiry=None,
            claims=LinkClaims(), now=clock.now(),
        )  # fmt: skip
        ends = clock.now() + timedelta(hours=1)
        await enqueue(conn, cipher, kind="t", recipient="a@b.test", message=Message("s", "t", "h"), expires_at=ends)


async def opened(db: Database, key: bytes) -> dict[str, list[bytes]]:
    """Everything that a key opens, by column."""
    found: dict[str, list[bytes]] = {}
    cipher = Cipher([key])
    for column in SEALED:
        async with db.transaction() as conn:
            rows = await queries.lock_batch(conn, column, not_by="", after=())
        found[column.name] = sorted(
            cipher.decrypt(row["sealed"]) for row in rows if row["sealed"][1:5].hex() == cipher.key_id
        )
    return found


@pytest.mark.requirement("DBCRYPT-COLUMNS-01")
async def test_every_column_of_bytes_is_declared_or_known_to_be_plain(db: Database) -> None:
    rows = await db.fetch(
        "select c.table_name || '.' || c.column_name as name, c.data_type from information_schema.columns c"
        " join information_schema.tables t on t.table_name = c.table_name and t.table_type = 'BASE TABLE'"
        " where c.table_schema = 'public' and (c.data_type = 'bytea' or c.column_name like '%seal%')"
    )
    declared = {column.name for column in SEALED}
    unknown = {row["name"] for row in rows} - declared - PLAIN
    assert {name for name in unknown if not name.startswith(PLAIN_TABLES)} == set()
    assert {row["name"] for row in rows} >= PLAIN, "what is no more need not be named"
    keys = await db.fetch(
        "select c.table_name, c.column_name from information_schema.table_constraints t"
        " join information_schema.key_column_usage c using (constraint_name, table_name) where t.constraint_type = 'PRIMARY KEY'"
    )
    for column in SEALED:
        assert {row["column_name"] for row in keys if row["table_name"] == column.table} == set(column.keys)
        nullable = await db.fetchval(
            "select is_nullable = 'YES' from information_schema.columns where table_name = $1 and column_name = $2",
            column.table,
            column.column,
        )
        assert nullable or column.loss is not Loss.EMPTY or column.read, f"{column.name} cannot be empty"


@pytest.mark.requirement("DBCRYPT-COLUMNS-01")
def test_whoever_seals_is_known_with_the_column_it_seals_for() -> None:
    found = {
        str(path.relative_to(ROOMS))
        for path in ROOMS.rglob("*.py")
        if SEALING.search(path.read_text("utf-8").replace("self._cipher", "cipher"))
    }
    assert found == set(SEALERS)
    named = {words for words in SEALERS.values() if "." in words}
    assert named == {column.name for column in SEALED}


@pytest.mark.requirement("DBCRYPT-ROTATE-01")
async def test_everything_is_sealed_anew_and_says_the_same(deployment: Deployment) -> None:
    await furnish(deployment)
    db = deployment.db
    before = await opened(db, OLD)
    assert all(before.values()), {name for name, values in before.items() if not values}
    done = await resealing.rotate(db, Cipher([NEW, OLD]))
    assert {each.column.name: each.resealed for each in done} == {name: len(values) for name, values in before.items()}
    assert all(not each.left for each in done)
    assert await opened(db, NEW) == before
    assert not any((await opened(db, OLD)).values())
    assert await db.fetchval("select token_key_id from user_links") == Cipher([NEW]).key_id
    again = await resealing.rotate(db, Cipher([NEW, OLD]))
    assert sum(each.resealed for each in again) == 0


@pytest.mark.requirement("DBCRYPT-ROTATE-02")
async def test_a_run_that_was_broken_off_is_started_again(
    db: Database, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_mails(db, Cipher([OLD]), 25)
    monkeypatch.setattr(queries, "BATCH", 10)
    write, calls = queries.update_sealed, 0

    async def fail_later(*args: Any, **more: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 14:
            raise ConnectionError("the line broke")
        await write(*args, **more)

    monkeypatch.setattr(queries, "update_sealed", fail_later)
    with pytest.raises(ConnectionError):
        await resealing.rotate(db, Cipher([NEW, OLD]))
    assert len((await opened(db, NEW))["mails.content_sealed"]) == 10, "whole batches stay"
    done = {each.column.name: each for each in await resealing.rotate(db, Cipher([NEW, OLD]))}
    assert (done["mails.content_sealed"].resealed, done["mails.content_sealed"].left) == (15, {})


@pytest.mark.requirement("DBCRYPT-ROTATE-02")
async def test_servers_may_seal_meanwhile(db: Database) -> None:
    await put_mails(db, Cipher([OLD]), 150)
    both = Cipher([NEW, OLD])

    async def go_on() -> None:
        for _ in range(10):
            await put_mails(db, both, 3)

    done, _ = await asyncio.gather(resealing.rotate(db, both), go_on())
    assert all(not each.left for each in done)
    assert await db.fetchval("select count(*) from mails") == 180


@pytest.mark.requirement("DBCRYPT-ROTATE-03")
async def test_what_no_key_opens_is_told_and_kept(db: Database) -> None:
    await put_mails(db, Cipher([OLD]), 2)
    await put_mails(db, Cipher([LOST]), 3)
    said: list[str] = []
    cipher = Cipher([NEW, OLD])
    status = command._report(await resealing.rotate(db, cipher), cipher, said.append)
    assert status == 1
    assert f"Left in mails.content_sealed: 3 with the key {Cipher([LOST]).key_id}" in said
    assert any("dbcrypt delete" in line for line in said)
    assert await db.fetchval("select count(*) from mails") == 5


@pytest.mark.requirement("DBCRYPT-DELETE-01")
async def test_what_no_key_opens_goes_as_its_column_says_and_the_rest_stays(deployment: Deployment) -> None:
    await furnish(deployment)
    db = deployment.db
    kept = await deployment.accounts.make()
    cipher = Cipher([NEW])
    async with db.transaction() as conn:
        await link_queries.save_link(
            conn, user_id=kept.id, login_type=LoginType.OIDC, linked_id="y", access_token_sealed=cipher.encrypt(b"a"),
            refresh_token_sealed=None, token_key_id=cipher.key_id, oauth_expiry=None, claims=LinkClaims(), now=clock.now(),
        )  # fmt: skip
    found = await resealing.find_unopenable(db, cipher)
    assert {column.name for column in found} == {column.name for column in SEALED}
    assert await resealing.delete_unopenable(db, cipher) == found
    assert await resealing.find_unopenable(db, cipher) == {}
    counts = {
        name: await db.fetchval(f"select count(*) from {name}")
        for name in ("mails", "git_ssh_keys", "user_links", "template_version_variables")
    }
    assert counts == {"mails": 0, "git_ssh_keys": 0, "user_links": 2, "template_version_variables": 0}
    assert (await opened(db, NEW))["user_links.access_token_sealed"] == [b"a"]
    assert await db.fetchval("select count(*) from workspace_builds where provisioner_state is not null") == 0
    assert set((await opened(db, NEW))["workspace_agents.auth_token_sealed"]) == {b""}
    # And it works on.
    person = await deployment.accounts.make()
    assert (await deployment.ask(person, "GET", "/users/me/gitsshkey"))["public_key"].startswith("ssh-ed25519 ")
    await load_client_key(db, cipher)


@pytest.mark.requirement("DBCRYPT-DELETE-01")
async def test_a_damaged_value_counts_as_one_that_nobody_opens(db: Database) -> None:
    await put_mails(db, Cipher([NEW]), 2)
    await db.execute(
        "update mails set content_sealed = substring(content_sealed from 1 for 20) where id = (select min(id::text)::uuid from mails)"
    )
    assert sum((await resealing.find_unopenable(db, Cipher([NEW]))).values()) == 1
    assert sum((await resealing.delete_unopenable(db, Cipher([NEW]))).values()) == 1
    assert await db.fetchval("select count(*) from mails") == 1


async def put_mails(db: Database, cipher: Cipher, count: int) -> None:
    async with db.transaction() as conn:
        for _ in range(count):
            ends = clock.now() + timedelta(hours=1)
            await enqueue(conn, cipher, kind="t", recipient="a@b.test", message=Message("s", "t", "h"), expires_at=ends)


class Operator:
    """Runs the command on the test's database, as an operator at a terminal."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.said: list[str] = []
        self.asked: list[str] = []
        self.agrees = True

    def confirm(self, words: str) -> None:
        self.asked.append(words)
        if not self.agrees:
            raise RuntimeError("no")

    async def run(self, deed: Any, *keys: bytes) -> int:
        settings = Settings(
            pg_connection_url=self.url,
            data_dir=self.folder,
            external_token_encryption_keys=tuple(base64.b64encode(key).decode() for key in keys),
        )
        return await asyncio.to_thread(command.run, settings, deed, confirm=self.confirm, announce=self.said.append)


@pytest.fixture
def operator(worker_database: str, tmp_path: Path) -> Operator:
    return Operator(worker_database, tmp_path)


@pytest.mark.requirement("DBCRYPT-ROTATE-01", "DBCRYPT-ROTATE-03")
async def test_the_command_rotates_and_says_what_depends_on_which_key(db: Database, operator: Operator) -> None:
    await put_mails(db, Cipher([OLD]), 3)
    assert await operator.run("rotate", NEW, OLD) == 0
    assert operator.said == [
        f"Sealed 3 of mails.content_sealed with the key {Cipher([NEW]).key_id}.",
        f"Everything that is sealed depends on the key {Cipher([NEW]).key_id} alone; others can be removed.",
    ]
    assert await operator.run("rotate", LOST) == 1
    assert (operator.folder / "encryption.key").exists() is False


@pytest.mark.requirement("DBCRYPT-ROTATE-04")
async def test_the_first_key_of_the_settings_takes_over_from_the_data_folders(db: Database, operator: Operator) -> None:
    (operator.folder / "encryption.key").write_bytes(base64.b64encode(OLD) + b"\n")
    await put_mails(db, Cipher([OLD]), 2)
    assert await operator.run("rotate", NEW) == 0
    assert len((await opened(db, NEW))["mails.content_sealed"]) == 2


@pytest.mark.requirement("DBCRYPT-DECRYPT-01")
async def test_decrypt_goes_back_to_the_key_of_the_data_folder_and_never_to_plain_text(
    db: Database, operator: Operator
) -> None:
    await put_mails(db, Cipher([NEW]), 2)
    operator.agrees = False
    with pytest.raises(RuntimeError, match="no"):
        await operator.run("decrypt", NEW)
    operator.agrees = True
    assert await operator.run("decrypt", NEW) == 0
    assert "plain text" in operator.asked[0]
    key = base64.b64decode((operator.folder / "encryption.key").read_bytes())
    assert len((await opened(db, key))["mails.content_sealed"]) == 2
    assert (operator.folder / "encryption.key").stat().st_mode & 0o777 == 0o600
    assert await operator.run("decrypt") == 1


@pytest.mark.requirement("DBCRYPT-DECRYPT-01")
async def test_decrypt_is_refused_while_a_server_runs(
    db: Database, operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    await db.execute(
        "insert into replicas (id, hostname, version, started_at, updated_at)"
        " values (gen_random_uuid(), 'h', 'v', clock_timestamp(), clock_timestamp())"
    )
    assert await operator.run("decrypt", NEW) == 1
    assert "Stop them" in capsys.readouterr().err
    await db.execute("update replicas set stopped_at = clock_timestamp()")
    assert await operator.run("decrypt", NEW) == 0


@pytest.mark.requirement("DBCRYPT-DELETE-02")
async def test_delete_says_what_goes_and_asks_first(db: Database, operator: Operator) -> None:
    await put_mails(db, Cipher([LOST]), 2)
    assert await operator.run("delete", LOST) == 0
    assert operator.asked == []
    operator.agrees = False
    with pytest.raises(RuntimeError, match="no"):
        await operator.run("delete", NEW)
    assert "  mails.content_sealed: 2 (mails that wait; people ask for them again)" in operator.said
    assert await db.fetchval("select count(*) from mails") == 2
    operator.agrees = True
    assert await operator.run("delete", NEW) == 0
    assert operator.said[-1] == "Deleted 2 of mails.content_sealed."
    assert await db.fetchval("select count(*) from mails") == 0


@pytest.mark.requirement("DBCRYPT-DELETE-02")
async def test_without_any_key_nothing_is_done(
    db: Database, operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    await put_mails(db, Cipher([LOST]), 1)
    for deed in ("rotate", "delete"):
        assert await operator.run(deed) == 1
        assert "There is no key" in capsys.readouterr().err
    assert await db.fetchval("select count(*) from mails") == 1
