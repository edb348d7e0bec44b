"""Dynamic parameters: the form of a version with what was entered, over HTTP once and over a WebSocket again and again."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from homeport.kit.errors import NotFound
from homeport.provisioning.types import ProvisionedOption, ProvisionedParameter, ProvisionedStyling
from homeport.templates.rules.configuration import read_configuration
from homeport.templates.rules.dynamic import form_source
from homeport.templates.service import register_last_values
from tests.homeport.templates.template_world import TemplateWorld
from tests.homeport.templates.test_log_stream import Socket
from tests.support.accounts import Person
from tests.support.waiting import until

PARAMETERS = (
    ProvisionedParameter(
        name="name", order=1, validation_regex="^[a-z]+$", validation_error="Small letters, not {value}.",
        styling=ProvisionedStyling(placeholder="such as dev", mask_input=True),
    ),
    ProvisionedParameter(
        name="cpus", order=2, type="number", required=False, default_value="2", validation_min=1, validation_max=8,
        validation_monotonic="increasing", form_type="slider",
    ),
    ProvisionedParameter(
        name="zone", order=3, required=False, default_value="eu", mutable=False,
        options=[ProvisionedOption(name="Europe", value="eu", icon="/e.svg"), ProvisionedOption(name="US", value="us")],
    ),
    ProvisionedParameter(name="reset", order=4, type="bool", required=False, default_value="false", ephemeral=True),
    ProvisionedParameter(name="tools", order=5, type="list(string)", required=False, default_value="[]"),
)  # fmt: skip


async def form(world: TemplateWorld, person: Person, version: dict[str, Any], **body: Any) -> Any:
    return await world.api.call(person, "POST", f"/templateversions/{version['id']}/dynamic-parameters/evaluate", body)


def by_name(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in answer["parameters"]}


def problems(answer: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["diagnostics"][0]["detail"] for each in answer["parameters"] if each["diagnostics"]}


@pytest.mark.requirement("CONTENTS-FORM-01")
async def test_a_form_shows_values_and_what_is_wrong_with_them(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    version = await world.imported(admin, *PARAMETERS)
    empty = (await form(world, admin, version, id=7)).json()
    assert (empty["id"], empty["diagnostics"]) == (7, [])
    assert [each["name"] for each in empty["parameters"]] == ["name", "cpus", "zone", "reset", "tools"]
    shown = by_name(empty)
    assert shown["name"]["value"] == {"value": "", "valid": False}
    assert shown["name"]["styling"] == {"placeholder": "such as dev", "mask_input": True}
    missing = shown["name"]["diagnostics"]
    assert [(each["severity"], each["extra"]["code"]) for each in missing] == [("error", "required")]
    assert shown["cpus"]["value"] == shown["cpus"]["default_value"] == {"value": "2", "valid": True}
    assert [shown[name]["form_type"] for name in shown] == ["input", "slider", "radio", "checkbox", "tag-select"]
    assert shown["cpus"]["validations"] == [
        {
            "validation_error": "", "validation_regex": None, "validation_min": 1, "validation_max": 8,
            "validation_monotonic": "increasing",
        }
    ]  # fmt: skip
    assert shown["zone"]["options"][0] == {
        "name": "Europe", "description": "", "value": {"value": "eu", "valid": True}, "icon": "/e.svg"
    }  # fmt: skip
    assert (shown["zone"]["styling"], shown["zone"]["order"], shown["zone"]["mutable"]) == ({}, 3, False)
    inputs = {"name": "X", "cpus": "9", "zone": "mars", "reset": "maybe", "tools": "x", "what": "1"}
    wrong = (await form(world, admin, version, id=8, inputs=inputs)).json()
    assert problems(wrong).keys() == {"name", "cpus", "zone", "reset", "tools"}
    assert problems(wrong)["name"] == "Small letters, not X."
    assert by_name(wrong)["cpus"]["value"] == {"value": "9", "valid": True}
    assert [each["severity"] for each in wrong["diagnostics"]] == ["warning"]
    assert "'what'" in wrong["diagnostics"][0]["detail"]
    good = {"name": "x", "cpus": "3", "zone": "us", "reset": "true", "tools": '["a"]'}
    assert problems((await form(world, admin, version, inputs=good)).json()) == {}


@pytest.mark.requirement("CONTENTS-FORM-02")
async def test_who_may_see_a_form_and_when(world: TemplateWorld) -> None:
    admin, member = await world.accounts.make("template-admin"), await world.accounts.make()
    pending = await world.version(admin)
    assert (await form(world, admin, pending)).status_code == 412
    await world.fail(await world.acquire())
    assert (await form(world, admin, pending)).status_code == 412
    template = await world.template(admin, *PARAMETERS)
    version = {"id": template["active_version_id"]}
    assert (await form(world, member, version)).status_code == 200
    private = await world.imported(admin, *PARAMETERS)
    assert (await form(world, member, private)).status_code == 404
    assert (await form(world, admin, {"id": uuid4()})).status_code == 404
    assert (await form(world, admin, {"id": "x"})).status_code == 400
    # For another owner only who may see them; a workspace that is not there is none.
    assert (await form(world, admin, version, owner_id=str(member.id))).status_code == 200
    assert (await form(world, member, version, owner_id=str(UUID(int=0)))).status_code == 200
    assert (await form(world, member, version, owner_id=str(uuid4()))).status_code == 404
    assert (await form(world, member, version, workspace_id=str(uuid4()))).status_code == 404
    for body, field in (
        ({"inputs": {"a": 1}}, "inputs"),
        ({"inputs": []}, "inputs"),
        ({"inputs": {"a": "x" * 70_000}}, "inputs"),
        ({"inputs": {str(number): "" for number in range(1001)}}, "inputs"),
        ({"id": "x"}, "id"),
        ({"id": 2**40}, "id"),
        ({"owner_id": "me"}, "owner_id"),
    ):
        answer = await form(world, admin, version, **body)
        assert answer.status_code == 400, body
        assert answer.json()["validations"][0]["field"].startswith(field)


@pytest.mark.requirement("CONTENTS-FORM-03")
async def test_a_workspace_that_is_there_holds_its_values(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    version = await world.imported(admin, *PARAMETERS)
    workspace_id = uuid4()

    async def values(_conn: Any, _subject: Any, asked: UUID) -> dict[str, str]:
        if asked != workspace_id:
            raise NotFound("There is no such workspace.")
        return {"name": "old", "cpus": "4", "zone": "us", "reset": "true"}

    register_last_values(values)
    again = (await form(world, admin, version, workspace_id=str(workspace_id))).json()
    shown = by_name(again)
    assert problems(again) == {}
    held = {name: shown[name]["value"]["value"] for name in shown}
    assert held == {"name": "old", "cpus": "4", "zone": "us", "reset": "false", "tools": "[]"}
    assert shown["zone"]["styling"] == {"disabled": True}
    inputs = {"cpus": "3", "zone": "eu", "reset": "true"}
    wrong = problems((await form(world, admin, version, workspace_id=str(workspace_id), inputs=inputs)).json())
    assert wrong.keys() == {"cpus", "zone"}
    assert "only grow" in wrong["cpus"]
    assert "cannot be changed" in wrong["zone"]
    assert (await form(world, admin, version, workspace_id=str(uuid4()))).status_code == 404


def answers(socket: Socket) -> list[dict[str, Any]]:
    return [msgspec.json.decode(each["text"]) for each in socket.sent if each["type"] == "websocket.send"]


def say(socket: Socket, text: str) -> None:
    socket._events.put_nowait({"type": "websocket.receive", "text": text})


@pytest.mark.requirement("CONTENTS-FORM-04")
async def test_a_socket_answers_each_message_with_the_form(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    version = await world.imported(admin, *PARAMETERS)
    socket = Socket(world, admin, f"/templateversions/{version['id']}/dynamic-parameters")
    await until(lambda: len(answers(socket)) == 1)
    assert answers(socket)[0]["id"] == -1
    assert problems(answers(socket)[0]).keys() == {"name"}
    say(socket, '{"id": 1, "inputs": {"name": "a"}}')
    say(socket, '{"id": 2, "inputs": {"name": "A", "cpus": "9"}, "owner_id": "00000000-0000-0000-0000-000000000000"}')
    await until(lambda: len(answers(socket)) == 3)
    assert [each["id"] for each in answers(socket)] == [-1, 1, 2]
    assert [problems(each).keys() for each in answers(socket)[1:]] == [set(), {"name", "cpus"}]
    socket.leave()
    await asyncio.wait_for(socket.task, 10)


@pytest.mark.requirement("CONTENTS-FORM-04")
@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": "x"}', '{"inputs": {"a": 1}}', "x" * 2_000_000, "[" * 5000])
async def test_a_message_that_is_none_ends_the_socket_in_words(world: TemplateWorld, text: str) -> None:
    admin = await world.accounts.make("template-admin")
    version = await world.imported(admin, *PARAMETERS)
    socket = Socket(world, admin, f"/templateversions/{version['id']}/dynamic-parameters")
    await until(lambda: len(answers(socket)) == 1)
    say(socket, text)
    await asyncio.wait_for(socket.task, 10)
    assert socket.sent[-1]["type"] == "websocket.close"
    assert (socket.sent[-1]["code"], bool(socket.sent[-1]["reason"])) == (1008, True)


@pytest.mark.requirement("CONTENTS-FORM-02")
async def test_strangers_and_unfinished_versions_have_no_socket(world: TemplateWorld) -> None:
    admin, member = await world.accounts.make("template-admin"), await world.accounts.make()
    pending = await world.version(admin)
    for person in (admin, member):
        socket = Socket(world, person, f"/templateversions/{pending['id']}/dynamic-parameters")
        await asyncio.wait_for(socket.task, 10)
        assert not socket.is_accepted


DEPENDENT = b"""
data "coder_parameter" "name" { name = "name" }
data "coder_parameter" "extra" {
  count = data.coder_parameter.name.value == "x" && contains(data.coder_workspace_owner.me.groups, "Everyone") ? 1 : 0
  name  = "extra"
}
data "coder_parameter" "login" {
  name    = "login"
  default = data.coder_workspace_owner.me.login_type
}
variable "wide" { default = "no" }
data "coder_parameter" "wide" {
  count   = var.wide == data.coder_parameter.name.value ? 1 : 0
  name    = "wide"
  default = "w"
}
"""


@pytest.mark.requirement("CONTENTS-FORM-05")
async def test_a_form_has_what_its_values_and_its_owner_call_for(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    version = await world.imported(admin, PARAMETERS[0])
    kept = {"form": msgspec.to_builtins(form_source(read_configuration({"main.tf": DEPENDENT})))}
    await world.db.execute("update template_versions set tag_source = $2 where id = $1", version["id"], kept)
    assert list(by_name((await form(world, admin, version)).json())) == ["login", "name"]
    asked = (await form(world, admin, version, inputs={"name": "x"})).json()
    assert asked["diagnostics"] == []
    assert by_name(asked)["extra"]["diagnostics"][0]["extra"]["code"] == "required"
    # A trial has variables of its own.
    values = [{"name": "name", "value": "y"}, {"name": "wide", "value": "z"}]
    for variables, status in (([], 400), ([{"name": "wide", "value": "y"}], 201)):
        trial = {"rich_parameter_values": values, "user_variable_values": variables}
        answer = await world.api.call(admin, "POST", f"/templateversions/{version['id']}/dry-run", trial)
        assert answer.status_code == status, answer.text
    # Who sees of the owner a membership alone learns no more from a form.
    assert by_name(asked)["login"]["value"]["value"] == "password"
    keeper = await world.accounts.make(organization_roles=["organization-template-admin"])
    asked = (await form(world, keeper, version, owner_id=str(admin.id), inputs={"name": "x"})).json()
    assert list(by_name(asked)) == ["extra", "name"]
    assert "this attribute is known to Terraform alone" in asked["diagnostics"][0]["detail"]
