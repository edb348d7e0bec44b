"""Templates in the dashboard: versions, files, comparisons, dry runs, settings, presets and examples."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from homeport.files.rules import archive
from homeport.provisioning.errors import JobEnded
from homeport.provisioning.schemas import CompleteJobRequest
from homeport.provisioning.service import progress
from homeport.provisioning.types import (
    DeclaredVariable,
    DryRunResult,
    ImportResult,
    ProvisionedOption,
    ProvisionedParameter,
    ProvisionedPreset,
)
from homeport.provisioning.types.results import PresetValue
from tests.homeport.templates.template_world import TemplateWorld
from tests.homeport.web.site import Document, Site
from tests.homeport.web.test_escaping import ATTACK
from tests.homeport.web.test_organizations import actions, links, text_of
from tests.homeport.workspaces.world import MACHINE
from tests.support.accounts import Person
from tests.support.names import unique_name

FILES = {
    "homeport.yaml": b"name: x\r\nagents: []\r\n",
    "run.sh": b"#!/bin/sh\n",
    "logo.png": b"\x89PNG\x00",
    "empty": b"",
}
SIZE = ProvisionedParameter(
    name="size", type="number", default_value="3", required=False, mutable=True, validation_min=1, validation_max=9,
    validation_monotonic="increasing",
)  # fmt: skip
PLACE = ProvisionedParameter(
    name="place", default_value="here", required=False,
    options=[ProvisionedOption(name="Here", value="here"), ProvisionedOption(name="There", value="there")],
)  # fmt: skip
SECRET = DeclaredVariable(name="secret", sensitive=True, required=True)
KEY = DeclaredVariable(name="key", sensitive=True, required=True)
REGION = DeclaredVariable(name="region", default_value="eu", required=False)


class Made:
    """A template of files, with an import that has found things."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.world = TemplateWorld(site.db, site.listener)

    async def version(self, owner: Person, files: dict[str, bytes] | None = None, **body: Any) -> dict[str, Any]:
        """Import a version that has a parameter, a preset, variables and a machine."""
        data = archive.pack(files or FILES, executable=frozenset({"run.sh"}))
        file_id = await self.world.upload(owner, data)
        values = [{"name": "secret", "value": "s3cret"}]
        version = await self.world.version(owner, file_id=file_id, user_variable_values=values, **body)
        await self.finish()
        return version

    async def finish(self, *more: DeclaredVariable) -> None:
        """Let a daemon import what waits."""
        job = await self.world.acquire()
        await self.world.declare(job, SECRET, REGION, *more, readme="# Words\n<script>1</script>")
        presets = [ProvisionedPreset(name="Big", default=True, parameters=[PresetValue(name="size", value="7")])]
        result = ImportResult(parameters=[SIZE, PLACE], presets=presets, start_resources=[MACHINE])
        await progress.complete_job(self.site.db, job.job_id, job.job_token, CompleteJobRequest(template_import=result))

    async def fail_for_lack(self) -> None:
        """Let a daemon find that a variable has no value; the job has ended when it hears of it."""
        job = await self.world.acquire()
        with pytest.raises(JobEnded):
            await self.world.declare(job, SECRET, KEY, REGION)

    async def template(self, owner: Person) -> tuple[str, dict[str, Any]]:
        """Make the template; return its name and its first version."""
        version = await self.version(owner, name="one")
        answer = await self.world.create(owner, version["id"])
        assert answer.status_code == 201, answer.text
        return answer.json()["name"], version

    async def values(self, version_id: Any) -> dict[str, str]:
        """The values that daemons get for a version's variables."""
        from homeport.templates.service.variables import version_variables  # lazy: one test needs it

        async with self.site.db.connection() as conn:
            found = await version_variables(conn, self.world.cipher, version_id)
        return {each.name: each.value for each in found}


@pytest.fixture
def made(site: Site) -> Made:
    """See the class."""
    return Made(site)


def place(location: str) -> str:
    """The path of an address."""
    return urlsplit(location).path


