"""How sending can fail: for this mail for good, or for now."""


class MailRefused(Exception):
    """The mail server will never take this mail; the text says what it answered."""


class MailDelayed(Exception):
    """The mail server is away, does not let us in, or asks to come back later."""
