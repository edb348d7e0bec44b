"""What a new version takes over from the one before it: values that were given to variables, and tags."""

from typing import Any
from uuid import UUID

import pytest

from homeport.kit.crypto import Cipher
from homeport.provisioning.schemas import ImportInput
from homeport.provisioning.types import DeclaredVariable
from tests.homeport.templates.template_world import ORGANIZATION, TemplateWorld
from tests.support.accounts import Person

SECRET = "s3cret-of-the-version-before"
TOKEN = DeclaredVariable(name="token", required=True, sensitive=True)
REGION = DeclaredVariable(name="region", default_value="eu")
SIZE = DeclaredVariable(name="size", type="number", default_value="1")
GIVEN = [{"name": "token", "value": SECRET}, {"name": "region", "value": "us"}, {"name": "size", "value": "1"}]
PLAIN = {"scope": "organization", "owner": ""}


async def imported(world: TemplateWorld, version: dict[str, Any], *declared: DeclaredVariable) -> dict[str, str]:
    """Import a version; return the values that its daemon got beforehand."""
    job = await world.acquire(version["job"]["tags"])
    assert isinstance(job.input, ImportInput)
    await world.declare(job, *(declared or (TOKEN, REGION, SIZE)))
    await world.complete(job)
    return {value.name: value.value for value in job.input.variables}


async def first(world: TemplateWorld, admin: Person, **body: Any) -> dict[str, Any]:
    """Make a template whose active version was given values; return the template."""
    version = await world.version(admin, user_variable_values=GIVEN, **body)
    await imported(world, version)
    template: dict[str, Any] = (await world.create(admin, version["id"])).json()
    return template


@pytest.mark.requirement("TEMPLATE-VARIABLES-03")
async def test_values_that_a_push_does_not_name_come_from_the_active_version(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    template = await first(world, admin)
    # A value that is the default was not given, so a new default counts.
    pushed = await world.version(admin, template_id=template["id"])
    assert await imported(world, pushed) == {"token": SECRET, "region": "us"}
    path = f"/templateversions/{pushed['id']}/variables"
    shown = {each["name"]: each["value"] for each in (await world.api.call(admin, "GET", path)).json()}
    assert shown == {"token": "*redacted*", "region": "us", "size": "1"}
    # What is named goes before; what the files no longer declare is gone, and of no use to later versions.
    named = [{"name": "region", "value": "eu"}, {"name": "size", "value": "7"}]
    pushed = await world.version(admin, template_id=template["id"], user_variable_values=named)
    assert await imported(world, pushed, REGION, SIZE) == {"token": SECRET, "region": "eu", "size": "7"}
    # Of versions that are not active nothing is taken: the active one is what holds.
    later = await world.version(admin, template_id=template["id"])
    assert await imported(world, later) == {"token": SECRET, "region": "us"}
    promote = await world.api.call(admin, "PATCH", f"/templates/{template['id']}/versions", {"id": pushed["id"]})
    assert promote.status_code == 200
    later = await world.version(admin, template_id=template["id"])
    assert await imported(world, later, REGION, SIZE) == {"size": "7"}
    # A version of no template comes after none.
    assert await imported(world, await world.version(admin), REGION) == {}
    for table in ("template_version_variables", "provisioner_jobs", "audit_logs", "provisioner_job_logs"):
        assert SECRET not in (await world.db.fetchval(f"select string_agg(t::text, '') from {table} t") or "")


@pytest.mark.requirement("TEMPLATE-VARIABLES-03")
async def test_a_value_that_no_key_opens_any_more_is_asked_for_anew(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    template = await first(world, admin)
    lost = Cipher([bytes(32)]).encrypt(b"lost")
    await world.db.execute("update template_version_variables set value_sealed = $1 where name = 'token'", lost)
    body = {"provisioner": "echo", "file_id": await world.upload(admin), "template_id": template["id"]}
    answer = await world.api.call(admin, "POST", f"{ORGANIZATION}/templateversions", body)
    assert (answer.status_code, answer.json()["validations"][0]["field"]) == (400, "user_variable_values")
    assert "'token'" in answer.text
    pushed = await world.version(
        admin, template_id=template["id"], user_variable_values=[{"name": "token", "value": "x"}]
    )
    assert await imported(world, pushed) == {"token": "x", "region": "us"}


@pytest.mark.requirement("TEMPLATE-TAGS-01")
async def test_tags_that_were_given_come_along_until_others_are_given(world: TemplateWorld) -> None:
    admin, other = await world.accounts.make("template-admin"), await world.accounts.make("template-admin")
    template = await first(world, admin, tags={"scope": "user", "zone": "eu"})

    async def tags(who: Person, **body: Any) -> Any:
        return (await world.version(who, template_id=template["id"], **body))["job"]["tags"]

    assert await tags(admin) == {"scope": "user", "owner": str(admin.id), "zone": "eu"}
    # A scope of one's own is that of who pushes.
    assert await tags(other) == {"scope": "user", "owner": str(other.id), "zone": "eu"}
    assert await tags(admin, tags={"zone": "us"}) == {**PLAIN, "zone": "us"}
    assert await tags(admin, tags={}) == PLAIN


@pytest.mark.requirement("TEMPLATE-TAGS-01")
async def test_tags_of_the_files_are_not_taken_for_given_ones(world: TemplateWorld) -> None:
    """They are in the job's tags too, and change with the files; what variables make of them needs the values of before."""
    from tests.homeport.templates.test_tags import ask  # lazy: one test needs it

    admin = await world.accounts.make("template-admin")
    text = 'variable "zone" {\n}\ndata "coder_workspace_tags" "t" {\n  tags = { zone = var.zone, files = "%s" }\n}\n'
    zone = [{"name": "zone", "value": "eu"}]
    made = await ask(world, admin, {"main.tf": text % "old"}, tags={"given": "1"}, user_variable_values=zone)
    assert made.json()["job"]["tags"] == {**PLAIN, "zone": "eu", "files": "old", "given": "1"}
    ids = UUID(made.json()["id"]), UUID(made.json()["job"]["id"])
    await world.db.execute("update provisioner_jobs set started_at = now(), completed_at = now() where id = $1", ids[1])
    template = (await world.create(admin, ids[0])).json()
    again = await ask(world, admin, {"main.tf": text % "new"}, template_id=template["id"])
    assert again.json()["job"]["tags"] == {**PLAIN, "zone": "eu", "files": "new", "given": "1"}


@pytest.mark.requirement("TEMPLATE-VARIABLES-03")
async def test_who_may_not_change_a_template_gets_nothing_of_it(world: TemplateWorld) -> None:
    admin, member = await world.accounts.make("template-admin"), await world.accounts.make()
    template = await first(world, admin)
    body = {"provisioner": "echo", "file_id": await world.upload(member), "template_id": template["id"]}
    before = await world.db.fetchval("select count(*) from template_version_variables")
    answer = await world.api.call(member, "POST", f"{ORGANIZATION}/templateversions", body)
    assert answer.status_code in {403, 404}, answer.text
    assert await world.db.fetchval("select count(*) from template_version_variables") == before
