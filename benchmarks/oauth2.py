"""The authorization server: tokens, introspection, bearer check, discovery and whole flows, with few tokens and with a million.

PostgreSQL is the server's own, with fsync on. A rate "a core" is answers by the processor time of the server process, so that
whatever else runs on the machine does not count; PostgreSQL works on another core. What a million tokens cost is compared on
two servers in turns, one with a thousand and one with a million.

`python -m benchmarks.oauth2 plans` shows how PostgreSQL finds what these requests need among a million tokens.
"""

import asyncio
import re
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import count

import asyncpg

from benchmarks.figures import Figure
from benchmarks.oauth2_load import Load, put_under_load, race
from benchmarks.oauth2_seed import Seeds, seed
from benchmarks.running import RunningServer, running_server
from homeport.access.queries import AUTHENTICATE
from homeport.oauth2.queries import apps, tokens

SMALL, LARGE = 1_000, 1_000_000
GOALS: Mapping[str, float] = {
    "refresh": 700,
    "client_credentials": 700,
    "introspection": 2_500,
    "bearer": 2_500,
    "metadata": 10_000,
    "code": 100,
}
"""Answers (of `code`: whole flows) a second and core that were agreed."""

FLATNESS = 1.3
AT_ONCE, RACES = 50, 20
_NAMES = {
    "refresh": "refresh",
    "client_credentials": "client_credentials",
    "introspection": "introspection",
    "bearer": "bearer check",
    "metadata": "metadata",
    "code": "code flow (look, allow, redeem)",
}
_REQUESTS_OF_FLOW = 3
_CONNECTIONS = 16
_SECONDS, _ROUNDS = 2.0, 3
_GROWING = ("refresh", "client_credentials", "introspection", "bearer")
PLANS: Mapping[str, str] = {
    "bearer check": AUTHENTICATE,
    "client and secret": apps.FIND_APP_WITH_SECRET,
    "refresh: take the token": tokens.TAKE_TOKEN,
    "refresh: a retry": tokens.TAKE_RETRY,
    "code: take it": tokens.TAKE_CODE,
    "code: older families": tokens.DELETE_OLDER_FAMILIES,
    "introspection": tokens.FIND_TOKEN_OF_KEY,
    "revocation": tokens.FIND_FAMILY_OF_TOKEN,
}


class Bench:
    """One server with tokens in it, of which each measurement takes its own."""

    def __init__(self, server: RunningServer, last: int) -> None:
        self.server = server
        self.seeds: Seeds = asyncio.run(seed(server.database_url(), 1, last))
        self._numbers: Iterator[int] = count(1)

    def measure(self, kind: str) -> tuple[float, Load]:
        """Return answers a second and core, and what the load says."""
        given = [self._given(next(self._numbers)) for _ in range(_CONNECTIONS)]
        before = self.server.cpu_seconds()
        load = put_under_load(kind, self.server.port, given, seconds=_SECONDS)
        return load.rate * _SECONDS / (self.server.cpu_seconds() - before), load

    def cost(self, kind: str) -> float:
        """Return the processor seconds of one request, of the server and of PostgreSQL together."""
        given = [self._given(next(self._numbers)) for _ in range(_CONNECTIONS)]
        before = self.server.cpu_seconds() + self.server.database_cpu_seconds()
        load = put_under_load(kind, self.server.port, given, seconds=_SECONDS)
        used = self.server.cpu_seconds() + self.server.database_cpu_seconds() - before
        return used / (load.rate * _SECONDS)

    def race(self) -> int:
        """Return how many of many redemptions of one code at once succeed."""
        return asyncio.run(race(self.server.port, self._given(next(self._numbers)), at_once=AT_ONCE))

    def _given(self, number: int) -> dict[str, str]:
        extra = {"session": self.server.token, "path": "/.well-known/oauth-authorization-server"}
        return {**self.seeds.connection(number), **extra}


