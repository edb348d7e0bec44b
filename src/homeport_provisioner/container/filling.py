"""Puts values into what a template says about its container, and checks what came of it. Pure."""

from collections.abc import Callable, Mapping

import msgspec

from homeport_provisioner.container.images import check_name
from homeport_provisioner.container.people import Person
from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.template.container import check_path
from homeport_provisioner.template.expressions import BadExpression, fill
from homeport_provisioner.template.shape import ContainerPlan

_MOST_BYTES = 100_000
_NO_HOMES = ("", "/", "/nonexistent", "/dev/null", "/bin", "/usr/bin", "/usr/sbin", "/sbin", "/etc", "/usr", "/var")


def fill_image(plan: ContainerPlan, table: Mapping[str, str]) -> ContainerPlan:
    """Fill in what decides on the image and its user, before the home is known. Raises EngineFailure."""
    try:
        image, user, home = (fill(text, table) for text in (plan.image, plan.user, plan.home))
        build = plan.build and msgspec.structs.replace(plan.build, args=_fill_all(plan.build.args, table))
    except BadExpression as error:
        raise EngineFailure(f"The template cannot be filled in: {error}.") from error
    if image:
        check_name(image)
    if home:
        check_path(_refuse("container.home"), home)
    if any(character in user for character in "\0\n/ "):
        raise EngineFailure(f"container.user: '{user[:100]}' is no user of an image.")
    return msgspec.structs.replace(plan, image=image, user=user, home=home, build=build)


def fill_rest(plan: ContainerPlan, table: Mapping[str, str]) -> ContainerPlan:
    """Fill in what the container gets once its home is known. Raises EngineFailure."""
    try:
        filled = msgspec.structs.replace(
            plan,
            env=_fill_all(plan.env, table),
            labels=_fill_all(plan.labels, table),
            extra_hosts=_fill_all(plan.extra_hosts, table),
        )
    except BadExpression as error:
        raise EngineFailure(f"The template cannot be filled in: {error}.") from error
    for name, value in filled.env.items():
        if "\0" in value or len(value.encode("utf-8", "surrogatepass")) > _MOST_BYTES:
            raise EngineFailure(f"The environment variable {name} would hold NUL or more than {_MOST_BYTES} bytes.")
    return filled


def choose_home(plan: ContainerPlan, person: Person, *, owner: str) -> str:
    """Return where the home is mounted: where the template says, else where the image has it, else /home/OWNER."""
    home = plan.home
    if not home and person.home not in _NO_HOMES and not person.home.startswith(("/proc", "/sys", "/dev")):
        home = person.home
    if not home:
        home = f"/home/{owner}" if owner.isascii() and owner.replace("-", "").isalnum() else "/home/owner"
    check_path(_refuse("container.home"), home)
    if home in {volume.path for volume in plan.volumes} | {item.path for item in plan.tmpfs}:
        raise EngineFailure(
            f"The home is at {home}, and the template mounts something else there: move one of the two."
        )
    return home


def _refuse(path: str) -> Callable[[str], None]:
    def wrong(message: str) -> None:
        raise EngineFailure(f"{path}: {message}")

    return wrong


def _fill_all(texts: Mapping[str, str], table: Mapping[str, str]) -> dict[str, str]:
    return {name: fill(text, table) for name, text in texts.items()}
