"""Who may do what with the built-in roles: every action on every type, everybody who is not named being refused."""

from typing import NamedTuple
from uuid import UUID

import pytest

from homeport.rbac import ACTIONS, PREBUILDS_USER_ID, Action, Object, ResourceType, expand_roles, is_allowed
from tests.homeport.rbac.people import GROUP, ME, ORG, OTHER_ORG, SOMEBODY, holder, subject

R = ResourceType


def _other(number: int) -> UUID:
    return UUID(int=0x1000 + number)


PEOPLE = {
    "member": holder(id_=_other(1)),
    "me": holder([], {ORG: []}, id_=ME),
    "owner": holder(["owner"], id_=_other(2)),
    "template_admin": holder(["template-admin"], id_=_other(3)),
    "user_admin": holder(["user-admin"], id_=_other(4)),
    "auditor": holder(["auditor"], id_=_other(5)),
    "org_admin": holder([], {ORG: ["organization-admin"]}, id_=_other(6)),
    "org_auditor": holder([], {ORG: ["organization-auditor"]}, id_=_other(7)),
    "org_user_admin": holder([], {ORG: ["organization-user-admin"]}, id_=_other(8)),
    "org_template_admin": holder([], {ORG: ["organization-template-admin"]}, id_=_other(9)),
    "ban": holder([], {ORG: ["organization-admin", "organization-workspace-creation-ban"]}, id_=_other(10)),
    "far_admin": holder([], {OTHER_ORG: ["organization-admin"]}, id_=_other(11)),
    "far_auditor": holder([], {OTHER_ORG: ["organization-auditor"]}, id_=_other(12)),
    "far_user_admin": holder([], {OTHER_ORG: ["organization-user-admin"]}, id_=_other(13)),
    "far_template_admin": holder([], {OTHER_ORG: ["organization-template-admin"]}, id_=_other(14)),
}
EVERYONE = " ".join(PEOPLE)
MEMBERS = "me org_admin org_auditor org_user_admin org_template_admin ban "
ADMINS = "owner org_admin ban "
TEMPLATE_ADMINS = ADMINS + "template_admin org_template_admin "
USER_ADMINS = ADMINS + "user_admin org_user_admin "
GROUP_READERS = USER_ADMINS + "template_admin org_template_admin auditor org_auditor "
CRUD = "create read update delete"


class Case(NamedTuple):
    name: str
    actions: str
    target: Object
    allowed: str


ID = UUID(int=0x99)


def _in_org(type_: R, owner: UUID | None = None) -> Object:
    return Object(type_, id=ID, organization_id=ORG, owner_id=owner)


def _bare(type_: R, owner: UUID | None = None) -> Object:
    return Object(type_, id=ID, owner_id=owner)


def _any_org(type_: R, owner: UUID | None = None) -> Object:
    return Object(type_, any_organization=True, owner_id=owner)


MY_USER = Object(R.USER, id=ME, owner_id=ME)
MY_WORKSPACE = _in_org(R.WORKSPACE, ME)
MY_DORMANT = _in_org(R.WORKSPACE_DORMANT, ME)
FOREIGN_GROUP_USES = Object(R.TEMPLATE, id=ID, organization_id=ORG, group_acl={str(GROUP): ["use"]})
EVERYONE_READS = Object(R.TEMPLATE, id=ID, organization_id=ORG, group_acl={str(ORG): ["read"]})
ORGANIZATION = Object(R.ORGANIZATION, id=ORG, organization_id=ORG)