def run() -> list[Figure]:
    """Return all figures."""
    with ExitStack() as stack:
        small = Bench(stack.enter_context(running_server(daemons=0)), SMALL)
        figures = [figure for kind in GOALS for figure in _rates(small, kind)]
        successes = [small.race() for _ in range(RACES)]
        figures += [
            Figure(f"successes of {AT_ONCE} redemptions at once, least of {RACES}", min(successes), "", 1, "at_least"),
            Figure(f"successes of {AT_ONCE} redemptions at once, most of {RACES}", max(successes), "", 1, "at_most"),
        ]
        large = Bench(stack.enter_context(running_server(daemons=0)), LARGE)
        figures += [_growth(small, large, kind) for kind in _GROWING]
    return figures


def _rates(bench: Bench, kind: str) -> Sequence[Figure]:
    rounds = [bench.measure(kind) for _ in range(_ROUNDS)]
    share = 1 / _REQUESTS_OF_FLOW if kind == "code" else 1
    unit = "flows" if kind == "code" else "answers"
    return [
        Figure(
            _NAMES[kind],
            statistics.median(rate for rate, _ in rounds) * share,
            f"{unit}/s a core",
            GOALS[kind],
            "at_least",
        ),
        Figure(
            f"{_NAMES[kind]}, by the clock", statistics.median(load.rate for _, load in rounds) * share, f"{unit}/s"
        ),
        Figure(f"{_NAMES[kind]}, 99 of 100 within", statistics.median(load.slow for _, load in rounds), "ms"),
    ]


def _growth(small: Bench, large: Bench, kind: str) -> Figure:
    """Compare the processor time of server and PostgreSQL for one request; waits for the disk are not in it."""
    ratios = []
    for _ in range(_ROUNDS):
        few = small.cost(kind)
        ratios.append(large.cost(kind) / few)
    name = f"{_NAMES[kind]}: cost with {LARGE:,} tokens against {SMALL:,}"
    return Figure(name, statistics.median(ratios), "times", FLATNESS)


async def explain(url: str) -> dict[str, str]:
    """Return the plans of the statements that requests make, with their times, for the values of token 500."""
    connection = await asyncpg.connect(url)
    found: dict[str, str] = {}
    try:
        await connection.execute("set plan_cache_mode = force_generic_plan")
        for name, statement in PLANS.items():
            await connection.execute(f"prepare hot as {statement}")
            values = await connection.fetchrow(EXAMPLES)
            given = _literals(name, dict(values), statement)
            # Undone: what is explained with its times is done.
            await connection.execute("begin")
            plan = await connection.fetch(f"explain (analyze, costs off, buffers off) execute hot ({given})")
            await connection.execute("rollback")
            await connection.execute("deallocate hot")
            found[name] = "\n".join(row[0] for row in plan)
    finally:
        await connection.close()
    return found


EXAMPLES = """
select t.hash_prefix, t.api_key_id, t.app_id, f.grant_id, s.secret_prefix, p.hash_prefix as spent_prefix
from oauth2_provider_app_tokens t
join oauth2_provider_token_families f on f.id = t.family_id
join oauth2_provider_app_secrets s on s.id = t.app_secret_id
join oauth2_provider_spent_refresh_tokens p on p.family_id = f.id
where t.api_key_id = '0000000500'
"""


def _literals(name: str, values: Mapping[str, object], statement: str) -> str:
    def literal(value: object) -> str:
        return f"'\\x{value.hex()}'" if isinstance(value, bytes) else f"'{value}'"

    chosen: dict[str, tuple[str, ...]] = {
        "bearer check": (literal(values["api_key_id"]),),
        "client and secret": (literal(values["app_id"]), literal(values["secret_prefix"])),
        "refresh: a retry": (literal(values["spent_prefix"]),),
        "code: older families": (literal(values["grant_id"]), "19"),
        "introspection": (literal(values["api_key_id"]),),
    }
    found = chosen.get(name, (literal(values["hash_prefix"]),))
    assert len(found) == max(int(number) for number in re.findall(r"\$(\d+)", statement))
    return ", ".join(found)


def _show_plans() -> None:
    with running_server(daemons=0) as server:
        Bench(server, LARGE)
        for name, plan in asyncio.run(explain(server.database_url())).items():
            print(f"{name}\n{plan}\n")


if __name__ == "__main__":
    if sys.argv[1:] != ["plans"]:
        raise SystemExit("use: python -m benchmarks oauth2, or python -m benchmarks.oauth2 plans")
    _show_plans()
