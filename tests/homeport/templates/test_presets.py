"""What imports find beside parameters: presets, accounts elsewhere, what the template is for."""

from typing import Any

import pytest

from homeport.kit.errors import BadRequest
from homeport.provisioning.schemas import CompleteJobRequest
from homeport.provisioning.service import progress
from homeport.provisioning.types import ImportResult, ProvisionedExternalAuth, ProvisionedParameter, ProvisionedPreset
from homeport.provisioning.types.results import PrebuildSchedule, PresetValue, ProvisionedPrebuilds
from tests.homeport.templates.template_world import TemplateWorld
from tests.support.accounts import Person

SIZE = ProvisionedParameter(name="size", required=False, default_value="s")


def preset(name: str, default: bool = False, prebuilds: ProvisionedPrebuilds | None = None, **values: str) -> Any:
    return ProvisionedPreset(
        name=name, default=default, prebuilds=prebuilds, description=f"{name}!", icon="/icon/x.svg",
        parameters=[PresetValue(name=key, value=value) for key, value in values.items()],
    )  # fmt: skip


async def finish(world: TemplateWorld, person: Person, **found: Any) -> dict[str, Any]:
    """Make a version whose import finds this."""
    version = await world.version(person)
    job = await world.acquire()
    request = CompleteJobRequest(template_import=ImportResult(**found))
    await progress.complete_job(world.db, job.job_id, job.job_token, request)
    return version


@pytest.mark.requirement("CONTENTS-PRESET-01")
async def test_presets_are_kept_and_shown(world: TemplateWorld) -> None:
    admin, member = await world.accounts.make("template-admin"), await world.accounts.make()
    ready = ProvisionedPrebuilds(
        instances=3,
        ttl_seconds=60,
        timezone="Asia/Tokyo",
        schedules=[PrebuildSchedule(cron="* 8 * * 1-5", instances=5)],
    )
    version = await finish(
        world, admin, parameters=[SIZE],
        presets=[preset("Zoo", size="l"), preset("Arc", size="m", gone="x", prebuilds=ready), preset("Main", True)],
    )  # fmt: skip
    path = f"/templateversions/{version['id']}/presets"
    shown = (await world.api.call(admin, "GET", path)).json()
    assert [each["Name"] for each in shown] == ["Main", "Zoo", "Arc"]
    arc = shown[2]
    assert arc.keys() == {
        "ID", "Name", "Parameters", "Default", "DesiredPrebuildInstances", "Description", "Icon"
    }  # fmt: skip
    # Names that the version does not have are kept as the template has them: its author was warned.
    assert arc["Parameters"] == [{"Name": "gone", "Value": "x"}, {"Name": "size", "Value": "m"}]
    assert (arc["DesiredPrebuildInstances"], arc["Description"], arc["Icon"]) == (3, "Arc!", "/icon/x.svg")
    assert (shown[0]["Default"], shown[0]["Parameters"], shown[0]["DesiredPrebuildInstances"]) == (True, [], None)
    row = await world.db.fetchrow("select * from template_version_presets where name = 'Arc'")
    assert row is not None
    assert (row["ttl_seconds"], row["timezone"]) == (60, "Asia/Tokyo")
    assert row["schedules"] == [{"cron": "* 8 * * 1-5", "instances": 5}]
    assert (await world.api.call(member, "GET", path)).status_code == 404
    pending = await world.version(admin)
    assert (await world.api.call(admin, "GET", f"/templateversions/{pending['id']}/presets")).status_code == 412


@pytest.mark.requirement("CONTENTS-PRESET-02")
async def test_presets_that_contradict_themselves_are_refused(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    twice = ProvisionedPreset(name="p", parameters=[PresetValue(name="a", value="1"), PresetValue(name="a", value="2")])
    for presets, words in (
        ([preset("a"), preset("a")], "two presets"),
        ([preset("a", True), preset("b", True)], "only one preset can be the default"),
        ([preset("")], "no name"),
        ([twice], "twice"),
    ):
        with pytest.raises(BadRequest, match=words):
            await finish(world, admin, presets=presets)
        await world.db.execute("update provisioner_jobs set completed_at = now() where completed_at is null")
    assert await world.db.fetchval("select count(*) from template_version_presets") == 0


@pytest.mark.requirement("CONTENTS-EXTRAS-01")
async def test_accounts_elsewhere_and_flags_are_shown(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    wanted = [ProvisionedExternalAuth(id="git/hub", optional=True), ProvisionedExternalAuth(id="a")]
    version = await finish(
        world, admin, external_auth=wanted, has_external_agent=True, has_ai_task=True, owner_secrets=["session_token"]
    )
    path = f"/templateversions/{version['id']}"
    secrets = "select owner_secrets from template_versions where id = $1"
    assert await world.db.fetchval(secrets, version["id"]) == ["session_token"]
    shown = (await world.api.call(admin, "GET", f"{path}/external-auth")).json()
    assert [(each["id"], each.get("optional", False), each["authenticated"]) for each in shown] == [
        ("git/hub", True, False), ("a", False, False)
    ]  # fmt: skip
    assert shown[0]["authenticate_url"] == "http://homeport.test/external-auth/git%2Fhub"
    assert (await world.api.call(admin, "GET", path)).json()["has_external_agent"] is True
    plain = await finish(world, admin)
    assert (await world.api.call(admin, "GET", f"/templateversions/{plain['id']}")).json()[
        "has_external_agent"
    ] is False
    assert await world.db.fetchval(secrets, plain["id"]) is None
