"""`homeport organizations|members|groups|roles` and the administration of users, against a real server."""

import json

import pytest

from tests.support.api import PASSWORD, Api
from tests.support.names import unique_name
from tests.support.program import Cli


@pytest.fixture
def person(cli, server, tmp_path):
    """A user of no rights, and the program as they run it."""
    name = unique_name("ada")
    cli.ok("users", "create", "-e", f"{name}@example.com", "-u", name, "-p", PASSWORD)
    program = Cli(tmp_path / name)
    program.ok("login", server.url, "--token", Api(server.url).sign_in(f"{name}@example.com"))
    return name, program


@pytest.fixture
def organization(cli):
    """Name of a fresh organization, which goes with the test: other tests of this server count on there being one."""
    made = cli.json("organizations", "create", unique_name("org"), "--display-name", "Acme Works")
    yield made["name"]
    if cli.run("organizations", "show", made["id"]).status:
        return
    for group in cli.json("groups", "list", "-O", made["id"])[1:]:
        cli.ok("groups", "delete", group["name"], "-y", "-O", made["id"])
    for member in cli.json("members", "list", "-O", made["id"]):
        cli.run("members", "remove", member["username"], "-y", "-O", made["id"])
    cli.ok("organizations", "delete", made["id"], "-y")


@pytest.mark.requirement("CLI-TENANCY-01")
def test_an_organization_from_its_making_to_its_end(cli, organization, person):
    assert organization in cli.ok("organizations", "list").out
    edited = cli.json(
        "organizations", "edit", organization, "--description", "All of us", "--name", f"{organization}-2"
    )
    assert (edited["name"], edited["description"], edited["display_name"]) == (
        f"{organization}-2",
        "All of us",
        "Acme Works",
    )
    assert cli.json("organizations", "show", f"{organization}-2") == edited
    assert "All of us" in cli.ok("organizations", "show", f"{organization}-2").out
    cli.ok("members", "add", person[0], "--org", f"{organization}-2")
    refused = cli.run("organizations", "delete", f"{organization}-2", "-y")
    assert refused.status == 1
    assert "1 member" in refused.err
    cli.ok("members", "remove", person[0], "--org", f"{organization}-2", "-y")
    unsure = cli.run("organizations", "delete", f"{organization}-2")
    assert unsure.status == 1
    assert "--yes" in unsure.err
    cli.ok("organizations", "delete", f"{organization}-2", "-y")
    assert cli.run("organizations", "show", f"{organization}-2").status == 1
    again = cli.json("organizations", "create", f"{organization}-2")
    assert again["id"] != edited["id"]
    cli.ok("organizations", "delete", f"{organization}-2", "-y")


@pytest.mark.requirement("CLI-TENANCY-01")
def test_errors_name_what_was_wrong(cli, organization):
    assert "Say what to change" in cli.run("organizations", "edit", organization).err
    taken = cli.run("organizations", "create", organization.upper())
    assert taken.status == 1
    assert "name" in taken.err
    assert "form type:action" in cli.run("roles", "create", "x", "-p", "workspace", "-O", organization).err
    unknown = cli.run("roles", "create", "x", "-p", "workspace:fly", "-O", organization)
    assert unknown.status == 1
    assert "fly" in unknown.err
    assert "--none" in cli.run("members", "edit-roles", "me", "-O", organization).err
    assert "homeport members add nobody" in cli.run("groups", "edit", "Everyone", "--add", "nobody").err


@pytest.mark.requirement("CLI-TENANCY-01")
def test_members_and_their_roles(cli, organization, person):
    name, program = person
    assert program.run("organizations", "show", organization).status == 1
    cli.ok("members", "add", name, "-O", organization)
    assert organization in program.ok("organizations", "list").out
    listed = cli.json("members", "list", "-O", organization, "--search", name)
    assert [(each["username"], each["roles"]) for each in listed] == [(name, [])]
    cli.ok("roles", "create", "reader", "-p", "template:read,use", "-p", "workspace:read", "-O", organization)
    cli.ok("members", "edit-roles", name, "reader", "organization-auditor", "-O", organization)
    (listed,) = cli.json("members", "list", "-O", organization, "--search", name)
    assert {role["name"] for role in listed["roles"]} == {"reader", "organization-auditor"}
    shown = cli.ok("roles", "show", "reader", "-O", organization).out
    assert "template" in shown
    assert "use" in shown
    refused = program.run("roles", "create", "mine", "-p", "workspace:delete", "-O", organization)
    assert refused.status == 1
    role = cli.json("roles", "show", "reader", "-O", organization)
    assert {(each["resource_type"], each["action"]) for each in role["organization_permissions"]} == {
        ("template", "read"),
        ("template", "use"),
        ("workspace", "read"),
    }
    assert not role["built_in"]
    kept = cli.json("roles", "edit", "reader", "--display-name", "Reader", "-O", organization)
    assert kept["organization_permissions"] == role["organization_permissions"]
    less = cli.json("roles", "edit", "reader", "-p", "workspace:read", "-O", organization)
    assert (less["display_name"], len(less["organization_permissions"])) == ("Reader", 1)
    cli.ok("roles", "delete", "reader", "-O", organization, "-y")
    (listed,) = cli.json("members", "list", "-O", organization, "--search", name)
    assert [each["name"] for each in listed["roles"]] == ["organization-auditor"]
    cli.ok("members", "edit-roles", name, "--none", "-O", organization)
    budget = cli.json("members", "quota", name, "-O", organization)
    assert budget["credits_consumed"] == 0


