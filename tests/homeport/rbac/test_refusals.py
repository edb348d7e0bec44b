"""What a refusal says, views of one object, filters, and the count of decisions."""

from collections.abc import Iterator
from uuid import UUID

import msgspec
import pytest

from homeport.database import Database
from homeport.kit.errors import Forbidden, NotFound
from homeport.rbac import (
    PREBUILDS_USER_ID,
    Action,
    Columns,
    DecisionLog,
    Object,
    ResourceType,
    RoleName,
    Subject,
    assignment_refusal,
    custom_role,
    decisions,
    filter_allowed,
    is_allowed,
    not_found,
    predicate,
    record_public,
    require,
    require_any,
    scope_for_key,
    scope_named,
)
from homeport.rbac.rules.roles import permissions
from tests.homeport.rbac.people import ME, ORG, OTHER_ORG, SOMEBODY, holder, subject
from tests.homeport.rbac.rows import COLUMNS, passing, store

R = ResourceType
TEMPLATE = Object(ResourceType.TEMPLATE, organization_id=ORG)
member = holder([], {ORG: []})
auditor = holder(["auditor"], {ORG: []})
template_admin = holder(["template-admin"], {ORG: []})
owner = holder(["owner"])


@pytest.fixture
def log() -> Iterator[DecisionLog]:
    found = DecisionLog()
    token = decisions.set(found)
    yield found
    decisions.reset(token)


@pytest.mark.requirement("RBAC-REFUSAL-01")
def test_what_may_not_be_read_looks_like_what_does_not_exist() -> None:
    for action in (Action.READ, Action.UPDATE, Action.DELETE):
        with pytest.raises(NotFound) as caught:
            require(member, action, TEMPLATE, noun="template")
        assert caught.value.message == not_found("template").message
        assert caught.value.detail == not_found("template").detail
        assert caught.value.message.startswith("Template not found")


@pytest.mark.requirement("RBAC-REFUSAL-02")
def test_what_may_be_read_is_refused_with_the_permission_that_is_missing() -> None:
    with pytest.raises(Forbidden) as caught:
        require(auditor, Action.UPDATE, TEMPLATE, noun="template")
    assert "update this template" in caught.value.message
    assert "template:update" in caught.value.detail


@pytest.mark.requirement("RBAC-REFUSAL-02")
def test_creation_is_refused_openly_because_there_is_nothing_to_hide() -> None:
    with pytest.raises(Forbidden) as caught:
        require(member, Action.CREATE, TEMPLATE, noun="template")
    assert "template:create" in caught.value.detail


def told(who: Subject, action: Action, target: Object) -> str:
    """Return the detail of a refusal."""
    with pytest.raises(Forbidden) as caught:
        require(who, action, target, noun="thing")
    return caught.value.detail


@pytest.mark.requirement("RBAC-REFUSAL-03")
def test_a_refusal_says_what_is_missing_on_what_for_whom_and_who_has_it() -> None:
    docker = msgspec.structs.replace(TEMPLATE, id=SOMEBODY, name="docker")
    assert told(auditor, Action.UPDATE, docker) == (
        "The permission that is missing is template:update on the template docker. test does not have it. "
        "Built-in roles that have it: owner, template-admin; in its organization organization-admin, "
        "organization-template-admin."
    )
    nameless = msgspec.structs.replace(docker, name="")
    assert f"template:update on the template {SOMEBODY}." in told(auditor, Action.UPDATE, nameless)
    assert f"template:create in the organization {ORG}." in told(auditor, Action.CREATE, docker)
    assert "template:create in any organization. " in told(
        auditor, Action.CREATE, Object(R.TEMPLATE, any_organization=True)
    )
    assert told(member, Action.CREATE, Object(R.USER)) == (
        "The permission that is missing is user:create. test does not have it. "
        "Built-in roles that have it: owner, user-admin."
    )


@pytest.mark.requirement("RBAC-REFUSAL-03")
def test_a_refusal_says_that_it_would_do_for_ones_own() -> None:
    theirs = Object(R.WORKSPACE, id=SOMEBODY, owner_id=SOMEBODY, organization_id=ORG)
    words = told(template_admin, Action.SSH, theirs)
    assert words.endswith("Built-in roles that have it: owner. Everybody has it on what is their own.")
    dormant = msgspec.structs.replace(theirs, type=R.WORKSPACE_DORMANT)
    assert told(owner, Action.START, dormant).endswith("No built-in role has it.")


