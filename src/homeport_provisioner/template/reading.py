"""Reads `homeport.yaml` as a whole, and checks what concerns more than one part of it."""

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from yaml.nodes import Node

from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.template.agents import AgentReader
from homeport_provisioner.template.container import read_container
from homeport_provisioner.template.expressions import BadExpression, names_in
from homeport_provisioner.template.parameters import read_parameters, read_variable_list
from homeport_provisioner.template.shape import Fact, Limits, Template
from homeport_provisioner.template.tables import Cell, Problems, Table, Unreadable, compose
from homeport_sdk.provisioner_protocol import Parameter, Variable

FILE_NAME = "homeport.yaml"
FIXED_NAMES = (
    "workspace.id",
    "workspace.name",
    "workspace.owner",
    "workspace.owner_id",
    "workspace.owner_email",
    "workspace.owner_name",
    "workspace.home",
    "template.name",
    "template.version",
    "organization.id",
    "organization.name",
    "server.url",
)
_MOST_BYTES = 512 * 1024
_SIZE = re.compile(r"(\d{1,12})\s*(B|KiB|MiB|GiB|TiB)?")
_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}
CheckText = Callable[[Cell, str], None]


class TemplateError(EngineFailure):
    """The template has mistakes: one a line, each as `homeport.yaml:LINE: path: what and what to do`."""


def read_template(source: Path) -> Template:
    """Read and check the template in a folder. Raises TemplateError that tells all mistakes."""
    problems = Problems(FILE_NAME)
    top = _open(source)
    table = Table(Cell(top, "", problems))
    variables = read_variable_list(table.cells("variables"))
    parameters = read_parameters(table.cells("parameters"))
    _check_environment_names(table, parameters, variables)
    is_sensitive = {f"variable.{variable.name}": variable.sensitive for variable in variables}
    known = {*FIXED_NAMES, *is_sensitive, *(f"parameter.{parameter.name}" for parameter in parameters)}
    agents = AgentReader(source, check=_checker(known, is_sensitive), check_private=_checker(known, {})).read(table)
    template = Template(
        name=table.text("name", "workspace", most=64, rule=_check_name),
        icon=table.text("icon", most=256),
        daily_cost=table.integer("daily_cost"),
        parameters=tuple(parameters),
        variables=tuple(variables),
        agents=tuple(agents),
        limits=_read_limits(table),
        metadata=tuple(_read_facts(table, known, is_sensitive)),
        container=read_container(
            table,
            source,
            check=_checker(known, is_sensitive),
            # The home may follow from the image, so nothing about the image can follow from the home.
            check_image=_checker(known - {"workspace.home"}, is_sensitive),
            read_size=_read_size,
        ),
    )
    table.finish()
    if problems.texts():
        raise TemplateError("\n".join(problems.texts()))
    return template


def read_variables(source: Path) -> list[Variable]:
    """Read only the variables, so that their values can be asked for. Mistakes elsewhere are left to `read_template`."""
    problems = Problems(FILE_NAME)
    variables = read_variable_list(Table(Cell(_open(source), "", problems)).cells("variables"))
    if problems.texts():
        # The whole list of mistakes is worth more than those of one part.
        read_template(source)
        raise TemplateError("\n".join(problems.texts()))
    return variables


def _open(source: Path) -> Node:
    path = source / FILE_NAME
    if not path.is_file():
        raise TemplateError(f"The template has no file {FILE_NAME} at its top: push the folder that holds it.")
    data = path.read_bytes()
    if len(data) > _MOST_BYTES:
        raise TemplateError(f"{FILE_NAME}:1: has {len(data)} bytes; at most {_MOST_BYTES} are read")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TemplateError(f"{FILE_NAME}:{line}: is no UTF-8 text; save it as UTF-8") from error
    try:
        return compose(text)
    except Unreadable as error:
        raise TemplateError(f"{FILE_NAME}:{error.line}: {error}") from error


def _check_environment_names(table: Table, parameters: Collection[Parameter], variables: Collection[Variable]) -> None:
    """Values reach scripts by environment: two names that only differ in case or hyphens would be one there."""
    for kind, names in (("parameters", [p.name for p in parameters]), ("variables", [v.name for v in variables])):
        seen: dict[str, str] = {}
        cell = table.find(kind)
        for name in names:
            folded = name.upper().replace("-", "_")
            other = seen.setdefault(folded, name)
            if other != name and cell is not None:
                cell.wrong(f"'{other}' and '{name}' would be the same environment variable; rename one")


def _checker(known: Collection[str], is_sensitive: Mapping[str, bool]) -> CheckText:
    def check(cell: Cell, text: str) -> None:
        try:
            for name in names_in(text):
                if name not in known:
                    cell.wrong(f"'${{{name}}}' is not known; declare it, or use one of {_known_like(name, known)}")
                elif is_sensitive.get(name):
                    cell.wrong(f"'${{{name}}}' is sensitive; it may stand under env or in sensitive metadata only")
        except BadExpression as error:
            cell.wrong(str(error))

    return check


def _known_like(name: str, known: Collection[str]) -> str:
    space = name.split(".", 1)[0] + "."
    same = sorted(other for other in known if other.startswith(space))
    return ", ".join(same or sorted(known))


def _check_name(cell: Cell, text: str) -> None:
    if not re.fullmatch(r"(?i)[a-z0-9](-?[a-z0-9])*", text):
        cell.wrong("must be letters and digits with single hyphens between them")


def _read_limits(table: Table) -> Limits:
    cell = table.find("limits")
    if cell is None:
        return Limits()
    limits = Table(cell)
    memory = limits.find("memory")
    result = Limits(
        memory=_read_memory(memory) if memory else 0,
        cpus=limits.integer("cpus", most=4096),
        processes=limits.integer("processes", most=4_194_304),
    )
    if result.processes and result.processes < 16:
        cell.wrong("'processes' must be at least 16, or no shell starts")
    limits.finish()
    return result


def _read_memory(cell: Cell) -> int:
    size = _read_size(cell)
    if 0 < size < 64 * 1024**2:
        cell.wrong("must be at least 64MiB, or the agent does not start")
    return size


def _read_size(cell: Cell) -> int:
    found = _SIZE.fullmatch(cell.plain())
    size = int(found[1]) * _UNITS[found[2] or "B"] if found else 0
    if not 0 < size < 2**63:
        cell.wrong("must be a size such as 512MiB or 4GiB")
        return 0
    return size


def _read_facts(table: Table, known: Collection[str], is_sensitive: Mapping[str, bool]) -> list[Fact]:
    facts: list[Fact] = []
    for cell in table.cells("metadata"):
        row = Table(cell)
        is_private = row.flag("sensitive")
        row.need("key")
        key = row.text("key", most=256)
        row.need("value")
        value = row.text("value", rule=_checker(known, {} if is_private else is_sensitive))
        if key in {fact.key for fact in facts} | {"isolation"}:
            cell.wrong(f"the key '{key}' is taken; choose another")
        row.finish()
        facts.append(Fact(key=key, value=value, is_sensitive=is_private))
    return facts
