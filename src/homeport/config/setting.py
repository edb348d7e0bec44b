"""What is known of a setting beside its type and default."""

import msgspec


class Setting(msgspec.Struct, frozen=True):
    """What is known of a setting beside its type and default: group, help, kind of value, whether it is secret.

    A setting of the kind "choice" takes one of `choices`.
    """

    group: str
    help: str
    kind: str = "text"
    is_secret: bool = False
    choices: tuple[str, ...] = ()


def text(group: str, words: str, *, is_secret: bool = False) -> Setting:
    """Describe a setting that is plain text."""
    return Setting(group, words, "text", is_secret)
