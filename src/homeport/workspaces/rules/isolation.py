"""Whether a build may only run where workspaces are kept apart from the machine. Pure.

Without isolation a workspace's processes are processes of the provisioner's account: whoever works in the workspace, whoever
may start it, and whoever wrote the scripts of its template, has that account. So all of them must be site owners, who have
it by their role.
"""

from collections.abc import Iterable, Set
from uuid import UUID

from homeport.rbac import RoleName
from homeport.rbac.rules.roles import OWNER
from homeport.workspaces.types import Transition


def can_lack_isolation(*, provisioner: str, transition: Transition = "start") -> bool:
    """Tell whether it is a question at all: only the process engine runs workspaces on the provisioner's machine.

    Stopping and deleting are for everybody who may: nothing may keep a workspace alive.
    """
    return provisioner == "process" and transition == "start"


def may_enter_exposed(role_names: Iterable[RoleName]) -> bool:
    """Tell whether somebody with these roles may enter a workspace that runs without isolation, whosever it is.

    A custom role or an access list may let more people in; none of them can give away the provisioner's machine.
    """
    return RoleName(OWNER) in role_names


def needs_isolation(*, people: Set[UUID], site_owners: Set[UUID]) -> bool:
    """Tell whether a build needs isolation, by all who have to do with it."""
    return not people <= site_owners
