"""Versions over HTTP: made, imported, named, archived, canceled; their logs, parameters and variables."""

from datetime import timedelta
from uuid import UUID, uuid4

import msgspec
import pytest

from homeport.files.rules import archive
from homeport.kit.errors import BadRequest
from homeport.kit.ids import NIL_ID
from homeport.provisioning.errors import JobEnded
from homeport.provisioning.schemas import DryRunInput, ImportInput, LogLine, UpdateJobRequest
from homeport.provisioning.service import progress
from homeport.provisioning.types import DeclaredVariable, ProvisionedOption, ProvisionedParameter
from homeport.templates.service import examples, register_usage, version_variables
from tests.homeport.templates.template_world import ORGANIZATION, TemplateWorld

SECRET = "correct horse battery staple"


@pytest.mark.requirement("TEMPLATE-VERSION-01")
async def test_a_version_is_made_with_a_job_that_imports_it(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    file_id = await world.upload(admin)
    version = await world.version(admin, file_id=file_id, message="first", tags={"gpu": "1"})
    assert version["name"]
    assert (version["message"], version["archived"], version["readme"]) == ("first", False, "")
    assert version["created_by"]["username"] == admin.username
    assert version["matched_provisioners"] == {"count": 0, "available": 0}
    job = version["job"]
    assert (job["status"], job["type"], job["file_id"]) == ("pending", "template_version_import", file_id)
    assert job["tags"] == {"scope": "organization", "owner": "", "gpu": "1"}
    assert job["input"] == {"template_version_id": version["id"]}
    acquired = await world.acquire({"scope": "organization", "owner": "", "gpu": "1", "more": "1"})
    assert isinstance(acquired.input, ImportInput)
    assert str(acquired.input.template_version_id) == version["id"]
    await world.complete(acquired, readme="# Read me")
    shown = (await world.api.call(admin, "GET", f"/templateversions/{version['id']}")).json()
    assert (shown["job"]["status"], shown["readme"]) == ("succeeded", "# Read me")
    assert "matched_provisioners" not in shown
    rows = await world.db.fetch("select action from audit_logs where resource_type = 'template_version'")
    assert [row["action"] for row in rows] == ["create"]


@pytest.mark.requirement("TEMPLATE-VERSION-02")
async def test_requests_for_versions_that_are_refused(world: TemplateWorld) -> None:
    admin, member = await world.accounts.make("template-admin"), await world.accounts.make()
    file_id = await world.upload(admin)
    template = await world.template(admin)

    async def ask(person, **body):
        answer = await world.api.call(
            person,
            "POST",
            f"{ORGANIZATION}/templateversions",
            {"provisioner": "echo", "storage_method": "file", **body},
        )
        return answer.status_code, [each["field"] for each in answer.json().get("validations", [])]

    assert await ask(admin, file_id=file_id, example_id="x") == (400, ["file_id"])
    assert await ask(admin) == (400, ["file_id"])
    assert await ask(admin, example_id="no-such-example") == (400, ["example_id"])
    assert await ask(admin, file_id=str(uuid4())) == (404, [])
    assert await ask(admin, file_id=file_id, template_id=str(uuid4())) == (404, [])
    assert await ask(admin, file_id=file_id, name="a b") == (400, ["name"])
    assert await ask(admin, file_id=file_id, message="\x00") == (400, ["message"])
    assert await ask(admin, file_id=file_id, tags={"scope": "x"}) == (400, ["tags"])
    assert await ask(admin, file_id=file_id, provisioner="magic") == (400, ["provisioner"])
    assert await ask(admin, file_id=file_id, storage_method="s3") == (400, ["storage_method"])
    assert await ask(admin, file_id="x") == (400, ["file_id"])
    twice = [{"name": "a", "value": "1"}] * 2
    assert await ask(admin, file_id=file_id, user_variable_values=twice) == (400, ["user_variable_values"])
    assert (await ask(member, file_id=file_id))[0] == 403
    assert (await ask(member, file_id=file_id, template_id=template["id"]))[0] == 403
    assert await world.db.fetchval("select count(*) from provisioner_jobs where completed_at is null") == 0
    # What one engine has made no other could end.
    other = {"template_id": template["id"], "provisioner": "process"}
    assert await ask(admin, file_id=file_id, **other) == (400, ["provisioner"])
    # Clients in Go send the nil id for what they leave out.
    assert (await ask(admin, file_id=file_id, template_id=str(NIL_ID)))[0] == 201
    assert await ask(admin, file_id=str(NIL_ID), example_id="none", template_id=str(NIL_ID)) == (400, ["example_id"])
    assert (await ask(admin, file_id=file_id, name="v1", template_id=template["id"]))[0] == 201
    assert await ask(admin, file_id=file_id, name="V1", template_id=template["id"]) == (409, ["name"])


@pytest.mark.requirement("TEMPLATE-VERSION-03")
async def test_a_source_is_read_by_whoever_may_update_the_template(world: TemplateWorld) -> None:
    admin, member = await world.accounts.make("template-admin"), await world.accounts.make()
    other = await world.accounts.make("organization-template-admin")
    file_id = await world.upload(admin)
    version = await world.imported(admin, file_id=file_id)
    assert (await world.api.call(member, "GET", f"/files/{file_id}")).status_code == 404
    await world.create(admin, version["id"])
    refused = await world.api.call(member, "GET", f"/files/{file_id}")
    assert refused.status_code == 403
    assert "source" in refused.json()["message"]
    assert (await world.api.call(other, "GET", f"/files/{file_id}")).status_code == 200


@pytest.mark.requirement("TEMPLATE-VERSION-04")
async def test_versions_are_listed_newest_first_and_found_by_name(world: TemplateWorld, clock) -> None:
    admin = await world.accounts.make("template-admin")
    template = await world.template(admin)
    made = [template["active_version_id"]]
    for number in range(3):
        clock.advance(timedelta(seconds=1))
        made.append((await world.imported(admin, template_id=template["id"], name=f"v{number}"))["id"])
    path = f"/templates/{template['id']}/versions"

    async def listed(query: str = "") -> list[str]:
        return [each["id"] for each in (await world.api.call(admin, "GET", path + query)).json()]

    newest = made[::-1]
    assert await listed() == newest
    assert await listed("?limit=2") == newest[:2]
    assert await listed(f"?limit=2&after_id={newest[1]}") == newest[2:]
    assert await listed("?offset=3") == newest[3:]
    by_names = f"{ORGANIZATION}/templates/{template['name']}/versions"
    assert (await world.api.call(admin, "GET", f"{path}/V1")).json()["id"] == made[2]
    assert (await world.api.call(admin, "GET", f"{by_names}/v1")).json()["id"] == made[2]
    assert (await world.api.call(admin, "GET", f"{by_names}/v1/previous")).json()["id"] == made[1]
    first = (await world.api.call(admin, "GET", f"/templateversions/{made[0]}")).json()["name"]
    assert (await world.api.call(admin, "GET", f"{by_names}/{first}/previous")).status_code == 404
    assert (await world.api.call(admin, "GET", f"{by_names}/nope")).status_code == 404
    version = f"/templateversions/{made[1]}"
    renamed = await world.api.call(admin, "PATCH", version, {"name": "2.0_rc-1", "message": "better"})
    assert (renamed.json()["name"], renamed.json()["message"]) == ("2.0_rc-1", "better")
    assert (await world.api.call(admin, "PATCH", version, {"name": "v1"})).status_code == 409
    assert (await world.api.call(admin, "PATCH", version, {"name": "a/b"})).status_code == 400


@pytest.mark.requirement("TEMPLATE-ARCHIVE-01")
async def test_unused_versions_are_archived_together(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    template = await world.template(admin)
    good = await world.imported(admin, template_id=template["id"])
    used = await world.imported(admin, template_id=template["id"])
    bad = await world.version(admin, template_id=template["id"])
    await world.fail(await world.acquire())
    pending = await world.version(admin, template_id=template["id"])

    async def usage(_conn, _template_id):
        return {UUID(used["id"])}

    register_usage(usage)
    path = f"/templates/{template['id']}/versions"
    failed = (await world.api.call(admin, "POST", f"{path}/archive", {"all": False})).json()
    assert failed == {"template_id": template["id"], "archived_ids": [bad["id"]]}
    every = (await world.api.call(admin, "POST", f"{path}/archive", {"all": True})).json()
    assert every["archived_ids"] == [good["id"]]
    shown = {each["id"] for each in (await world.api.call(admin, "GET", path)).json()}
    assert shown == {template["active_version_id"], used["id"], pending["id"]}
    everything = (await world.api.call(admin, "GET", f"{path}?include_archived=true")).json()
    assert len(everything) == 5
    assert (await world.api.call(admin, "POST", f"/templateversions/{used['id']}/archive")).status_code == 400


@pytest.mark.requirement("TEMPLATE-CANCEL-01")
async def test_an_import_is_canceled_once(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    version = await world.version(admin)
    path = f"/templateversions/{version['id']}"
    assert (await world.api.call(admin, "PATCH", f"{path}/cancel")).status_code == 200
    assert (await world.api.call(admin, "GET", path)).json()["job"]["status"] == "canceled"
    assert (await world.api.call(admin, "PATCH", f"{path}/cancel")).status_code == 412
    running = await world.version(admin)
    await world.acquire()
    path = f"/templateversions/{running['id']}"
    assert (await world.api.call(admin, "PATCH", f"{path}/cancel")).status_code == 200
    assert (await world.api.call(admin, "PATCH", f"{path}/cancel")).status_code == 412
    assert (await world.api.call(admin, "GET", path)).json()["job"]["status"] == "canceling"


@pytest.mark.requirement("TEMPLATE-CONTENTS-01")
async def test_parameters_are_stored_in_their_order_and_shown(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    version = await world.version(admin)
    path = f"/templateversions/{version['id']}"
    job = await world.acquire()
    for what in ("rich-parameters", "variables"):
        assert (await world.api.call(admin, "GET", f"{path}/{what}")).status_code == 412
    with pytest.raises(BadRequest, match="its pattern cannot be used"):
        await world.complete(job, ProvisionedParameter(name="p", validation_regex="(?=x)"))
    await world.complete(
        job,
        ProvisionedParameter(name="size", type="number", default_value="2", required=False, validation_min=1, order=2),
        ProvisionedParameter(
            name="repo", description="Where to **clone** from, see [docs](https://x)", order=1,
            options=[ProvisionedOption(name="One", value="1")], display_name="Repository",
        ),
    )  # fmt: skip
    shown = (await world.api.call(admin, "GET", f"{path}/rich-parameters")).json()
    assert [each["name"] for each in shown] == ["repo", "size"]
    assert shown[0]["description_plaintext"] == "Where to clone from, see docs"
    assert shown[0]["options"] == [{"name": "One", "description": "", "value": "1", "icon": ""}]
    assert (shown[1]["type"], shown[1]["validation_min"], shown[1]["required"]) == ("number", 1, False)
    assert "validation_max" not in shown[1]
    for empty in ("presets", "external-auth", "variables", "parameters", "schema"):
        answer = await world.api.call(admin, "GET", f"{path}/{empty}")
        assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.requirement("TEMPLATE-VARIABLES-01")
async def test_a_required_variable_without_value_fails_the_import_and_is_listed(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    version = await world.version(admin)
    job = await world.acquire()
    with pytest.raises(JobEnded):
        await world.declare(
            job, DeclaredVariable(name="token", required=True), DeclaredVariable(name="region", default_value="eu")
        )
    shown = (await world.api.call(admin, "GET", f"/templateversions/{version['id']}")).json()["job"]
    assert (shown["status"], shown["error_code"]) == ("failed", "REQUIRED_TEMPLATE_VARIABLES")
    assert "token" in shown["error"]
    variables = (await world.api.call(admin, "GET", f"/templateversions/{version['id']}/variables")).json()
    assert [(each["name"], each["value"], each["required"]) for each in variables] == [
        ("region", "eu", False), ("token", "", True),
    ]  # fmt: skip


@pytest.mark.requirement("TEMPLATE-VARIABLES-02")
async def test_sensitive_values_reach_the_daemon_and_nobody_else(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    given = [{"name": "token", "value": SECRET}, {"name": "region", "value": "us"}, {"name": "typo", "value": SECRET}]
    version = await world.version(admin, user_variable_values=given)
    job = await world.acquire()
    assert isinstance(job.input, ImportInput)
    assert {value.name: value.value for value in job.input.variables} == {each["name"]: each["value"] for each in given}
    values = await world.declare(
        job,
        DeclaredVariable(name="token", required=True, sensitive=True),
        DeclaredVariable(name="region"),
        readme="# Hi",
    )
    assert values == {"token": SECRET, "region": "us"}
    await world.complete(job)
    path = f"/templateversions/{version['id']}"
    variables = (await world.api.call(admin, "GET", f"{path}/variables")).json()
    assert [(each["name"], each["value"]) for each in variables] == [("region", "us"), ("token", "*redacted*")]
    assert (await world.api.call(admin, "GET", path)).json()["readme"] == "# Hi"
    async with world.db.connection() as conn:
        opened = await version_variables(conn, world.cipher, job.input.template_version_id)
    assert {value.name: value.value for value in opened} == values
    for table in ("template_version_variables", "provisioner_jobs", "audit_logs", "provisioner_job_logs"):
        dump = await world.db.fetchval(f"select string_agg(t::text, '') from {table} t") or ""
        assert SECRET not in dump
        assert SECRET.encode().hex() not in dump


@pytest.mark.requirement("TEMPLATE-LOGS-01")
async def test_the_log_is_read_in_parts_and_as_text_by_those_who_may(world: TemplateWorld) -> None:
    admin, member = await world.accounts.make("template-admin"), await world.accounts.make()
    version = await world.version(admin)
    job = await world.acquire()
    lines = [LogLine(output=text, stage="Parse") for text in ("one", "two", "three")]
    await progress.update_job(
        world.db, job.job_id, job.job_token, UpdateJobRequest(logs=lines), force_after=timedelta(minutes=1)
    )
    path = f"/templateversions/{version['id']}/logs"
    logs = (await world.api.call(admin, "GET", path)).json()
    assert [(line["output"], line["stage"], line["log_level"]) for line in logs] == [
        (text, "Parse", "info") for text in ("one", "two", "three")
    ]
    after = await world.api.call(admin, "GET", f"{path}?after={logs[0]['id']}&before={logs[2]['id']}")
    assert [line["output"] for line in after.json()] == ["two"]
    text = await world.api.call(admin, "GET", f"{path}?format=text")
    assert text.headers["content-type"].startswith("text/plain")
    assert text.text.count("\n") == 3
    for bad in ("?after=-1", "?after=x", "?before=x", "?format=xml"):
        assert (await world.api.call(admin, "GET", path + bad)).status_code == 400
    assert (await world.api.call(member, "GET", path)).status_code == 404


@pytest.mark.requirement("TEMPLATE-EXAMPLE-01")
async def test_an_example_is_described_by_its_front_matter_and_imported(
    world: TemplateWorld, tmp_path, monkeypatch
) -> None:
    folder = tmp_path / "shell"
    folder.mkdir()
    (folder / "README.md").write_text(
        "---\nname: Shell\ndescription: An empty shell\ntags: [linux, 1]\n---\n\n# Shell\n"
    )
    (folder / "homeport.yaml").write_text("version: 1\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    monkeypatch.setattr(examples, "_FOLDERS", (tmp_path / "absent", tmp_path))
    examples._load.cache_clear()
    admin, member = await world.accounts.make("template-admin"), await world.accounts.make()
    try:
        shown = (await world.api.call(member, "GET", "/templates/examples")).json()
        assert shown == [
            {"id": "shell", "url": "", "name": "Shell", "description": "An empty shell", "icon": "", "tags": ["linux", "1"],
             "markdown": "# Shell\n"},
        ]  # fmt: skip
        assert (await world.api.call(member, "GET", f"{ORGANIZATION}/templates/examples")).json() == shown
        version = await world.version(admin, example_id="shell")
        data = (await world.api.call(admin, "GET", f"/files/{version['job']['file_id']}")).content
        assert {entry.name for entry in archive.validate(data)} == {"README.md", "homeport.yaml", "run.sh"}
        again = await world.version(admin, example_id="shell")
        assert again["job"]["file_id"] == version["job"]["file_id"]
    finally:
        examples._load.cache_clear()


@pytest.mark.requirement("TEMPLATE-DRYRUN-01")
async def test_a_dry_run_asks_what_a_start_would_make(world: TemplateWorld) -> None:
    admin, member = await world.accounts.make("template-admin"), await world.accounts.make()
    pending = await world.version(admin)
    assert (await world.api.call(admin, "POST", f"/templateversions/{pending['id']}/dry-run", {})).status_code == 412
    await world.complete(await world.acquire(), ProvisionedParameter(name="size", type="number"))
    runs = f"/templateversions/{pending['id']}/dry-run"
    missing = await world.api.call(admin, "POST", runs, {})
    assert (missing.status_code, missing.json()["validations"][0]["field"]) == (400, "size")
    body = {
        "workspace_name": "trial", "rich_parameter_values": [{"name": "size", "value": "3"}],
        "user_variable_values": [{"name": "token", "value": SECRET}],
    }  # fmt: skip
    assert (await world.api.call(member, "POST", runs, body)).status_code == 404
    made = await world.api.call(admin, "POST", runs, body)
    assert made.status_code == 201, made.text
    assert SECRET not in (await world.db.fetchval("select string_agg(j::text, '') from provisioner_jobs j"))
    run = f"{runs}/{made.json()['id']}"
    assert (await world.api.call(admin, "GET", f"{run}/matched-provisioners")).json()["count"] == 1
    job = await world.acquire()
    assert isinstance(job.input, DryRunInput)
    assert job.input.workspace_name == "trial"
    assert msgspec.to_builtins(job.input.rich_parameter_values) == [{"name": "size", "value": "3"}]
    assert [(value.name, value.value) for value in job.input.variables] == [("token", SECRET)]
    assert (await world.api.call(admin, "GET", run)).json()["status"] == "running"
    assert (await world.api.call(admin, "GET", f"{run}/logs")).json() == []
    assert (await world.api.call(admin, "PATCH", f"{run}/cancel")).status_code == 200
    assert (await world.api.call(admin, "PATCH", f"{run}/cancel")).status_code == 412
    assert (await world.api.call(admin, "GET", f"{runs}/{pending['job']['id']}")).status_code == 403
    assert (await world.api.call(admin, "GET", f"{runs}/{uuid4()}")).status_code == 404
    assert (await world.api.call(admin, "GET", f"{runs}/x")).status_code == 400