@pytest.mark.requirement("WEB-TPL-01")
async def test_versions_are_listed_promoted_archived_and_taken_back(site: Site, made: Made) -> None:
    owner = await site.accounts.make("owner")
    name, first = await made.template(owner)
    second = await made.version(owner, name="two", message=ATTACK, template_id=await template_id(site, name))
    base = f"/templates/{name}/versions"
    listed = await text_of(site, owner, base)
    assert f"{base}/two?organization=coder" in links(listed)
    assert Document(listed).runnables() == []
    page = await text_of(site, owner, f"{base}/two")
    assert Document(page).runnables() == []
    for words in ("Big", "size=7", "process.machine", "has a value, which is not shown", "Words"):
        assert words in page, words
    assert "s3cret" not in page
    assert f"{base}/two/state?organization=coder" in actions(page)
    promoted = await site.post(owner, f"{base}/two/state", {"do": "promote"})
    assert promoted.headers["location"] == f"{base}/two?organization=coder&notice=promoted"
    assert str(await active_of(site, name)) == second["id"]
    refused = await site.post(owner, f"{base}/two/state", {"do": "archive"})
    assert refused.status_code == 400
    assert "active version cannot be archived" in refused.text
    assert (await site.post(owner, f"{base}/one/state", {"do": "archive"})).status_code == 303
    assert f"{base}/one?organization=coder" not in links(await text_of(site, owner, base))
    assert f"{base}/one?organization=coder" in links(await text_of(site, owner, f"{base}?show=archived"))
    assert (await site.post(owner, f"{base}/one/state", {"do": "unarchive"})).status_code == 303
    assert (await site.post(owner, f"{base}/archive-unused")).status_code == 303
    assert await site.db.fetchval("select archived from template_versions where id = $1::uuid", first["id"]) is True
    for odd in ("", "explode", ATTACK):
        assert (await site.post(owner, f"{base}/one/state", {"do": odd})).status_code == 400


@pytest.mark.requirement("WEB-TPL-01")
async def test_an_import_is_watched_canceled_renamed_and_given_variables(site: Site, made: Made) -> None:
    owner = await site.accounts.make("owner")
    name, _ = await made.template(owner)
    base = f"/templates/{name}/versions"
    id = await template_id(site, name)
    await made.world.version(owner, name="waits", template_id=id)
    page = await text_of(site, owner, f"{base}/waits")
    assert f"/templates/{name}/versions/waits/log" in {each.get("data-log") for each in Document(page).all("div")}
    assert (await site.post(owner, f"{base}/waits/state", {"do": "cancel"})).status_code == 303
    again = await site.post(owner, f"{base}/waits/state", {"do": "cancel"})
    assert again.status_code == 412
    renamed = await site.post(owner, f"{base}/waits/about", {"name": "ended", "message": "no more"})
    assert place(renamed.headers["location"]) == f"{base}/ended"
    for wrong, status in (("a b", 400), ("one", 409)):
        assert (await site.post(owner, f"{base}/ended/about", {"name": wrong})).status_code == status
    stream = await site.get(owner, f"{base}/ended/log")
    assert stream.text.endswith("event: end\ndata: now\n\n")
    # Without the value that is required the import fails, and the page asks for it; those that it has stay.
    region = [{"name": "region", "value": "us"}]
    await made.world.version(owner, name="lacks", template_id=id, user_variable_values=region)
    await made.fail_for_lack()
    page = await text_of(site, owner, f"{base}/lacks")
    assert "Values that are needed" in page
    assert Document(page).field("variable.key")["type"] == "password"
    given = await site.post(owner, f"{base}/lacks/variables", {"variable.key": "new", "variable.region": ""})
    assert given.status_code == 303
    await made.finish(KEY)
    version = await version_id(site, name, place(given.headers["location"]).rpartition("/")[2])
    assert await made.values(version) == {"secret": "s3cret", "key": "new", "region": "eu"}


