"""Several organizations on the command line: templates of one name, where they are pushed, where workspaces lie."""

import pytest

from tests.support.api import PASSWORD
from tests.support.names import unique_name
from tests.support.program import Cli

SCRIPT = "start:\n  resources: []\n"


@pytest.fixture
def tenant(server, tmp_path):
    """Somebody who belongs to the default organization and another; the program signed in, and the other's name."""
    name, blue = unique_name("bea"), unique_name("blue")
    email = f"{name}@example.com"
    place = server.api.call("GET", "/organizations/default")["id"]
    account = {"email": email, "username": name, "password": PASSWORD, "organization_ids": [place]}
    made = server.api.call("POST", "/users", json=account)
    server.api.call("PUT", f"/users/{made['id']}/roles", json={"roles": ["owner"]})
    program = Cli(tmp_path / name)
    answer = program.run("login", server.url, CODER_FIRST_USER_EMAIL=email, CODER_FIRST_USER_PASSWORD=PASSWORD)
    assert answer.status == 0, answer
    program.ok("organizations", "create", blue)
    return program, blue


@pytest.mark.requirement("CLI-TENANTS-01")
def test_a_template_of_several_organizations_is_named_with_one(cli, tenant, tmp_path):
    program, blue = tenant
    template, workspace, other = unique_name("tpl"), unique_name("dev"), unique_name("dev")
    (tmp_path / "echo.yaml").write_text(SCRIPT)
    push = ("templates", "push", template, "-d", str(tmp_path), "-y")
    assert "Pass --org" in program.run(*push).err
    assert f"of '{blue}'" in program.ok(*push, "--org", blue).err
    # Of one's organizations the one that has it.
    assert f"of '{blue}'" in program.ok(*push).err
    # Who belongs to one organization means that one, whatever others have and whoever may see it.
    assert "of 'coder'" in cli.ok(*push).err
    for refused in (
        program.run("create", workspace, "-t", template, "-y"),
        program.run("templates", "show", template),
    ):
        assert refused.status == 1
        assert f"Several organizations have a template '{template}': " in refused.err
        assert blue in refused.err
        assert "coder" in refused.err
    unknown = program.run("create", workspace, "-t", unique_name("no"), "-y", "--org", blue)
    assert f"in the organization '{blue}'" in unknown.err

    program.ok("create", workspace, "-t", template, "-y", "--org", blue)
    assert "ORGANIZATION" not in program.ok("list").out
    program.ok("create", other, "-t", template, "-y", "--org", "coder")
    table = program.ok("list").out
    assert "ORGANIZATION" in table
    assert [blue in line for line in table.splitlines() if workspace in line] == [True]
    assert [each["name"] for each in program.json("list", "--org", blue)] == [workspace]
    assert [each["name"] for each in program.json("list", "--org", "default")] == [other]
    assert "ORGANIZATION" in program.ok("templates", "list").out
    assert [each["name"] for each in program.json("templates", "list", "--org", blue)] == [template]
    assert cli.json("create", workspace, "-t", template, "-y")["organization_name"] == "coder"

    for name in (workspace, other):
        program.ok("delete", name, "-y")
    cli.ok("delete", workspace, "-y")
    for place in (blue, "coder"):
        program.ok("templates", "delete", template, "-y", "--org", place)
    program.ok("organizations", "delete", blue, "-y")
