"""Who a daemon is: every case of the table of credentials, where they are required and where they are optional."""

from typing import Any, cast
from uuid import UUID

import pytest

from homeport.access.types import ProvisionerIdentity
from homeport.database import Database, DatabaseError
from homeport.kit.errors import BadRequest, HomeportError, NotAuthenticated
from homeport.provisioning.service.authentication import authenticate_daemon, try_daemon
from tests.homeport.provisioning.queue_world import PSK, QueueWorld

KEYS = "/organizations/default/provisionerkeys"
ASK = {"name": "d", "version": "1", "provisioners": ["echo"], "wait_seconds": 0}
ACQUIRE = "/organizations/default/provisionerdaemons/acquire"
UNKNOWN = "x" * 43
WRONG_SECRET = "wrong"
KNOWN = "a key that exists"
FOREIGN = "a key of another organization"

MISSING = (NotAuthenticated, "A provisioner key is required.")
BAD_PSK = (NotAuthenticated, "The provisioner daemon's pre-shared key is not valid.")
BOTH = (BadRequest, "Send either Coder-Provisioner-Daemon-Key or Coder-Provisioner-Daemon-PSK, not both.")
MALFORMED = (BadRequest, "The provisioner key is not valid.")
BAD_KEY = (NotAuthenticated, "The provisioner key is not valid.")

# key header, pre-shared key header, the deployment's pre-shared key, and the answer where credentials are required: who it is,
# or the refusal. Where they are optional each refusal is nobody.
TABLE: list[tuple[str, str, str, str | tuple[type[HomeportError], str]]] = [
    ("", "", "", MISSING),
    ("", PSK, "", MISSING),
    ("", WRONG_SECRET, "", MISSING),
    ("", "", PSK, BAD_PSK),
    ("", WRONG_SECRET, PSK, BAD_PSK),
    ("", PSK[:-1], PSK, BAD_PSK),
    ("", PSK + "x", PSK, BAD_PSK),
    ("", PSK.upper(), PSK, BAD_PSK),
    ("", PSK, PSK, "psk"),
    # Both at once are refused whatever they are: with and without a deployment's secret, right and wrong.
    (KNOWN, PSK, "", BOTH),
    (KNOWN, PSK, PSK, BOTH),
    (KNOWN, WRONG_SECRET, PSK, BOTH),
    (UNKNOWN, PSK, PSK, BOTH),
    ("short", PSK, PSK, BOTH),
    ("short", "", "", MALFORMED),
    ("short", "", PSK, MALFORMED),
    ("x" * 42, "", PSK, MALFORMED),
    ("x" * 44, "", PSK, MALFORMED),
    (f"00000000-0000-0000-0000-000000000000:{'x' * 43}", "", PSK, MALFORMED),
    (UNKNOWN, "", "", BAD_KEY),
    (UNKNOWN, "", PSK, BAD_KEY),
    (KNOWN, "", "", "key"),
    (KNOWN, "", PSK, "key"),
    (FOREIGN, "", "", BAD_KEY),
    (FOREIGN, "", PSK, BAD_KEY),
]


class Keys:
    """Two keys: of the organization that is asked about, and of another."""

    def __init__(self, queue: QueueWorld) -> None:
        self.queue = queue
        self.known = ""
        self.foreign = ""
        self.other_id = UUID(int=0)

    async def make(self) -> "Keys":
        owner = await self.queue.accounts.make("owner")
        self.other_id = await self.queue.db.fetchval(
            "insert into organizations (id, name, created_at, updated_at) values (gen_random_uuid(), 'acme', now(), now()) returning id"
        )
        made = await self.queue.api.call(owner, "POST", KEYS, {"name": "remote", "tags": {"region": "eu"}})
        self.known = made.json()["key"]
        made = await self.queue.api.call(owner, "POST", "/organizations/acme/provisionerkeys", {"name": "remote"})
        self.foreign = made.json()["key"]
        return self

    def secret(self, word: str) -> str:
        return {KNOWN: self.known, FOREIGN: self.foreign}.get(word, word)


@pytest.fixture
async def keys(queue: QueueWorld) -> Keys:
    return await Keys(queue).make()


def _check(queue: QueueWorld, found: ProvisionerIdentity, wanted: str) -> None:
    assert found.kind == wanted
    assert found.user_id is None
    if wanted == "psk":
        assert (found.key_id, found.organization_id, found.tags) == (None, None, {})
    else:
        assert found.organization_id == queue.organization_id
        assert found.tags == {"scope": "organization", "owner": "", "region": "eu"}
        assert found.key_id is not None


@pytest.mark.requirement("QUEUE-AUTH-04", "M19")
@pytest.mark.parametrize(("key", "psk", "deployment", "answer"), TABLE)
async def test_the_table_where_credentials_are_required(queue, keys, key, psk, deployment, answer) -> None:
    asked = {"key": keys.secret(key), "psk": psk, "deployment_psk": deployment, "organization": "default"}
    if isinstance(answer, str):
        _check(queue, await authenticate_daemon(queue.db, **asked), answer)
        return
    kind, words = answer
    with pytest.raises(kind) as caught:
        await authenticate_daemon(queue.db, **asked)
    assert caught.value.message == words
    assert caught.value.status == (400 if kind is BadRequest else 401)
    if answer is MALFORMED:
        assert "43 characters" in caught.value.validations[0].detail