CASES = [
    Case(
        "my user",
        "read",
        MY_USER,
        "owner me template_admin user_admin auditor org_admin ban org_user_admin far_admin far_user_admin",
    ),
    Case("my user, change", "create update delete", MY_USER, "owner user_admin"),
    Case("my personal data", "read_personal update_personal", MY_USER, "owner me user_admin"),
    Case("my workspace", "read", MY_WORKSPACE, ADMINS + "me template_admin org_template_admin"),
    Case("my workspace, change and run", "update start stop share", MY_WORKSPACE, ADMINS + "me"),
    Case("my workspace, make and end", "create delete create_agent delete_agent", MY_WORKSPACE, "owner me org_admin"),
    Case("a workspace for anybody", "create", _in_org(R.WORKSPACE, SOMEBODY), "owner org_admin"),
    Case("my workspace, enter", "ssh application_connect", MY_WORKSPACE, "owner me"),
    Case("my dormant workspace", "read", MY_DORMANT, ADMINS + "me template_admin org_template_admin"),
    Case("my dormant workspace, end", "create update delete stop create_agent delete_agent", MY_DORMANT, ADMINS + "me"),
    Case("my dormant workspace, use", "start ssh application_connect share", MY_DORMANT, ""),
    Case("a prebuilt workspace", "update delete", _in_org(R.PREBUILT_WORKSPACE, PREBUILDS_USER_ID), TEMPLATE_ADMINS),
    Case("a template, change", "create update delete", _in_org(R.TEMPLATE), TEMPLATE_ADMINS),
    Case("a template", "read view_insights", _in_org(R.TEMPLATE), TEMPLATE_ADMINS + "auditor org_auditor"),
    Case("a template for a group", "use", FOREIGN_GROUP_USES, TEMPLATE_ADMINS),
    Case("a template for everyone", "read", EVERYONE_READS, MEMBERS + "owner template_admin auditor"),
    Case("a file of nobody", "create", _bare(R.FILE), "owner template_admin"),
    Case("my file", "create read", _bare(R.FILE, ME), "owner me template_admin"),
    Case("somebody's file in the organization", "create read", _in_org(R.FILE, SOMEBODY), TEMPLATE_ADMINS),
    Case("a new organization", "create", Object(R.ORGANIZATION), "owner"),
    Case("the organization, change", "update delete", ORGANIZATION, ADMINS),
    Case("the organization", "read", ORGANIZATION, MEMBERS + "owner template_admin user_admin auditor"),
    Case("a custom role of no organization", "create update delete", _bare(R.ASSIGN_ORG_ROLE), "owner"),
    Case("a custom role of the organization", "create update delete", _in_org(R.ASSIGN_ORG_ROLE), ADMINS),
    Case("site roles, give and take", "assign unassign", _bare(R.ASSIGN_ROLE), "owner user_admin"),
    Case("site roles", "read", _bare(R.ASSIGN_ROLE), EVERYONE),
    Case("the organization's roles, give and take", "assign unassign", _in_org(R.ASSIGN_ORG_ROLE), USER_ADMINS),
    Case(
        "the organization's roles",
        "read",
        _in_org(R.ASSIGN_ORG_ROLE),
        MEMBERS + "owner user_admin template_admin auditor",
    ),
    Case("my api key", CRUD, Object(R.API_KEY, id="0123456789", owner_id=ME), "owner me"),
    Case("my inbox in the organization", "create read update", _in_org(R.INBOX_NOTIFICATION, ME), ADMINS + "me"),
    Case("a member, change", "create update delete", _in_org(R.ORGANIZATION_MEMBER, ME), USER_ADMINS),
    Case("a member: me", "read", _in_org(R.ORGANIZATION_MEMBER, ME), GROUP_READERS + "me"),
    Case("a group, change", "create update delete", _in_org(R.GROUP), USER_ADMINS),
    Case("a group", "read", _in_org(R.GROUP), GROUP_READERS),
    Case("a member of a group: me", "read", _in_org(R.GROUP_MEMBER, ME), GROUP_READERS + "me"),
    Case("a member of a group", "read", _in_org(R.GROUP_MEMBER, SOMEBODY), GROUP_READERS),
    Case("licenses", "create read delete", _bare(R.LICENSE), "owner"),
    Case("deployment settings, change", "update", _bare(R.DEPLOYMENT_CONFIG), "owner"),
    Case("deployment settings", "read", _bare(R.DEPLOYMENT_CONFIG), "owner auditor"),
    Case("deployment statistics", "read", _bare(R.DEPLOYMENT_STATS), "owner auditor"),
    Case("debug information", "read", _bare(R.DEBUG_INFO), "owner"),
    Case("replicas", "read", _bare(R.REPLICAS), "owner"),
    Case("coordinators", CRUD, _bare(R.TAILNET_COORDINATOR), "owner"),
    Case("the system", CRUD, _bare(R.SYSTEM), "owner"),
    Case("signing keys", CRUD, _bare(R.CRYPTO_KEY), "owner"),
    Case("OAuth2 apps, change", "create update delete", _bare(R.OAUTH2_APP), "owner"),
    Case("OAuth2 apps", "read", _bare(R.OAUTH2_APP), EVERYONE),
    Case("OAuth2 secrets", CRUD, _bare(R.OAUTH2_APP_SECRET), "owner"),
    Case("OAuth2 tokens of nobody", "create read delete", _bare(R.OAUTH2_APP_CODE_TOKEN), "owner"),
    Case("my OAuth2 tokens", "create read delete", _bare(R.OAUTH2_APP_CODE_TOKEN, ME), "owner me"),
    Case("proxies, change", "create update delete", _bare(R.WORKSPACE_PROXY), "owner"),
    Case("proxies", "read", _bare(R.WORKSPACE_PROXY), EVERYONE),
    Case("notification templates", "read update", _bare(R.NOTIFICATION_TEMPLATE), "owner"),
    Case("notification messages", CRUD, _bare(R.NOTIFICATION_MESSAGE), "owner"),
    Case("my notification preferences", "read update", _bare(R.NOTIFICATION_PREFERENCE, ME), "owner me"),
    Case("others' notification preferences", "read update", _bare(R.NOTIFICATION_PREFERENCE, SOMEBODY), "owner"),
    Case("my web push", "create read delete", _bare(R.WEBPUSH_SUBSCRIPTION, ME), "owner me"),
    Case("resource monitors", "create read update", _bare(R.WORKSPACE_AGENT_RESOURCE_MONITOR), "owner"),
    Case("devcontainers", "create", _bare(R.WORKSPACE_AGENT_DEVCONTAINERS), "owner"),
    Case("connections, close", "update", _bare(R.CONNECTION_LOG), "owner"),
    Case("connections of the organization", "read", _in_org(R.CONNECTION_LOG), ADMINS + "auditor org_auditor"),
    Case("audit entries, write", "create", _bare(R.AUDIT_LOG), "owner"),
    Case("audit entries", "read", _bare(R.AUDIT_LOG), "owner auditor"),
    Case("audit entries of the organization", "read", _in_org(R.AUDIT_LOG), ADMINS + "auditor org_auditor"),
    Case("provisioners, change", "create update delete", _in_org(R.PROVISIONER_DAEMON), TEMPLATE_ADMINS),
    Case("provisioners", "read", _in_org(R.PROVISIONER_DAEMON), TEMPLATE_ADMINS + MEMBERS),
    Case("my provisioner", "create update delete", _in_org(R.PROVISIONER_DAEMON, ME), TEMPLATE_ADMINS + "me"),
    Case("provisioner jobs", "create read update", _in_org(R.PROVISIONER_JOBS), ADMINS + "org_template_admin"),
    Case("identity sync of the organization", "read update", _in_org(R.IDPSYNC_SETTINGS), USER_ADMINS),
    Case("identity sync of organizations", "read update", _bare(R.IDPSYNC_SETTINGS), "owner user_admin"),
    Case(
        "a member in any organization",
        "create",
        _any_org(R.ORGANIZATION_MEMBER),
        USER_ADMINS + "far_admin far_user_admin",
    ),
    Case(
        "a template in any organization",
        "create",
        _any_org(R.TEMPLATE),
        TEMPLATE_ADMINS + "far_admin far_template_admin",
    ),
    Case("my workspace in any organization", "create", _any_org(R.WORKSPACE, ME), "owner me org_admin far_admin"),
]


