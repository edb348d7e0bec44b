"""The reference page of built-in roles, written from the tables that decide: `python -m homeport.rbac.reference`."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from homeport.rbac.rules.assignments import (
    ASSIGNABLE,
    CUSTOM_ORGANIZATION_ROLE,
    CUSTOM_SITE_ROLE,
    SYSTEM_ROLE,
)
from homeport.rbac.rules.custom_roles import SITE_ONLY_TYPES
from homeport.rbac.rules.roles import (
    MEMBER,
    ORGANIZATION_MEMBER,
    ORGANIZATION_ROLE_NAMES,
    SITE_ROLE_NAMES,
    built_in_roles,
)
from homeport.rbac.types import ACTIONS, Action, Pair, ResourceType, Role

_SITE = built_in_roles()
_ORGANIZATION = built_in_roles(UUID(int=0))
# Types whose objects may belong to a person.
_OWNED = frozenset(
    {
        ResourceType.API_KEY,
        ResourceType.FILE,
        ResourceType.GROUP_MEMBER,
        ResourceType.INBOX_NOTIFICATION,
        ResourceType.NOTIFICATION_PREFERENCE,
        ResourceType.OAUTH2_APP_CODE_TOKEN,
        ResourceType.ORGANIZATION_MEMBER,
        ResourceType.PROVISIONER_DAEMON,
        ResourceType.USER,
        ResourceType.WEBPUSH_SUBSCRIPTION,
        ResourceType.WORKSPACE,
        ResourceType.WORKSPACE_DORMANT,
    }
)
_ABOUT = {
    "owner": "everything but entering dormant workspaces; where owners are kept out, no SSH and apps of others' workspaces",
    MEMBER: "everybody, without being given it",
    "auditor": "reads what happened and who is who; changes nothing",
    "template-admin": "templates of all organizations, their files and provisioners",
    "user-admin": "accounts, groups and memberships of all organizations",
    "organization-admin": "everything in the organization but entering others' workspaces",
    ORGANIZATION_MEMBER: "everybody who belongs to the organization, without being given it",
    "organization-auditor": "reads what happened in the organization",
    "organization-user-admin": "members and groups of the organization",
    "organization-template-admin": "templates of the organization, their files and provisioners",
    "organization-workspace-creation-ban": "takes away making and deleting workspaces, also from those whom another role lets",
}


def roles_page() -> str:
    """Return docs/reference/roles.md as Markdown."""
    return "\n".join([*_roles(), *_permissions(), *_assignments()]) + "\n"


def _roles() -> Iterator[str]:
    yield from (
        "# Built-in roles",
        "",
        "Generated from `homeport.rbac`. [Roles](../roles.md) says how they are used.",
        "",
    )
    for title, roles in (("Of the deployment", _SITE), ("Of an organization", _ORGANIZATION)):
        yield from (f"## {title}", "", "| role | shown as | for |", "|---|---|---|")
        yield from (f"| `{role.name}` | {role.display_name} | {_ABOUT[role.name]} |" for role in roles)
        yield ""


def _permissions() -> Iterator[str]:
    yield from (
        "## What each may do", "",
        "A role of the deployment counts everywhere, a role of an organization on what is in it. *Own* says what everybody may do",
        "on what belongs to them, outside of organizations and in those that they belong to; *refused by* names roles that take it away.",
        "", "| on | to | deployment | organization | own | refused by |", "|---|---|---|---|---|---|",
    )  # fmt: skip
    for type_, actions in sorted(ACTIONS.items()):
        rows: dict[tuple[str, ...], list[Action]] = {}
        for action in sorted(actions):
            rows.setdefault(_row((type_, action)), []).append(action)
        for cells, same in rows.items():
            yield f"| `{type_}` | {', '.join(same)} | {' | '.join(cells)} |"
    yield ""


def _row(pair: Pair) -> tuple[str, ...]:
    type_, _ = pair
    # Of an organization's roles the rights on accounts count everywhere: members are found among all.
    wide = [role for role in _ORGANIZATION if role.grants.site.get(pair, 0) > 0]
    local = () if type_ in SITE_ONLY_TYPES else _ORGANIZATION
    own = [role for role in (*_SITE, *_ORGANIZATION) if type_ in _OWNED and role.grants.user.get(pair, 0) > 0]
    return (
        _names([role for role in _SITE if role.grants.site.get(pair, 0) > 0] + wide),
        _names([role for role in local if role.grants.organization.get(pair, 0) > 0]),
        "yes" if own else "",
        _names([role for role in local if role.grants.organization.get(pair, 0) < 0]),
    )


def _names(roles: Sequence[Role]) -> str:
    names = [role.name for role in roles]
    if MEMBER in names:
        return "everybody"
    return "every member" if ORGANIZATION_MEMBER in names else ", ".join(names)


def _assignments() -> Iterator[str]:
    yield from (
        "## Who gives and takes which role", "",
        "Beside the permission `assign` or `unassign` on `assign_role` (of the deployment) or `assign_org_role` (of an organization).",
        "Only roles that change are asked about, and nobody changes their own.", "",
        "| holder of | gives and takes |", "|---|---|",
    )  # fmt: skip
    order = (*SITE_ROLE_NAMES, *ORGANIZATION_ROLE_NAMES, CUSTOM_SITE_ROLE, CUSTOM_ORGANIZATION_ROLE)
    words = {
        CUSTOM_SITE_ROLE: "custom roles of the deployment",
        CUSTOM_ORGANIZATION_ROLE: "custom roles of an organization",
    }
    for actor, names in ASSIGNABLE.items():
        if actor == SYSTEM_ROLE:
            continue
        given = (
            "every role" if names == set(order) else ", ".join(words.get(name, name) for name in order if name in names)
        )
        yield f"| `{actor}` | {given}{', in the same organization' if actor in ORGANIZATION_ROLE_NAMES else ''} |"


if __name__ == "__main__":
    print(roles_page(), end="")
