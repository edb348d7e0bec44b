"""Wire shapes of users, keys and sign-in. Names are the reference's model names; they become the OpenAPI components."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

UserStatusName = Literal["active", "dormant", "suspended"]
LoginTypeName = Literal["", "password", "github", "oidc", "token", "none"]
TerminalFontName = Literal["", "ibm-plex-mono", "fira-code", "source-code-pro", "jetbrains-mono"]


class SlimRole(msgspec.Struct, frozen=True, omit_defaults=True):
    """A role by name; `organization_id` is absent for roles of the whole deployment."""

    name: str
    display_name: str
    organization_id: str = ""


class Permission(msgspec.Struct, frozen=True, kw_only=True):
    """One vote of a role."""

    negate: bool = False
    resource_type: str
    action: str


class Role(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A role with its permissions on each level."""

    name: str
    organization_id: str = ""
    display_name: str = msgspec.field(default_factory=str)
    site_permissions: list[Permission]
    user_permissions: list[Permission]
    organization_permissions: list[Permission]
    organization_member_permissions: list[Permission]


class AssignableRoles(Role, kw_only=True, omit_defaults=True):
    """A role as the caller sees it: whether the caller may give it away, and whether it is built in."""

    assignable: bool
    built_in: bool


class MinimalUser(msgspec.Struct, frozen=True):
    """What other objects show of a user."""

    id: UUID
    username: str
    name: str = ""
    avatar_url: str = ""


class ReducedUser(msgspec.Struct, kw_only=True):
    """A user without roles and organizations."""

    id: UUID
    username: str
    name: str
    email: str
    avatar_url: str
    created_at: datetime
    updated_at: datetime
    last_seen_at: datetime
    status: UserStatusName
    login_type: str
    theme_preference: str = ""


class User(ReducedUser, kw_only=True):
    """A user."""

    organization_ids: list[UUID]
    roles: list[SlimRole]


class GetUsersResponse(msgspec.Struct):
    """A page of users, and how many match in total."""

    users: list[User]
    count: int


class TrialInfo(msgspec.Struct):
    """What the reference's sign-up form asks; accepted and not kept."""

    first_name: str = ""
    last_name: str = ""
    phone_number: str = ""
    job_title: str = ""
    company_name: str = ""
    country: str = ""
    developers: str = ""


class CreateFirstUserRequest(msgspec.Struct):
    """The account that becomes owner of a fresh deployment."""

    email: str
    username: str
    password: str
    name: str = ""
    trial: bool = False
    trial_info: TrialInfo | None = None


class CreateFirstUserResponse(msgspec.Struct):
    """The first user and the organization it belongs to."""

    user_id: UUID
    organization_id: UUID


class CreateUserRequestWithOrgs(msgspec.Struct):
    """A new account; without `organization_ids` it joins the default organization."""

    email: str
    username: str
    name: str = ""
    password: str = ""
    login_type: LoginTypeName = ""
    user_status: UserStatusName | None = None
    organization_ids: list[UUID] | None = None


class UpdateUserProfileRequest(msgspec.Struct):
    """New names."""

    username: str
    name: str = ""


class UpdateUserPasswordRequest(msgspec.Struct):
    """A new password; people who change their own give the old one as well."""

    password: str
    old_password: str = ""


class UpdateRoles(msgspec.Struct):
    """All roles that the user shall have; implied ones are left out."""

    roles: list[str]


class UserRoles(msgspec.Struct):
    """Names of a user's roles: of the deployment, and by organization."""

    roles: list[str]
    organization_roles: dict[UUID, list[str]]


class LoginWithPasswordRequest(msgspec.Struct):
    """Sign-in by password."""

    email: str
    password: str


class LoginWithPasswordResponse(msgspec.Struct):
    """The session's token; the session cookie holds the same."""

    session_token: str


class RequestOneTimePasscodeRequest(msgspec.Struct):
    """Whose password is to be set anew."""

    email: str


class ChangePasswordWithOneTimePasscodeRequest(msgspec.Struct):
    """A new password, by the code that came by mail."""

    email: str
    one_time_passcode: str
    password: str


class ValidateUserPasswordRequest(msgspec.Struct):
    """A password to judge."""

    password: str


class ValidateUserPasswordResponse(msgspec.Struct):
    """Whether a password is strong enough, and why not."""

    valid: bool
    details: str


class AuthMethod(msgspec.Struct, frozen=True):
    """Whether a way to sign in is on."""

    enabled: bool


class GithubAuthMethod(msgspec.Struct, frozen=True):
    """Sign-in by GitHub."""

    enabled: bool
    default_provider_configured: bool


