"""What can go wrong with users, passwords and keys, in words for the person who asked."""

from homeport.kit.errors import BadRequest, Conflict, FieldError, Forbidden, NotAuthenticated, NotFound


class WrongCredentials(NotAuthenticated):
    """401: unknown address or wrong password; both look the same."""

    def __init__(self) -> None:
        super().__init__("Incorrect email or password.")


class UnusableAccount(NotAuthenticated):
    """401: the password is right, the account's status forbids signing in."""

    def __init__(self, status: str) -> None:
        super().__init__(f"Your account is {status}. Contact an administrator to have it activated.")


class PasswordSignInDisabled(Forbidden):
    """403: this deployment does not accept passwords."""

    def __init__(self) -> None:
        super().__init__("Signing in by password is switched off in this deployment.")


class WrongLoginType(Forbidden):
    """403: the account signs in another way."""

    def __init__(self, actual: str) -> None:
        super().__init__(f"This account signs in by '{actual}', not by 'password'.")


class ScopeTooWide(Forbidden):
    """403: a key that is held to scopes may not make one that is held to less."""

    def __init__(self) -> None:
        super().__init__(
            "The key that you use is held to scopes, and a key that it makes cannot be given more.",
            detail="Ask for scopes and an allow-list within those of the key, or sign in.",
        )


class UserNotFound(NotFound):
    """404: no such user, or not readable for the asker."""

    def __init__(self) -> None:
        super().__init__(
            "User not found or you do not have access to it.", detail="Name a user by 'me', id or username."
        )


class KeyNotFound(NotFound):
    """404: no such key, or not readable for the asker."""

    def __init__(self) -> None:
        super().__init__("API key not found or you do not have access to it.")


class FirstUserExists(Conflict):
    """409: the deployment has users already."""

    def __init__(self) -> None:
        super().__init__("The first user has been created already; sign in instead.")


class Taken(Conflict):
    """409: another row holds this value. `field` is the JSON name."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message, validations=(FieldError(field, "This value is already in use and must be unique."),))


class LastOwner(BadRequest):
    """400: the deployment would be left without an owner who can sign in."""

    def __init__(self) -> None:
        super().__init__("This is the last owner who can sign in; make another user an owner first.")


class SystemUser(Forbidden):
    """403: system users belong to the server and cannot be used or changed by people."""

    def __init__(self) -> None:
        super().__init__("System users cannot be changed, and no key is made for them.")


class CustomQuietHoursDisabled(Forbidden):
    """403: in this deployment everybody has the same quiet hours."""

    def __init__(self) -> None:
        super().__init__("In this deployment people cannot set quiet hours of their own.")


class HiddenNumbers(Forbidden):
    """403: how many accounts there are is for who may read all of them."""

    def __init__(self) -> None:
        super().__init__(
            "You do not have permission to see how many accounts there are.",
            detail="The permission that is missing is user:read on all users.",
        )


class SignsInNever(BadRequest):
    """400: nobody signs in to a service account, so it has no sessions."""

    def __init__(self) -> None:
        super().__init__(
            "Nobody signs in to this account, so it has no sessions.", detail="Make a token for it: POST …/keys/tokens."
        )


class HigherRank(Forbidden):
    """403: the target holds a role that the asker may not give away, so the asker may not take over the account."""

    def __init__(self, roles: list[str]) -> None:
        super().__init__(f"You may not do this to a user who holds roles that you cannot assign: {', '.join(roles)}.")


class OwnAccount(Forbidden):
    """403: something that nobody may do to the own account."""