@pytest.mark.requirement("WEB-TPL-02")
async def test_files_are_changed_into_a_new_version_that_keeps_all_else(site: Site, made: Made) -> None:
    owner = await site.accounts.make("owner")
    name, first = await made.template(owner)
    path = f"/templates/{name}/versions/one/files"
    page = Document(await text_of(site, owner, path))
    assert page.field("file.run.sh")["class"] == "editor"
    assert "It is not text." in page.text
    sent = {"file.homeport.yaml": "name: y\r\nagents: []\r\n", "file.run.sh": "#!/bin/sh\r\n", "file.empty": ""}
    unchanged = await site.post(owner, path, {**sent, "file.homeport.yaml": "name: x\r\nagents: []\r\n"})
    assert unchanged.status_code == 400
    assert "Nothing has been changed" in unchanged.text
    changed = {
        **sent,
        "remove.empty": "1",
        "new_name": "lib/new.sh",
        "new_content": "echo\r\n",
        "name": "two",
        "message": "better",
    }
    saved = await site.post(owner, path, changed)
    assert place(saved.headers["location"]) == f"/templates/{name}/versions/two"
    data = await data_of(site, name, "two")
    from homeport.files.rules.editing import read_files  # lazy: beside its use

    assert read_files(data) == {
        "homeport.yaml": b"name: y\r\nagents: []\r\n", "run.sh": b"#!/bin/sh\n", "logo.png": b"\x89PNG\x00",
        "lib/new.sh": b"echo\n",
    }  # fmt: skip
    await made.finish()
    # Values that were given stay, sensitive ones too; the engine and the active version are as they were.
    version = await version_id(site, name, "two")
    assert await made.values(version) == {"secret": "s3cret", "region": "eu"}
    assert str(await active_of(site, name)) == first["id"]
    for wrong, words in (
        ({"new_name": "../x", "new_content": "y"}, "leads out"), ({"new_name": "run.sh"}, "already"),
        ({"new_content": "text"}, "Give the new file a name"), ({"file.run.sh": "x", "name": "one"}, "one"),
        ({"file.run.sh": "x", "name": "a b"}, "letters"), ({"new_name": "run.sh/x", "new_content": "y"}, "run.sh"),
    ):  # fmt: skip
        refused = await site.post(owner, path, {**sent, "file.homeport.yaml": "name: x\r\nagents: []\r\n", **wrong})
        assert refused.status_code in {400, 409}, wrong
        assert words in refused.text, wrong
    compared = await text_of(site, owner, f"/templates/{name}/versions/two/compare?organization=coder&version=one")
    for words in ("lib/new.sh", "added", "removed", "name: y", "name: x"):
        assert words in compared
    assert Document(compared).runnables() == []
    assert "run.sh</h2>" not in compared.replace("lib/new.sh</h2>", "")
    assert "first version" in await text_of(site, owner, f"/templates/{name}/versions/one/compare")
    assert (await site.get(owner, f"/templates/{name}/versions/two/compare?version=none")).status_code == 404


@pytest.mark.requirement("WEB-TPL-02", "WEB-TPL-01")
async def test_who_may_not_change_a_template_reads_no_files_and_changes_nothing(site: Site, made: Made) -> None:
    owner, member, stranger = [await site.accounts.make(kind) for kind in ("owner", "member", "stranger")]
    name, _ = await made.template(owner)
    base = f"/templates/{name}"
    version = await text_of(site, member, f"{base}/versions/one")
    assert "s3cret" not in version
    assert actions(version) == {"/logout"}
    assert {f"{base}/settings?organization=coder"}.isdisjoint(links(version))
    for path in ("/versions/one/files", "/versions/one/compare"):
        assert (await site.get(member, f"{base}{path}")).status_code == 403
    forms: tuple[tuple[str, dict[str, str]], ...] = (
        ("/versions/one/files", {"file.run.sh": "x"}), ("/versions/one/state", {"do": "archive"}),
        ("/versions/one/about", {"name": "x"}), ("/versions/one/variables", {}), ("/versions/archive-unused", {}),
        ("/versions/one/dry-run", {}), ("/settings", {"name": "mine"}), ("/delete", {"confirm": name}),
    )  # fmt: skip
    for path, fields in forms:
        assert (await site.post(member, f"{base}{path}", fields)).status_code in {403, 404}, path
        assert (await site.post(stranger, f"{base}{path}", fields)).status_code == 404, path
    for path in ("", "/versions", "/versions/one", "/versions/one/files", "/settings", "/versions/one/dry-run"):
        assert (await site.get(stranger, f"{base}{path}")).status_code == 404, path
    assert await site.db.fetchval("select count(*) from template_versions where name = 'one' and not archived") == 1


