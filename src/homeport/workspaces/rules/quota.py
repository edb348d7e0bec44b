"""Quota arithmetic (spec: authorization-and-data 22, with the comparison corrected as in 29, #9233)."""

import msgspec

UNLIMITED = -1


class QuotaDecision(msgspec.Struct, frozen=True):
    """The answer to a build that wants to spend credits."""

    is_allowed: bool
    credits_consumed: int
    budget: int


def decide(*, consumed: int, requested: int, last_start_cost: int | None, budget: int) -> QuotaDecision:
    """Decide on a build of daily cost `requested`.

    `consumed` counts the owner's other workspaces; `last_start_cost` is what this one's last start cost (None: never
    started). Above the budget only a build that is cheaper than the last start is let through, so that people can
    repair by spending less; an equal cost counts as an increase, and stopping first changes nothing.
    """
    total = consumed + requested
    is_cheaper = requested == 0 or (last_start_cost is not None and requested < last_start_cost)
    if budget != UNLIMITED and total > budget and not is_cheaper:
        return QuotaDecision(is_allowed=False, credits_consumed=consumed, budget=budget)
    return QuotaDecision(is_allowed=True, credits_consumed=total, budget=budget)
