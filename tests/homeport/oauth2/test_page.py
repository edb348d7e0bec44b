"""docs/oauth2.md is true where a machine can tell: the words of scopes, the defaults of settings, what is proved and what is open."""

import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from homeport.config import Settings
from homeport.oauth2.rules.scopes import ADVERTISED_SCOPES, WORDS
from homeport.oauth2.rules.wording import scope_words

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "oauth2.md").read_text()
_ROW = re.compile(r"\b([A-Z][A-Z0-9]*(?:-[A-Z]+)?)-(\d\d)(?:\.\.(\d\d))?\b")
_UNITS = {"s": 1, "h": 3600, "days": 86400}


def table(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    section = PAGE.split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def named(cells: list[str]) -> set[str]:
    """Return the ids in cells, with those between two that are joined by dots."""
    return {
        f"{group}-{number:02}"
        for group, first, last in _ROW.findall(" ".join(cells))
        for number in range(int(first), int(last or first) + 1)
    }


def rows_of_the_manifest() -> dict[str, bool]:
    """Return the ids of the two files about the authorization server, and whether each is open."""
    found: dict[str, bool] = {}
    for name in ("oauth2.toml", "interop.toml"):
        document = tomllib.loads((ROOT / "tests" / "requirements" / name).read_text())
        found |= {row["id"]: row.get("status") == "open" for row in document["requirement"]}
    return found


@pytest.mark.requirement("PAGES-OAUTH-01")
def test_every_proof_is_a_requirement_that_is_covered_and_none_is_missing() -> None:
    known = rows_of_the_manifest()
    proved = named([row[2] for row in table("## Standards, and what proves each")])
    assert proved - known.keys() == set()
    assert {id for id in proved if known[id]} == set(), "these are open"
    ours = {id for id, is_open in known.items() if not is_open and not id.startswith(("APPS-", "CLI-"))}
    assert ours - proved == set()


@pytest.mark.requirement("PAGES-OAUTH-01")
def test_what_is_open_is_told() -> None:
    assert named([row[1] for row in table("## What stays open")]) == {
        id for id, is_open in rows_of_the_manifest().items() if is_open
    }


@pytest.mark.requirement("PAGES-OAUTH-01")
def test_scopes_are_told_in_the_words_of_the_page_that_asks() -> None:
    told = {row[0].strip("`"): row[1] for row in table("## Scopes")}
    assert {name: scope_words(name) for name in told} == told
    assert set(told) == {name for name in WORDS if name.startswith("coder:")}
    assert tuple(told)[: len(ADVERTISED_SCOPES)] == ADVERTISED_SCOPES


@pytest.mark.requirement("PAGES-OAUTH-01")
def test_settings_have_the_defaults_that_are_told() -> None:
    defaults = Settings()
    for name, default, *_ in table("## Settings"):
        value = getattr(defaults, name.strip("`").lower())
        if isinstance(value, bool):
            assert default == ("on" if value else "off"), name
        elif isinstance(value, timedelta):
            number, unit = default.split()
            assert value == timedelta(seconds=int(number) * _UNITS[unit]), name
        else:
            assert default == str(value), name
