"""Use cases of organizations; the names that other rooms use stand here."""

from homeport.organizations.service.members import list_memberships, place_created_user, resolve_member, resolve_owner
from homeport.organizations.service.organizations import resolve_organization

__all__ = ["list_memberships", "place_created_user", "resolve_member", "resolve_organization", "resolve_owner"]
