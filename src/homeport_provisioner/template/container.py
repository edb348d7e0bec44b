"""Reads `container`: in what kind of container a workspace lives."""

import posixpath
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from homeport_provisioner.template.shape import BuildPlan, ContainerPlan, Mount, Tmpfs
from homeport_provisioner.template.tables import Cell, Table

PULLS = ("missing", "always", "never")
OWN_FOLDER = "/.homeport"
"""Where the engine puts what it needs inside."""
LABEL_PREFIX = "homeport."
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NETWORK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_VOLUME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_DEVICE = re.compile(r"(/dev/[A-Za-z0-9/._-]+)(:/[A-Za-z0-9/._-]+)?(:[rwm]{1,3})?")
_RESERVED = ("HOMEPORT_", "CODER_")
_KERNEL = ("/proc", "/sys", "/dev", OWN_FOLDER)
CheckText = Callable[[Cell, str], None]
ReadSize = Callable[[Cell], int]


def read_container(
    top: Table, source: Path, *, check: CheckText, check_image: CheckText, read_size: ReadSize
) -> ContainerPlan | None:
    """Read the section; None when the template has none.

    `check` looks at texts that are filled in and may be seen, `check_image` at those of them that are before the home is known.
    """
    cell = top.find("container")
    if cell is None:
        return None
    table = Table(cell)
    image, build = table.find("image"), table.find("build")
    if (image is None) == (build is None):
        cell.wrong("needs an image, or a build that makes one, and not both")
    volumes = _read_volumes(table)
    tmpfs = _read_tmpfs(table, read_size)
    home_cell = table.find("home")
    plan = ContainerPlan(
        image=table.text("image", most=512, rule=check_image),
        build=_read_build(build, source, check_image) if build is not None else None,
        pull=table.choice("pull", PULLS),
        user=table.text("user", most=256, rule=check_image),
        home=table.text("home", most=1024, rule=check_image),
        network=table.text("network", most=128, rule=_check_network),
        extra_hosts=_read_texts(table, "extra_hosts", check, most=64),
        env=_read_texts(table, "env", check, rule=_check_variable),
        volumes=volumes,
        tmpfs=tmpfs,
        devices=tuple(_read_list(table, "devices", _check_device)),
        privileged=table.flag("privileged"),
        entrypoint=tuple(_read_list(table, "entrypoint", _check_word)),
        labels=_read_texts(table, "labels", check, rule=_check_label),
    )
    if home_cell is not None and "${" not in plan.home:
        check_path(home_cell.wrong, plan.home)
    if image is not None and not plan.image:
        image.wrong("is empty; name an image such as docker.io/library/python:3.12")
    _check_places(cell, plan)
    table.finish()
    return plan


def check_path(wrong: Callable[[str], None], path: str) -> None:
    """Check that a path can be mounted on: absolute, in its normal form, and none of the kernel's places."""
    if not path.startswith("/") or posixpath.normpath(path) != path or path.startswith("//") or "\0" in path:
        wrong(f"must be an absolute path in its plain form, without '..' or a slash at its end, not '{path}'")
    elif path == "/" or any(path == place or path.startswith(place + "/") for place in _KERNEL):
        wrong(f"'{path}' is needed by the system; choose another place")


def _read_build(cell: Cell, source: Path, check: CheckText) -> BuildPlan:
    table = Table(cell)
    context_cell, file_cell = table.find("context"), table.find("dockerfile")
    plan = BuildPlan(
        context=table.text("context", ".", most=1024),
        dockerfile=table.text("dockerfile", "Dockerfile", most=1024),
        target=table.text("target", most=256),
        args=_read_texts(table, "args", check, rule=_check_variable),
    )
    root = source.resolve()
    folder = (root / plan.context).resolve()
    if not folder.is_relative_to(root) or not folder.is_dir():
        (context_cell or cell).wrong(f"'{plan.context}' is no folder of the template")
    else:
        file = (folder / plan.dockerfile).resolve()
        if not file.is_relative_to(folder) or not file.is_file():
            (file_cell or cell).wrong(f"'{plan.dockerfile}' is no file in the folder that is the build's context")
    table.finish()
    return plan


