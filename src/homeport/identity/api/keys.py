"""Routes of API keys, tokens and git keys."""

from typing import Annotated, Any

from litestar import delete, get, post, put
from litestar.params import QueryParameter

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.schemas import (
    APIKey,
    APIKeyWithOwner,
    CreateTokenRequest,
    EndedSessions,
    GenerateAPIKeyResponse,
    GitSSHKey,
    TokenConfig,
    UserSession,
)
from homeport.identity.service import git_ssh_keys, keys, sessions
from homeport.identity.service import tokens as token_service
from homeport.identity.types import Identity
from homeport.kit.crypto import Cipher
from homeport.kit.routes import requires
from homeport.rbac import Subject

KeepCurrent = Annotated[bool, QueryParameter(description="Leave the session with which this is asked.")]
WithTokens = Annotated[bool, QueryParameter(description="End the user's tokens as well.")]
WithApplications = Annotated[
    bool, QueryParameter(description="Take back what the user has allowed applications, and sign them out.")
]


@post("/users/{user:str}/keys", opt=requires("api_key:create"), tags=["Users"], summary="Create new session key")
async def create_key(user: str, subject: Subject, db: Database, settings: Settings) -> GenerateAPIKeyResponse:
    """Make a session for a program; no cookie is set."""
    return await keys.create_session_key(db, settings, subject=subject, value=user)


@get("/users/{user:str}/keys/tokens", opt=requires("api_key:read"), tags=["Users"], summary="Get user tokens")
async def list_tokens(user: str, subject: Subject, db: Database, include_all: bool = False) -> list[APIKeyWithOwner]:
    """List a user's tokens, or with `include_all` those of everybody that the caller may read."""
    return await token_service.list_tokens(db, subject=subject, value=user, has_all_users=include_all)


@post("/users/{user:str}/keys/tokens", opt=requires("api_key:create"), tags=["Users"], summary="Create token API key")
async def create_token(
    user: str, data: CreateTokenRequest, subject: Subject, db: Database, settings: Settings
) -> GenerateAPIKeyResponse:
    """Make a token; this answer alone holds its secret."""
    return await token_service.create_token(db, settings, subject=subject, value=user, request=data)


@get(
    "/users/{user:str}/keys/tokens/tokenconfig", opt=requires("user:read"), tags=["General"], summary="Get token config"
)
async def get_token_config(user: str, subject: Subject, db: Database, settings: Settings) -> TokenConfig:
    """Return the longest life that a token of this user may have."""
    return await token_service.get_token_config(db, settings, subject=subject, value=user)


@get(
    "/users/{user:str}/keys/tokens/{keyname:str}",
    opt=requires("api_key:read"),
    tags=["Users"],
    summary="Get API key by token name",
)
async def get_token(user: str, keyname: str, subject: Subject, db: Database) -> APIKey:
    """Return a token by its name."""
    return await token_service.get_token(db, subject=subject, value=user, name=keyname)


@get("/users/{user:str}/keys/{keyid:str}", opt=requires("api_key:read"), tags=["Users"], summary="Get API key by ID")
async def get_key(user: str, keyid: str, subject: Subject, db: Database) -> APIKey:
    """Return a key by its id."""
    return await keys.get_key(db, subject=subject, value=user, key_id=keyid)


@delete(
    "/users/{user:str}/keys/{keyid:str}",
    opt=requires("api_key:delete"),
    status_code=204,
    tags=["Users"],
    summary="Delete API key",
)
async def delete_key(user: str, keyid: str, subject: Subject, db: Database) -> None:
    """End a key."""
    await keys.delete_key(db, subject=subject, value=user, key_id=keyid)


@get(
    "/users/{user:str}/keys",
    opt=requires("api_key:read"),
    tags=["Users"],
    summary="List user sessions and tokens",
)
async def list_sessions(user: str, identity: Identity, db: Database) -> list[UserSession]:
    """List a user's sessions that have not run out, and all tokens, the one used last first."""
    return await sessions.list_sessions(db, identity=identity, value=user)


@delete(
    "/users/{user:str}/sessions",
    opt=requires("api_key:delete"),
    status_code=200,
    tags=["Users"],
    summary="Sign out user everywhere",
)
async def end_sessions(
    user: str,
    identity: Identity,
    db: Database,
    keep_current: KeepCurrent = False,
    tokens: WithTokens = False,
    applications: WithApplications = False,
) -> EndedSessions:
    """End a user's sessions at once, in browsers and programs, with all connections that they have opened."""
    ending = sessions.Ending(is_current_kept=keep_current, has_tokens=tokens, has_applications=applications)
    return await sessions.end_sessions(db, identity=identity, value=user, ending=ending)


@get("/users/{user:str}/gitsshkey", opt=requires("user:read_personal"), tags=["Users"], summary="Get user Git SSH key")
async def get_git_ssh_key(user: str, subject: Subject, db: Database, cipher: Cipher) -> GitSSHKey:
    """Return the public half of the user's git key."""
    return await git_ssh_keys.get_git_ssh_key(db, cipher, subject=subject, value=user)


@put(
    "/users/{user:str}/gitsshkey",
    opt=requires("user:update_personal"),
    tags=["Users"],
    summary="Regenerate user SSH key",
)
async def regenerate_git_ssh_key(user: str, subject: Subject, db: Database, cipher: Cipher) -> GitSSHKey:
    """Replace the user's git key."""
    return await git_ssh_keys.regenerate_git_ssh_key(db, cipher, subject=subject, value=user)


routes: list[Any] = [
    create_key,
    list_tokens,
    create_token,
    get_token_config,
    get_token,
    get_key,
    delete_key,
    list_sessions,
    end_sessions,
    get_git_ssh_key,
    regenerate_git_ssh_key,
]
