"""Which user an image means: numbers, home and shell, from the image's own passwd and group files. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from homeport_provisioner.engine import EngineFailure


@dataclass(frozen=True, kw_only=True)
class Person:
    """The user that a workspace runs as. `home` is empty where the image names none."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


def find_person(spec: str, *, passwd: str, group: str) -> Person:
    """Return who `spec` is: NAME, UID, NAME:GROUP, UID:GID or nothing (root). Raises EngineFailure for a name that the image lacks."""
    name, _, group_name = (spec or "0").partition(":")
    people = list(_rows(passwd, 7))
    found = next((row for row in people if row[0] == name), None) or next(
        (row for row in people if name.isdecimal() and row[2] == str(int(name))), None
    )
    if found is None and not name.isdecimal():
        raise EngineFailure(
            f"The image has no user '{name[:100]}'. Name one that it has, or a number, under container.user."
        )
    uid = int(found[2]) if found else int(name)
    gid = int(found[3]) if found else 0
    if group_name:
        row = next((row for row in _rows(group, 3) if row[0] == group_name), None)
        if row is None and not group_name.isdecimal():
            raise EngineFailure(
                f"The image has no group '{group_name[:100]}'. Name one that it has, or a number, under container.user."
            )
        gid = int(row[2]) if row else int(group_name)
    return Person(
        name=found[0] if found else "",
        uid=uid,
        gid=gid,
        home=found[5] if found else "",
        shell=found[6] if found else "",
    )


def _rows(text: str, least: int) -> Iterator[list[str]]:
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= least and fields[2].isdecimal() and (least < 7 or fields[3].isdecimal()):
            yield fields