@pytest.mark.requirement("RBAC-REFUSAL-03")
def test_a_refusal_names_the_role_that_refuses() -> None:
    banned = holder([], {ORG: ["organization-admin", "organization-workspace-creation-ban"], OTHER_ORG: []})
    mine = Object(R.WORKSPACE, id=SOMEBODY, owner_id=ME, organization_id=ORG)
    words = told(banned, Action.DELETE, mine)
    assert words.endswith("test is refused it by the role organization-workspace-creation-ban.")
    # A ban elsewhere is not the reason here.
    elsewhere = msgspec.structs.replace(mine, owner_id=SOMEBODY, organization_id=OTHER_ORG)
    assert "refused it by" not in told(banned, Action.CREATE, elsewhere)


@pytest.mark.requirement("RBAC-REFUSAL-04")
def test_a_refusal_tells_the_token_from_its_owner() -> None:
    mine = Object(R.WORKSPACE, id=SOMEBODY, owner_id=ME, organization_id=ORG)
    reading = holder([], {ORG: []}, scope=scope_for_key(["workspace:read", "template:read"]))
    assert told(reading, Action.UPDATE, mine) == (
        f"The permission that is missing is workspace:update on the workspace {SOMEBODY}. test has it, but the token that "
        "was used does not (its scopes: template:read workspace:read); use one with this scope."
    )
    listed = holder([], {ORG: []}, scope=scope_for_key(["all"], [f"workspace:{SOMEBODY}"]))
    assert "is held to other objects" in told(
        listed, Action.CREATE, Object(R.WORKSPACE, owner_id=ME, organization_id=ORG)
    )
    # What the owner could not do either is no matter of the token.
    assert "test does not have it" in told(reading, Action.CREATE, TEMPLATE)
    # And what the token may not read is hidden, whatever its owner may.
    with pytest.raises(NotFound):
        require(reading, Action.READ, Object(R.FILE, id=SOMEBODY, owner_id=ME), noun="file")


@pytest.mark.requirement("RBAC-REFUSAL-02")
@pytest.mark.parametrize(
    "type_", [R.DEBUG_INFO, R.DEPLOYMENT_CONFIG, R.DEPLOYMENT_STATS, R.REPLICAS, R.SYSTEM], ids=str
)
def test_what_every_deployment_has_is_refused_openly(type_: ResourceType) -> None:
    assert f"{type_}:read. test does not have it." in told(member, Action.READ, Object(type_))


@pytest.mark.requirement("RBAC-REFUSAL-03")
@pytest.mark.parametrize(
    ("role", "who"),
    [
        (RoleName("owner"), "owner."),
        (RoleName("member"), "owner, user-admin."),
        (RoleName("organization-auditor", ORG), "owner; in the organization organization-admin."),
        (RoleName("builders", ORG), "owner; in the organization organization-admin."),
        (
            RoleName("organization-member", ORG),
            "owner, user-admin; in the organization organization-admin, organization-user-admin.",
        ),
    ],
    ids=lambda value: str(getattr(value, "name", "")),
)
def test_a_role_that_one_may_not_give_is_refused_with_those_who_may(role: RoleName, who: str) -> None:
    error = assignment_refusal(member, role)
    assert (error.status, error.message) == (403, f"You may not give or take the role '{role.name}'.")
    assert error.detail == f"None of the roles of test allows it. These do: {who}"


@pytest.mark.requirement("RBAC-REFUSAL-01")
def test_a_hidden_object_is_explained_by_nothing() -> None:
    for target in (TEMPLATE, msgspec.structs.replace(TEMPLATE, id=SOMEBODY, name="secret")):
        with pytest.raises(NotFound) as caught:
            require(member, Action.UPDATE, target, noun="template")
        assert caught.value.detail == ""
        assert "secret" not in caught.value.message


def test_what_is_allowed_passes() -> None:
    require(owner, Action.DELETE, TEMPLATE, noun="template")


def _views(workspace_owner: object) -> tuple[Object, Object]:
    owner_id = PREBUILDS_USER_ID if workspace_owner == "prebuilds" else SOMEBODY
    main = Object(ResourceType.WORKSPACE, owner_id=owner_id, organization_id=ORG)
    return main, Object(ResourceType.PREBUILT_WORKSPACE, owner_id=owner_id, organization_id=ORG)


@pytest.mark.requirement("RBAC-PREBUILT-01")
def test_a_prebuilt_workspace_may_be_deleted_by_either_permission() -> None:
    main, prebuilt = _views("prebuilds")
    for who in (owner, template_admin, holder([], {ORG: ["organization-template-admin"]})):
        require_any(who, Action.DELETE, (main, prebuilt), noun="workspace")
        require_any(who, Action.UPDATE, (main, prebuilt), noun="workspace")
    with pytest.raises(NotFound):
        require_any(member, Action.DELETE, (main, prebuilt), noun="workspace")
    with pytest.raises(NotFound):
        require_any(holder([], {OTHER_ORG: ["organization-admin"]}), Action.DELETE, (main, prebuilt), noun="workspace")


