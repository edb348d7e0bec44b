"""Templates and workspaces beside an application that exists already: no handlers are registered twice."""

from homeport.database import Database
from homeport.kit.crypto import Cipher
from tests.homeport.workspaces.world import World
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts


class Places(World):
    """Makes templates and workspaces by services and rows; builds end as a test wants."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.cipher = Cipher([bytes(range(32))])
        self.accounts = Accounts(db)
        self.organization_id = DEFAULT_ORGANIZATION_ID
