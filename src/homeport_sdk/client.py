"""The typed client: `async with Client(url, token=token) as client: await client.workspaces.list()`."""

from collections.abc import Mapping

from homeport_sdk.http import HttpClient
from homeport_sdk.rooms.agents import Agents
from homeport_sdk.rooms.deployment import Deployment
from homeport_sdk.rooms.files import Files
from homeport_sdk.rooms.groups import Groups
from homeport_sdk.rooms.oauth2 import OAuth2
from homeport_sdk.rooms.organizations import Organizations
from homeport_sdk.rooms.provisioning import Provisioning
from homeport_sdk.rooms.syncing import Syncing
from homeport_sdk.rooms.templates import Templates
from homeport_sdk.rooms.users import Users
from homeport_sdk.rooms.workspaces import Builds, Workspaces


class Client(HttpClient):
    """One server as one user. Every call raises ApiError for a refusal, ConnectionFailed and BadAnswer."""

    def __init__(
        self, url: str, *, token: str = "", headers: Mapping[str, str] | None = None, timeout: float = 30.0
    ) -> None:
        super().__init__(url, token=token, headers=headers, timeout=timeout)
        self.users = Users(self)
        self.organizations = Organizations(self)
        self.syncing = Syncing(self)
        self.groups = Groups(self)
        self.templates = Templates(self)
        self.workspaces = Workspaces(self)
        self.builds = Builds(self)
        self.agents = Agents(self)
        self.provisioning = Provisioning(self)
        self.files = Files(self)
        self.deployment = Deployment(self)
        self.oauth2 = OAuth2(self)