def _read_volumes(table: Table) -> tuple[Mount, ...]:
    found: list[Mount] = []
    for cell in table.cells("volumes", most=32):
        if cell.kind == "str":
            cell.wrong(
                "must be a table {name: …, path: …}: volumes belong to the workspace; folders of the machine cannot be mounted"
            )
            continue
        row = Table(cell)
        row.need("name")
        row.need("path")
        mount = Mount(
            name=row.text("name", most=40, rule=_check_volume), path=row.text("path", most=1024, rule=_check_mount)
        )
        if mount.name in {other.name for other in found} | {"home"}:
            cell.wrong(f"the name '{mount.name}' is taken; choose another")
        row.finish()
        found.append(mount)
    return tuple(found)


def _read_tmpfs(table: Table, read_size: ReadSize) -> tuple[Tmpfs, ...]:
    found: list[Tmpfs] = []
    for cell in table.cells("tmpfs", most=32):
        row = Table(cell)
        row.need("path")
        size = row.find("size")
        found.append(
            Tmpfs(path=row.text("path", most=1024, rule=_check_mount), size=read_size(size) if size is not None else 0)
        )
        row.finish()
    return tuple(found)


def _read_texts(
    table: Table, name: str, check: CheckText, *, rule: CheckText | None = None, most: int = 200
) -> Mapping[str, str]:
    cell = table.find(name)
    fields = cell.fields() if cell is not None else {}
    if cell is not None and len(fields) > most:
        cell.wrong(f"may have at most {most} entries, not {len(fields)}")
    values = {}
    for key, value in fields.items():
        if rule is not None:
            rule(value, key)
        values[key] = value.plain()
        check(value, values[key])
    return values


def _read_list(table: Table, name: str, rule: CheckText) -> list[str]:
    words = []
    for cell in table.cells(name, most=64):
        word = cell.text(most=4096)
        rule(cell, word)
        words.append(word)
    return words


def _check_places(cell: Cell, plan: ContainerPlan) -> None:
    """Two mounts in one place would hide each other."""
    taken: set[str] = set()
    for path in (plan.home, *(volume.path for volume in plan.volumes), *(item.path for item in plan.tmpfs)):
        if path and path in taken:
            cell.wrong(f"'{path}' is the place of two mounts (home, volumes, tmpfs); keep one")
        taken.add(path)


def _check_mount(cell: Cell, path: str) -> None:
    check_path(cell.wrong, path)


def _check_volume(cell: Cell, name: str) -> None:
    if not _VOLUME.fullmatch(name):
        cell.wrong("must be small letters, digits and hyphens, such as build-cache")


def _check_network(cell: Cell, name: str) -> None:
    if name == "none":
        cell.wrong("'none' would keep the agent from reaching the server; leave it out, or name a network")
    elif not _NETWORK.fullmatch(name):
        cell.wrong(f"must be 'host' or the name of a network of the container engine, not '{name}'")


def _check_device(cell: Cell, text: str) -> None:
    if not _DEVICE.fullmatch(text) or ".." in text:
        cell.wrong(f"must be a device such as /dev/fuse or /dev/kvm:/dev/kvm:rw, not '{text}'")


def _check_word(cell: Cell, text: str) -> None:
    if not text:
        cell.wrong("must not be empty")


def _check_variable(cell: Cell, name: str) -> None:
    if not _VARIABLE.fullmatch(name):
        cell.wrong("is no name of an environment variable: letters, digits and _, not beginning with a digit")
    if name.startswith(_RESERVED):
        cell.wrong(f"begins with {' or '.join(_RESERVED)}, which are set by the agent; choose another name")


def _check_label(cell: Cell, name: str) -> None:
    if name.startswith(LABEL_PREFIX):
        cell.wrong(f"begins with {LABEL_PREFIX}, which is how the engine knows its own things; choose another name")
