"""Errors of the decision engine. Refusals themselves are kit's `NotFound` and `Forbidden`."""

from homeport.kit.errors import BadRequest, FieldError


class InvalidRoleName(BadRequest):
    """400: not `name` or `name:organization-uuid`, or a role that does not exist."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"Role {name!r} is not valid: {reason}.", validations=(FieldError("roles", reason),))


class UnknownScope(BadRequest):
    """400: a scope name, or an allow-list entry, that means nothing."""

    def __init__(self, name: str, *, field: str = "scopes") -> None:
        message = f"Scope {name!r} does not exist." if field == "scopes" else f"Allow-list entry {name!r} is not valid."
        detail = (
            "Use a name from GET /api/v2/auth/scopes."
            if field == "scopes"
            else "Use type:id, where type is a resource type or * and id is an id or *."
        )
        super().__init__(message, validations=(FieldError(field, detail),))
