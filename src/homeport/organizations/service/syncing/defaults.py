"""What the server's settings say about the sync, in the form of what is stored by API."""

from uuid import UUID

from homeport.config import Settings
from homeport.config.values import mapping_of
from homeport.organizations.types import GroupSync, OrganizationSync, RoleSync, SyncDefaults


def defaults_of(settings: Settings) -> SyncDefaults:
    """Read the settings; they have been checked at the start."""
    organizations = mapping_of(settings.oidc_organization_mapping)
    names = {value: targets[0] for value, targets in mapping_of(settings.oidc_group_mapping).items()}
    roles = mapping_of(settings.oidc_user_role_mapping)
    return SyncDefaults(
        organizations=OrganizationSync(
            field=settings.oidc_organization_field,
            mapping={value: [UUID(target) for target in targets] for value, targets in organizations.items()},
            assign_default=settings.oidc_organization_assign_default,
        ),
        groups=GroupSync(
            field=settings.oidc_group_field,
            regex_filter=settings.oidc_group_regex_filter or None,
            auto_create_missing_groups=settings.oidc_group_auto_create,
            legacy_group_name_mapping=names,
        ),
        site_roles=RoleSync(
            field=settings.oidc_user_role_field,
            mapping={value: list(targets) for value, targets in roles.items()},
        ),
        site_roles_of_all=settings.oidc_user_role_default,
        allowed_groups=settings.oidc_allowed_groups,
    )