@pytest.mark.requirement("QUEUE-AUTH-04", "M19")
@pytest.mark.parametrize(("key", "psk", "deployment", "answer"), TABLE)
async def test_the_table_where_credentials_are_optional(queue, keys, key, psk, deployment, answer) -> None:
    found = await try_daemon(queue.db, key=keys.secret(key), psk=psk, deployment_psk=deployment, organization="default")
    if isinstance(answer, str):
        assert found is not None
        _check(queue, found, answer)
    else:
        assert found is None


class _BrokenDatabase:
    def connection(self) -> Any:
        raise DatabaseError("The database refused a statement.")


@pytest.mark.requirement("QUEUE-AUTH-04", "M19")
async def test_a_failure_of_the_database_is_an_error_where_required_and_nobody_where_optional() -> None:
    broken = cast("Database", _BrokenDatabase())
    with pytest.raises(DatabaseError) as caught:
        await authenticate_daemon(broken, key=UNKNOWN, psk="", deployment_psk=PSK)
    assert caught.value.status == 500
    assert await try_daemon(broken, key=UNKNOWN, psk="", deployment_psk=PSK) is None
    # The deployment's secret needs no database.
    assert (await authenticate_daemon(broken, key="", psk=PSK, deployment_psk=PSK)).kind == "psk"


OVER_HTTP = [
    # Without a session the credentials are required.
    ("", "", False, 401, ""),
    ("", WRONG_SECRET, False, 401, ""),
    ("", PSK, False, 204, "psk"),
    (KNOWN, PSK, False, 400, ""),
    ("short", "", False, 400, ""),
    (UNKNOWN, "", False, 401, ""),
    (FOREIGN, "", False, 401, ""),
    (KNOWN, "", False, 204, "key"),
    # Beside one they are optional: what does not serve is passed over, and the session has the word.
    ("", "", True, 204, "user-auth"),
    ("", WRONG_SECRET, True, 204, "user-auth"),
    ("", PSK, True, 204, "psk"),
    (KNOWN, PSK, True, 204, "user-auth"),
    ("short", "", True, 204, "user-auth"),
    (UNKNOWN, "", True, 204, "user-auth"),
    (FOREIGN, "", True, 204, "user-auth"),
    (KNOWN, "", True, 204, "key"),
]


@pytest.mark.requirement("QUEUE-AUTH-04", "M19")
@pytest.mark.parametrize(("key", "psk", "has_session", "status", "kind"), OVER_HTTP)
async def test_the_cases_over_http(queue, keys, key, psk, has_session, status, kind) -> None:
    given = {"Coder-Provisioner-Daemon-Key": keys.secret(key), "Coder-Provisioner-Daemon-PSK": psk}
    person = await queue.accounts.make("owner") if has_session else None
    headers = {name: value for name, value in given.items() if value}
    answer = await queue.api.call(person, "POST", ACQUIRE, ASK, headers=headers)
    assert answer.status_code == status, answer.text
    rows = await queue.db.fetch("select kind from provisioner_daemons")
    assert [row["kind"] for row in rows] == ([kind] if kind else [])


@pytest.mark.requirement("QUEUE-AUTH-04", "M19")
async def test_optional_credentials_that_fail_do_not_make_a_bad_session_good(queue: QueueWorld) -> None:
    stranger = await queue.accounts.make("stranger")
    answer = await queue.api.call(stranger, "POST", ACQUIRE, ASK, headers={"Coder-Provisioner-Daemon-Key": UNKNOWN})
    assert answer.status_code in {403, 404}
    assert await queue.db.fetchval("select count(*) from provisioner_daemons") == 0


@pytest.mark.requirement("QUEUE-AUTH-04", "M19")
async def test_an_expired_key_is_as_unknown(queue: QueueWorld, keys: Keys) -> None:
    await queue.db.execute("update provisioner_keys set expires_at = '2000-01-01'")
    with pytest.raises(NotAuthenticated, match="not valid"):
        await authenticate_daemon(queue.db, key=keys.known, psk="", deployment_psk="", organization="default")


@pytest.mark.requirement("QUEUE-AUTH-04", "M19")
async def test_a_key_knows_itself_and_no_other(queue: QueueWorld, keys: Keys) -> None:
    path = "/provisionerkeys"
    own = {"Coder-Provisioner-Daemon-Key": keys.known}
    assert (await queue.api.call(None, "GET", f"{path}/{keys.known}", headers=own)).json()["name"] == "remote"
    for secret in (keys.foreign, UNKNOWN, "short", "remote"):
        assert (await queue.api.call(None, "GET", f"{path}/{secret}", headers=own)).status_code == 404
    assert (await queue.api.call(None, "GET", f"{path}/{keys.known}")).status_code == 401
    psk = {"Coder-Provisioner-Daemon-PSK": PSK}
    assert (await queue.api.call(None, "GET", f"{path}/{keys.known}", headers=psk)).status_code == 404
