"""What can go wrong with organizations and members."""

from homeport.kit.errors import BadRequest, Conflict, NotFound


class OrganizationNotFound(NotFound):
    """404: no such organization, or not readable for the asker."""

    def __init__(self) -> None:
        super().__init__("Organization not found or you do not have access to it.")


class MemberNotFound(NotFound):
    """404: no such user, or from where the asker stands not a member."""

    def __init__(self) -> None:
        super().__init__(
            "Member not found or you do not have access to it.",
            detail="The value must be 'me', or the id or username of an existing user.",
        )


class AlreadyMember(Conflict):
    """409: the user belongs to the organization already."""

    def __init__(self, username: str) -> None:
        super().__init__(f"The user '{username}' is already a member of this organization.")


class OwnMembership(BadRequest):
    """400: people neither remove themselves nor change their own roles."""
