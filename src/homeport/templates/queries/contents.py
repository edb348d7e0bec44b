"""SQL on what an import finds: `template_version_parameters` and `template_version_variables`."""

from collections.abc import Sequence
from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import many
from homeport.templates.types import ParameterRow, VariableRow

_PARAMETER = ParameterRow.__struct_fields__
_VARIABLE = VariableRow.__struct_fields__


def _places(fields: Sequence[str]) -> str:
    return ", ".join(f"${number}" for number in range(1, len(fields) + 1))


INSERT_PARAMETER = f"insert into template_version_parameters ({', '.join(_PARAMETER)}) values ({_places(_PARAMETER)})"
DELETE_PARAMETERS = "delete from template_version_parameters where template_version_id = $1"
LIST_PARAMETERS = f"""
    select {", ".join(_PARAMETER)} from template_version_parameters
    where template_version_id = $1
    order by display_order, lower(name), name
"""
INSERT_VARIABLE = f"insert into template_version_variables ({', '.join(_VARIABLE)}) values ({_places(_VARIABLE)})"
DELETE_VARIABLES = "delete from template_version_variables where template_version_id = $1"
LIST_VARIABLES = f"""
    select {", ".join(_VARIABLE)} from template_version_variables where template_version_id = $1 order by lower(name), name
"""


async def replace_parameters(conn: Connection, version_id: UUID, parameters: Sequence[ParameterRow]) -> None:
    """Store the parameters of a version in place of those that it had."""
    await conn.execute(DELETE_PARAMETERS, version_id)
    await conn.executemany(INSERT_PARAMETER, [[getattr(row, field) for field in _PARAMETER] for row in parameters])


async def list_parameters(conn: Connection, version_id: UUID) -> list[ParameterRow]:
    """Return the parameters of a version in the order in which a form shows them."""
    return many(ParameterRow, await conn.fetch(LIST_PARAMETERS, version_id))


async def replace_variables(conn: Connection, version_id: UUID, variables: Sequence[VariableRow]) -> None:
    """Store the variables of a version in place of those that it had."""
    await conn.execute(DELETE_VARIABLES, version_id)
    await conn.executemany(INSERT_VARIABLE, [[getattr(row, field) for field in _VARIABLE] for row in variables])


async def list_variables(conn: Connection, version_id: UUID) -> list[VariableRow]:
    """Return the variables of a version by name."""
    return many(VariableRow, await conn.fetch(LIST_VARIABLES, version_id))
