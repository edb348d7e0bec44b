"""Groups on a real server: a budget that a real build of the process engine exceeds, and the client's calls about them."""

from collections.abc import Iterator
from typing import Any

import pytest

from homeport_sdk.client import Client
from homeport_sdk.errors import ApiError
from homeport_sdk.models import CreateGroupRequest, PatchGroupRequest, UpdateTemplateACL
from tests.e2e.conftest import EXAMPLES
from tests.support.api import Api
from tests.support.names import unique_name
from tests.support.server import Server


def shell() -> dict[str, str | bytes]:
    """Return the example of an empty shell."""
    return {path.name: path.read_bytes() for path in (EXAMPLES / "shell").iterdir()}


@pytest.fixture
def api(server: Server) -> Iterator[Api]:
    """The first user's client; everybody may spend ten credits a day."""
    everyone = server.api.call("GET", "/organizations/default/groups/Everyone")
    path = f"/groups/{everyone['id']}"
    server.api.call("PATCH", path, json={"quota_allowance": 10})
    yield server.api
    server.api.call("PATCH", path, json={"quota_allowance": 0})


@pytest.mark.requirement("QUOTA-BUILD-01")
def test_a_build_beyond_the_budget_fails_and_says_so(api: Api) -> None:
    files = shell()
    recipe = files["homeport.yaml"]
    assert isinstance(recipe, bytes)
    template = api.make_template(
        unique_name("dear"), "process", {**files, "homeport.yaml": b"daily_cost: 6\n" + recipe}
    )

    def quota() -> Any:
        return api.call("GET", "/organizations/default/members/me/workspace-quota")

    def refused(build: Any) -> None:
        assert (build["job"]["status"], build["job"]["error_code"]) == ("failed", "INSUFFICIENT_QUOTA")
        assert "would cost 6 credits a day; 6 of 10 are in use" in build["job"]["error"]

    first, second = (api.make_workspace(template, unique_name("dear")) for _ in range(2))
    built = [api.build_ended(made["latest_build"]) for made in (first, second)]
    if built[0]["job"]["status"] != "succeeded":
        first, second, built = second, first, built[::-1]
    assert (built[0]["job"]["status"], built[0]["daily_cost"]) == ("succeeded", 6)
    refused(built[1])
    assert quota() == {"credits_consumed": 6, "budget": 10}
    # Stopping frees the budget for the other, and starting again is no way around it.
    assert api.build(first, "stop")["job"]["status"] == "succeeded"
    assert quota() == {"credits_consumed": 0, "budget": 10}
    assert api.build(second, "start")["job"]["status"] == "succeeded"
    refused(api.build(first, "start"))
    for made in (first, second):
        assert api.build(made, "delete")["job"]["status"] == "succeeded"
    assert quota() == {"credits_consumed": 0, "budget": 10}


@pytest.mark.requirement("GROUP-CLIENT-01")
async def test_the_client_manages_groups_and_access_lists(server: Server) -> None:
    name = unique_name("crew")
    template = server.api.make_template(unique_name("open"), "process", shell())
    async with Client(server.url, token=server.token) as client:
        made = await client.groups.create(CreateGroupRequest(name=name, quota_allowance=0))
        me = await client.users.get("me")
        changed = await client.groups.update(made.id, PatchGroupRequest(add_users=[me.id], display_name="Crew"))
        assert [each.id for each in changed.members] == [me.id]
        assert await client.groups.get(name.upper()) == changed
        assert [each.id for each in await client.groups.list(query=name, limit=5)] == [made.id]
        assert made.id in {each.id for each in await client.groups.list_of_user()}
        found = await client.templates.acl_available(template["id"], query=name)
        assert ([each.id for each in found.groups], found.users) == ([made.id], [])
        await client.templates.update_acl(template["id"], UpdateTemplateACL(group_perms={made.id: "admin"}))
        assert {(each.name, each.role) for each in (await client.templates.acl(template["id"])).group} == {
            ("Everyone", "use"),
            (name, "admin"),
        }
        assert (await client.organizations.quota("me")).budget == -1
        await client.groups.delete(made.id)
        assert [each.name for each in (await client.templates.acl(template["id"])).group] == ["Everyone"]
        with pytest.raises(ApiError) as refused:
            await client.groups.get(name)
        assert refused.value.status == 404
        await client.templates.delete(template["id"])