@pytest.mark.requirement("RBAC-ROLES-01")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_only_those_named_may(case: Case) -> None:
    allowed = set(case.allowed.split())
    assert allowed <= PEOPLE.keys()
    for action in case.actions.split():
        found = {name for name, who in PEOPLE.items() if is_allowed(who, Action(action), case.target)}
        assert found == allowed, action


@pytest.mark.requirement("RBAC-ROLES-02")
def test_every_action_on_every_type_is_in_the_matrix() -> None:
    covered = {(case.target.type, Action(action)) for case in CASES for action in case.actions.split()}
    assert {(type_, action) for type_, actions in ACTIONS.items() for action in actions} - covered == set()


@pytest.mark.requirement("RBAC-ROLES-03")
def test_owners_can_be_kept_out_of_other_peoples_workspaces() -> None:
    roles = expand_roles(["owner"], {ORG: []}, can_owner_enter_workspaces=False)
    restrained = subject(roles, id_=_other(20))
    for target in (_in_org(R.WORKSPACE, SOMEBODY), _bare(R.WORKSPACE)):
        refused = {action for action in ACTIONS[R.WORKSPACE] if not is_allowed(restrained, action, target)}
        assert refused == {Action.SSH, Action.APPLICATION_CONNECT}
    mine = _in_org(R.WORKSPACE, restrained.id)
    assert all(is_allowed(restrained, action, mine) for action in ACTIONS[R.WORKSPACE])
    for type_, actions in ACTIONS.items():
        if type_ != R.WORKSPACE:
            for action in actions:
                expected = is_allowed(PEOPLE["owner"], action, _bare(type_))
                assert is_allowed(restrained, action, _bare(type_)) == expected
