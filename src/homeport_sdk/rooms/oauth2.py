"""The authorization server as owners manage it: clients, their secrets, what people have allowed, what is decided at run time."""

import builtins

from homeport_sdk.http import HttpClient
from homeport_sdk.models import (
    OAuth2ProviderApp,
    OAuth2ProviderAppSecret,
    OAuth2ProviderAppSecretFull,
    OAuth2ProviderGrant,
    OAuth2ProviderSettings,
    PostOAuth2ProviderAppRequest,
    PutOAuth2ProviderAppRequest,
    PutOAuth2ProviderSettingsRequest,
)

_APPS = "/oauth2-provider/apps"
_GRANTS = "/oauth2-provider/grants"
_SETTINGS = "/oauth2-provider/settings"


class OAuth2:
    """Calls about OAuth2 applications. An application is named by its id."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def list_apps(self, *, query: str = "", user_id: str = "") -> builtins.list[OAuth2ProviderApp]:
        """Return applications by name; `query` is part of a name or a client_id, `user_id` whose tokens they hold."""
        parameters = {"q": query or None, "user_id": user_id or None}
        return await self._http.call("GET", _APPS, query=parameters, answer=builtins.list[OAuth2ProviderApp])

    async def get_app(self, app: str) -> OAuth2ProviderApp:
        """Return one application."""
        return await self._http.call("GET", f"{_APPS}/{app}", answer=OAuth2ProviderApp)

    async def create_app(self, request: PostOAuth2ProviderAppRequest) -> OAuth2ProviderApp:
        """Register an application."""
        return await self._http.call("POST", _APPS, body=request, answer=OAuth2ProviderApp)

    async def update_app(self, app: str, request: PutOAuth2ProviderAppRequest) -> OAuth2ProviderApp:
        """Change an application."""
        return await self._http.call("PUT", f"{_APPS}/{app}", body=request, answer=OAuth2ProviderApp)

    async def delete_app(self, app: str) -> None:
        """Delete an application with everything that it was granted."""
        await self._http.call("DELETE", f"{_APPS}/{app}")

    async def list_secrets(self, app: str) -> builtins.list[OAuth2ProviderAppSecret]:
        """Return an application's secrets, by their last characters."""
        return await self._http.call("GET", f"{_APPS}/{app}/secrets", answer=builtins.list[OAuth2ProviderAppSecret])

    async def create_secret(self, app: str) -> OAuth2ProviderAppSecretFull:
        """Make a secret; the answer holds it, this once."""
        return await self._http.call("POST", f"{_APPS}/{app}/secrets", answer=OAuth2ProviderAppSecretFull)

    async def delete_secret(self, app: str, secret: str) -> None:
        """Delete a secret, and with it the tokens that were issued through it."""
        await self._http.call("DELETE", f"{_APPS}/{app}/secrets/{secret}")

    async def list_grants(
        self, *, user: str = "", client_id: str = "", limit: int | None = None, offset: int | None = None
    ) -> builtins.list[OAuth2ProviderGrant]:
        """Return what people have allowed applications: one's own, for owners everybody's."""
        parameters = {"user": user or None, "client_id": client_id or None, "limit": limit, "offset": offset}
        return await self._http.call("GET", _GRANTS, query=parameters, answer=builtins.list[OAuth2ProviderGrant])

    async def revoke_grant(self, grant: str) -> None:
        """End a grant with all its tokens."""
        await self._http.call("DELETE", f"{_GRANTS}/{grant}")

    async def get_settings(self) -> OAuth2ProviderSettings:
        """Return what is decided at run time."""
        return await self._http.call("GET", _SETTINGS, answer=OAuth2ProviderSettings)

    async def update_settings(self, request: PutOAuth2ProviderSettingsRequest) -> OAuth2ProviderSettings:
        """Decide; what is None stays."""
        return await self._http.call("PUT", _SETTINGS, body=request, answer=OAuth2ProviderSettings)
