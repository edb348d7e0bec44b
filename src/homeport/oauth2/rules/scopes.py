"""Scopes of grants: the names of rbac's catalogue, what they mean in words, and which of them a request gets.

A request without a scope gets `DEFAULT_SCOPES`: reading, and nothing that changes anything. Names that we do not know (as the
`openid email profile` of clients that guess) are left out, and the answer says what was granted (RFC 6749 section 3.3).
"""

from collections.abc import Iterable, Sequence
from typing import Final

from homeport.oauth2.errors import OAuthError, invalid_scope
from homeport.oauth2.types import AppRow, ClientKind
from homeport.rbac import EXTERNAL_SCOPE_NAMES, scopes_cover

DEFAULT_SCOPES: Final = ("coder:workspaces.read",)
ADVERTISED_SCOPES: Final = (
    "coder:workspaces.read",
    "coder:workspaces.create",
    "coder:workspaces.operate",
    "coder:workspaces.delete",
    "coder:workspaces.access",
    "coder:templates.build",
    "coder:templates.author",
)
"""What discovery shows: the few that clients need, each the least for its purpose. Every name of the catalogue may be asked for."""

WORDS: Final = {
    "coder:all": "Everything that you may do, without exception.",
    "all": "Everything that you may do, without exception.",
    "coder:workspaces.read": "See your profile, the templates and the workspaces that you can see.",
    "coder:workspaces.create": "Create workspaces in your name.",
    "coder:workspaces.operate": "Start, stop and change workspaces that you can change.",
    "coder:workspaces.delete": "Delete workspaces that you can delete, with everything in them.",
    "coder:workspaces.access": "Enter your workspaces: run commands, read and write files, open applications.",
    "coder:templates.build": "Upload template files and build versions of templates.",
    "coder:templates.author": "Create, change and delete templates that you can change.",
    "coder:apikeys.manage_self": "Create and delete API keys of yours.",
    "coder:application_connect": "Open applications of your workspaces.",
    "application_connect": "Open applications of your workspaces.",
}
_MOST_NAMES = 100
_MOST_CHARACTERS = 4096
_ALIASES: Final = {"all": "coder:all", "application_connect": "coder:application_connect"}
_KNOWN: Final = frozenset(EXTERNAL_SCOPE_NAMES) | frozenset(_ALIASES)


def split(text: str) -> tuple[str, ...]:
    """Return the canonical names in a space-separated list, each once, in order. Raises invalid_scope when it is too long."""
    if len(text) > _MOST_CHARACTERS:
        raise invalid_scope(f"The scope has more than {_MOST_CHARACTERS} characters.")
    names = tuple(dict.fromkeys(_ALIASES.get(name, name) for name in text.split(" ") if name))
    if len(names) > _MOST_NAMES:
        raise invalid_scope(f"The scope has more than {_MOST_NAMES} names.")
    return names


def known(names: Iterable[str]) -> tuple[str, ...]:
    """Return those names that people may grant."""
    return tuple(name for name in names if name in _KNOWN)


def requested(text: str, ceiling: str) -> tuple[str, ...]:
    """Return the scopes that an authorization request is about. `ceiling` is the client's own list (empty: none).

    Without a scope that we know: the default, within the ceiling; a ceiling below the default counts itself. Raises
    invalid_scope when what is known is all beyond the ceiling.
    """
    asked, limit = known(split(text)), known(split(ceiling))
    if ceiling.strip() and not limit:
        raise invalid_scope("This client may not be granted any scope; register it with scopes of this server.")
    if not asked:
        within = tuple(name for name in DEFAULT_SCOPES if not limit or scopes_cover(limit, (name,)))
        return within or limit
    found = tuple(name for name in asked if not limit or scopes_cover(limit, (name,)))
    if not found:
        raise invalid_scope("This client may not be granted what it asks for; see the scope of its registration.")
    return found


def ceiling_of(app: AppRow, class_limit: Sequence[str]) -> str:
    """Return the most that a client may be granted, as `requested` takes it: its own limit within that of its class.

    `class_limit` is what settings say of clients that no owner has registered (empty: no limit); it counts for those
    only. Raises invalid_scope when the two leave nothing.
    """
    own, of_class = app.scope_limit, " ".join(class_limit) if app.kind != ClientKind.REGISTERED else ""
    if not own.strip() or not of_class:
        return own if own.strip() else of_class
    left, right = known(split(own)), known(split(of_class))
    both = [name for name in left if scopes_cover(right, (name,))]
    both += [name for name in right if name not in both and scopes_cover(left, (name,))]
    if not both:
        raise invalid_scope("This client may not be granted any scope; see the scope of its registration.")
    return " ".join(both)


def narrowed(text: str, granted: Sequence[str]) -> tuple[str, ...]:
    """Return the scopes of a refresh: all that were granted, or the subset that is asked for. Raises invalid_scope."""
    asked = split(text)
    if not asked:
        return tuple(granted)
    if len(known(asked)) != len(asked) or not scopes_cover(granted, asked):
        raise invalid_scope("The scope is more than what was granted; authorize again to get more.")
    return asked


def still_granted(app: AppRow, class_limit: Sequence[str], granted: Sequence[str]) -> tuple[str, ...]:
    """Return those of the granted scopes that a client may have today: its limits may have been narrowed since."""
    try:
        ceiling = ceiling_of(app, class_limit)
    except OAuthError:
        return ()
    if not ceiling.strip():
        return tuple(granted)
    limit = known(split(ceiling))
    return tuple(name for name in granted if scopes_cover(limit, (name,)))
