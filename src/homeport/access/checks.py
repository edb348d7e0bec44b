"""Questions about permissions as the wire asks them, turned into decisions. Pure: what an id means is told by the caller.

A question about no particular object is decided as it stands. One that names an id is about that object as it is: its
owner, organization and access lists count, whatever else the question says. What does not exist is refused like what
may not be touched, so nobody learns which of both it is.
"""

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

import msgspec

from homeport.access.schemas import MAX_CHECKS, AuthorizationCheck, AuthorizationObject
from homeport.identity.types import KEY_ID_LENGTH
from homeport.kit.errors import BadRequest, FieldError, invalid_field
from homeport.rbac import ACTIONS, PREBUILDS_USER_ID, Action, Object, ResourceType, Subject, is_allowed

ME: Final = "me"
_MOST_NAMED = 64
_WORKSPACES = frozenset({ResourceType.WORKSPACE, ResourceType.WORKSPACE_DORMANT, ResourceType.PREBUILT_WORKSPACE})
_STORED: Final = _WORKSPACES | {
    ResourceType.API_KEY,
    ResourceType.AUDIT_LOG,
    ResourceType.CONNECTION_LOG,
    ResourceType.FILE,
    ResourceType.GROUP,
    ResourceType.GROUP_MEMBER,
    ResourceType.OAUTH2_APP,
    ResourceType.OAUTH2_APP_CODE_TOKEN,
    ResourceType.OAUTH2_APP_SECRET,
    ResourceType.ORGANIZATION,
    ResourceType.ORGANIZATION_MEMBER,
    ResourceType.PROVISIONER_DAEMON,
    ResourceType.PROVISIONER_JOBS,
    ResourceType.TEMPLATE,
    ResourceType.USER,
}
"""Types whose objects are rows: `rbac_objects` has them, and the table of keys."""


class Check(msgspec.Struct, frozen=True):
    """One question, read. `target` is what it describes; with an id it is about that object instead."""

    action: Action
    target: Object
    id: UUID | str | None = None

    @property
    def row_type(self) -> ResourceType:
        """Return the type by which the object is looked up: a workspace is one row, whatever its state."""
        return ResourceType.WORKSPACE if self.target.type in _WORKSPACES else self.target.type


Found = Mapping[tuple[ResourceType, UUID | str], Iterable[Object]]
"""Objects by the type and id that were asked about; an id of a person names one in each of their organizations."""


def read_checks(checks: Mapping[str, AuthorizationCheck], *, me: UUID) -> dict[str, Check]:
    """Read all questions. Raises BadRequest that names every field that is wrong, by the check's name."""
    if len(checks) > MAX_CHECKS:
        raise invalid_field("checks", f"Ask at most {MAX_CHECKS} checks at once; these are {len(checks)}.")
    read: dict[str, Check] = {}
    problems: list[FieldError] = []
    for name, check in checks.items():
        faults: list[tuple[str, str]] = []
        found = _read(check, me, faults)
        if found is not None and not faults:
            read[name] = found
        problems += [FieldError(f"checks.{name[:_MOST_NAMED]}.{field}", words) for field, words in faults]
    if problems:
        raise BadRequest("The checks are not valid.", validations=problems)
    return read


def answer(subject: Subject, check: Check, found: Found) -> bool:
    """Decide one question. `found` holds the objects of all ids that were asked about, as far as they exist."""
    if check.id is None:
        return is_allowed(subject, check.action, check.target)
    return any(_may(subject, check, target) for target in found.get((check.row_type, check.id), ()))


def _may(subject: Subject, check: Check, target: Object) -> bool:
    wanted = check.target
    if wanted.type in {ResourceType.ORGANIZATION_MEMBER, ResourceType.GROUP_MEMBER}:
        # The id is the person's: the organization says which of their memberships is meant.
        if wanted.organization_id not in {None, target.organization_id}:
            return False
    elif wanted.type == ResourceType.PREBUILT_WORKSPACE:
        if target.owner_id != PREBUILDS_USER_ID:
            return False
        target = msgspec.structs.replace(target, type=ResourceType.PREBUILT_WORKSPACE)
    return is_allowed(subject, check.action, target)


def _read(check: AuthorizationCheck, me: UUID, faults: list[tuple[str, str]]) -> Check | None:
    wanted = check.object
    type_ = _type(wanted.resource_type, faults)
    owner_id = me if wanted.owner_id == ME else _uuid("owner_id", wanted.owner_id, "'me' or the id of a user", faults)
    organization_id = _uuid("organization_id", wanted.organization_id, "the id of an organization", faults)
    if type_ is None:
        return None
    action = _action(type_, check.action, faults)
    if action is None:
        return None
    target = Object(type_, owner_id=owner_id, organization_id=organization_id, any_organization=wanted.any_org)
    return Check(action, target, _id(type_, wanted, faults))


def _type(name: str, faults: list[tuple[str, str]]) -> ResourceType | None:
    if name in ResourceType._value2member_map_ and name != ResourceType.WILDCARD:
        return ResourceType(name)
    faults.append(("object.resource_type", f"This is no resource type. There are: {', '.join(sorted(ACTIONS))}."))
    return None


def _action(type_: ResourceType, name: str, faults: list[tuple[str, str]]) -> Action | None:
    actions = ACTIONS[type_]
    if name in actions:
        return Action(name)
    faults.append(("action", f"This is no action on {type_}. It has: {', '.join(sorted(actions))}."))
    return None


def _id(type_: ResourceType, wanted: AuthorizationObject, faults: list[tuple[str, str]]) -> UUID | str | None:
    text = wanted.resource_id
    if not text:
        return None
    if type_ not in _STORED:
        faults.append(("object.resource_id", f"Nothing of the type {type_} has an id here; leave it out."))
        return None
    if type_ != ResourceType.API_KEY:
        return _uuid("resource_id", text, f"the UUID of a {type_.replace('_', ' ')}", faults)
    if len(text) == KEY_ID_LENGTH and text.isascii() and text.isalnum():
        return text
    faults.append(("object.resource_id", f"Give the id of an API key: {KEY_ID_LENGTH} letters and digits."))
    return None


def _uuid(field: str, text: str, what: str, faults: list[tuple[str, str]]) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        faults.append((f"object.{field}", f"Give {what}."))
        return None
