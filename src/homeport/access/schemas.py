"""Wire shapes of questions about permissions (spec: api-models, AuthorizationRequest), and of reports of browsers."""

from typing import Annotated, Any

import msgspec

MAX_CHECKS = 1000


class AuthorizationObject(msgspec.Struct, frozen=True):
    """What an action would be done to: a kind of object by its owner and organization, or one object by its id.

    `owner_id` is `me` or the id of a user. With `resource_id` the object's own owner, organization and access lists count.
    """

    resource_type: str
    owner_id: str = ""
    organization_id: str = ""
    resource_id: str = ""
    any_org: bool = False


class AuthorizationCheck(msgspec.Struct, frozen=True):
    """One question: may the caller do `action` to `object`?"""

    object: AuthorizationObject
    action: str


class AuthorizationRequest(msgspec.Struct, frozen=True):
    """Questions by names of the caller's choice; the answer has the same names."""

    checks: Annotated[
        dict[str, AuthorizationCheck],
        msgspec.Meta(description=f"At most {MAX_CHECKS} checks, by names of your choice."),
    ]


class CSPViolation(msgspec.Struct, frozen=True):
    """What a browser reports (CSP level 2): the fields that it chooses, under one name."""

    csp_report: dict[str, Any] = msgspec.field(name="csp-report")
