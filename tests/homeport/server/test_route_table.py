"""Every route, asked by everybody, answers as the committed table says (see route_table.py: how, and how to write it again)."""

import os

import pytest

from tests.homeport.server.deployment import Deployment
from tests.homeport.server.route_table import (
    CLOSED,
    COLUMNS,
    PATH,
    PROGRAM,
    WRITE,
    Untaught,
    Walk,
    differences,
    read,
    render,
    table_routes,
)

REFUSED = {"401", "403", "404"}


@pytest.mark.requirement("ROUTES-TABLE-01")
@pytest.mark.timeout(300)
async def test_every_route_is_open_to_those_and_only_those_that_the_table_names(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = Walk(deployment)
    await walk.prepare(monkeypatch)
    found, problems = {}, []
    for route in sorted(table_routes(deployment), key=lambda one: (one.path, one.method)):
        try:
            found[str(route)] = await walk.row(route)
        except Untaught as error:
            problems.append(str(error))
    if os.environ.get(WRITE):
        PATH.write_text(render(found), encoding="utf-8")
    problems += differences(read(PATH.read_text(encoding="utf-8")), found)
    assert not problems, "\n".join(problems)


@pytest.mark.requirement("ROUTES-TABLE-02")
def test_a_new_route_a_lost_route_and_a_changed_answer_are_told() -> None:
    committed = {"GET /a": {"nobody": "404"}, "GET /b": {"nobody": "404", "self": "ok"}}
    found = {"GET /b": {"nobody": "ok", "self": "ok"}, "GET /c": {"nobody": "ok"}}
    told = sorted(differences(committed, found))
    assert [line.split(": ")[0] for line in told] == ["GET /a", "GET /b", "GET /c"]
    assert "no such route" in told[0]
    assert told[1] == "GET /b: nobody was 404, is ok"
    assert "has no row" in told[2]
    assert not list(differences(committed, committed))


@pytest.mark.requirement("ROUTES-TABLE-02")
def test_the_table_is_read_as_it_is_written_and_no_row_is_empty_talk() -> None:
    text = PATH.read_text(encoding="utf-8")
    table = read(text)
    assert render(table) == text
    assert len(table) > 150
    people = set(COLUMNS) - {PROGRAM}
    for route, row in table.items():
        assert people <= row.keys() <= set(COLUMNS), route
        is_closed = not set(row.values()) - REFUSED
        assert is_closed == (route in CLOSED), f"{route}: nobody gets past the decision, so the row proves nothing"
