"""A budget that a real build of the process engine exceeds."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import EXAMPLES
from tests.support.api import Api
from tests.support.names import unique_name
from tests.support.server import Server


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
    files: dict[str, str | bytes] = {path.name: path.read_bytes() for path in (EXAMPLES / "shell").iterdir()}
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
