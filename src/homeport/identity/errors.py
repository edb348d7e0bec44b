"""What can go wrong with users, passwords and keys, in words for the person who asked."""

from homeport.kit.errors import (
    BadRequest,
    Conflict,
    FieldError,
    Forbidden,
    HomeportError,
    NotAuthenticated,
    NotFound,
    Unavailable,
)


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

    def __init__(self, actual: str, tried: str = "password") -> None:
        hint = ""
        if tried != "password":
            hint = "Sign in by password; then the account can be converted on its page." if actual == "password" else ""
        super().__init__(f"This account signs in by '{actual}', not by '{tried}'.", detail=hint)


class SignUpsDisabled(Forbidden):
    """403: nobody has this account, and the provider's people may not make themselves one. `words` are the operator's."""

    def __init__(self, words: str = "") -> None:
        super().__init__(words or "You have no account here yet. Ask an administrator to make one for you.")


class AnotherLinked(Forbidden):
    """403: the address belongs to an account that is linked to another account at the same provider."""

    def __init__(self) -> None:
        super().__init__(
            "The account with your e-mail address is linked to another account at this provider.",
            detail="An administrator can tell which, and unlink it.",
        )


class ProviderRefused(BadRequest):
    """400: the provider sent the person back with an error. Pages repeat its code alone, for anybody can write such a link."""

    def __init__(self, code: str, description: str = "", uri: str = "") -> None:
        known = f" ({code})" if code in _OAUTH_CODES else ""
        words = ". ".join(part.strip(" .") for part in (description, uri) if part) or code
        plain = "".join(letter if letter.isprintable() else "?" for letter in words[:_LONGEST])
        super().__init__(f"The provider did not sign you in{known}.", detail=plain)


_LONGEST = 500
_OAUTH_CODES = frozenset(
    {
        "access_denied", "account_selection_required", "consent_required", "interaction_required", "invalid_request",
        "invalid_scope", "login_required", "server_error", "temporarily_unavailable", "unauthorized_client",
        "unsupported_response_type",
    }
)  # fmt: skip


class StateMissing(BadRequest):
    """400: a code came without a state."""

    def __init__(self) -> None:
        super().__init__("The provider's answer holds no state. Start again from the sign-in page.")


class StateUnknown(NotAuthenticated):
    """401: the sign-in was not begun in this browser, or too long ago."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "This sign-in was not begun in this browser, or too long ago. Start again from the sign-in page.",
            detail=detail,
        )


class ProviderOff(BadRequest):
    """400: this deployment does not sign in by that provider."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Signing in by {name} is not set up in this deployment.")


class ProviderUnreachable(Unavailable):
    """503: the provider gives no answer, or none that can be used. The detail is for the log and for programs."""

    def __init__(self, name: str, detail: str = "") -> None:
        super().__init__(f"{name} cannot be reached at the moment. Try again shortly.", detail=detail)


class ExchangeFailed(HomeportError):
    """500: the provider refused the code, or what it gave for it cannot be used."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name} did not complete the sign-in. Start again from the sign-in page.", detail=detail)


class NotVouchedFor(BadRequest):
    """400: what the provider says of the person is not proven, or lacks what is needed."""


class AddressNotAllowed(Forbidden):
    """403: the person's e-mail address is not verified, or not of a domain that may sign in."""


class NoNameLeft(Conflict):
    """409: no free user name was found near the one that the provider gives."""

    def __init__(self, name: str) -> None:
        super().__init__(f"No free user name was found near '{name}'; ask an administrator to make an account for you.")


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


class ProviderBusy(Unavailable):
    """503: the provider wants to be left alone for `retry_after` seconds."""

    def __init__(self, name: str, *, retry_after: int) -> None:
        minutes = max(1, round(retry_after / 60))
        wait = f"{minutes} minutes" if minutes > 1 else "a minute"
        super().__init__(f"{name} has been asked too often. Try again in {wait}.")
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)}


class NotAdmitted(NotAuthenticated):
    """401: the person is in none of the organizations or teams at the provider that may sign in."""

    def __init__(self, message: str) -> None:
        super().__init__(
            f"{message} An invitation counts once it is accepted.",
            detail="The organization must let the application see its members, where it restricts applications.",
        )


class DeviceFlowOff(BadRequest):
    """400: people of this deployment do not sign in by a code, or there is none."""


class DeviceRefused(BadRequest):
    """400: what the provider says of a device code: the words of its code (RFC 8628 section 3.5), the code itself as detail.

    `retry_after` are the seconds to leave between two questions from now on, where it says so.
    """

    def __init__(self, code: str, words: str, *, retry_after: int = 0) -> None:
        super().__init__(words, detail=code)
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)} if self.retry_after else {}


class WrongPassword(NotAuthenticated):
    """401: the password that was to confirm something is not the account's."""

    def __init__(self) -> None:
        super().__init__("The password is not right.")


class WrongPasscode(BadRequest):
    """400: the passcode is wrong, expired, spent, or of nobody; all look the same."""

    def __init__(self) -> None:
        words = "This code is not right, has been used, or has expired. Ask for a new one."
        super().__init__("The one-time passcode cannot be used.", validations=(FieldError("one_time_passcode", words),))


class ConversionInvalid(BadRequest):
    """400: what says that an account is to be converted is missing, not ours, or too old."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "This conversion of an account was not begun in this browser, or too long ago. Start again from your account.",
            detail=detail,
        )


class ConversionMismatch(Forbidden):
    """403: what says that an account is to be converted is about another account, state or way to sign in."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "This conversion belongs to another account or provider. Start again from your account.", detail=detail
        )


class ConversionEnded(HomeportError):
    """What refuses a conversion, with its status and words; the browser forgets what was begun."""

    def __init__(self, reason: HomeportError, *, cookie: str) -> None:
        super().__init__(reason.message, detail=reason.detail, validations=reason.validations)
        self.status = reason.status
        self._headers = {**reason.headers, "Set-Cookie": cookie}

    @property
    def headers(self) -> dict[str, str]:
        return self._headers


class NobodyToConvert(BadRequest):
    """400: the address at the provider is not the one of an account here."""

    def __init__(self) -> None:
        super().__init__(
            "Your account here and the one at the provider have different e-mail addresses. Make them equal, then start again."
        )
