"""Questions about permissions as they are read: what means nothing is refused by its field, the rest becomes a decision."""

from collections.abc import Mapping
from uuid import UUID

import pytest

from homeport.access.checks import Found, answer, read_checks
from homeport.access.schemas import MAX_CHECKS, AuthorizationCheck, AuthorizationObject
from homeport.kit.errors import BadRequest
from homeport.rbac import ACTIONS, PREBUILDS_USER_ID, Object, ResourceType
from tests.homeport.rbac.people import ME, ORG, OTHER_ORG, SOMEBODY, holder

R = ResourceType
ID = UUID(int=0x99)
# What is in the deployment as a whole, or has no table yet.
WITHOUT_IDS = [
    "assign_org_role", "assign_role", "crypto_key", "debug_info", "deployment_config", "deployment_stats", "idpsync_settings",
    "inbox_notification", "license", "notification_message", "notification_preference", "notification_template", "replicas",
    "system", "tailnet_coordinator", "webpush_subscription", "workspace_agent_devcontainers", "workspace_agent_resource_monitor",
    "workspace_proxy",
]  # fmt: skip


def check(resource_type: str, action: str = "read", **more: str | bool) -> AuthorizationCheck:
    return AuthorizationCheck(AuthorizationObject(resource_type, **more), action)  # type: ignore[arg-type]


def fields(checks: Mapping[str, AuthorizationCheck]) -> dict[str, str]:
    with pytest.raises(BadRequest) as caught:
        read_checks(checks, me=ME)
    return {error.field: error.detail for error in caught.value.validations}


@pytest.mark.requirement("AUTHCHECK-INPUT-01")
@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        (check("cheese"), "object.resource_type", "workspace_proxy"),
        (check(""), "object.resource_type", "no resource type"),
        (check("*"), "object.resource_type", "no resource type"),
        (check("template", "ssh"), "action", "create, delete, read, update, use, view_insights"),
        (check("template", ""), "action", "no action on template"),
        (check("template", "*"), "action", "no action on template"),
        (check("template", owner_id="ann"), "object.owner_id", "'me' or the id"),
        (check("template", organization_id="default"), "object.organization_id", "organization"),
        (check("template", resource_id="docker"), "object.resource_id", "UUID of a template"),
        (check("api_key", resource_id=str(ID)), "object.resource_id", "10 letters and digits"),
        (check("api_key", resource_id="abc\x00567890"), "object.resource_id", "10 letters and digits"),
        *((check(name, min(ACTIONS[R(name)]), resource_id=str(ID)), "object.resource_id", "leave it out")
          for name in WITHOUT_IDS),
    ],
    ids=lambda value: f"{value.object.resource_type}:{value.action}" if isinstance(value, AuthorizationCheck) else "",
)  # fmt: skip
def test_what_means_nothing_is_refused_by_the_checks_field(asked: AuthorizationCheck, field: str, words: str) -> None:
    found = fields({"fine": check("template"), "odd": asked})
    assert found.keys() == {f"checks.odd.{field}"}
    assert words in found[f"checks.odd.{field}"]


@pytest.mark.requirement("AUTHCHECK-INPUT-01")
def test_all_mistakes_are_told_at_once() -> None:
    found = fields({"a": check("cheese", owner_id="x"), "b" * 500: check("workspace", "fly", organization_id="x")})
    long = "b" * 64
    assert found.keys() == {
        "checks.a.object.resource_type", "checks.a.object.owner_id", f"checks.{long}.action", f"checks.{long}.object.organization_id",
    }  # fmt: skip


@pytest.mark.requirement("AUTHCHECK-INPUT-02")
def test_there_are_only_so_many_checks() -> None:
    many = {str(number): check("template") for number in range(MAX_CHECKS)}
    assert len(read_checks(many, me=ME)) == MAX_CHECKS
    assert fields(many | {"one more": check("template")}).keys() == {"checks"}
    assert read_checks({}, me=ME) == {}


