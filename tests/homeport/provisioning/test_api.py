"""The queue over HTTP: daemons let in by key, secret or session; keys; lists; the protocol from acquire to end."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from homeport.kit.ids import new_id
from homeport.provisioning.rules import PSEUDO_KEYS
from tests.homeport.provisioning.queue_world import PSK, QueueWorld
from tests.support.accounts import Person

KEYS = "/organizations/default/provisionerkeys"
DAEMONS = "/organizations/default/provisionerdaemons"
ACQUIRE = f"{DAEMONS}/acquire"
ASK = {"name": "d", "version": "1", "provisioners": ["echo"], "wait_seconds": 0}
BY_PSK = {"Coder-Provisioner-Daemon-PSK": PSK}


async def make_key(queue: QueueWorld, owner: Person, name: str = "remote", **tags: str) -> str:
    made = await queue.api.call(owner, "POST", KEYS, {"name": name, "tags": tags})
    assert made.status_code == 201, made.text
    key: str = made.json()["key"]
    assert len(key) == 43
    return key


@pytest.mark.requirement("QUEUE-AUTH-01")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Coder-Provisioner-Daemon-PSK": "wrong"}, 401),
        ({"Coder-Provisioner-Daemon-PSK": ""}, 401),
        (BY_PSK, 204),
        ({**BY_PSK, "Coder-Provisioner-Daemon-Key": "x" * 43}, 400),
        ({"Coder-Provisioner-Daemon-Key": "short"}, 400),
        ({"Coder-Provisioner-Daemon-Key": "x" * 43}, 401),
    ],
)
async def test_the_matrix_of_daemon_credentials(queue: QueueWorld, headers, status) -> None:
    answer = await queue.api.call(None, "POST", ACQUIRE, ASK, headers=headers)
    assert answer.status_code == status, answer.text


@pytest.mark.requirement("QUEUE-AUTH-01")
async def test_a_key_fixes_organization_and_tags(queue: QueueWorld) -> None:
    owner = await queue.accounts.make("owner")
    key = await make_key(queue, owner, region="eu")
    headers = {"Coder-Provisioner-Daemon-Key": key}
    answer = await queue.api.call(None, "POST", ACQUIRE, ASK, headers=headers)
    assert answer.status_code == 204
    row = await queue.db.fetchrow(
        "select * from provisioner_daemons where id = $1", UUID(answer.headers["Homeport-Daemon-Id"])
    )
    assert row is not None
    assert row["tags"] == {"scope": "organization", "owner": "", "region": "eu"}
    again = await queue.api.call(None, "POST", ACQUIRE, ASK, headers=headers)
    assert again.headers["Homeport-Daemon-Id"] == answer.headers["Homeport-Daemon-Id"]
    with_tags = await queue.api.call(None, "POST", ACQUIRE, {**ASK, "tags": {"a": "b"}}, headers=headers)
    assert with_tags.status_code == 400
    assert with_tags.json()["validations"][0]["field"] == "tags"
    await queue.db.execute(
        "insert into organizations (id, name, created_at, updated_at) values (gen_random_uuid(), 'acme', now(), now())"
    )
    foreign = await queue.api.call(None, "POST", "/organizations/acme/provisionerdaemons/acquire", ASK, headers=headers)
    assert foreign.status_code == 401
    unknown = await queue.api.call(
        None, "POST", "/organizations/nowhere/provisionerdaemons/acquire", ASK, headers=headers
    )
    assert unknown.status_code == 404


@pytest.mark.requirement("QUEUE-AUTH-02")
async def test_a_person_without_the_right_runs_a_daemon_for_themselves_only(queue: QueueWorld) -> None:
    member, owner = await queue.accounts.make(), await queue.accounts.make("owner")
    for person, scope in ((member, "user"), (owner, "organization")):
        answer = await queue.api.call(person, "POST", ACQUIRE, {**ASK, "name": person.username})
        assert answer.status_code == 204, answer.text
        tags = await queue.db.fetchval("select tags from provisioner_daemons where name = $1", person.username)
        assert tags == {"scope": scope, "owner": str(person.id) if scope == "user" else ""}
    stranger = await queue.accounts.make("stranger")
    assert (await queue.api.call(stranger, "POST", ACQUIRE, ASK)).status_code in {403, 404}
    # A bad key beside a good session falls back on the session.
    answer = await queue.api.call(owner, "POST", ACQUIRE, ASK, headers={"Coder-Provisioner-Daemon-Key": "x" * 43})
    assert answer.status_code == 204


@pytest.mark.requirement("QUEUE-AUTH-03")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"api_version": "2.0"}, None),
        ({"api_version": "x"}, "api_version"),
        ({"name": ""}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "a\x00"}, None),
        ({"provisioners": []}, "provisioners"),
        ({"provisioners": ["magic"]}, None),
        ({"tags": {"scope": "galaxy"}}, "tags"),
        ({"tags": {"": "x"}}, "tags"),
        ({"tags": {"x" * 257: "a"}}, "tags"),
        ({"tags": {"a": 1}}, "tags"),
        ({"tags": {"a": "x" * 257}}, "tags"),
        ({"tags": {str(n): "" for n in range(65)}}, "tags"),
        ({"wait_seconds": 31}, "wait_seconds"),
        ({"daemon_id": "x"}, "daemon_id"),
    ],
)
async def test_a_daemon_that_says_nonsense_is_refused(queue: QueueWorld, change, field) -> None:
    answer = await queue.api.call(None, "POST", ACQUIRE, {**ASK, **change}, headers=BY_PSK)
    assert answer.status_code == 400, answer.text
    if field:
        assert answer.json()["validations"][0]["field"].startswith(field)


@pytest.mark.requirement("QUEUE-PROTOCOL-01")
async def test_a_job_from_acquire_to_completion(queue: QueueWorld) -> None:
    owner = await queue.accounts.make("owner")
    file_id = new_id()
    await queue.db.execute(
        "insert into files (id, hash, created_by, mimetype, size, data, created_at) values ($1, 'x', $2, 't', 3, 'tar', now())",
        file_id, owner.id,
    )  # fmt: skip
    posted = await queue.job(file_id=file_id, initiator_id=owner.id)
    acquired = await queue.api.call(None, "POST", ACQUIRE, ASK, headers=BY_PSK)
    assert acquired.status_code == 200, acquired.text
    job = acquired.json()
    assert (job["job_id"], job["type"], job["initiator_username"], job["access_url"]) == (
        str(posted.id), "template_version_import", owner.username, "http://homeport.test",
    )  # fmt: skip
    assert acquired.headers["Homeport-Daemon-Id"] == job["daemon_id"]
    path, token = f"/provisionerjobs/{posted.id}", {"Homeport-Job-Token": job["job_token"]}
    assert (await queue.api.call(None, "GET", f"{path}/file", headers=token)).content == b"tar"
    beat = await queue.api.call(None, "POST", f"{path}/update", {"logs": [{"output": "hi"}]}, headers=token)
    assert (beat.status_code, beat.json()) == (200, {"canceled": False, "force": False, "variable_values": []})
    busy = (await queue.api.call(owner, "GET", DAEMONS)).json()
    assert [(each["status"], each["current_job"]["id"], each["key_name"]) for each in busy] == [
        ("busy", str(posted.id), "psk")
    ]
    naive = {"logs": [{"output": "x", "created_at": "2026-01-01T00:00:00"}]}
    assert (await queue.api.call(None, "POST", f"{path}/update", naive, headers=token)).status_code == 400
    quota = await queue.api.call(None, "POST", f"{path}/quota", {"daily_cost": 3}, headers=token)
    assert quota.json() == {"ok": True, "credits_consumed": 0, "budget": -1}
    wrong = await queue.api.call(None, "POST", f"{path}/complete", {}, headers={"Homeport-Job-Token": "x"})
    assert wrong.status_code == 403
    assert (await queue.api.call(None, "POST", f"{path}/complete", {"template_import": {}})).status_code == 401
    mismatch = await queue.api.call(None, "POST", f"{path}/complete", {"dry_run": {}}, headers=token)
    assert mismatch.status_code == 400
    done = await queue.api.call(None, "POST", f"{path}/complete", {"template_import": {}}, headers=token)
    assert done.status_code == 204, done.text
    late = await queue.api.call(None, "POST", f"{path}/fail", {"error": "x"}, headers=token)
    assert late.status_code == 409
    shown = (await queue.api.call(owner, "GET", f"/organizations/default/provisionerjobs/{posted.id}")).json()
    assert (shown["status"], shown["worker_name"], shown["logs_overflowed"]) == ("succeeded", "d", False)
    idle = (await queue.api.call(owner, "GET", DAEMONS)).json()
    assert (idle[0]["status"], idle[0]["previous_job"]["status"]) == ("idle", "succeeded")


async def _jobs(queue: QueueWorld, person: Person, query: str = "") -> list[Any]:
    answer = await queue.api.call(person, "GET", f"/organizations/default/provisionerjobs{query}")
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()
    return [job["id"] for job in found]


@pytest.mark.requirement("QUEUE-LIST-01")
async def test_jobs_are_listed_and_filtered_for_those_who_may(queue: QueueWorld) -> None:
    admin = await queue.accounts.make("organization-admin")
    first = await queue.job(tags={"gpu": "1"})
    second = await queue.running()
    assert await _jobs(queue, admin) in ([str(second.job_id), str(first.id)], [str(first.id), str(second.job_id)])
    assert await _jobs(queue, admin, "?status=running,succeeded") == [str(second.job_id)]
    assert await _jobs(queue, admin, f"?ids={first.id}") == [str(first.id)]
    assert await _jobs(queue, admin, '?tags={"gpu":"1"}') == [str(first.id)]
    assert await _jobs(queue, admin, f"?initiator={first.initiator_id}") == [str(first.id)]
    assert len(await _jobs(queue, admin, "?limit=1")) == 1
    for query in ("?status=odd", "?ids=x", "?tags=[1]", "?initiator=x", "?limit=-1", "?limit=x"):
        answer = await queue.api.call(admin, "GET", f"/organizations/default/provisionerjobs{query}")
        assert answer.status_code == 400, query
    for person in (await queue.accounts.make(), await queue.accounts.make("stranger")):
        answer = await queue.api.call(person, "GET", "/organizations/default/provisionerjobs")
        assert answer.status_code == 404
    one = "/organizations/default/provisionerjobs"
    assert (await queue.api.call(admin, "GET", f"{one}/{new_id()}")).status_code == 404
    assert (await queue.api.call(admin, "GET", f"{one}/x")).status_code == 400


@pytest.mark.requirement("QUEUE-LIST-02")
async def test_daemons_are_listed_and_filtered(queue: QueueWorld, clock) -> None:
    owner, member = await queue.accounts.make("owner"), await queue.accounts.make()
    old = await queue.daemon()
    own = await queue.daemon({"scope": "user"}, owner=owner.id)
    clock.advance(timedelta(seconds=100))
    new = await queue.daemon({"gpu": "1"})

    async def names(person: Person, query: str = "") -> set[str]:
        answer = await queue.api.call(person, "GET", f"{DAEMONS}{query}")
        assert answer.status_code == 200, answer.text
        return {daemon["name"] for daemon in answer.json()}

    assert await names(owner) == {new.name}
    assert await names(owner, "?offline=true") == {old.name, own.name, new.name}
    assert await names(owner, "?status=offline") == {old.name, own.name}
    assert await names(owner, "?max_age=50") == {new.name}
    assert await names(owner, f"?ids={old.id}") == {old.name}
    assert await names(owner, '?tags={"gpu":"1"}') == {new.name}
    assert old.name in await names(member, "?offline=true")
    assert (await queue.api.call(owner, "GET", f"{DAEMONS}?status=odd")).status_code == 400


@pytest.mark.requirement("QUEUE-KEYS-01")
async def test_keys_are_made_listed_used_and_deleted_with_an_audit_trail(queue: QueueWorld) -> None:
    owner = await queue.accounts.make("owner")
    secret = await make_key(queue, owner, "Remote-1", region="eu")
    listed = (await queue.api.call(owner, "GET", KEYS)).json()
    assert [(key["name"], key["tags"]["region"]) for key in listed] == [("Remote-1", "eu")]
    assert secret not in str(listed)
    headers = {"Coder-Provisioner-Daemon-Key": secret}
    await queue.api.call(None, "POST", ACQUIRE, ASK, headers=headers)
    await queue.api.call(None, "POST", ACQUIRE, {**ASK, "name": "p"}, headers=BY_PSK)
    by_key = (await queue.api.call(owner, "GET", f"{KEYS}/daemons")).json()
    assert [(each["key"]["name"], [d["name"] for d in each["daemons"]]) for each in by_key] == [
        ("Remote-1", ["d"]), ("psk", ["p"]),
    ]  # fmt: skip
    assert by_key[1]["key"]["id"] == str(PSEUDO_KEYS["psk"])
    own = await queue.api.call(None, "GET", f"/provisionerkeys/{secret}", headers=headers)
    assert own.json()["name"] == "Remote-1"
    assert (await queue.api.call(None, "GET", f"/provisionerkeys/{'y' * 43}", headers=headers)).status_code == 404
    assert (await queue.api.call(owner, "DELETE", f"{KEYS}/remote-1")).status_code == 204
    assert (await queue.api.call(owner, "DELETE", f"{KEYS}/remote-1")).status_code == 404
    assert (await queue.api.call(None, "POST", ACQUIRE, ASK, headers=headers)).status_code == 401
    rows = await queue.db.fetch(
        "select action, diff::text as diff from audit_logs where resource_type = 'provisioner_key' order by time, action"
    )
    assert sorted(row["action"] for row in rows) == ["create", "delete"]
    assert secret not in str([row["diff"] for row in rows])


@pytest.mark.requirement("QUEUE-KEYS-02")
@pytest.mark.parametrize("name", ["", "built-in", "PSK", "user-auth", "x" * 65, "a b", "a/b", "a\x00"])
async def test_names_of_keys(queue: QueueWorld, name) -> None:
    owner = await queue.accounts.make("owner")
    answer = await queue.api.call(owner, "POST", KEYS, {"name": name})
    assert answer.status_code == 400
    assert answer.json()["validations"][0]["field"] == "name"


@pytest.mark.requirement("QUEUE-KEYS-02")
async def test_keys_are_refused_to_others_and_twice(queue: QueueWorld) -> None:
    owner, member = await queue.accounts.make("owner"), await queue.accounts.make()
    await make_key(queue, owner, "one")
    again = await queue.api.call(owner, "POST", KEYS, {"name": "ONE"})
    assert (again.status_code, again.json()["validations"][0]["field"]) == (409, "name")
    assert (await queue.api.call(member, "POST", KEYS, {"name": "two"})).status_code == 403
    assert (await queue.api.call(member, "DELETE", f"{KEYS}/one")).status_code == 403
    assert (await queue.api.call(owner, "DELETE", f"{KEYS}/psk")).status_code == 400
    assert (await queue.api.call(None, "GET", KEYS)).status_code == 401
    scoped = await queue.api.call(owner, "POST", KEYS, {"name": "three", "tags": {"scope": "user"}})
    assert scoped.status_code == 400