class OIDCAuthMethod(msgspec.Struct, frozen=True):
    """Sign-in by OpenID Connect."""

    enabled: bool
    sign_in_text: str = msgspec.field(name="signInText", default="")
    icon_url: str = msgspec.field(name="iconUrl", default="")


class AuthMethods(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ways to sign in."""

    password: AuthMethod
    github: GithubAuthMethod
    oidc: OIDCAuthMethod
    terms_of_service_url: str = ""


class ExternalAuthDevice(msgspec.Struct, frozen=True):
    """A code that a person types at the provider; `interval` are the seconds to leave between two questions about it."""

    device_code: str
    user_code: str
    verification_uri: str
    expires_in: int
    interval: int


class DeviceSignIn(msgspec.Struct, frozen=True):
    """The sign-in by a code has succeeded: where to go, a path of this server."""

    redirect_url: str


class ConvertLoginRequest(msgspec.Struct):
    """How the account shall sign in from now on, `github` or `oidc`, and its password until then."""

    to_type: str
    password: str


class OAuthConversionResponse(msgspec.Struct, frozen=True):
    """A conversion that has begun: the state with which the browser goes to the provider, and until when."""

    state_string: str
    expires_at: datetime
    to_type: str
    user_id: UUID


class GitSSHKey(msgspec.Struct):
    """The public half of the key with which a user's workspaces reach git servers (OpenSSH form, newline at the end)."""

    user_id: UUID
    created_at: datetime
    updated_at: datetime
    public_key: str


class UserAppearanceSettings(msgspec.Struct):
    """How the dashboard looks for this user."""

    theme_preference: str
    terminal_font: TerminalFontName


class UpdateUserAppearanceSettingsRequest(msgspec.Struct):
    """A new look."""

    theme_preference: str
    terminal_font: TerminalFontName = ""


class UserQuietHoursScheduleResponse(msgspec.Struct, kw_only=True):
    """When a required stop may interrupt this user: `time` of day in `timezone`, and the next such moment.

    `raw_schedule` is the deployment's where the user has not set, or may not set, another.
    """

    raw_schedule: str
    user_set: bool
    user_can_set: bool
    time: str
    timezone: str
    next: datetime


class UpdateUserQuietHoursScheduleRequest(msgspec.Struct):
    """A schedule with one hour and one minute of every day, as `CRON_TZ=Europe/Berlin 30 2 * * *`; empty: the deployment's."""

    schedule: str


class UserStatusChangeCount(msgspec.Struct, frozen=True):
    """How many accounts there were on a day."""

    date: datetime
    count: int


class GetUserStatusCountsResponse(msgspec.Struct):
    """By status, one count for each day, the oldest first."""

    status_counts: dict[str, list[UserStatusChangeCount]]


class UserLoginType(msgspec.Struct):
    """How a user signs in."""

    login_type: str


class APIAllowListTarget(msgspec.Struct, frozen=True):
    """One entry of a key's allow-list: objects of `type` with this id; `*` stands for all."""

    type: str
    id: str


class APIKey(msgspec.Struct, kw_only=True):
    """An API key without its secret. `scope` is the legacy single scope."""

    id: str
    user_id: UUID
    last_used: datetime
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    login_type: str
    scope: str
    scopes: list[str]
    token_name: str
    lifetime_seconds: int
    allow_list: list[APIAllowListTarget]


class APIKeyWithOwner(APIKey, kw_only=True):
    """An API key in a list that may hold several users' keys."""

    username: str


class UserSession(msgspec.Struct, kw_only=True):
    """A session of a person that has not run out, or a token. `last_used` is empty for one that was never used.

    `ip_address` is where it was begun, or used last. `is_current`: the request came with it.
    """

    id: str
    kind: Literal["session", "token"]
    login_type: str
    token_name: str
    scopes: list[str]
    ip_address: str
    created_at: datetime
    last_used: datetime | None
    expires_at: datetime
    is_current: bool


class EndedSessions(msgspec.Struct):
    """How many sessions and tokens have ended, and whether applications were signed out as well."""

    sessions: int
    tokens: int
    applications: bool


class CreateTokenRequest(msgspec.Struct):
    """A new token. `lifetime` is in nanoseconds, 0 asks for the default; `scope` is the legacy form of `scopes`."""

    lifetime: int = 0
    scope: str = ""
    scopes: list[str] | None = None
    token_name: str = ""
    allow_list: list[APIAllowListTarget] | None = None


class GenerateAPIKeyResponse(msgspec.Struct):
    """A new key's full secret, shown this once."""

    key: str


class TokenConfig(msgspec.Struct):
    """The longest life that a token of this user may have, in nanoseconds."""

    max_token_lifetime: int


class ExternalAPIKeyScopes(msgspec.Struct):
    """Names of the scopes that a token may ask for."""

    external: list[str]
