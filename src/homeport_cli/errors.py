"""Errors of the command line. Each is shown as one message on standard error and ends the program with its status."""


class CliError(Exception):
    """Something went wrong that the user can do something about; the text says what."""

    def __init__(self, message: str, *, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class NotSignedIn(CliError):
    """No address or no session is known."""

    def __init__(self) -> None:
        super().__init__(
            "You are not signed in. Run: homeport login URL (or set HOMEPORT_URL and HOMEPORT_SESSION_TOKEN)."
        )
