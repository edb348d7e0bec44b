"""Finding, listing, creating and deleting users."""

from uuid import UUID

from homeport.audit import AuditAction
from homeport.database import Connection, Database, UniqueViolation
from homeport.identity import rules
from homeport.identity.errors import FirstUserExists, HigherRank, LastOwner, OwnAccount, SystemUser, Taken, UserNotFound
from homeport.identity.queries import listing
from homeport.identity.queries import users as queries
from homeport.identity.schemas import (
    CreateFirstUserRequest,
    CreateFirstUserResponse,
    CreateUserRequestWithOrgs,
    GetUsersResponse,
    User,
)
from homeport.identity.service.passwords import hash_password
from homeport.identity.service.trail import attempt_user, record_user
from homeport.identity.service.views import identity_view, load_user_view, load_user_views
from homeport.identity.types import Identity, LoginType, UserCreated, UserDeleted, UserRow, UserStatus
from homeport.kit import clock
from homeport.kit.errors import invalid_field
from homeport.kit.http import Page
from homeport.kit.ids import new_id
from homeport.kit.names import is_storable, validate_display_name, validate_email, validate_username
from homeport.rbac import Action, ResourceType, Subject, predicate, require

FIRST_USER_LOCK = "identity:first-user"
OWNERS_LOCK = "identity:owners"
OWNER = "owner"
_UNIQUE_FIELDS = {"users_email_key": "email", "users_username_key": "username"}


async def find_user(conn: Connection, user_id: UUID) -> UserRow | None:
    """Return a live user by id, whoever asks."""
    return await queries.find_user(conn, user_id)


async def find_named(conn: Connection, subject: Subject, value: str) -> UserRow | None:
    """Return the live user that `me`, an id or a username means, whoever asks; None when there is none."""
    if value == "me":
        return await queries.find_user(conn, subject.id)
    if not is_storable(value):
        return None
    try:
        user_id = UUID(value)
    except ValueError:
        return await queries.find_user_by_name(conn, value)
    return await queries.find_user(conn, user_id)


async def resolve_user(conn: Connection, subject: Subject, value: str) -> UserRow:
    """Return the user that `me`, an id or a username means. Unknown and unreadable users are the same 404."""
    found = await find_named(conn, subject, value)
    if found is None:
        # Decided all the same, so that a stranger learns nothing and every route decides.
        require(subject, Action.READ, rules.user_object(), noun="user")
        raise UserNotFound
    require(subject, Action.READ, rules.user_object(found.id), noun="user")
    return found


async def get_user(db: Database, *, subject: Subject, value: str) -> User:
    """Return a user for the wire."""
    async with db.connection() as conn:
        return await load_user_view(conn, await resolve_user(conn, subject, value))


def get_self(identity: Identity) -> User:
    """Return the caller for the wire; this needs no query beyond authentication's."""
    require(identity.subject, Action.READ, rules.user_object(identity.user_id), noun="user")
    return identity_view(identity)


async def list_users(db: Database, *, subject: Subject, query: str, page: Page) -> GetUsersResponse:
    """Return a page of the users that `subject` may read, by username, and how many match in total."""
    selection = listing.select(rules.parse_search(query))
    first = len(selection.arguments) + 1
    visible = predicate(subject, Action.READ, ResourceType.USER, listing.COLUMNS, first_parameter=first)
    selection = selection.narrowed(visible.sql, visible.args)
    async with db.connection() as conn:
        rows = await listing.list_users(conn, selection, after_id=page.after_id, limit=page.limit, offset=page.offset)
        # A page that is not full says itself how many there are.
        is_last = page.after_id is None and len(rows) < page.limit and (rows or not page.offset)
        count = page.offset + len(rows) if is_last else await listing.count_users(conn, selection)
        return GetUsersResponse(await load_user_views(conn, rows), count)


async def has_first_user(db: Database) -> bool:
    """Tell whether the deployment has a user yet."""
    async with db.connection() as conn:
        return await queries.has_users(conn)


async def create_first_user(db: Database, request: CreateFirstUserRequest) -> CreateFirstUserResponse:
    """Create the first user as owner in the default organization. Of several at once exactly one succeeds; then 409."""
    if await has_first_user(db):
        raise FirstUserExists
    _validate_names(request.email, request.username, request.name, password=request.password)
    hashed = await hash_password(request.password)
    async with db.transaction() as conn:
        await conn.lock(FIRST_USER_LOCK)
        if await queries.has_users(conn):
            raise FirstUserExists
        organization_id = await queries.get_default_organization_id(conn)
        row = await queries.insert_user(
            conn,
            user_id=new_id(),
            email=request.email,
            username=request.username,
            name=request.name,
            hashed_password=hashed,
            status=UserStatus.ACTIVE,
            roles=[OWNER],
            login_type=LoginType.PASSWORD,
            now=clock.now(),
        )
        await conn.emit(UserCreated(user_id=row.id, organization_ids=(organization_id,), actor=None))
        await record_user(conn, row.id, AuditAction.CREATE, after=row)
    return CreateFirstUserResponse(row.id, organization_id)


async def create_user(db: Database, *, subject: Subject, request: CreateUserRequestWithOrgs) -> User:
    """Create an account in the given organizations (none given: the default one).

    Needs user:create and, in each organization, organization_member:create. Raises Taken for a used address or username.
    """
    require(subject, Action.CREATE, rules.user_object(), noun="user")
    login_type = _creatable_login_type(request)
    _validate_names(
        request.email,
        request.username,
        request.name,
        password=request.password if login_type == LoginType.PASSWORD else None,
    )
    hashed = await hash_password(request.password) if login_type == LoginType.PASSWORD else ""
    async with db.transaction() as conn:
        wanted = tuple(dict.fromkeys(request.organization_ids or ()))
        organization_ids = wanted or (await queries.get_default_organization_id(conn),)
        row = await create_account(
            conn,
            subject=subject,
            email=request.email,
            username=request.username,
            name=request.name,
            login_type=login_type,
            status=UserStatus(request.user_status or UserStatus.DORMANT),
            organization_ids=organization_ids,
            hashed_password=hashed,
        )
        return await load_user_view(conn, row)


