"""The key with which every server of this deployment logs in to agents: one for all, made once, kept sealed."""

import base64

import asyncssh

from homeport.agents.queries import connections as queries
from homeport.database import Database
from homeport.kit.crypto import Cipher

SITE_CONFIG_KEY = "agent_ssh_client_key"


async def load_client_key(db: Database, cipher: Cipher) -> asyncssh.SSHKey:
    """Return the deployment's key; the first server to ask makes it."""
    async with db.transaction() as conn:
        sealed = await queries.find_site_config(conn, SITE_CONFIG_KEY)
        if sealed is None:
            made = asyncssh.generate_private_key("ssh-ed25519", comment="homeport").export_private_key()
            await queries.insert_site_config(conn, SITE_CONFIG_KEY, base64.b64encode(cipher.encrypt(made)).decode())
            sealed = await queries.find_site_config(conn, SITE_CONFIG_KEY)
    assert sealed is not None
    return asyncssh.import_private_key(cipher.decrypt(base64.b64decode(sealed)))
