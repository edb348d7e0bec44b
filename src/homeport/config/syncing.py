"""Settings of what claims of the OpenID Connect provider mean: organizations, groups and roles. Names follow the reference system's.

Mappings are JSON, kept as text; `mapping_of` reads them.
"""

from collections.abc import Iterator
from typing import Annotated, Final
from uuid import UUID

import msgspec

from homeport.config.setting import Setting, text
from homeport.config.values import mapping_of
from homeport.kit.patterns import Pattern, UnusablePattern

_GROUP: Final = "Sync"


class SyncSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the settings that is about what claims mean."""

    oidc_organization_field: Annotated[
        str,
        text(
            _GROUP,
            "Claim that says to which organizations somebody belongs, by name or by path (realm_access.roles). Empty: none does. "
            "Settings that are made in the dashboard or by API come before those of organizations and groups here.",
        ),
    ] = ""
    oidc_organization_mapping: Annotated[
        str,
        Setting(
            _GROUP,
            'What its values mean, as JSON: {"value": ["id of an organization"]}. Others mean nothing.',
            "mapping",
        ),
    ] = ""
    oidc_organization_assign_default: Annotated[
        bool, Setting(_GROUP, "Keep everybody in the default organization, whatever the claim says.", "switch")
    ] = True
    oidc_group_field: Annotated[
        str, text(_GROUP, "Claim that says in which groups of the default organization somebody is. Empty: none does.")
    ] = ""
    oidc_group_mapping: Annotated[
        str, Setting(_GROUP, 'Other names of groups here, as JSON: {"value": "name of a group"}.', "mapping")
    ] = ""
    oidc_group_regex_filter: Annotated[
        str,
        text(
            _GROUP, "Pattern that names of groups must match, after the mapping; others are passed over. Empty: all do."
        ),
    ] = ""
    oidc_group_auto_create: Annotated[
        bool,
        Setting(
            _GROUP, "Make groups of the default organization that the claim names and that are not there.", "switch"
        ),
    ] = False
    oidc_allowed_groups: Annotated[
        tuple[str, ...],
        Setting(
            _GROUP,
            "Groups, by their names after the mapping, whose people may sign in by OpenID Connect, and nobody else. Empty: all.",
            "list",
        ),
    ] = ()
    oidc_user_role_field: Annotated[
        str,
        text(_GROUP, "Claim that says which roles of the site somebody has. Empty: none does; roles are given here."),
    ] = ""
    oidc_user_role_mapping: Annotated[
        str,
        Setting(
            _GROUP,
            'What its values mean, as JSON: {"value": ["role"]}. A value that is not mapped is a role\'s name.',
            "mapping",
        ),
    ] = ""
    oidc_user_role_default: Annotated[
        tuple[str, ...],
        Setting(_GROUP, "Roles of the site that everybody has who signs in, beside the claim's.", "list"),
    ] = ()


def problems(settings: SyncSettings) -> Iterator[str]:
    """Say what is wrong with these settings, each with its name."""
    for targets in mapping_of(settings.oidc_organization_mapping).values():
        for target in targets:
            if not _is_id(target):
                yield f"OIDC_ORGANIZATION_MAPPING: '{target}' is no id of an organization; `homeport organizations list` shows them."
    for value, targets in mapping_of(settings.oidc_group_mapping).items():
        if len(targets) != 1:
            yield f"OIDC_GROUP_MAPPING: '{value}' must lead to one name of a group."
    for name in ("oidc_organization_mapping", "oidc_group_mapping", "oidc_user_role_mapping"):
        if getattr(settings, name) and not getattr(settings, _field_of(name)):
            yield f"{name.upper()} has no effect without {_field_of(name).upper()}; set it, or remove this."
    if settings.oidc_allowed_groups and not settings.oidc_group_field:
        yield "OIDC_ALLOWED_GROUPS needs OIDC_GROUP_FIELD, which names the claim that holds the groups; nobody could sign in."
    if settings.oidc_user_role_default and not settings.oidc_user_role_field:
        yield "OIDC_USER_ROLE_DEFAULT has no effect without OIDC_USER_ROLE_FIELD; set it, or remove this."
    if settings.oidc_group_regex_filter:
        yield from _pattern_problems(settings.oidc_group_regex_filter)


def _pattern_problems(pattern: str) -> Iterator[str]:
    try:
        Pattern(pattern)
    except UnusablePattern as error:
        yield f"OIDC_GROUP_REGEX_FILTER: this pattern cannot be used: {error}."


def _field_of(mapping: str) -> str:
    return mapping.removesuffix("_mapping") + "_field"


def _is_id(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True
