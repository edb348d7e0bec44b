"""Values of template variables: given with the version, completed by the import, handed to daemons. Sensitive ones are sealed."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.kit.crypto import Cipher
from homeport.kit.errors import invalid_field
from homeport.provisioning.schemas import JobVariableValue
from homeport.provisioning.types import DeclaredVariable
from homeport.templates.queries import contents as queries
from homeport.templates.schemas import TemplateVersionVariable
from homeport.templates.schemas import VariableValue as GivenValue
from homeport.templates.types import VariableRow

REDACTED = "*redacted*"


def check_given(given: Sequence[GivenValue]) -> None:
    """Refuse values that contradict each other or cannot be stored, with 400."""
    names = [value.name for value in given]
    if len(set(names)) != len(names):
        raise invalid_field("user_variable_values", "A variable is given twice.")
    if any("\x00" in value.name + value.value for value in given):
        raise invalid_field("user_variable_values", "Text must not hold NUL characters.")


async def store_given(conn: Connection, cipher: Cipher, version_id: UUID, given: Mapping[str, str]) -> None:
    """Keep the values that a new version gets. All are sealed until the import tells which are sensitive."""
    rows = [
        VariableRow(
            template_version_id=version_id, name=name, description="", type="string", value="",
            value_sealed=cipher.encrypt(value.encode()), default_value="", required=False, sensitive=True,
        )
        for name, value in given.items()
    ]  # fmt: skip
    await queries.replace_variables(conn, version_id, rows)


async def store_declared(
    conn: Connection, cipher: Cipher, version_id: UUID, declared: Sequence[DeclaredVariable]
) -> list[str]:
    """Complete the given values by what the template declares, and return the names of required ones without a value.

    Values for what is not declared are dropped; what turns out not to be sensitive is opened.
    """
    given = {value.name: value for value in await version_variables(conn, cipher, version_id)}
    rows: list[VariableRow] = []
    missing: list[str] = []
    for variable in {variable.name: variable for variable in declared}.values():
        known = given.get(variable.name)
        if known is None and variable.required:
            missing.append(variable.name)
        value = variable.default_value if known is None else known.value
        is_sealed = variable.sensitive and bool(value)
        rows.append(
            VariableRow(
                template_version_id=version_id, name=variable.name, description=variable.description, type=variable.type,
                value="" if is_sealed else value, value_sealed=cipher.encrypt(value.encode()) if is_sealed else None,
                default_value=variable.default_value, required=variable.required, sensitive=variable.sensitive,
            )
        )  # fmt: skip
    await queries.replace_variables(conn, version_id, rows)
    return missing


async def version_variables(conn: Connection, cipher: Cipher, version_id: UUID) -> list[JobVariableValue]:
    """Return the values for a daemon, opened. Raises DecryptionFailed when the key is gone."""
    return [
        JobVariableValue(
            name=row.name,
            value=row.value if row.value_sealed is None else cipher.decrypt(row.value_sealed).decode(),
            sensitive=row.sensitive,
        )
        for row in await queries.list_variables(conn, version_id)
    ]


def variable_view(row: VariableRow) -> TemplateVersionVariable:
    """Return a variable for people: whether a sensitive one has a value is told, the value is not."""
    view = TemplateVersionVariable(
        name=row.name,
        description=row.description,
        type=row.type,
        value=row.value if row.value_sealed is None else REDACTED,
        default_value=row.default_value,
        required=row.required,
        sensitive=row.sensitive,
    )
    return msgspec.structs.replace(view, default_value=REDACTED) if row.sensitive and row.default_value else view