@pytest.mark.requirement("WEB-TPL-03")
async def test_a_dry_run_has_a_form_a_log_and_what_a_start_would_make(site: Site, made: Made) -> None:
    owner = await site.accounts.make("owner")
    name, _ = await made.template(owner)
    path = f"/templates/{name}/versions/one/dry-run"
    form = Document(await text_of(site, owner, path))
    assert form.field("parameter.size")["value"] == "3"
    for wrong, words in (({"parameter.size": "12"}, "from 1 to 9"), ({"name": "a b"}, "hyphens")):
        refused = await site.post(owner, path, {"parameter.size": "3", **wrong})
        assert refused.status_code == 400
        assert words in refused.text
        assert 'aria-invalid="true"' in refused.text
    begun = await site.post(owner, path, {"parameter.size": "5", "parameter.place": "there"})
    run = place(begun.headers["location"])
    waiting = await text_of(site, owner, run)
    assert f"{run}/log" in {each.get("data-log") for each in Document(waiting).all("div")}
    job = await made.world.acquire()
    done = CompleteJobRequest(dry_run=DryRunResult(resources=[MACHINE]))
    await progress.complete_job(site.db, job.job_id, job.job_token, done)
    assert "process.machine" in await text_of(site, owner, run)
    assert (await site.post(owner, f"{run}/cancel")).status_code == 412
    for odd in ("x", "00000000-0000-4000-8000-000000000000"):
        assert (await site.get(owner, f"{path}/{odd}")).status_code == 404


@pytest.mark.requirement("WEB-TPL-04")
async def test_settings_are_shown_saved_and_refused_at_their_fields(site: Site, made: Made) -> None:
    owner = await site.accounts.make("owner")
    name, _ = await made.template(owner)
    path = f"/templates/{name}/settings"
    page = Document(await text_of(site, owner, path))
    assert page.field("default_ttl_ms")["value"] == "168"
    new = unique_name("tpl")
    fields = {
        "switches": "1", "name": new, "display_name": "A machine", "description": "words", "icon": "", "deprecation_message": "",
        "default_ttl_ms": "1.5", "activity_bump_ms": "", "time_til_dormant_ms": "30", "allow_user_autostop": "1",
        "stop_days": "monday", "start_days": "friday", "weeks": "2", "max_port_share_level": "organization", "cors_behavior": "simple",
    }  # fmt: skip
    saved = await site.post(owner, path, fields)
    assert saved.headers["location"] == f"/templates/{new}/settings?organization=coder&notice=template-changed"
    path = f"/templates/{new}/settings"
    row = await site.db.fetchrow("select * from templates where name = $1", new)
    assert row is not None
    assert (row["default_ttl"], row["activity_bump"], row["time_til_dormant"]) == (5400 * 10**9, 0, 30 * 86400 * 10**9)
    assert (row["allow_user_autostart"], row["allow_user_autostop"]) == (False, True)
    assert (row["autostop_requirement_days_of_week"], row["autostop_requirement_weeks"]) == (1, 2)
    again = Document(await text_of(site, owner, path))
    assert (again.field("default_ttl_ms")["value"], again.field("display_name")["value"]) == ("1.5", "A machine")
    taken = (await site.world.template()).name
    for field, value in (
        ("name", "two words"), ("name", taken), ("default_ttl_ms", "soon"), ("default_ttl_ms", "9999"), ("weeks", "-1"),
        ("weeks", "17"), ("description", "x" * 300), ("max_port_share_level", "all"), ("activity_bump_ms", "1e3"),
    ):  # fmt: skip
        refused = await site.post(owner, path, {**fields, field: value})
        assert refused.status_code in {400, 409}, (field, value)
        assert Document(refused.text).runnables() == []
        assert 'role="alert"' in refused.text or "field-problem" in refused.text
    assert (await site.post(owner, f"/templates/{new}/delete", {"confirm": "x"})).status_code == 400
    ended = await site.post(owner, f"/templates/{new}/delete", {"confirm": new})
    assert ended.headers["location"] == "/templates?notice=template-gone"
    assert (await site.get(owner, path)).status_code == 404