@pytest.mark.requirement("CLI-TENANCY-01")
def test_a_role_comes_from_a_file_as_it_was_printed(cli, organization, tmp_path):
    cli.ok("roles", "create", "one", "-p", "workspace:read", "-O", organization)
    role = cli.json("roles", "show", "one", "-O", organization) | {"name": "two", "display_name": "Two"}
    file = tmp_path / "role.json"
    file.write_text(json.dumps(role))
    made = cli.json("roles", "create", "-f", str(file), "-O", organization)
    assert (made["name"], made["display_name"]) == ("two", "Two")
    assert "holds the role 'two'" in cli.run("roles", "edit", "one", "-f", str(file), "-O", organization).err
    file.write_text("[]")
    assert "does not hold a role" in cli.run("roles", "create", "-f", str(file), "-O", organization).err


@pytest.mark.requirement("CLI-TENANCY-01")
def test_groups_and_who_is_in_them(cli, organization, person):
    name, _ = person
    cli.ok("members", "add", name, "-O", organization)
    made = cli.json("groups", "create", "night-shift", "--quota-allowance", "7", "-O", organization)
    assert (made["quota_allowance"], made["members"]) == (7, [])
    changed = cli.json("groups", "edit", "night-shift", "--add", name, "--display-name", "Night", "-O", organization)
    assert [each["username"] for each in changed["members"]] == [name]
    assert changed["quota_allowance"] == 7
    assert name in cli.ok("groups", "show", "night-shift", "-O", organization).out
    assert cli.json("members", "quota", name, "-O", organization)["budget"] == 7
    assert cli.json("groups", "edit", "night-shift", "--remove", name, "-O", organization)["members"] == []
    names = [each["name"] for each in cli.json("groups", "list", "-O", organization)]
    assert names == ["Everyone", "night-shift"]
    assert cli.run("groups", "delete", "Everyone", "-y", "-O", organization).status == 1
    cli.ok("groups", "delete", "night-shift", "-y", "-O", organization)
    assert cli.run("groups", "show", "night-shift", "-O", organization).status == 1


@pytest.mark.requirement("CLI-TENANCY-02")
def test_roles_and_passwords_of_accounts(cli, server, person, tmp_path):
    name, program = person
    assert "template-admin" in cli.ok("roles", "list", "--site").out
    cli.ok("users", "edit-roles", name, "template-admin", "auditor")
    assert {role["name"] for role in cli.json("users", "show", name)["roles"]} == {"template-admin", "auditor"}
    assert "'nonsense' is no role" in cli.run("users", "edit-roles", name, "nonsense").err
    assert program.run("users", "edit-roles", name, "owner").status == 1
    cli.ok("users", "edit-roles", name, "--none")
    assert cli.json("users", "show", name)["roles"] == []
    printed = cli.ok("users", "reset-password", name, "-y").out
    secret = printed.split()[-1]
    assert program.run("users", "show", "me").status == 1
    again = Cli(tmp_path / "again")
    again.ok("login", server.url, "--token", Api(server.url).sign_in(f"{name}@example.com", secret))
    assert again.json("users", "show", "me")["username"] == name


@pytest.mark.requirement("CLI-SYNC-01")
def test_what_claims_mean_is_shown_and_set_as_json(cli, organization, tmp_path):
    shown = json.loads(cli.ok("organizations", "settings", "show", "group-sync", "-O", organization).out)
    assert (shown["field"], shown["mapping"]) == ("", {})
    group = cli.json("groups", "create", "makers", "-O", organization)
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"field": "groups", "mapping": {"a": [group["id"]]}, "regex_filter": "^m"}))
    changed = json.loads(
        cli.ok("organizations", "settings", "set", "group-sync", "-f", str(file), "-O", organization).out
    )
    assert (changed["mapping"], changed["regex_filter"]) == ({"a": [group["id"]]}, "^m")
    roles = json.dumps({"field": "roles", "mapping": {"lead": ["organization-admin"]}})
    cli.ok("organizations", "settings", "set", "role-sync", "-O", organization, stdin=roles)
    kept = json.loads(cli.ok("organizations", "settings", "show", "role-sync", "-O", organization).out)
    assert kept["mapping"] == {"lead": ["organization-admin"]}
    of_all = json.loads(cli.ok("organizations", "settings", "show", "organization-sync").out)
    assert of_all["organization_assign_default"] is True
    cli.ok("organizations", "settings", "set", "organization-sync", stdin=json.dumps(of_all))


@pytest.mark.requirement("CLI-SYNC-01")
def test_settings_that_are_none_are_refused_by_name(cli, organization, tmp_path):
    refused = cli.run("organizations", "settings", "set", "role-sync", "-O", organization, stdin="{")
    assert (refused.status, "does not hold these settings" in refused.err) == (1, True)
    refused = cli.run("organizations", "settings", "set", "group-sync", "-f", str(tmp_path / "none.json"))
    assert (refused.status, "cannot be read" in refused.err) == (1, True)
    misspelled = tmp_path / "misspelled.json"
    for text, words in ((b'{"feild": "groups"}', "'feild'"), (b'{"field": "\xff"}', "does not hold these settings")):
        misspelled.write_bytes(text)
        refused = cli.run("organizations", "settings", "set", "group-sync", "-f", str(misspelled), "-O", organization)
        assert (refused.status, words in refused.err) == (1, True)
    wrong = json.dumps({"field": "roles", "mapping": {"a": ["owner"]}})
    refused = cli.run("organizations", "settings", "set", "role-sync", "-O", organization, stdin=wrong)
    assert (refused.status, "mapping" in refused.err) == (1, True)
