"""The long-lived objects of one server process, made once and handed to the rooms that need them."""

from dataclasses import dataclass, field
from uuid import UUID

from homeport.access.authenticators import Authenticators
from homeport.config import Settings
from homeport.database import Database, Listener
from homeport.kit.crypto import Cipher
from homeport.kit.ids import new_id


@dataclass
class Parts:
    """Settings, database, listener, cipher, the registry of authenticators, and this process' id among the servers."""

    settings: Settings
    db: Database
    listener: Listener
    cipher: Cipher
    authenticators: Authenticators
    replica_id: UUID = field(default_factory=new_id)