@pytest.mark.requirement("WEB-TPL-05")
async def test_a_preset_fills_the_form_and_goes_before_what_is_sent(site: Site, made: Made) -> None:
    owner = await site.accounts.make("owner")
    name, version = await made.template(owner)
    path = f"/templates/{name}/workspace"
    preset = await site.db.fetchval(
        "select id from template_version_presets where template_version_id = $1::uuid", version["id"]
    )
    page = await text_of(site, owner, path)
    size = Document(page).field("parameter.size")
    assert (size["value"], "disabled" in size) == ("7", True)
    assert Document(page).field("preset")["value"] == str(preset)
    assert "Set by the preset." in page
    none = Document(await text_of(site, owner, f"{path}?preset=none"))
    assert (none.field("parameter.size")["value"], "disabled" in none.field("parameter.size")) == ("3", False)
    old = Document(await text_of(site, owner, f"{path}?preset={version['id']}"))
    assert old.field("preset")["value"] == "none"
    workspace = unique_name("ws")
    sent = {"name": workspace, "preset": str(preset), "parameter.size": "2", "parameter.place": "there"}
    assert (await site.post(owner, path, sent)).status_code == 303
    found = await site.db.fetch(
        """
        select p.name, p.value, b.template_version_preset_id as preset from workspaces w
        join workspace_builds b on b.workspace_id = w.id join workspace_build_parameters p on p.workspace_build_id = b.id
        where w.name = $1
        """,
        workspace,
    )  # fmt: skip
    assert {(row["name"], row["value"]) for row in found} == {("size", "7"), ("place", "there")}
    assert {row["preset"] for row in found} == {preset}


@pytest.mark.requirement("WEB-TPL-06")
async def test_an_example_becomes_a_template(site: Site, made: Made) -> None:
    owner, member = await site.accounts.make("owner"), await site.accounts.make("member")
    assert "/templates/new" in links(await text_of(site, owner, "/templates"))
    assert "/templates/new" not in links(await text_of(site, member, "/templates"))
    shown = links(await text_of(site, owner, "/templates/new"))
    for example in ("shell", "container", "terraform-container", "kubernetes"):
        assert f"/templates/new/examples/{example}" in shown
    assert "You may not make templates" in await text_of(site, member, "/templates/new")
    assert "<code>terraform</code>" in await text_of(site, owner, "/templates/new/examples/kubernetes")
    assert (await site.get(owner, "/templates/new/examples/none")).status_code == 404
    refused = await site.post(member, "/templates/new/examples/shell", {"organization": "coder"})
    assert refused.status_code == 403
    begun = await site.post(owner, "/templates/new/examples/shell", {"organization": "coder"})
    path = begun.headers["location"]
    assert "Name the template" not in await text_of(site, owner, path)
    await site.db.execute("update provisioner_jobs set provisioner = 'echo' where completed_at is null")
    await made.fail_for_lack()
    assert "Name the template" not in await text_of(site, owner, path)
    given = await site.post(owner, path.replace("?", "/variables?"), {"variable.secret": "x"})
    path = given.headers["location"]
    await site.db.execute("update provisioner_jobs set provisioner = 'echo' where completed_at is null")
    await made.finish()
    form = Document(await text_of(site, owner, path))
    assert form.field("name")["value"] == "shell"
    assert (await site.post(owner, path, {"name": "a b"})).status_code == 400
    name = unique_name("tpl")
    created = await site.post(owner, path, {"name": name, "everyone": "1"})
    assert created.headers["location"] == f"/templates/{name}?organization=coder&notice=template"
    assert "has been created" in await text_of(site, member, created.headers["location"])
    assert place((await site.get(owner, path)).headers["location"]) == f"/templates/{name}"
    assert (await site.get(member, "/templates/new/versions/x")).status_code == 404


async def template_id(site: Site, name: str) -> str:
    """The id of a template."""
    return str(await site.db.fetchval("select id from templates where name = $1", name))


async def active_of(site: Site, name: str) -> Any:
    """The id of a template's active version."""
    return await site.db.fetchval("select active_version_id from templates where name = $1", name)


async def version_id(site: Site, name: str, version: str) -> Any:
    """The id of a version."""
    return await site.db.fetchval(
        "select v.id from template_versions v join templates t on t.id = v.template_id where t.name = $1 and v.name = $2",
        name, version,
    )  # fmt: skip


async def data_of(site: Site, name: str, version: str) -> bytes:
    """The archive of a version."""
    found: bytes = await site.db.fetchval(
        """
        select f.data from template_versions v join provisioner_jobs j on j.id = v.job_id join files f on f.id = j.file_id
        where v.id = $1
        """,
        await version_id(site, name, version),
    )
    return found
