"""The decision engine: who may do what to which object. Pure: no I/O, no SQL run. See README.md."""

from homeport.rbac.errors import InvalidRoleName, UnknownScope
from homeport.rbac.rules.assignments import may_assign
from homeport.rbac.rules.branches import Branch, branches_by_type
from homeport.rbac.rules.custom_roles import SITE_ONLY_TYPES, custom_role, find_custom_role_errors, read_permissions
from homeport.rbac.rules.decisions import (
    DecisionLog,
    decisions,
    filter_allowed,
    is_allowed,
    not_found,
    record_public,
    refusal,
    require,
    require_any,
)
from homeport.rbac.rules.explanations import assignment_refusal
from homeport.rbac.rules.internal import PREBUILDS_USER_ID, InternalName, sub_agent_subject, system_subject
from homeport.rbac.rules.names import parse_role_name, role_changes
from homeport.rbac.rules.predicates import Columns, Predicate, predicate, predicate_by_type
from homeport.rbac.rules.roles import built_in_roles, expand_roles, implied_roles, organization_role, site_role
from homeport.rbac.rules.scopes import (
    EXTERNAL_SCOPE_NAMES,
    SCOPE_NAMES,
    agent_scope,
    covers,
    parse_allow_entry,
    parse_object_id,
    scope_for_key,
    scope_named,
    scopes_cover,
)
from homeport.rbac.rules.subjects import Subject, SubjectKind
from homeport.rbac.types import (
    ACTIONS,
    NO_ACL,
    Acl,
    Action,
    AllowEntry,
    Grants,
    Object,
    Permission,
    ResourceType,
    Role,
    RoleName,
    Scope,
)

__all__ = [
    "ACTIONS",
    "EXTERNAL_SCOPE_NAMES",
    "NO_ACL",
    "PREBUILDS_USER_ID",
    "SCOPE_NAMES",
    "SITE_ONLY_TYPES",
    "Acl",
    "Action",
    "AllowEntry",
    "Branch",
    "Columns",
    "DecisionLog",
    "Grants",
    "InternalName",
    "InvalidRoleName",
    "Object",
    "Permission",
    "Predicate",
    "ResourceType",
    "Role",
    "RoleName",
    "Scope",
    "Subject",
    "SubjectKind",
    "UnknownScope",
    "agent_scope",
    "assignment_refusal",
    "branches_by_type",
    "built_in_roles",
    "covers",
    "custom_role",
    "decisions",
    "expand_roles",
    "filter_allowed",
    "find_custom_role_errors",
    "implied_roles",
    "is_allowed",
    "may_assign",
    "not_found",
    "organization_role",
    "parse_allow_entry",
    "parse_object_id",
    "parse_role_name",
    "predicate",
    "predicate_by_type",
    "read_permissions",
    "record_public",
    "refusal",
    "require",
    "require_any",
    "role_changes",
    "scope_for_key",
    "scope_named",
    "scopes_cover",
    "site_role",
    "sub_agent_subject",
    "system_subject",
]