async def create_account(
    conn: Connection,
    *,
    subject: Subject,
    email: str,
    username: str,
    name: str,
    login_type: LoginType,
    status: UserStatus,
    organization_ids: tuple[UUID, ...],
    hashed_password: str = "",
) -> UserRow:
    """Insert an account with its memberships within the caller's transaction; the values have been checked.

    Needs user:create and, in each organization, organization_member:create. Raises Taken.
    """
    require(subject, Action.CREATE, rules.user_object(), noun="user")
    try:
        async with conn.savepoint():
            row = await queries.insert_user(
                conn,
                user_id=new_id(),
                email=email,
                username=username,
                name=name,
                hashed_password=hashed_password,
                status=status,
                roles=(),
                login_type=login_type,
                now=clock.now(),
            )
    except UniqueViolation as error:
        # The address of a service account is made of its name, which is what was asked for.
        raise (_taken("username") if email == _service_address(username) else name_taken(error)) from error
    await conn.emit(UserCreated(user_id=row.id, organization_ids=organization_ids, actor=subject))
    await record_user(conn, subject.id, AuditAction.CREATE, after=row)
    return row


async def delete_user(db: Database, *, subject: Subject, value: str) -> None:
    """Delete an account softly: its keys and memberships end at once, its name becomes free."""
    async with db.transaction() as conn:
        await remove_account(conn, subject=subject, found=await resolve_user(conn, subject, value))


async def remove_account(conn: Connection, *, subject: Subject, found: UserRow) -> None:
    """Delete an account within the caller's transaction, as `delete_user` does."""
    attempt_user(subject.id, AuditAction.DELETE, found)
    require(subject, Action.DELETE, rules.user_object(found.id), noun="user")
    if found.is_system:
        raise SystemUser
    if found.id == subject.id:
        raise OwnAccount("You cannot delete yourself.")
    before = await lock_with_owners(conn, found.id)
    require_rank(subject, before)
    await conn.emit(UserDeleted(user_id=before.id, actor=subject))
    after = await queries.delete_user(conn, before.id, clock.now())
    await record_user(conn, subject.id, AuditAction.DELETE, before=before, after=after)


async def lock_with_owners(conn: Connection, user_id: UUID) -> UserRow:
    """Lock a user that is about to lose its power to act. Raises LastOwner when no owner who can sign in would remain.

    The lock on all owners keeps two owners from removing each other at the same time.
    """
    await conn.lock(OWNERS_LOCK)
    row = await queries.lock_user(conn, user_id)
    if is_acting_owner(row) and not await queries.count_other_owners(conn, user_id):
        raise LastOwner
    return row


def is_acting_owner(row: UserRow) -> bool:
    """Whether this is an owner who can sign in. A dormant one can, and is active by that."""
    return OWNER in row.rbac_roles and row.status != UserStatus.SUSPENDED and row.login_type != LoginType.NONE


def require_rank(subject: Subject, target: UserRow) -> None:
    """Refuse to let somebody take over or remove an account that holds roles which they could not give away."""
    lacking = rules.unassignable_roles(subject.role_names, target.rbac_roles)
    if lacking and target.id != subject.id:
        raise HigherRank(lacking)


def name_taken(error: UniqueViolation) -> Taken:
    """Turn the violation of a unique index on users into the 409 that names the field."""
    return _taken(_UNIQUE_FIELDS.get(error.constraint, "username"))


def _taken(field: str) -> Taken:
    return Taken(f"A user with this {field} already exists.", field)


def _service_address(username: str) -> str:
    """Return an address of nobody's: the domain is one that never is (RFC 2606)."""
    return f"{username}@service.invalid"


def _creatable_login_type(request: CreateUserRequestWithOrgs) -> LoginType:
    login_type = LoginType(request.login_type or LoginType.PASSWORD)
    if login_type == LoginType.TOKEN:
        raise invalid_field("login_type", "An account cannot sign in by token alone; use 'none'.")
    if login_type != LoginType.PASSWORD and request.password:
        raise invalid_field("password", f"An account that signs in by '{login_type}' has no password.")
    return login_type


def _validate_names(email: str, username: str, name: str, *, password: str | None) -> None:
    rules.validate_all(
        lambda: validate_email(email),
        lambda: validate_username(username),
        lambda: validate_display_name(name, "name"),
        lambda: rules.validate_password(password) if password is not None else None,
    )


def require_person(row: UserRow) -> None:
    """Raise SystemUser for a user that belongs to the server."""
    if row.is_system:
        raise SystemUser


async def create_service_account(
    conn: Connection, *, subject: Subject, organization_id: UUID, username: str, name: str
) -> UserRow:
    """Create an account in whose name a program works: nobody signs in to it, and it is an ordinary member of one organization.

    Needs user:create and, in the organization, organization_member:create. Raises Taken for a used username.
    """
    require(subject, Action.CREATE, rules.user_object(), noun="user")
    validate_username(username)
    return await create_account(
        conn,
        subject=subject,
        email=_service_address(username),
        username=username,
        name=name,
        login_type=LoginType.NONE,
        status=UserStatus.ACTIVE,
        organization_ids=(organization_id,),
    )
