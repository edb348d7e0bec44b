"""Prebuilt workspaces on the command line: who looks after templates deletes them as `prebuilds/<name>`."""

import asyncio
from uuid import UUID

import pytest

from homeport.database import Database
from homeport.kit.crypto import Cipher
from tests.support.api import PASSWORD
from tests.support.names import unique_name
from tests.support.prebuilds import make_prebuilt
from tests.support.program import Cli
from tests.support.server import Server


@pytest.fixture
def signed_in(server: Server, tmp_path):
    """Make an account with these roles, and the program signed in as it."""

    def make(*roles: str) -> Cli:
        name = unique_name("cli")
        email = f"{name}@example.com"
        place = server.api.call("GET", "/organizations/default")["id"]
        account = {"email": email, "username": name, "password": PASSWORD, "organization_ids": [place]}
        made = server.api.call("POST", "/users", json=account)
        server.api.call("PUT", f"/users/{made['id']}/roles", json={"roles": list(roles)})
        program = Cli(tmp_path / name)
        answer = program.run("login", server.url, CODER_FIRST_USER_EMAIL=email, CODER_FIRST_USER_PASSWORD=PASSWORD)
        assert answer.status == 0, answer
        return program

    return make


@pytest.mark.requirement("M08-09")
def test_who_looks_after_templates_deletes_a_prebuild_by_its_name(server, cli, signed_in, push_echo):
    template = cli.json("templates", "show", push_echo("start:\n  resources: []\n"))
    made = asyncio.run(prebuilt(server, UUID(template["id"])))
    own = unique_name("dev")
    cli.ok("create", own, "-t", template["name"], "-y")
    admin, member = signed_in("template-admin"), signed_in()

    assert f"prebuilds/{made}" in admin.ok("list", "--all").out
    assert "no workspace" in member.run("delete", f"prebuilds/{made}", "-y").err
    refused = admin.run("delete", f"ada/{own}", "-y")
    assert refused.status == 1
    assert "do not have permission to delete this workspace" in refused.err
    assert admin.run("stop", f"prebuilds/{made}").status == 1
    assert "is deleted" in admin.ok("delete", f"prebuilds/{made}", "-y").err
    assert "no workspace" in admin.run("show", f"prebuilds/{made}").err
    cli.ok("delete", own, "-y")


async def prebuilt(server: Server, template_id: UUID) -> str:
    """Make a prebuilt workspace in the server's database; its daemons build it."""
    db = Database(server.database_url(), pool_size=2)
    try:
        return (await make_prebuilt(db, Cipher([bytes(32)]), template_id)).name
    finally:
        await db.close()
