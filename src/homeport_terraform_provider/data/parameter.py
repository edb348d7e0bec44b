"""coder_parameter."""

from homeport_terraform_provider.checks import not_empty, one_of, whole
from homeport_terraform_provider.data.forms import (
    FORM_TYPES,
    TYPES,
    check_default,
    check_options,
    check_rules,
    form_types,
    reasons_against,
    stand_in,
)
from homeport_terraform_provider.facts import Facts
from homeport_terraform_provider.kinds import DataSource, steady_id
from homeport_terraform_provider.schema import BOOL, NUMBER, Block, computed, nested, optional, required
from homeport_terraform_provider.values import Problems, Unknown, Values, blocks_of


def _check(values: Values, problems: Problems) -> None:
    if values.get("ephemeral") is True and values.get("mutable") in {None, False}:
        problems.error(("ephemeral",), "An ephemeral parameter must be mutable", "Set mutable = true.")
    type, wanted, options = values.get("type") or "string", values.get("form_type"), values.get("option")
    if type not in TYPES or isinstance(wanted, Unknown) or isinstance(options, Unknown):
        return
    fitting = form_types(type, has_options=bool(options))
    if wanted in FORM_TYPES and wanted not in (*fitting, "error"):
        kind = "with" if options else "without"
        detail = f"A {type} {kind} options takes {' or '.join(fitting)}; not {wanted}."
        problems.error(("form_type",), "Invalid value of 'form_type'", detail)
    form_type = wanted or fitting[0]
    check_rules(type, values, problems)
    check_options(type, form_type, values, problems)
    check_default(type, form_type, values, problems)


def _read(values: Values, facts: Facts, problems: Problems) -> None:
    name, type, default = values["name"], values["type"], values["default"]
    values["id"] = steady_id("coder_parameter", name)
    values["optional"] = default is not None
    if isinstance(values["form_type"], Unknown):
        values["form_type"] = form_types(type, has_options=bool(values["option"]))[0]
    for _, rules in blocks_of(values, "validation"):
        rules["min_disabled"] = rules["min"] is None
        rules["max_disabled"] = rules["max"] is None
    given = facts.parameter(name)
    if given not in {None, default} and facts.transition == "start":
        _check_given(type, str(given), values, problems)
    if given is None and default is None:
        if not facts.is_for_nobody and facts.transition == "start":
            detail = f"The parameter '{name}' has no default, and no value was given."
            problems.error(("name",), "A value is missing", detail)
        default = stand_in(type, values)
    values["value"] = default if given is None else given


def _check_given(type: str, given: str, values: Values, problems: Problems) -> None:
    """Hold a value against what there is only now: the server cannot evaluate every template."""
    wrong = reasons_against(type, given, values, are_several=False)
    if wrong and type == "list(string)":
        wrong = reasons_against(type, given, values, are_several=True)
    for text in wrong:
        problems.error(("name",), "This value is not possible", text)


PARAMETER = DataSource(
    block=Block(
        attributes={
            "name": required("string", not_empty),
            "display_name": optional(),
            "description": optional(),
            "type": optional("string", one_of(*TYPES), default="string"),
            "form_type": optional("string", one_of(*FORM_TYPES), is_computed=True),
            "styling": optional("string", default="{}"),
            "default": optional(),
            "mutable": optional(BOOL, default=False),
            "ephemeral": optional(BOOL, default=False),
            "icon": optional(),
            "order": optional(NUMBER, whole()),
            "id": computed(),
            "optional": computed(BOOL),
            "value": computed(),
        },
        blocks={
            "option": nested(
                {"name": required(), "value": required(), "description": optional(), "icon": optional()}, most=64
            ),
            "validation": nested(
                {
                    # The API has no other bounds.
                    "min": optional(NUMBER, whole()),
                    "max": optional(NUMBER, whole()),
                    "min_disabled": computed(BOOL),
                    "max_disabled": computed(BOOL),
                    "monotonic": optional("string", one_of("increasing", "decreasing")),
                    "regex": optional(),
                    "error": optional(),
                },
                most=1,
            ),
        },
    ),
    read=_read,
    check=_check,
)
