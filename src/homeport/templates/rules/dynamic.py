"""Parameters that depend on others or on whose workspace it is: which there are with some values, and what they take. Pure.

An import plans a template once, with the defaults and for nobody. What it finds is right for all parameters but those whose blocks name
another parameter or the owner, directly or by a local; these are evaluated anew from the template's text.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import msgspec

from homeport.provisioning.types import ProvisionedParameter
from homeport.templates.rules.configuration import Configuration, InnerBlock, ParameterBlock, Piece, VariablePiece
from homeport.templates.rules.hcl_values import (
    Partial,
    Unevaluable,
    Value,
    as_text,
    as_truth,
    as_whole,
    entries_of,
    member,
    sound,
)
from homeport.templates.rules.names import Names
from homeport.templates.types import ParameterRow, ParameterType

_REFERENCE = re.compile(r"\b(?:(local)\s*\.\s*([^\W\d][\w-]*)|data\s*\.\s*coder_(?:parameter|workspace_owner)\b)")
_TYPES = ("string", "number", "bool", "list(string)")
_FORMS = {"string": "input", "number": "input", "bool": "checkbox", "list(string)": "tag-select"}
_CHOICES = {"list(string)": "multi-select"}
_EMPTY = {"string": "", "number": "0", "bool": "false", "list(string)": "[]"}
_MOST_STEPS = 100_000
_MOST_INSTANCES = 200
_MOST_PROBLEMS = 20


class FormSource(msgspec.Struct, frozen=True):
    """What a form is made of: the parameters, those of them that depend on something, and what their expressions refer to."""

    parameters: dict[str, ParameterBlock]
    dependent: list[str]
    locals: dict[str, Piece]
    variables: dict[str, VariablePiece]


class Evaluated(msgspec.Struct, frozen=True):
    """The parameters that there are, and in words what could not be evaluated: that is shown as the import has found it.

    `unsure` are the names of what is shown so. `is_complete` tells whether there are no parameters of names that only Terraform knows.
    """

    rows: list[ParameterRow]
    problems: list[str]
    unsure: frozenset[str] = frozenset()
    is_complete: bool = True

    def may_have(self, name: str) -> bool:
        """Tell whether Terraform might know a parameter that could not be evaluated."""
        return name in self.unsure or not self.is_complete


def form_source(found: Configuration) -> FormSource | None:
    """Return what has to be kept of a configuration; None where no parameter depends on anything."""
    locals_ = _dependent_locals(found)
    dependent = [label for label, block in found.parameters.items() if _depends(block, locals_)]
    if not dependent:
        return None
    return FormSource(found.parameters, dependent, found.locals, found.variables)


def evaluate_parameters(
    source: FormSource,
    imported: Sequence[ParameterRow],
    *,
    values: Mapping[str, str],
    variables: Mapping[str, str],
    owner: Mapping[str, Any],
    previous: Mapping[str, str] | None = None,
) -> Evaluated:
    """Return the parameters with these values of parameters and variables, for this owner.

    `previous` are those of the last build, which count where none is given now; those of ephemeral parameters do not.
    """
    before = _Form(source, imported, {row.name: _stand_in(row) for row in imported}, {}, variables, None)
    now = _Form(source, imported, values, previous or {}, variables, owner)
    replaced: set[str] = set()
    rows: list[ParameterRow] = []
    failed: dict[str, Unevaluable] = {}
    for label in source.dependent:
        try:
            names = before.names(label)
            made = now.rows(label)
        except Unevaluable as error:
            failed[label] = error
            continue
        replaced |= names
        rows += made
    taken = {row.name for row in rows}
    rows += [row for row in imported if row.name not in replaced | taken]
    unique = {row.name: row for row in rows}
    unsure, is_complete = _unsure(source, imported, failed, before, now) if failed else (frozenset[str](), True)
    ordered = sorted(unique.values(), key=lambda row: (row.display_order, row.name))
    return Evaluated(ordered, _problems(failed), unsure - taken, is_complete)


def _problems(failed: Mapping[str, Unevaluable]) -> list[str]:
    problems = []
    for label, error in list(failed.items())[:_MOST_PROBLEMS]:
        where = f"{error.place.file}:{error.place.line}: " if error.place else ""
        problems.append(f"{where}the parameter '{label[:64]}' is shown as it was imported: {error}.")
    if len(failed) > _MOST_PROBLEMS:
        problems.append(f"{len(failed) - _MOST_PROBLEMS} more parameters are shown as they were imported.")
    return problems


def _unsure(
    source: FormSource, imported: Sequence[ParameterRow], failed: Collection[str], before: "_Form", now: "_Form"
) -> tuple[frozenset[str], bool]:
    """Return the names of parameters whose blocks could not be evaluated, and whether these are all."""
    unsure: set[str] = set()
    others: set[str] = set()
    is_complete, is_known = True, True
    for label in source.parameters:
        names = before.known_names(label)
        if label not in failed:
            others |= names or set()
            continue
        now_names = now.known_names(label)
        is_complete = is_complete and now_names is not None
        is_known = is_known and names is not None
        unsure |= (names or set()) | (now_names or set())
    if not is_known:
        # Each that no other block has made may be of one whose names are not known.
        unsure |= {row.name for row in imported} - others
    return frozenset(unsure), is_complete


def _dependent_locals(found: Configuration) -> set[str]:
    """Return the locals that name a parameter or the owner, directly or by another local. Each text is read once, however many name it."""
    users: dict[str, list[str]] = {}
    todo: list[str] = []
    for local, piece in found.locals.items():
        for kind, name in _REFERENCE.findall(piece.text):
            if kind:
                users.setdefault(name, []).append(local)
            else:
                todo.append(local)
    dependent: set[str] = set()
    while todo:
        local = todo.pop()
        if local not in dependent:
            dependent.add(local)
            todo += users.get(local, [])
    return dependent


def _depends(block: ParameterBlock, dependent_locals: Collection[str]) -> bool:
    pieces = list(block.attributes.values())
    for inner in block.blocks:
        pieces += [*inner.attributes.values(), *([inner.for_each] if inner.for_each else [])]
    return any(
        not kind or name in dependent_locals for piece in pieces for kind, name in _REFERENCE.findall(piece.text)
    )


def _stand_in(row: ParameterRow) -> str:
    """Return what an import plans a parameter with."""
    if not row.required:
        return row.default_value
    if row.options:
        first = str(row.options[0]["value"])
        return msgspec.json.encode([first]).decode() if row.form_type == "multi-select" else first
    if row.type == "number":
        least, most = row.validation_min, row.validation_max
        return str(max(0 if least is None else least, 0 if most is None else min(0, most)))
    return _EMPTY[row.type]


class _Form(Names):
    """The form with some values. Without an owner it is for nobody, as an import is."""

    def __init__(
        self,
        source: FormSource,
        imported: Sequence[ParameterRow],
        values: Mapping[str, str],
        previous: Mapping[str, str],
        variables: Mapping[str, str],
        owner: Mapping[str, Any] | None,
    ) -> None:
        super().__init__(source.variables, source.locals, variables, _MOST_STEPS)
        self._source, self._owner = source, owner or _NOBODY
        self._values, self._previous = values, previous
        self._imported = {row.name: row for row in imported}

    def find(self, path: tuple[str, ...]) -> Value:
        if len(path) >= 3 and path[:2] == ("data", "coder_parameter"):
            found = self._parameter(path[2])
        elif len(path) >= 3 and path[:2] == ("data", "coder_workspace_owner"):
            found = Partial(self._owner)
        elif len(path) >= 3 and path[:2] == ("data", "coder_workspace"):
            found = Partial(transition="start", start_count=1)
        else:
            raise Unevaluable(f"'{'.'.join(path)[:100]}' is known to Terraform alone")
        return found if len(path) == 3 else member(found, path[3])

    def names(self, label: str) -> set[str]:
        """Return the names of the parameters that a block makes. Raises Unevaluable."""
        block = self._source.parameters[label]
        return {self._text(block, "name", scope, label) for _, scope in self._instances(block)}

    def known_names(self, label: str) -> set[str] | None:
        """Return the same, or None where only Terraform knows."""
        try:
            return self.names(label)
        except Unevaluable:
            return None

    def rows(self, label: str) -> list[ParameterRow]:
        """Return the parameters that a block makes. Raises Unevaluable."""
        block = self._source.parameters[label]
        return [self._row(label, block, scope) for _, scope in self._instances(block)]

    def _instances(self, block: ParameterBlock) -> Iterator[tuple[Value, dict[str, Value]]]:
        count, each = block.attributes.get("count"), block.attributes.get("for_each")
        if count is not None:
            number = as_whole(self.value_of(count))
            _check_number(number)
            for place in range(number):
                yield place, {"count": {"index": place}}
        elif each is not None:
            entries = entries_of(self.value_of(each))
            _check_number(len(entries))
            for key, value in entries:
                yield key, {"each": {"key": key, "value": value}}
        else:
            yield None, {}

    def _parameter(self, label: str) -> Value:
        block = self._source.parameters.get(label)
        if block is None:
            raise Unevaluable(f"there is no coder_parameter '{label[:64]}'")
        made = [(key, self._facts(label, block, scope)) for key, scope in self._instances(block)]
        if "count" in block.attributes:
            return [facts for _, facts in made]
        return {as_text(key): facts for key, facts in made} if "for_each" in block.attributes else made[0][1]

    def _facts(self, label: str, block: ParameterBlock, scope: dict[str, Value]) -> dict[str, Value]:
        name = self._text(block, "name", scope, label)
        type = self._text(block, "type", scope, "string")
        default = self._known_default(label, name, block, scope)
        value = self._values.get(name)
        if value is None and name in self._previous and not self._flag(block, "ephemeral", scope):
            value = self._previous[name]
        if value is None:
            value = _EMPTY.get(type, "") if default is None else default
        value = sound(value)
        return Partial(name=name, type=type, default=default, value=value, optional=default is not None)

    def _row(self, label: str, block: ParameterBlock, scope: dict[str, Value]) -> ParameterRow:
        name = self._text(block, "name", scope, label)
        type = self._text(block, "type", scope, "string")
        if type not in _TYPES:
            raise Unevaluable(f"its type is none of {', '.join(_TYPES)}")
        default = self._default(block, scope)
        options = list(self._options(block, scope))
        checks = next(iter(self._inner(block, "validation", scope)), {})
        known = self._imported.get(name)
        usual = _CHOICES.get(type, "radio") if options else _FORMS[type]
        row = ParameterRow(
            template_version_id=known.template_version_id if known else _any_version(self._imported),
            name=name,
            display_name=self._words(block, "display_name", scope, known),
            description=self._words(block, "description", scope, known),
            type=cast(ParameterType, type),
            form_type=self._words(block, "form_type", scope, known) or usual,
            mutable=self._flag(block, "mutable", scope),
            default_value=default or "",
            icon=self._words(block, "icon", scope, known),
            options=options,
            validation_regex=_said(checks, "regex"),
            validation_min=_bound(checks, "min") if type == "number" else None,
            validation_max=_bound(checks, "max") if type == "number" else None,
            validation_monotonic=_one_of(_said(checks, "monotonic"), ("increasing", "decreasing")),
            validation_error=_said(checks, "error"),
            required=default is None,
            ephemeral=self._flag(block, "ephemeral", scope),
            display_order=as_whole(self._value(block, "order", scope) or 0),
            styling=self._styling(block, scope),
        )
        _check_row(row)
        return row

    def _value(self, block: ParameterBlock, name: str, scope: dict[str, Value]) -> Value:
        piece = block.attributes.get(name)
        return None if piece is None else self.value_of(piece, scope)

    def _text(self, block: ParameterBlock, name: str, scope: dict[str, Value], default: str) -> str:
        value = self._value(block, name, scope)
        return default if value is None else as_text(value)

    def _flag(self, block: ParameterBlock, name: str, scope: dict[str, Value]) -> bool:
        value = self._value(block, name, scope)
        return value is not None and as_truth(value)

    def _default(self, block: ParameterBlock, scope: dict[str, Value]) -> str | None:
        value = self._value(block, "default", scope)
        return None if value is None else as_text(value)

    def _known_default(self, label: str, name: str, block: ParameterBlock, scope: dict[str, Value]) -> str | None:
        """Return the same, as the import has found it where it depends on nothing and only Terraform can evaluate it."""
        try:
            return self._default(block, scope)
        except Unevaluable:
            known = self._imported.get(name)
            if known is None or label in self._source.dependent:
                raise
            return None if known.required else known.default_value

    def _words(self, block: ParameterBlock, name: str, scope: dict[str, Value], known: ParameterRow | None) -> str:
        """Return what is only shown; what cannot be evaluated stays as the import has found it."""
        try:
            return self._text(block, name, scope, "")
        except Unevaluable:
            return "" if known is None else str(getattr(known, name))

    def _styling(self, block: ParameterBlock, scope: dict[str, Value]) -> dict[str, Any]:
        try:
            found = msgspec.json.decode(self._text(block, "styling", scope, "{}"))
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Unevaluable("its styling is no JSON") from error
        return found if isinstance(found, dict) else {}

    def _options(self, block: ParameterBlock, scope: dict[str, Value]) -> Iterator[dict[str, Any]]:
        for option in self._inner(block, "option", scope):
            if "name" not in option or "value" not in option:
                raise Unevaluable("an option has no name or no value")
            yield {key: _said(option, key) for key in ("name", "value", "description", "icon")}

    def _inner(self, block: ParameterBlock, kind: str, scope: dict[str, Value]) -> Iterator[dict[str, Value]]:
        if kind in block.attributes:
            # The JSON form: one object, or a list of them.
            found = self.value_of(block.attributes[kind], scope)
            yield from (each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict))
        for inner in block.blocks:
            if inner.kind == kind:
                for within in self._scopes(inner, scope):
                    yield {name: self.value_of(piece, within) for name, piece in inner.attributes.items()}

    def _scopes(self, inner: InnerBlock, scope: dict[str, Value]) -> Iterator[dict[str, Value]]:
        if inner.for_each is None:
            yield scope
            return
        found = self.value_of(inner.for_each, scope)
        entries = entries_of([] if found is None else found)
        _check_number(len(entries))
        for key, value in entries:
            yield {**scope, inner.iterator: {"key": key, "value": value}}


_NOBODY: Mapping[str, Any] = {
    "id": str(UUID(int=0)), "name": "default", "full_name": "default", "email": "default@example.com",
    "groups": [], "rbac_roles": [], "login_type": "",
}  # fmt: skip


def _check_row(row: ParameterRow) -> None:
    """Raise Unevaluable for what an import would not take."""
    facts = msgspec.structs.asdict(row)
    del facts["template_version_id"]
    facts["order"] = facts.pop("display_order")
    try:
        msgspec.convert(facts, ProvisionedParameter)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Unevaluable(f"an import would not take it: {error}") from error


def _any_version(imported: Mapping[str, ParameterRow]) -> UUID:
    return next((row.template_version_id for row in imported.values()), UUID(int=0))


def _said(block: Mapping[str, Value], name: str) -> str:
    value = block.get(name)
    return "" if value is None else as_text(value)


def _one_of(text: str, known: Sequence[str]) -> str:
    return text if text in known else ""


def _bound(checks: Mapping[str, Value], name: str) -> int | None:
    value = checks.get(name)
    return None if value is None else as_whole(value)


def _check_number(number: int) -> None:
    if not 0 <= number <= _MOST_INSTANCES:
        raise Unevaluable(f"there are more than {_MOST_INSTANCES} of it, or less than none")
