"""Service identities: in whose name a client works by client_credentials.

Either an account that exists, so that the client works as a person does, or one of its own in an organization, to which
nobody signs in and which may do what any member may. What the client gets is never more than the rights that the account
has at each use, within the client's scopes.
"""

import re
from typing import Final
from uuid import UUID

from homeport.database import Connection
from homeport.identity.rules import key_object
from homeport.identity.service.users import (
    create_service_account,
    require_person,
    require_rank,
    resolve_user,
)
from homeport.kit.ids import random_text
from homeport.organizations.service.organizations import resolve_organization
from homeport.rbac import Action, Subject, require

_PREFIX: Final = "svc"
_MOST_OF_NAME: Final = 20
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"


async def choose_identity(conn: Connection, *, subject: Subject, value: str) -> UUID:
    """Return the id of the account that `me`, an id or a username means, for a client to work as.

    Whoever gives a client an account gives away what a token of that account could do: this needs api_key:create on it,
    and a rank that is not lower.
    """
    found = await resolve_user(conn, subject, value)
    require(subject, Action.CREATE, key_object(found.id), noun="API key")
    require_person(found)
    require_rank(subject, found)
    return found.id


async def create_identity(conn: Connection, *, subject: Subject, organization: str, client_name: str) -> UUID:
    """Create an account for a client in an organization (id or name) and return its id. Needs the rights to make members."""
    place = await resolve_organization(conn, subject, organization)
    slug = re.sub(r"[^a-z0-9]+", "-", client_name.lower())[:_MOST_OF_NAME].strip("-") or "client"
    row = await create_service_account(
        conn,
        subject=subject,
        organization_id=place.id,
        username=f"{_PREFIX}-{slug}-{random_text(6, _LETTERS)}",
        name=client_name if client_name.isprintable() else slug,
    )
    return row.id
