"""Users, sign-in, keys and tokens."""

import builtins

from homeport_sdk.http import HttpClient
from homeport_sdk.models import (
    APIKeyWithOwner,
    AssignableRoles,
    AuthMethods,
    CreateFirstUserRequest,
    CreateFirstUserResponse,
    CreateTokenRequest,
    CreateUserRequestWithOrgs,
    GenerateAPIKeyResponse,
    GetUsersResponse,
    LoginWithPasswordRequest,
    LoginWithPasswordResponse,
    TokenConfig,
    UpdateRoles,
    UpdateUserPasswordRequest,
    User,
    UserRoles,
)

ME = "me"


class Users:
    """Calls about people and their credentials. `user` is an id, a username or `me`."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def create_first(self, request: CreateFirstUserRequest) -> CreateFirstUserResponse:
        """Make the account that owns a fresh deployment. ApiError 409 when there is one."""
        return await self._http.call("POST", "/users/first", body=request, answer=CreateFirstUserResponse)

    async def check_first(self) -> None:
        """ApiError 404 while there is no user."""
        await self._http.call("GET", "/users/first")

    async def login(self, request: LoginWithPasswordRequest) -> LoginWithPasswordResponse:
        """Sign in by password; the answer holds the session's token."""
        return await self._http.call("POST", "/users/login", body=request, answer=LoginWithPasswordResponse)

    async def logout(self) -> None:
        """End the session of this client's token."""
        await self._http.call("POST", "/users/logout")

    async def auth_methods(self) -> AuthMethods:
        """Return the ways to sign in."""
        return await self._http.call("GET", "/users/authmethods", answer=AuthMethods)

    async def get(self, user: str = ME) -> User:
        """Return one user."""
        return await self._http.call("GET", f"/users/{user}", answer=User)

    async def list(self, *, query: str = "", limit: int | None = None, offset: int | None = None) -> GetUsersResponse:
        """Return a page of users by username; `query` is words and `status:`, `role:`, `login_type:`."""
        parameters = {"q": query or None, "limit": limit, "offset": offset}
        return await self._http.call("GET", "/users", query=parameters, answer=GetUsersResponse)

    async def create(self, request: CreateUserRequestWithOrgs) -> User:
        """Make an account."""
        return await self._http.call("POST", "/users", body=request, answer=User)

    async def delete(self, user: str) -> None:
        """Delete an account that has no workspaces."""
        await self._http.call("DELETE", f"/users/{user}")

    async def set_status(self, user: str, *, is_active: bool) -> User:
        """Let an account in, or shut it out."""
        return await self._http.call(
            "PUT", f"/users/{user}/status/{'activate' if is_active else 'suspend'}", answer=User
        )

    async def site_roles(self) -> builtins.list[AssignableRoles]:
        """List the deployment's roles, and which of them the caller may give."""
        return await self._http.call("GET", "/users/roles", answer=builtins.list[AssignableRoles])

    async def roles(self, user: str = ME) -> UserRoles:
        """Return the names of a user's roles: of the deployment, and by organization."""
        return await self._http.call("GET", f"/users/{user}/roles", answer=UserRoles)

    async def set_roles(self, user: str, roles: builtins.list[str]) -> User:
        """Make `roles` all the roles of the deployment that a user has beyond `member`."""
        return await self._http.call("PUT", f"/users/{user}/roles", body=UpdateRoles(roles=roles), answer=User)

    async def set_password(self, user: str, password: str, *, old_password: str = "") -> None:
        """Set a password, which ends the account's other sessions; one's own needs the old one."""
        body = UpdateUserPasswordRequest(password=password, old_password=old_password)
        await self._http.call("PUT", f"/users/{user}/password", body=body)

    async def create_token(self, request: CreateTokenRequest, *, user: str = ME) -> GenerateAPIKeyResponse:
        """Make a token; its secret is in the answer and nowhere else."""
        return await self._http.call("POST", f"/users/{user}/keys/tokens", body=request, answer=GenerateAPIKeyResponse)

    async def list_tokens(self, *, user: str = ME, has_all: bool = False) -> builtins.list[APIKeyWithOwner]:
        """List tokens of one user, or with `has_all` every token that the caller may read."""
        query = {"include_all": "true" if has_all else None}
        return await self._http.call(
            "GET", f"/users/{user}/keys/tokens", query=query, answer=builtins.list[APIKeyWithOwner]
        )

    async def token_config(self, *, user: str = ME) -> TokenConfig:
        """Return the longest life that a token may have."""
        return await self._http.call("GET", f"/users/{user}/keys/tokens/tokenconfig", answer=TokenConfig)

    async def delete_key(self, key_id: str, *, user: str = ME) -> None:
        """Delete a key or token by its id."""
        await self._http.call("DELETE", f"/users/{user}/keys/{key_id}")
