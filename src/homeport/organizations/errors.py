"""What can go wrong with organizations and members."""

from homeport.kit.errors import BadRequest, Conflict, FieldError, Forbidden, NotFound, PreconditionFailed


class OrganizationNotFound(NotFound):
    """404: no such organization, or not readable for the asker."""

    def __init__(self) -> None:
        super().__init__("Organization not found or you do not have access to it.")


class OrganizationNameTaken(Conflict):
    """409: a live organization has this name, whatever the case of its letters."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"An organization named '{name}' already exists.",
            validations=(
                FieldError("name", "This name is taken; names differ by more than the case of their letters."),
            ),
        )


class DefaultOrganization(BadRequest):
    """400: there is always a default organization."""

    def __init__(self) -> None:
        super().__init__("The default organization cannot be deleted.")


class OrganizationNotEmpty(Conflict):
    """409: something is left in an organization that is to be deleted; `reason` counts it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}.", detail="Whoever deletes the organization may stay in it as its only member.")


class RoleNotFound(NotFound):
    """404: the organization has no custom role of this name."""

    def __init__(self) -> None:
        super().__init__("Role not found or you do not have access to it.")


class BuiltInRole(BadRequest):
    """400: built-in roles are the same in all organizations and stay as they are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The role '{name}' is built in; it can be neither changed nor deleted.")


class RoleNameTaken(Conflict):
    """409: the organization has a custom role of this name, whatever the case of its letters."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"A role named '{name}' already exists in this organization.",
            validations=(
                FieldError("name", "This name is taken; names differ by more than the case of their letters."),
            ),
        )


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


class GroupNotFound(NotFound):
    """404: no such group, or not readable for the asker."""

    def __init__(self) -> None:
        super().__init__("Group not found or you do not have access to it.")


class GroupNameTaken(Conflict):
    """409: the organization has a group of this name, whatever the case of its letters."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"A group named '{name}' already exists in this organization.",
            validations=(
                FieldError("name", "This name is taken; names differ by more than the case of their letters."),
            ),
        )


class EveryoneIsFixed(BadRequest):
    """400: the Everyone group keeps its name and has all members of its organization, always."""


class MembershipUnfit(PreconditionFailed):
    """412: somebody cannot be added or removed as the group and its organization stand. `field` is the list at fault."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(
            "The members of the group cannot be changed like this.", validations=(FieldError(field, detail),)
        )


class NotInAllowedGroup(Forbidden):
    """403: only people of certain groups at the provider may sign in."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(
            "You are in none of the groups at the provider whose people may sign in here. Ask whoever runs this server.",
            detail=detail,
        )
