"""Pages of workspaces: the list, making one, building it, deleting it."""

import msgspec
import pytest

from homeport.provisioning.types import ProvisionedMetadata
from homeport.templates.rules.configuration import read_configuration
from homeport.templates.rules.dynamic import form_source
from tests.homeport.web.site import Document, Site
from tests.homeport.workspaces.isolation_world import daemon, process_template
from tests.homeport.workspaces.world import MACHINE
from tests.support.prebuilds import make_prebuilt

SIZE = {"name": "size", "type": "number", "required": True, "validation_min": 1, "validation_max": 9}
EDITOR = {
    "name": "editor",
    "display_name": "Editor",
    "mutable": False,
    "default_value": "vim",
    "options": [{"name": "Vim", "value": "vim"}, {"name": "Emacs", "value": "emacs"}],
}
ONCE = {"name": "once", "ephemeral": True, "default_value": ""}
PACKAGES = {"name": "packages", "type": "list(string)", "default_value": '["git"]'}


@pytest.mark.requirement("WEB-LIST-01")
async def test_the_list_shows_ones_own_and_what_one_may_read_of_others(site: Site):
    owner, member = await site.accounts.make("owner"), await site.accounts.make("member")
    template = await site.world.template()
    mine = await site.world.running(owner, template)
    other = await site.world.stopped(member, template)
    page = Document((await site.get(owner, "/workspaces")).text)
    assert mine.name in page.text
    assert other.name not in page.text
    everything = Document((await site.get(owner, "/workspaces?show=all")).text).text
    assert mine.name in everything
    assert other.name in everything
    found = Document((await site.get(owner, "/workspaces?show=all&q=status:stopped")).text).text
    assert mine.name not in found
    assert other.name in found
    assert mine.name not in (await site.get(member, "/workspaces?show=all")).text
    bad = await site.get(owner, "/workspaces?q=nonsense:1")
    assert bad.status_code == 400
    assert "nonsense" in Document(bad.text).field("q")["value"]


@pytest.mark.requirement("WEB-LIST-02")
async def test_an_empty_list_says_what_to_do_next(site: Site):
    member = await site.accounts.make("member")
    nothing = Document((await site.get(member, "/workspaces")).text).text
    assert "homeport templates push" in nothing
    await site.world.template()
    assert "Create the first one" in Document((await site.get(member, "/workspaces")).text).text
    assert "Nothing found" in Document((await site.get(member, "/workspaces?q=absent")).text).text


