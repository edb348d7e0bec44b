"""An organization is deleted while something is made in it, by the whole application: one of the two succeeds, the other is told why."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from homeport.files.rules import archive
from tests.homeport.server.deployment import PSK, Deployment, Job
from tests.support.accounts import Person
from tests.support.names import unique_name

ROUNDS = 4
# What is left of each kind: SQL that counts the live ones of an organization.
LIVE = {
    "templates": "select count(*) from templates where organization_id = $1 and not deleted",
    "provisionerkeys": "select count(*) from provisioner_keys where organization_id = $1",
    "groups": "select count(*) from groups where organization_id = $1 and id <> organization_id",
    "members": "select count(*) - 1 from organization_members where organization_id = $1",
}


async def _organization(deployment: Deployment, owner: Person) -> str:
    made: dict[str, Any] = await deployment.ask(owner, "POST", "/organizations", {"name": unique_name("org")})
    return str(made["id"])


async def _version(deployment: Deployment, owner: Person, organization: str) -> str:
    """Import a version in this organization, by a daemon of its own."""
    data = archive.pack({"homeport.yaml": unique_name("x").encode()})
    file = await deployment.ask(owner, "POST", "/files", content=data, headers={"Content-Type": "application/x-tar"})
    place = f"/organizations/{organization}"
    wanted = {"provisioner": "echo", "storage_method": "file", "file_id": file["hash"]}
    made: dict[str, Any] = await deployment.ask(owner, "POST", f"{place}/templateversions", wanted)
    asked = {"name": unique_name("d"), "version": "v1", "provisioners": ["echo"], "wait_seconds": 0}
    headers = {"Coder-Provisioner-Daemon-PSK": PSK}
    job = await deployment.ask(None, "POST", f"{place}/provisionerdaemons/acquire", asked, headers=headers)
    assert job["job_id"] == made["job"]["id"]
    await deployment.report(Job(job["job_id"], job["job_token"]), "complete", {"template_import": {}})
    return str(made["id"])


@pytest.mark.requirement("ORG-RACES-05", "M17")
@pytest.mark.parametrize("kind", sorted(LIVE))
async def test_of_a_deletion_and_a_thing_made_at_once_one_succeeds(deployment: Deployment, kind: str) -> None:
    owner, guest = await deployment.accounts.make("owner"), await deployment.accounts.make()
    for number in range(ROUNDS):
        organization = await _organization(deployment, owner)
        path, body = f"/organizations/{organization}/{kind}", {"name": unique_name("x")}
        if kind == "templates":
            body["template_version_id"] = await _version(deployment, owner, organization)
        if kind == "members":
            path = f"{path}/{guest.id}"
        asks = [
            deployment.api.call(owner, "POST", path, body),
            deployment.api.call(owner, "DELETE", f"/organizations/{organization}"),
        ]
        answers = await asyncio.gather(*(asks if number % 2 else asks[::-1]))
        made, deleted = answers if number % 2 else answers[::-1]
        assert (made.status_code, deleted.status_code) in {(201, 409), (200, 409), (404, 200)}, (
            made.text,
            deleted.text,
        )
        left = await deployment.db.fetchval(LIVE[kind], UUID(organization))
        assert left == (1 if made.status_code != 404 else 0)


@pytest.mark.requirement("ORG-RACES-05", "M17")
async def test_a_workspace_is_made_while_its_template_and_organization_are_deleted(deployment: Deployment) -> None:
    owner = await deployment.accounts.make("owner")
    for number in range(ROUNDS):
        organization = await _organization(deployment, owner)
        version = await _version(deployment, owner, organization)
        wanted = {"name": unique_name("tpl"), "template_version_id": version}
        template = await deployment.ask(owner, "POST", f"/organizations/{organization}/templates", wanted)

        async def clear(place: str = organization, template_id: str = template["id"]) -> tuple[int, int]:
            first = await deployment.api.call(owner, "DELETE", f"/templates/{template_id}")
            second = await deployment.api.call(owner, "DELETE", f"/organizations/{place}")
            return first.status_code, second.status_code

        async def make(template_id: str = template["id"]) -> tuple[int, int]:
            wish = {"name": unique_name("ws"), "template_id": template_id}
            made = await deployment.api.call(owner, "POST", "/users/me/workspaces", wish)
            return made.status_code, 0

        outcomes = await asyncio.gather(*((make(), clear()) if number % 2 else (clear(), make())))
        made, cleared = outcomes if number % 2 else outcomes[::-1]
        live = "select count(*) from workspaces where organization_id = $1 and not deleted"
        if made[0] == 201:
            assert cleared == (400, 409)
            assert await deployment.db.fetchval(live, UUID(organization)) == 1
        else:
            assert made[0] in {400, 404, 409}
            assert cleared == (200, 200)
            assert await deployment.db.fetchval(live, UUID(organization)) == 0
