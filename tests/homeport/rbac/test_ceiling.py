"""A token does exactly what both its owner may do and its scopes allow: never more than either."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.rbac import ACTIONS, Object, is_allowed, scope_for_key, scopes_cover
from homeport.rbac.rules.scopes import SCOPE_NAMES
from homeport.rbac.types import Action, ResourceType
from tests.homeport.rbac.people import ME, ORG, OTHER_ORG, SOMEBODY, holder

SITE = ["owner", "auditor", "template-admin", "user-admin", "member"]
LOCAL = ["organization-admin", "organization-auditor", "organization-template-admin", "organization-user-admin"]
DECISIONS = sorted((type_, action) for type_, actions in ACTIONS.items() for action in actions)


@pytest.mark.requirement("RBAC-CEILING-01")
@given(
    site=st.lists(st.sampled_from(SITE), max_size=2, unique=True),
    local=st.lists(st.sampled_from(LOCAL), max_size=2, unique=True),
    scopes=st.lists(st.sampled_from(sorted(SCOPE_NAMES)), min_size=1, max_size=4, unique=True),
    decision=st.sampled_from(DECISIONS),
    owner_id=st.sampled_from([ME, SOMEBODY]),
    organization_id=st.sampled_from([ORG, OTHER_ORG, None]),
    is_shared=st.booleans(),
)
def test_a_token_is_its_owner_and_its_scopes_and_no_more(
    site: list[str],
    local: list[str],
    scopes: list[str],
    decision: tuple[ResourceType, Action],
    owner_id: UUID,
    organization_id: UUID | None,
    is_shared: bool,
) -> None:
    type_, action = decision
    target = Object(
        type_, id=UUID(int=0x99), owner_id=owner_id, organization_id=organization_id,
        user_acl={str(ME): ["*"]} if is_shared else {},
    )  # fmt: skip
    owner = holder(site, {ORG: local})
    token = holder(site, {ORG: local}, scope=scope_for_key(scopes))
    expected = is_allowed(owner, action, target) and scopes_cover(scopes, [f"{type_}:{action}"])
    assert is_allowed(token, action, target) == expected
