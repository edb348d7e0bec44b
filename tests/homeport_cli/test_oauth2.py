"""`homeport oauth2 …` against a real server: applications, secrets, grants, settings."""

import re

import httpx
import pytest

from tests.support.names import unique_name

CALLBACK = "https://client.example/callback"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def _allow(server, client_id):
    """Let the first user allow the application something, as a program that answers the page."""
    query = {
        "response_type": "code", "client_id": client_id, "redirect_uri": CALLBACK, "state": "s", "code_challenge": CHALLENGE,
        "code_challenge_method": "S256", "scope": "coder:workspaces.read",
    }  # fmt: skip
    with httpx.Client(base_url=server.url, headers={"Coder-Session-Token": server.token}, trust_env=False) as client:
        page = client.get("/oauth2/authorize", params=query, headers={"accept": "text/html"})
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert token, page.text
        answer = client.post("/oauth2/authorize", params=query, data={"csrf_token": token[1], "decision": "allow"})
        assert answer.status_code == 303, answer.text


@pytest.mark.requirement("CLI-OAUTH2-01")
def test_an_application_from_its_registration_to_its_end(cli, server):
    name = unique_name("app")
    made = cli.json("oauth2", "apps", "create", name, "--callback", CALLBACK, "--callback", "http://localhost/cb")
    app, secret = made["app"], made["secret"]["client_secret_full"]
    assert app["redirect_uris"] == [CALLBACK, "http://localhost/cb"]
    assert name in cli.ok("oauth2", "apps", "list").out
    assert cli.json("oauth2", "apps", "show", name) == app
    shown = cli.ok("oauth2", "apps", "show", app["id"]).out
    assert CALLBACK in shown
    assert f"{server.url}/oauth2/tokens" in shown
    edited = cli.json("oauth2", "apps", "edit", name, "--scope", "coder:workspaces.read", "--name", f"{name}-2")
    assert (edited["name"], edited["scope"], edited["redirect_uris"]) == (
        f"{name}-2",
        "coder:workspaces.read",
        app["redirect_uris"],
    )
    unlimited = cli.json("oauth2", "apps", "edit", f"{name}-2", "--scope", "none")
    assert not unlimited["scope"]
    listed = cli.json("oauth2", "secrets", "list", app["id"])
    assert [each["client_secret_truncated"] for each in listed] == [secret[-6:]]
    another = cli.ok("oauth2", "secrets", "create", app["id"]).out.strip()
    assert another.startswith("hp_cs_")
    assert another[-6:] in cli.ok("oauth2", "secrets", "list", app["id"]).out
    cli.ok("oauth2", "secrets", "delete", app["id"], secret[-6:], "-y")
    assert len(cli.json("oauth2", "secrets", "list", app["id"])) == 1
    unsure = cli.run("oauth2", "apps", "delete", app["id"])
    assert unsure.status == 1
    assert "--yes" in unsure.err
    cli.ok("oauth2", "apps", "delete", app["id"], "-y")
    gone = cli.run("oauth2", "apps", "show", app["id"])
    assert gone.status == 1
    assert "homeport oauth2 apps list" in gone.err


@pytest.mark.requirement("CLI-OAUTH2-01")
def test_what_people_have_allowed_is_listed_and_ended(cli, server):
    name = unique_name("app")
    printed = cli.ok("oauth2", "apps", "create", name, "--callback", CALLBACK, "--public")
    client_id = printed.out.split()[-1]
    assert "secret" not in printed.out
    assert cli.json("oauth2", "grants", "list", "--app", name) == []
    _allow(server, client_id)
    (grant,) = cli.json("oauth2", "grants", "list", "--app", name)
    assert grant["scopes"] == ["coder:workspaces.read"]
    assert name in cli.ok("oauth2", "grants", "list", "--user", "me").out
    cli.ok("oauth2", "grants", "revoke", grant["id"], "-y")
    assert cli.json("oauth2", "grants", "list", "--app", client_id) == []
    assert cli.run("oauth2", "grants", "revoke", grant["id"], "-y").status == 1
    cli.ok("oauth2", "apps", "delete", name, "-y")


@pytest.mark.requirement("CLI-OAUTH2-01")
def test_registration_is_switched(cli, server):
    body = {"redirect_uris": [CALLBACK]}
    assert cli.ok("oauth2", "settings", "show").out == "dynamic registration: on\n"
    try:
        off = cli.json("oauth2", "settings", "set", "--dynamic-registration", "off")
        assert off == {"dynamic_client_registration_enabled": False}
        assert httpx.post(f"{server.url}/oauth2/register", json=body, trust_env=False).status_code == 403
    finally:
        cli.ok("oauth2", "settings", "set", "--dynamic-registration", "on")
    assert httpx.post(f"{server.url}/oauth2/register", json=body, trust_env=False).status_code == 201


@pytest.mark.requirement("CLI-OAUTH2-01", "CLI-ERRORS-01")
def test_mistakes_are_told_by_what_is_wrong(cli):
    name = unique_name("app")
    refused = cli.run("oauth2", "apps", "create", name, "--callback", "http://client.example/")
    assert refused.status == 1
    assert "127.0.0.1" in refused.err
    assert "grant_types" in cli.run("oauth2", "apps", "create", name, "--grant", "client_credentials").err
    for _ in range(2):
        cli.ok("oauth2", "apps", "create", name, "--callback", CALLBACK, "--public")
    twice = cli.run("oauth2", "apps", "show", name)
    assert twice.status == 1
    assert "2 applications" in twice.err
    for each in cli.json("oauth2", "apps", "list", "--search", name):
        cli.ok("oauth2", "apps", "delete", each["id"], "-y")
