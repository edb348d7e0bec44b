"""Rows, enums and events of users and keys; the identity of a signed-in person. No I/O."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from homeport.database.events import DomainEvent
from homeport.rbac import Subject

PREBUILDS_USER_ID = UUID("c42fdf75-3097-471c-8c33-fb52454d81c0")
SESSION_COOKIE = "coder_session_token"
SESSION_HEADER = "Coder-Session-Token"
CSRF_COOKIE = "csrf_token"
# Where in the ASGI scope authentication puts the Identity.
IDENTITY_KEY = "homeport.identity"
KEY_ID_LENGTH = 10
KEY_SECRET_LENGTH = 22
WILDCARD_TARGET = "*:*"


class UserStatus(StrEnum):
    """Whether an account works. Dormant ones become active when their owner appears."""

    ACTIVE = "active"
    DORMANT = "dormant"
    SUSPENDED = "suspended"


class LoginType(StrEnum):
    """How a user signs in, or what made a key."""

    PASSWORD = "password"
    GITHUB = "github"
    OIDC = "oidc"
    TOKEN = "token"
    NONE = "none"
    OAUTH2_PROVIDER_APP = "oauth2_provider_app"


# Those whose accounts stand at a provider: their sessions follow two clocks, the key's and the link's.
PROVIDER_LOGINS = frozenset({LoginType.GITHUB, LoginType.OIDC})


class UserRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `users`. `rbac_roles` holds names of deployment roles; `member` is implied and never stored."""

    id: UUID
    email: str
    username: str
    name: str
    hashed_password: str
    status: str
    rbac_roles: list[str]
    login_type: str
    avatar_url: str
    is_system: bool
    deleted: bool
    quiet_hours_schedule: str
    theme_preference: str
    terminal_font: str
    last_seen_at: datetime
    created_at: datetime
    updated_at: datetime
    hashed_one_time_passcode: str | None
    one_time_passcode_expires_at: datetime | None


class UserWithOrganizations(msgspec.Struct, frozen=True):
    """A user and the ids of the organizations it belongs to."""

    user: UserRow
    organization_ids: tuple[UUID, ...]


class UserFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which users to list; None and empty ask for nothing. The lists mean "any of".

    `words` are found anywhere in username, address or name; `username`, `email` and `name` in the field of that name.
    `organization` is a name, an id or `default`. Without `is_system`, system users are shown with `has_system_users` only.
    """

    words: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    login_types: tuple[str, ...] = ()
    username: str = ""
    email: str = ""
    name: str = ""
    organization: str = ""
    has_system_users: bool = False
    is_system: bool | None = None
    created_before: datetime | None = None
    created_after: datetime | None = None
    last_seen_before: datetime | None = None
    last_seen_after: datetime | None = None


class PasscodeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `passcode_requests`: somebody says to be the person of this address, and from where."""

    id: UUID
    email: str
    ip_address: str
    user_agent: str
    request_id: UUID
    created_at: datetime


class ApiKeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `api_keys`. Entries of `allow_list` are `type:id`, either half may be `*`.

    `audience` is the protected resource that a token of the authorization server is for; None for all other keys.
    """

    id: str
    hashed_secret: bytes
    user_id: UUID
    login_type: str
    token_name: str
    scopes: list[str]
    allow_list: list[str]
    lifetime_seconds: int
    ip_address: str
    last_used: datetime
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    audience: str | None = None


class GitSshKeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `git_ssh_keys`."""

    user_id: UUID
    public_key: str
    private_key_sealed: bytes
    created_at: datetime
    updated_at: datetime


class LinkClaims(msgspec.Struct, frozen=True):
    """What a provider says of a person (spec: authorization-and-data 25). Rows of old hold less; what is missing is empty."""

    id_token_claims: dict[str, Any] = {}
    user_info_claims: dict[str, Any] = {}
    merged_claims: dict[str, Any] = {}


class ProviderTokens(msgspec.Struct, frozen=True):
    """What a provider hands out for a person. `expires_at` is when it ends; None: never, as far as the provider tells."""

    access_token: str
    refresh_token: str = ""
    expires_at: datetime | None = None


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A person as a provider knows them, checked by the provider's client; the input of `login.signing_in`.

    `linked_id` is the provider's own name of the person: `<issuer>||<sub>` or GitHub's decimal id. `username` and `name` are
    wishes: they are made valid. Empty `name` and `avatar_url` say that the provider tells nothing of them.
    """

    linked_id: str
    email: str
    username: str
    tokens: ProviderTokens
    name: str = ""
    avatar_url: str = ""
    claims: LinkClaims = LinkClaims()
    github_com_user_id: int | None = None


class UserLinkRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `user_links`: a person's account at a provider, with its tokens sealed. No `oauth_expiry`: it never ends.

    `refreshing_until` marks that a server is refreshing the tokens, until when at the latest others leave it that.
    """

    user_id: UUID
    login_type: str
    linked_id: str
    access_token_sealed: bytes | None
    refresh_token_sealed: bytes | None
    token_key_id: str
    oauth_expiry: datetime | None
    claims: LinkClaims
    created_at: datetime
    updated_at: datetime
    refreshing_until: datetime | None = None


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in, with which key, and what that makes of them. Built once per request by `access`.

    `roles` are names of deployment roles without the implied `member`; `organization_roles` holds the stored role names
    of every organization that the user belongs to.
    """

    user_id: UUID
    username: str
    email: str
    name: str
    avatar_url: str
    status: str
    login_type: str
    theme_preference: str
    roles: tuple[str, ...]
    organization_roles: Mapping[UUID, tuple[str, ...]]
    created_at: datetime
    updated_at: datetime
    last_seen_at: datetime
    key_id: str
    key_login_type: str
    key_scopes: tuple[str, ...]
    key_expires_at: datetime
    key_audience: str | None
    subject: Subject

    @property
    def organization_ids(self) -> list[UUID]:
        """Ids of the organizations that the user belongs to."""
        return list(self.organization_roles)


class UserCreated(DomainEvent, frozen=True, kw_only=True):
    """user.created: a new account, to be placed in these organizations. `actor` is None for the first user."""

    user_id: UUID
    organization_ids: tuple[UUID, ...]
    actor: Subject | None


class SignedIn(DomainEvent, frozen=True, kw_only=True):
    """user.signed_in: somebody came through a provider, which says this of them; in the transaction of the sign-in."""

    user_id: UUID
    login_type: LoginType
    claims: LinkClaims
    is_new: bool


class UserSuspended(DomainEvent, frozen=True, kw_only=True):
    """user.suspended: the account works no more."""

    user_id: UUID


class UserActivated(DomainEvent, frozen=True, kw_only=True):
    """user.activated: the account works (again)."""

    user_id: UUID


class UserDeleted(DomainEvent, frozen=True, kw_only=True):
    """user.deleted: the account is gone; `actor` deleted it."""

    user_id: UUID
    actor: Subject


class UserPasswordChanged(DomainEvent, frozen=True, kw_only=True):
    """user.password_changed: the password is another now, and keys have ended."""

    user_id: UUID


class SignedOutEverywhere(DomainEvent, frozen=True, kw_only=True):
    """user.signed_out_everywhere: sessions have ended, and what the person has allowed applications shall end with them."""

    user_id: UUID
    actor_id: UUID


class UserRolesChanged(DomainEvent, frozen=True, kw_only=True):
    """user.roles_changed: the deployment roles are others now."""

    user_id: UUID