@pytest.mark.requirement("RBAC-PREBUILT-01")
def test_no_other_action_gains_from_a_workspace_being_prebuilt() -> None:
    main, prebuilt = _views("prebuilds")
    for action in (Action.START, Action.SSH):
        with pytest.raises(Forbidden) as caught:
            require_any(template_admin, action, (main, prebuilt), noun="workspace")
        assert f"workspace:{action}" in caught.value.detail
    with pytest.raises(Forbidden):
        require_any(template_admin, Action.DELETE, (main,), noun="workspace")
    with pytest.raises(ValueError, match="view"):
        require_any(owner, Action.DELETE, (), noun="workspace")


@pytest.mark.requirement("RBAC-FILTER-01")
@pytest.mark.parametrize("count", [0, 1, 9, 10, 200])
def test_a_filter_keeps_what_single_decisions_allow_in_order(count: int) -> None:
    objects = [
        Object(ResourceType.WORKSPACE, id=str(n), owner_id=ME if n % 3 else SOMEBODY, organization_id=ORG)
        for n in range(count)
    ]
    kept = filter_allowed(member, Action.READ, objects, lambda target: target)
    assert kept == [target for target in objects if is_allowed(member, Action.READ, target)]
    names = filter_allowed(owner, Action.READ, range(count), lambda n: objects[n])
    assert names == list(range(count))


PLACES = [UUID(int=0x700 + number) for number in range(10)]
USERS = [UUID(int=0x800 + number) for number in range(10)]
_READS = permissions("workspace:read")
FILTERED = {
    "no roles": subject([]),
    "site admin": holder(["owner"]),
    "organization's admin": holder([], {PLACES[0]: ["organization-admin"]}, id_=USERS[0]),
    "member of two organizations": holder([], {PLACES[0]: [], PLACES[1]: []}, id_=USERS[0]),
    "many roles": holder(
        ["auditor", "template-admin"],
        {place: ["organization-admin"] if number < 3 else [] for number, place in enumerate(PLACES[:5])},
        id_=USERS[1],
    ),
    "site member on users": holder(id_=USERS[2]),
    "reads in four organizations": subject(
        [custom_role("reads", place, organization=_READS) for place in PLACES[:4]], id_=USERS[3]
    ),
    "application_connect": holder(
        [], {PLACES[0]: ["organization-admin"]}, id_=USERS[0], scope=scope_named("application_connect")
    ),
}


@pytest.mark.requirement("RBAC-FILTER-01")
@pytest.mark.parametrize("name", FILTERED)
@pytest.mark.parametrize(
    ("type_", "action"),
    [
        (R.WORKSPACE, Action.READ),
        (R.WORKSPACE, Action.APPLICATION_CONNECT),
        (R.TEMPLATE, Action.READ),
        (R.USER, Action.READ),
    ],
    ids=str,
)
async def test_a_filter_equals_single_decisions_and_the_condition_in_the_database(
    db: Database, name: str, type_: ResourceType, action: Action
) -> None:
    who = FILTERED[name]
    objects = [Object(type_, id=user, owner_id=user, organization_id=place) for user in USERS for place in PLACES]
    kept = filter_allowed(who, action, objects, lambda target: target)
    assert kept == [target for target in objects if is_allowed(who, action, target)]
    async with db.connection() as connection:
        await store(connection, objects)
        found = await passing(connection, predicate(who, action, type_, COLUMNS))
    assert [objects[place] for place in sorted(found)] == kept


@pytest.mark.requirement("RBAC-FILTER-01")
def test_a_filter_over_several_types_is_a_mistake() -> None:
    objects = [TEMPLATE, Object(ResourceType.WORKSPACE)]
    with pytest.raises(ValueError, match="cannot filter workspace among template"):
        filter_allowed(owner, Action.READ, objects, lambda target: target)


@pytest.mark.requirement("RBAC-RECORD-01")
def test_every_kind_of_decision_is_counted_for_the_request(log: DecisionLog) -> None:
    require(owner, Action.READ, TEMPLATE, noun="template")
    assert log.made == 1
    predicate(owner, Action.READ, ResourceType.TEMPLATE, Columns())
    assert log.made == 2
    filter_allowed(owner, Action.READ, [TEMPLATE, TEMPLATE], lambda target: target)
    assert log.made == 4
    assert not log.is_public
    record_public()
    assert log.is_public


def test_outside_of_requests_nothing_is_recorded() -> None:
    assert decisions.get() is None
    record_public()
    assert is_allowed(owner, Action.READ, TEMPLATE)
    assert decisions.get() is None
