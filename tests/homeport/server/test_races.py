"""Many at once: exactly one wins where one may, everybody else is told so, and nothing is left half done."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from tests.homeport.server.deployment import PSK, Deployment
from tests.homeport.server.samples import PASSWORD
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Person
from tests.support.archives import pack
from tests.support.names import unique_email, unique_name

CROWD = 6
Ask = tuple[Person | None, str, str, Any]


async def at_once(deployment: Deployment, asks: Sequence[Ask], **more: Any) -> list[httpx.Response]:
    """Send all requests at the same time."""
    return await asyncio.gather(*(deployment.api.call(who, *what, **more) for who, *what in asks))


def statuses(answers: Sequence[httpx.Response]) -> dict[int, int]:
    """Count the answers by status."""
    return dict(Counter(answer.status_code for answer in answers))


async def count(deployment: Deployment, sql: str, *arguments: Any) -> int:
    """Return a number out of the database."""
    found: int = await deployment.db.fetchval(sql, *arguments)
    return found


@pytest.mark.requirement("HTTP-RACES-01")
async def test_one_of_many_becomes_the_first_user(deployment: Deployment) -> None:
    asks: list[Ask] = [
        (None, "POST", "/users/first", {"email": unique_email(), "username": unique_name(), "password": PASSWORD})
        for _ in range(CROWD)
    ]
    answers = await at_once(deployment, asks)
    assert statuses(answers) == {201: 1, 409: CROWD - 1}
    assert await count(deployment, "select count(*) from users where not is_system") == 1
    assert (
        await count(
            deployment,
            "select count(*) from organization_members m join users u on u.id = m.user_id where not u.is_system",
        )
        == 1
    )


@pytest.mark.requirement("HTTP-RACES-01")
async def test_names_are_given_once(deployment: Deployment) -> None:
    owner, ann = await deployment.accounts.make("owner"), await deployment.accounts.make()
    template, version = await deployment.template(owner)
    versions = [await deployment.version(owner) for _ in range(CROWD)]
    _, agent_token = await deployment.workspace(ann, template["id"])
    agent = {"Coder-Session-Token": agent_token}
    name, email = unique_name(), unique_email()
    in_organization = "/organizations/default"

    def user(**wanted: str) -> Ask:
        return (
            owner,
            "POST",
            "/users",
            {"email": unique_email(), "username": unique_name(), "login_type": "none", **wanted},
        )

    cases: list[tuple[str, list[Ask], dict[str, Any]]] = [
        ("username", [user(username=name) for _ in range(CROWD)], {}),
        ("email", [user(email=email) for _ in range(CROWD)], {}),
        ("token_name", [(ann, "POST", "/users/me/keys/tokens", {"token_name": name})] * CROWD, {}),
        ("name", [(ann, "POST", "/users/me/workspaces", {"name": name, "template_id": template["id"]})] * CROWD, {}),
        ("name", [(owner, "POST", f"{in_organization}/provisionerkeys", {"name": name})] * CROWD, {}),
        ("name", [
            (owner, "POST", f"{in_organization}/templates", {"name": name, "template_version_id": one["id"]}) for one in versions
        ], {}),
        ("name", [(None, "POST", "/workspaceagents/me/subagents", {"name": "twin"})] * CROWD, {"headers": agent}),
        ("name", [
            (owner, "POST", f"{in_organization}/templateversions",
             {"provisioner": "echo", "file_id": version["file_id"], "template_id": template["id"], "name": name})
        ] * CROWD, {}),
    ]  # fmt: skip
    for field, asks, more in cases:
        answers = await at_once(deployment, asks, **more)
        assert statuses(answers) == {201: 1, 409: CROWD - 1}, f"{asks[0][1:3]}: {[one.text for one in answers]}"
        for answer in answers:
            if answer.status_code == 409:
                named = [one["field"] for one in answer.json().get("validations", ())]
                assert named == ["name" if field == "token_name" else field], f"{asks[0][1:3]}: {answer.text}"
    assert await count(deployment, "select count(*) from workspaces where name = $1", name) == 1
    assert (
        await count(
            deployment,
            "select count(*) from workspace_builds b join workspaces w on w.id = b.workspace_id where w.name = $1",
            name,
        )
        == 1
    )
    # No job was left behind for those who lost.
    jobs = "select count(*) from provisioner_jobs where started_at is null and type = 'workspace_build'"
    assert await count(deployment, jobs) == 1


@pytest.mark.requirement("HTTP-RACES-01")
async def test_one_version_makes_one_template(deployment: Deployment) -> None:
    owner = await deployment.accounts.make("owner")
    version = await deployment.version(owner)
    asks: list[Ask] = [
        (
            owner,
            "POST",
            "/organizations/default/templates",
            {"name": unique_name(), "template_version_id": version["id"]},
        )
        for _ in range(CROWD)
    ]
    answers = await at_once(deployment, asks)
    won = [answer for answer in answers if answer.status_code == 201]
    assert len(won) == 1, [answer.text for answer in answers]
    assert {answer.status_code for answer in answers} <= {201, 400, 409}
    assert await count(deployment, "select count(*) from templates") == 1


@pytest.mark.requirement("HTTP-RACES-01")
async def test_one_build_at_a_time(deployment: Deployment) -> None:
    owner, ann = await deployment.accounts.make("owner"), await deployment.accounts.make()
    template, _ = await deployment.template(owner)
    workspace, _ = await deployment.workspace(ann, template["id"])
    path = f"/workspaces/{workspace['id']}/builds"
    wishes = [{"transition": one} for one in ("stop", "start", "delete")] * 2
    answers = await at_once(deployment, [(ann, "POST", path, wish) for wish in wishes])
    assert statuses(answers) == {201: 1, 409: 5}
    assert (
        await count(
            deployment, "select max(build_number) from workspace_builds where workspace_id = $1", workspace["id"]
        )
        == 2
    )
    build = next(answer.json() for answer in answers if answer.status_code == 201)
    canceled = await at_once(deployment, [(owner, "PATCH", f"/workspacebuilds/{build['id']}/cancel", None)] * CROWD)
    assert statuses(canceled) == {200: 1, 400: CROWD - 1}, [answer.text for answer in canceled]


@pytest.mark.requirement("HTTP-RACES-01")
async def test_a_job_goes_to_one_daemon_and_ends_once(deployment: Deployment) -> None:
    owner = await deployment.accounts.make("owner")
    version = await deployment.pending_version(owner)
    headers = {"Coder-Provisioner-Daemon-PSK": PSK}
    asks: list[Ask] = [
        (None, "POST", "/organizations/default/provisionerdaemons/acquire",
         {"name": unique_name(), "version": "v1", "provisioners": ["echo"], "wait_seconds": 0})
        for _ in range(CROWD)
    ]  # fmt: skip
    answers = await at_once(deployment, asks, headers=headers)
    assert statuses(answers) == {200: 1, 204: CROWD - 1}
    job = next(answer.json() for answer in answers if answer.status_code == 200)
    assert job["job_id"] == version["job"]["id"]
    ends: list[Ask] = [
        (None, "POST", f"/provisionerjobs/{job['job_id']}/{what}", body)
        for what, body in [("complete", {"template_import": {}}), ("fail", {"error": "no"})] * 3
    ]
    ended = await at_once(deployment, ends, headers={"Homeport-Job-Token": job["job_token"]})
    assert statuses(ended) == {204: 1, 409: 5}, [answer.text for answer in ended]


@pytest.mark.requirement("HTTP-RACES-01")
async def test_equal_uploads_are_one_file(deployment: Deployment) -> None:
    ann = await deployment.accounts.make()
    data = pack({"homeport.yaml": b"x"})
    headers = {"Content-Type": "application/x-tar"}
    answers = await at_once(deployment, [(ann, "POST", "/files", None)] * CROWD, content=data, headers=headers)
    # They are taken by those who may put files there; a plain member may not, and then nothing is stored.
    assert len({answer.status_code for answer in answers}) <= 2
    owner = await deployment.accounts.make("owner")
    answers = await at_once(deployment, [(owner, "POST", "/files", None)] * CROWD, content=data, headers=headers)
    assert statuses(answers) == {201: 1, 200: CROWD - 1}
    assert len({answer.json()["hash"] for answer in answers}) == 1


@pytest.mark.requirement("HTTP-RACES-02")
@pytest.mark.parametrize("way", ["demote", "suspend", "delete"])
async def test_an_owner_always_remains(deployment: Deployment, way: str) -> None:
    owners = [await deployment.accounts.make("owner") for _ in range(3)]

    def ask(actor: Person, target: Person) -> Ask:
        match way:
            case "demote":
                return actor, "PUT", f"/users/{target.id}/roles", {"roles": []}
            case "suspend":
                return actor, "PUT", f"/users/{target.id}/status/suspend", None
        return actor, "DELETE", f"/users/{target.id}", None

    answers = await at_once(
        deployment, [ask(actor, target) for actor in owners for target in owners if actor is not target]
    )
    assert all(answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
    left = "select count(*) from users where 'owner' = any(rbac_roles) and status = 'active' and not deleted"
    assert await count(deployment, left) >= 1


@pytest.mark.requirement("HTTP-RACES-02")
async def test_nothing_is_made_for_an_account_that_is_being_deleted(deployment: Deployment) -> None:
    owner = await deployment.accounts.make("owner")
    template, _ = await deployment.template(owner)
    for _ in range(3):
        ann = await deployment.accounts.make()
        asks: list[Ask] = [
            (owner, "DELETE", f"/users/{ann.id}", None),
            (owner, "POST", f"/users/{ann.id}/keys/tokens", {}),
            (owner, "POST", f"/users/{ann.id}/workspaces", {"name": unique_name(), "template_id": template["id"]}),
            (ann, "POST", "/users/me/keys", None),
        ]
        answers = await at_once(deployment, asks)
        assert all(answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
        is_gone = answers[0].status_code == 200
        keys = await count(deployment, "select count(*) from api_keys where user_id = $1", ann.id)
        workspaces = await count(
            deployment, "select count(*) from workspaces where owner_id = $1 and not deleted", ann.id
        )
        assert not (is_gone and keys), [answer.text for answer in answers]
        assert not (is_gone and workspaces), [answer.text for answer in answers]


@pytest.mark.requirement("HTTP-RACES-02")
async def test_a_template_is_not_deleted_under_a_workspace_that_is_being_made(deployment: Deployment) -> None:
    owner, ann = await deployment.accounts.make("owner"), await deployment.accounts.make()
    for _ in range(3):
        template, _ = await deployment.template(owner)
        asks: list[Ask] = [
            (owner, "DELETE", f"/templates/{template['id']}", None),
            *[
                (ann, "POST", "/users/me/workspaces", {"name": unique_name(), "template_id": template["id"]})
                for _ in range(3)
            ],
        ]
        answers = await at_once(deployment, asks)
        assert all(answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
        is_gone = answers[0].status_code == 200
        left = await count(
            deployment, "select count(*) from workspaces where template_id = $1 and not deleted", template["id"]
        )
        assert not (is_gone and left), [answer.text for answer in answers]


@pytest.mark.requirement("HTTP-RACES-02")
async def test_a_version_is_never_both_active_and_archived(deployment: Deployment) -> None:
    owner = await deployment.accounts.make("owner")
    template, _ = await deployment.template(owner)
    for _ in range(3):
        version = await deployment.version(owner, template_id=template["id"])
        asks: list[Ask] = [
            (owner, "PATCH", f"/templates/{template['id']}/versions", {"id": version["id"]}),
            (owner, "POST", f"/templateversions/{version['id']}/archive", None),
            (owner, "POST", f"/templates/{template['id']}/versions/archive", {"all": True}),
        ]
        answers = await at_once(deployment, asks)
        assert all(answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
        both = (
            "select count(*) from templates t join template_versions v on v.id = t.active_version_id where v.archived"
        )
        assert await count(deployment, both) == 0, [answer.text for answer in answers]


@pytest.mark.requirement("HTTP-RACES-02")
async def test_a_member_is_added_once_and_removed_once(deployment: Deployment) -> None:
    owner, ann = await deployment.accounts.make("owner"), await deployment.accounts.make("stranger")
    path = f"/organizations/default/members/{ann.id}"
    added = await at_once(deployment, [(owner, "POST", path, None)] * CROWD)
    assert statuses(added) == {200: 1, 409: CROWD - 1}, [answer.text for answer in added]
    removed = await at_once(deployment, [(owner, "DELETE", path, None)] * CROWD)
    assert statuses(removed) == {204: 1, 404: CROWD - 1}, [answer.text for answer in removed]
    members = "select count(*) from organization_members where user_id = $1 and organization_id = $2"
    assert await count(deployment, members, ann.id, DEFAULT_ORGANIZATION_ID) == 0