@pytest.mark.requirement("AUTHCHECK-KINDS-01")
def test_a_kind_of_object_is_decided_as_it_stands() -> None:
    member, admin = holder([], {ORG: []}), holder([], {ORG: ["organization-admin"]})
    asked = {
        "mine": check("workspace", "ssh", owner_id="me", organization_id=str(ORG)),
        "mine by id": check("workspace", "ssh", owner_id=str(ME), organization_id=str(ORG)),
        "mine elsewhere": check("workspace", "ssh", owner_id="me", organization_id=str(OTHER_ORG)),
        "another's": check("workspace", "update", owner_id=str(SOMEBODY), organization_id=str(ORG)),
        "somewhere": check("template", "create", any_org=True),
        "here": check("template", "create", organization_id=str(ORG)),
        "elsewhere": check("template", "create", organization_id=str(OTHER_ORG)),
        "everywhere": check("template", "create"),
    }
    read = read_checks(asked, me=ME)
    assert {name for name, one in read.items() if answer(member, one, {})} == {"mine", "mine by id"}
    assert {name for name, one in read.items() if answer(admin, one, {})} == {
        "mine", "mine by id", "another's", "somewhere", "here",
    }  # fmt: skip


@pytest.mark.requirement("AUTHCHECK-OBJECTS-01")
def test_of_an_object_its_own_facts_count_whatever_the_question_says() -> None:
    member = holder([], {ORG: []})
    lie = check("workspace", "ssh", owner_id="me", organization_id=str(ORG), any_org=True, resource_id=str(ID))
    asked = read_checks({"lie": lie}, me=ME)["lie"]
    for owner, organization, is_mine in ((ME, ORG, True), (SOMEBODY, ORG, False), (ME, OTHER_ORG, False)):
        found: Found = {(R.WORKSPACE, ID): [Object(R.WORKSPACE, ID, owner, organization)]}
        assert answer(member, asked, found) is is_mine
    assert not answer(holder(["owner"]), asked, {}), "what does not exist is refused to everybody"


@pytest.mark.requirement("AUTHCHECK-OBJECTS-01")
def test_a_workspace_is_decided_in_the_state_that_it_is_in() -> None:
    owner = holder(["owner"])
    dormant: Found = {(R.WORKSPACE, ID): [Object(R.WORKSPACE_DORMANT, ID, SOMEBODY, ORG)]}
    prebuilt: Found = {(R.WORKSPACE, ID): [Object(R.WORKSPACE, ID, PREBUILDS_USER_ID, ORG)]}
    for name in ("workspace", "workspace_dormant"):
        asked = read_checks({"x": check(name, "start", resource_id=str(ID))}, me=ME)["x"]
        assert not answer(owner, asked, dormant)
        assert answer(owner, asked, prebuilt)
    deleting = check("prebuilt_workspace", "delete", resource_id=str(ID))
    asked = read_checks({"x": deleting}, me=ME)["x"]
    template_admin = holder([], {ORG: ["organization-template-admin"]})
    assert answer(template_admin, asked, prebuilt)
    assert not answer(template_admin, asked, dormant)
    assert not answer(owner, asked, dormant), "only what the prebuilds' user owns is prebuilt"


@pytest.mark.requirement("AUTHCHECK-OBJECTS-02")
def test_a_person_is_a_member_in_each_organization_and_the_question_may_name_one() -> None:
    memberships = [Object(R.ORGANIZATION_MEMBER, SOMEBODY, SOMEBODY, place) for place in (ORG, OTHER_ORG)]
    found: Found = {(R.ORGANIZATION_MEMBER, SOMEBODY): memberships}
    admin = holder([], {ORG: ["organization-admin"]})
    for place, expected in (("", True), (str(ORG), True), (str(OTHER_ORG), False), (str(ID), False)):
        asked = check("organization_member", "delete", resource_id=str(SOMEBODY), organization_id=place)
        assert answer(admin, read_checks({"x": asked}, me=ME)["x"], found) is expected