@pytest.mark.requirement("WEB-LIST-03")
async def test_a_long_list_has_pages(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("homeport.web.pages.workspaces.PAGE_SIZE", 2)
    member = await site.accounts.make("member")
    template = await site.world.template()
    names = {(await site.world.running(member, template)).name for _ in range(3)}
    seen = set[str]()
    for number in (1, 2):
        page = Document((await site.get(member, f"/workspaces?page={number}")).text)
        seen |= {name for name in names if name in page.text}
        assert f"of {len(names)}" in page.text
    assert seen == names


@pytest.mark.requirement("WEB-CREATE-01", "WEB-FORMS-01")
async def test_a_refused_form_keeps_its_values_and_names_the_fields(site: Site):
    member = await site.accounts.make("member")
    template = await site.world.template(parameters=[SIZE, EDITOR, PACKAGES])
    path = f"/templates/{template.name}/workspace"
    fields = {
        "name": "fine-name", "parameter.size": "77", "parameter.editor": "emacs", "parameter.packages": "a\r\n\r\nb ",
    }  # fmt: skip
    reply = await site.post(member, path, fields)
    page = Document(reply.text)
    assert reply.status_code == 400
    assert page.field("name")["value"] == "fine-name"
    assert "aria-invalid" not in page.field("name")
    assert page.field("parameter.size")["value"] == "77"
    assert page.field("parameter.size")["aria-invalid"] == "true"
    assert "checked" in next(a for a in page.all("input") if a.get("value") == "emacs")
    assert "Give a number from 1 to 9." in page.text
    assert "a b" in page.text
    missing = Document((await site.post(member, path, {**fields, "parameter.size": ""})).text)
    assert "A value is required." in missing.text
    named = await site.post(member, path, {**fields, "name": "--", "parameter.size": "7"})
    assert named.status_code == 400
    assert Document(named.text).field("name")["aria-invalid"] == "true"
    assert (await site.world.api.call(member, "GET", "/workspaces")).json()["count"] == 0


@pytest.mark.requirement("WEB-CREATE-01")
async def test_a_form_makes_a_workspace_with_its_values(site: Site):
    member = await site.accounts.make("member")
    template = await site.world.template(parameters=[SIZE, EDITOR, PACKAGES, ONCE])
    path = f"/templates/{template.name}/workspace"
    fields = {
        "name": "mine", "parameter.size": " 7 ", "parameter.editor": "emacs", "parameter.packages": "a\r\nb",
        "parameter.once": "now",
    }  # fmt: skip
    reply = await site.post(member, path, fields)
    assert (reply.status_code, reply.headers["location"]) == (303, f"/@{member.username}/mine")
    page = await site.get(member, reply.headers["location"])
    assert page.status_code == 200
    text = Document(page.text).text
    for words in ("emacs", '["a","b"]', "now", "pending"):
        assert words in text
    again = await site.post(member, path, fields)
    assert again.status_code == 409
    assert Document(again.text).field("name")["aria-invalid"] == "true"


@pytest.mark.requirement("WEB-CREATE-02")
async def test_templates_that_one_may_not_use_are_not_there(site: Site):
    member = await site.accounts.make("member")
    hidden = await site.world.template(group_acl={})
    unfinished = await site.world.template(job="running")
    assert (await site.get(member, f"/templates/{hidden.name}/workspace")).status_code == 404
    assert (await site.post(member, f"/templates/{hidden.name}/workspace", {"name": "x"})).status_code == 404
    waiting = await site.get(member, f"/templates/{unfinished.name}/workspace")
    assert 400 <= waiting.status_code < 500
    old = await site.world.template(deprecated="Use the other one.")
    reply = await site.post(member, f"/templates/{old.name}/workspace", {"name": "x"})
    assert reply.status_code == 400
    assert "Use the other one." in reply.text


@pytest.mark.requirement("WEB-BUILD-01")
async def test_buttons_build_and_follow_the_status(site: Site):
    member = await site.accounts.make("member")
    workspace = await site.world.running(member, await site.world.template(parameters=[ONCE]))
    base = f"/@{member.username}/{workspace.name}"
    assert actions(await site.get(member, base), base) == {"restart", "stop"}
    assert (await site.post(member, f"{base}/stop")).headers["location"] == base
    assert actions(await site.get(member, base), base) == {"cancel"}
    stopping = (await site.world.read(member, workspace.id)).latest_build
    assert (stopping.transition, stopping.reason) == ("stop", "dashboard")
    busy = await site.post(member, f"{base}/start")
    assert busy.status_code == 409
    await site.world.complete(stopping, resources=[])
    assert actions(await site.get(member, base), base) == {"start"}
    await site.post(member, f"{base}/start")
    assert (await site.post(member, f"{base}/cancel")).status_code == 303
    page = await site.get(member, base)
    assert "canceled" in Document(page.text).text
    assert actions(page, base) == {"start", "stop"}


@pytest.mark.requirement("WEB-BUILD-02")
async def test_a_restart_starts_again_only_after_its_own_stop(site: Site):
    member = await site.accounts.make("member")
    workspace = await site.world.running(member)
    base = f"/@{member.username}/{workspace.name}"
    location = (await site.post(member, f"{base}/restart")).headers["location"]
    assert location == f"{base}?restart=2"
    assert "starts again when that is done" in Document((await site.get(member, location)).text).text
    await site.world.complete((await site.world.read(member, workspace.id)).latest_build, resources=[])
    due = Document((await site.get(member, location)).text)
    assert [form for form in due.all("form") if "data-submit-now" in form] == [
        {"method": "post", "action": f"{base}/start", "data-submit-now": "", "class": "note"}
    ]
    for other in (base, f"{base}?restart=1", f"{base}?restart=3", f"{base}?restart=x"):
        assert "data-submit-now" not in (await site.get(member, other)).text
    await site.db.execute("update provisioner_jobs set completed_at = completed_at - interval '1 hour'")
    assert "data-submit-now" not in (await site.get(member, location)).text


@pytest.mark.requirement("WEB-BUILD-03")
async def test_an_update_asks_for_values_that_are_missing(site: Site):
    member = await site.accounts.make("member")
    template = await site.world.template(parameters=[EDITOR])
    workspace = await site.world.stopped(member, template)
    await site.world.activate(template, await site.world.version(template.id, parameters=[EDITOR, SIZE]))
    base = f"/@{member.username}/{workspace.name}"
    assert "Update and start" in Document((await site.get(member, base)).text).text
    asked = await site.post(member, f"{base}/start", {"update": "1"})
    page = Document(asked.text)
    assert asked.status_code == 400
    assert page.field("parameter.size")["aria-invalid"] == "true"
    assert any("disabled" in fieldset for fieldset in page.all("fieldset"))
    done = await site.post(member, f"{base}/parameters", {"update": "1", "parameter.size": "4"})
    assert done.status_code == 303
    build = (await site.world.read(member, workspace.id)).latest_build
    values = await site.world.api.call(member, "GET", f"/workspacebuilds/{build.id}/parameters")
    assert {each["name"]: each["value"] for each in values.json()} == {"editor": "vim", "size": "4"}


@pytest.mark.requirement("WEB-BUILD-03")
async def test_fixed_values_stay_whatever_a_form_says(site: Site):
    member = await site.accounts.make("member")
    workspace = await site.world.stopped(member, await site.world.template(parameters=[EDITOR, ONCE]))
    base = f"/@{member.username}/{workspace.name}"
    done = await site.post(member, f"{base}/parameters", {"parameter.editor": "emacs", "parameter.once": "x"})
    assert done.status_code == 303
    text = Document((await site.get(member, base)).text).text
    assert "vim" in text
    assert "emacs" not in text


@pytest.mark.requirement("WEB-DELETE-01")
async def test_a_delete_needs_the_name_and_leads_to_its_build(site: Site):
    member = await site.accounts.make("member")
    workspace = await site.world.running(member)
    base = f"/@{member.username}/{workspace.name}"
    for typed in ("", "other", workspace.name + "x"):
        refused = await site.post(member, f"{base}/delete", {"confirm": typed})
        assert refused.status_code == 400
        assert Document(refused.text).field("confirm")["aria-invalid"] == "true"
    assert (await site.world.read(member, workspace.id)).latest_build.build_number == 1
    location = (await site.post(member, f"{base}/delete", {"confirm": workspace.name})).headers["location"]
    assert location == f"{base}/builds/2"
    await site.world.complete((await site.world.read(member, workspace.id)).latest_build, resources=[])
    assert (await site.get(member, base)).status_code == 404
    assert "has been deleted" in Document((await site.get(member, location)).text).text


@pytest.mark.requirement("WEB-BUILD-04")
async def test_a_failed_build_says_why(site: Site):
    member = await site.accounts.make("member")
    workspace = await site.world.create(member, await site.world.template())
    await site.world.fail(workspace.latest_build, error="the disk is <full>")
    base = f"/@{member.username}/{workspace.name}"
    for path in (base, f"{base}/builds/1"):
        page = await site.get(member, path)
        assert "the disk is <full>" in Document(page.text).text
        assert "<full>" not in page.text


@pytest.mark.requirement("WEB-ISOLATION-01")
async def test_a_workspace_without_isolation_says_so(site: Site):
    owner = await site.accounts.make("owner")
    template = await site.world.template()
    words = "This workspace is not isolated"
    for value, is_told in (("none", True), ("bubblewrap", False)):
        workspace = await site.world.create(owner, template)
        fact = ProvisionedMetadata(key="isolation", value=value)
        await site.world.complete(workspace.latest_build, resources=[msgspec.structs.replace(MACHINE, metadata=[fact])])
        page = await site.get(owner, f"/@{owner.username}/{workspace.name}")
        assert (words in Document(page.text).text) is is_told


@pytest.mark.requirement("WEB-ISOLATION-02")
@pytest.mark.parametrize(
    ("role", "isolation", "words"),
    [
        ("owner", "none", "You may start them because you own this deployment"),
        ("member", "none", "You cannot start workspaces of this template now"),
        ("template-admin", "none", "You cannot start workspaces of this template now"),
        ("owner", "bubblewrap", ""),
        ("member", "bubblewrap", ""),
    ],
)
async def test_pages_of_a_template_say_what_becomes_of_its_workspaces(site: Site, role: str, isolation, words: str):
    person = await site.accounts.make(role)
    template = await process_template(site.world)
    await daemon(site.world, isolation)
    for path in (f"/templates/{template.name}", f"/templates/{template.name}/workspace"):
        page = Document((await site.get(person, path)).text)
        assert words in page.text
        assert ("install bubblewrap" in page.text) is bool(words)
    [button] = [each for each in page.all("button") if each.get("class") == "primary"]
    assert ("disabled" in button) is ("cannot" in words)
    made = await site.post(person, f"/templates/{template.name}/workspace", {"name": "dev"})
    if "cannot" in words:
        assert made.status_code == 403
        assert "only site owners may start workspaces" in Document(made.text).text
    else:
        assert made.headers["location"] == f"/@{person.username}/dev"


@pytest.mark.requirement("WEB-ISOLATION-02")
async def test_the_list_tells_owners_which_provisioners_do_not_isolate(site: Site):
    owner, member = await site.accounts.make("owner"), await site.accounts.make("member")
    isolating = await daemon(site.world, "bubblewrap")
    page = Document((await site.get(owner, "/workspaces")).text)
    assert "not isolated" not in page.text
    plain = await daemon(site.world, "none")
    page = Document((await site.get(owner, "/workspaces")).text)
    assert f"not isolated on the provisioner {plain.name}:" in page.text
    assert "Install bubblewrap" in page.text
    assert isolating.name not in page.text
    assert "not isolated" not in Document((await site.get(member, "/workspaces")).text).text


def actions(reply, base: str) -> set[str]:
    """What the forms of a workspace's page do."""
    assert reply.status_code == 200, reply.text
    addresses = [form.get("action", "") for form in Document(reply.text).all("form")]
    return {address.removeprefix(f"{base}/") for address in addresses if address.startswith(base)}


@pytest.mark.requirement("M08-10")
async def test_who_looks_after_templates_deletes_prebuilds_on_their_page(site: Site):
    admin, member = await site.accounts.make("organization-template-admin"), await site.accounts.make()
    template = await site.world.template()
    made = await make_prebuilt(site.db, site.world.cipher, template.id)
    await site.world.complete(made.latest_build)
    own = await site.world.running(member, template)
    path = f"/@prebuilds/{made.name}"
    page = await site.get(admin, path)
    assert f"{path}/delete" in page.text
    assert f"{path}/stop" not in page.text
    foreign = f"/@{member.username}/{own.name}"
    assert f"{foreign}/delete" not in (await site.get(admin, foreign)).text
    assert (await site.post(admin, f"{foreign}/delete", {"confirm": own.name})).status_code == 403
    assert (await site.post(member, f"{path}/delete", {"confirm": made.name})).status_code == 404
    assert (await site.post(admin, f"{path}/stop")).status_code == 403
    deleted = await site.post(admin, f"{path}/delete", {"confirm": made.name})
    assert (deleted.status_code, deleted.headers["location"]) == (303, f"{path}/builds/2")
    assert (await site.get(admin, f"{path}/builds/2")).status_code == 200


DISK = b"""
data "coder_parameter" "editor" {
  name    = "editor"
  default = "vim"
}
data "coder_parameter" "disk" {
  count   = data.coder_parameter.editor.value == "emacs" ? 1 : 0
  name    = "disk"
  mutable = true
}
"""


@pytest.mark.requirement("CONTENTS-FORM-05")
async def test_forms_ask_for_what_a_choice_calls_for(site: Site):
    member = await site.accounts.make("member")
    template = await site.world.template(parameters=[{**EDITOR, "mutable": True}])
    kept = {"form": msgspec.to_builtins(form_source(read_configuration({"main.tf": DISK})))}
    await site.world.db.execute("update template_versions set tag_source = $2 where id = $1", template.version_id, kept)
    path = f"/templates/{template.name}/workspace"
    assert "parameter.disk" not in (await site.get(member, path)).text
    fields = {"name": "mine", "parameter.editor": "emacs", "shown": "editor"}
    asked = Document((await site.post(member, path, fields)).text)
    assert "asks for more: disk" in asked.text
    assert asked.field("parameter.disk")["value"] == ""
    # Whoever sends a form of their own is told as for any other parameter.
    missing = await site.post(member, path, {"name": "mine", "parameter.editor": "emacs"})
    assert missing.status_code == 400
    done = await site.post(member, path, {"name": "mine", "parameter.editor": "vim", "parameter.disk": "9"})
    assert done.status_code == 303
    workspace = (await site.world.api.call(member, "GET", "/users/me/workspace/mine")).json()
    base = f"/@{member.username}/mine/parameters"
    more = Document((await site.post(member, base, {"parameter.editor": "emacs", "shown": "editor"})).text)
    assert more.field("parameter.disk")["value"] == ""
    assert workspace["latest_build"]["build_number"] == 1
