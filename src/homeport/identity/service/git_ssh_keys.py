"""The Ed25519 key pair with which a user's workspaces reach git servers. The private half is sealed at rest."""

from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from homeport.audit import AuditAction
from homeport.database import Connection, Database
from homeport.identity import rules
from homeport.identity.queries import git_ssh_keys as queries
from homeport.identity.schemas import GitSSHKey
from homeport.identity.service.trail import attempt_git_ssh_key, record_git_ssh_key
from homeport.identity.service.users import require_person, resolve_user
from homeport.identity.types import GitSshKeyRow
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.rbac import Action, Subject, require


async def ensure(conn: Connection, user_id: UUID, cipher: Cipher) -> GitSshKeyRow:
    """Return the user's key pair, made now when there is none. The caller authorizes."""
    found = await queries.find_git_ssh_key(conn, user_id)
    if found is None:
        public, sealed = _generate(cipher)
        await queries.insert_git_ssh_key(conn, user_id, public, sealed, clock.now())
        found = await queries.find_git_ssh_key(conn, user_id)
        assert found is not None
    return found


async def read_private_key(conn: Connection, user_id: UUID, cipher: Cipher) -> str:
    """Return the private half in OpenSSH form, for the user's own workspaces. The caller authorizes."""
    return cipher.decrypt((await ensure(conn, user_id, cipher)).private_key_sealed).decode()


async def get_git_ssh_key(db: Database, cipher: Cipher, *, subject: Subject, value: str) -> GitSSHKey:
    """Return the public half. Needs user:read_personal."""
    async with db.transaction() as conn:
        owner = await resolve_user(conn, subject, value)
        require(subject, Action.READ_PERSONAL, rules.user_object(owner.id), noun="user")
        return _view(await ensure(conn, owner.id, cipher))


async def regenerate_git_ssh_key(db: Database, cipher: Cipher, *, subject: Subject, value: str) -> GitSSHKey:
    """Replace the pair. Needs user:update_personal."""
    async with db.transaction() as conn:
        owner = await resolve_user(conn, subject, value)
        attempt_git_ssh_key(subject.id, owner.id)
        require(subject, Action.UPDATE_PERSONAL, rules.user_object(owner.id), noun="user")
        require_person(owner)
        before = await queries.find_git_ssh_key(conn, owner.id)
        public, sealed = _generate(cipher)
        after = await queries.update_git_ssh_key(conn, owner.id, public, sealed, clock.now())
        await record_git_ssh_key(conn, subject.id, AuditAction.WRITE, before=before, after=after)
    return _view(after)


def _generate(cipher: Cipher) -> tuple[str, bytes]:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return public.decode() + "\n", cipher.encrypt(secret)


def _view(row: GitSshKeyRow) -> GitSSHKey:
    return GitSSHKey(row.user_id, row.created_at, row.updated_at, row.public_key)
