"""Forms whose fields depend on what is entered: which there are, and what a form that was sent says of them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from homeport.templates.schemas import TemplateVersionParameter
from homeport.web.forms import Form, Problems
from homeport.web.parameters import read_values

# Returns the parameters that there are with some values.
Ask = Callable[[Mapping[str, str]], Awaitable[list[TemplateVersionParameter]]]
# The name of fields that say which parameters a form has shown: of a box that is not ticked nothing is sent.
SHOWN = "shown"
_MOST_ROUNDS = 5


class Entered(NamedTuple):
    """What a form says: the parameters that its values call for, the values, and which of them the form has not asked for yet."""

    parameters: list[TemplateVersionParameter]
    values: dict[str, str]
    unseen: list[str]

    @property
    def problems(self) -> Problems:
        """Return what is told to whoever has to answer more."""
        by_name = {each.name: each.display_name or each.name for each in self.parameters}
        problems = Problems()
        problems.summary = f"What you chose asks for more: {', '.join(by_name[name] for name in self.unseen)}."
        return problems


async def read_entered(
    ask: Ask, form: Form, *, is_first_build: bool, fixed: Mapping[str, str] | None = None
) -> Entered:
    """Read a form's values; each may call for further parameters. `fixed` are values that the form cannot change."""
    shown = form.all_of(SHOWN)
    entered = Entered([], {}, [])
    for _ in range(_MOST_ROUNDS):
        parameters = await ask({**entered.values, **(fixed or {})})
        unseen = [each.name for each in parameters if shown and each.name not in shown]
        read = read_values(parameters, form, is_first_build=is_first_build)
        before = entered.values
        entered = Entered(parameters, {name: read[name] for name in read if name not in unseen}, unseen)
        if entered.values == before:
            break
    return entered
