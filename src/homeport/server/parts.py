"""The long-lived objects of one server process, made once and handed to the rooms that need them."""

from dataclasses import dataclass
from uuid import UUID

from homeport.access.authenticators import Authenticators
from homeport.access.live import LiveConnections
from homeport.access.resources import Doorkeeper
from homeport.access.service.links import LinkClock
from homeport.access.service.sessions import Sessions
from homeport.agents.service.switchboard import Switchboard
from homeport.config import Settings
from homeport.database import Database, Listener
from homeport.files.service import FileCache
from homeport.identity.login.configured import Providers
from homeport.kit.crypto import Cipher
from homeport.mcp.endpoint import Endpoint
from homeport.provisioning.service.acquire import Acquirer
from homeport.proxies.service.hosts import HostCache


@dataclass(frozen=True)
class Parts:
    """Settings, database, listener, cipher, registry of authenticators, identity providers and what they gave, sessions, people's
    connections that last, cache of files, door of protected resources, id among the servers, hosts of proxies, agents' tunnels,
    queue, MCP server.
    """

    settings: Settings
    db: Database
    listener: Listener
    cipher: Cipher
    authenticators: Authenticators
    providers: Providers
    links: LinkClock
    sessions: Sessions
    live: LiveConnections
    file_cache: FileCache
    doorkeeper: Doorkeeper
    replica_id: UUID
    hosts: HostCache
    switchboard: Switchboard
    acquirer: Acquirer
    mcp: Endpoint
