"""A new organization works at once: the server's own daemons import its templates and build its workspaces."""

import pytest

from tests.e2e.conftest import EXAMPLES
from tests.support.names import unique_name
from tests.support.program import Cli


@pytest.mark.requirement("E2E-ORGANIZATION-01", "QUEUE-SHARED-01", "M17")
def test_from_a_new_organization_to_a_workspace_in_it_and_back_to_nothing(cli: Cli) -> None:
    name, template, workspace = unique_name("org"), unique_name("shell"), unique_name("dev")
    cli.ok("organizations", "create", name)
    cli.ok("templates", "push", template, "--org", name, "-d", str(EXAMPLES / "shell"), "-y")
    cli.ok("create", workspace, "--org", name, "--template", template, "-y")
    assert cli.ok("ssh", workspace, "--", "echo", "here").out.strip() == "here"
    kept = cli.run("organizations", "delete", name, "-y")
    assert kept.status != 0
    assert "1 workspace and 1 template" in kept.err
    cli.ok("delete", workspace, "-y")
    assert "1 template." in cli.run("organizations", "delete", name, "-y").err
    cli.ok("templates", "delete", template, "--org", name, "-y")
    cli.ok("organizations", "delete", name, "-y")
    assert name not in cli.ok("organizations", "list").out
    assert cli.run("templates", "push", template, "--org", name, "-d", str(EXAMPLES / "shell"), "-y").status != 0
