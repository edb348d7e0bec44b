"""Our pages are true where a machine can tell: places, links, rooms, events, channels and settings that they name exist."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.__main__ import project_files
from checks.places import Place, explain, find_links, find_places

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "src" / "homeport"
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
PAGES = [path for path in project_files(ROOT) if path.endswith(".md") and not path.startswith("docs/reference/")]
MOST_LINES = 40
# Files of data folders, workspaces and templates, which are not of this repository.
OF_OTHERS = ("etc/", "postgres", "provisioner", "encryption.key", "homeport.yaml", "echo.yaml", "docs/decisions/NNNN")


def rooms() -> list[str]:
    """Return the packages of the server."""
    return sorted(path.parent.name for path in SERVER.glob("*/__init__.py"))


def presented() -> list[str]:
    """Return the folders that have a README of their own: rooms, the other programs, and what stands beside them."""
    programs = sorted(path.parent.name for path in (ROOT / "src").glob("homeport_*/__init__.py"))
    return [*(f"src/homeport/{room}" for room in rooms()), *(f"src/{name}" for name in programs), "benchmarks", "tests"]


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading of ARCHITECTURE.md, without its head."""
    lines = ARCHITECTURE.split(f"{heading}\n", 1)[1].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    table: list[list[str]] = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table[2:]


def quoted(text: str) -> list[str]:
    """Return what stands between backticks."""
    return re.findall(r"`([^`]+)`", text)


def modules() -> Iterator[ast.Module]:
    """Parse every module of the server."""
    for path in sorted(SERVER.rglob("*.py")):
        yield ast.parse(path.read_text())


@pytest.mark.requirement("PAGES-PLACES-01")
def test_every_place_that_the_architecture_names_exists() -> None:
    places = list(find_places(ARCHITECTURE))
    assert sum(bool(place.name) for place in places) > 100, "the journeys are gone"
    assert [
        f"line {place.line}: {problem}" for place in places if (problem := explain(place, [ROOT, ROOT / "src"]))
    ] == []


@pytest.mark.requirement("PAGES-PLACES-01")
@pytest.mark.parametrize("page", PAGES)
def test_every_place_and_link_of_a_page_exists(page: str) -> None:
    text, own = (ROOT / page).read_text(), (ROOT / page).parent
    found = [f"line {place.line}: {problem}" for place in find_places(text) if (problem := _problem(place, page))]
    found += [f"line {link.line}: {link} is no file" for link in find_links(text) if not (own / link.path).exists()]
    assert found == []


def _problem(place: Place, page: str) -> str:
    """Say what is wrong with a place of a page: its paths begin in the page's own folder, a source folder or the repository."""
    own = (ROOT / page).parent
    if page.startswith("examples/") or ("/" not in place.path and not page.startswith("src/")):
        # Outside of rooms a bare name stands for a role (`queries.py`) or for a file of the reader's.
        return ""
    if place.path.startswith(OF_OTHERS) or "NNNN" in place.path:
        return ""
    below = [path.parent for path in own.rglob(place.path)] if page.startswith("src/") and "/" not in place.path else []
    return explain(place, [own, *below, ROOT, ROOT / "src", SERVER])


@pytest.mark.requirement("PAGES-ROOMS-01")
def test_the_table_of_rooms_is_that_of_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "tiers")
    tier = {name: number for number, layer in enumerate(layers) for name in re.findall(r"\w+", layer)}
    table = [quoted(cells[1]) for cells in rows("## Rooms of the server")]
    assert sorted(room for names in table for room in names) == rooms()
    assert all(len({tier[room] for room in names}) == 1 for names in table), "rooms of one row stand side by side"
    order = [tier[names[0]] for names in table]
    assert order == sorted(order), "the table is not in the order of the contract"


@pytest.mark.requirement("PAGES-ROOMS-01")
def test_the_table_of_events_is_complete() -> None:
    declared = {
        node.name
        for module in modules()
        for node in module.body
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "DomainEvent" for base in node.bases)
    }
    assert {event for cells in rows("### Events") for event in quoted(cells[0])} == declared


@pytest.mark.requirement("PAGES-ROOMS-01")
def test_the_table_of_channels_is_complete() -> None:
    constants: dict[str, set[str]] = {}
    used: set[str] = set()
    for module in modules():
        for node in ast.walk(module):
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                for target in node.targets:
                    constants.setdefault(ast.unparse(target), set()).add(node.value.value)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "notify":
                used.add(ast.unparse(node.args[0]).rpartition(".")[2])
    told = {value for name in used for value in constants[name]}
    # Triggers tell of what no service may forget to tell.
    for path in (SERVER / "database" / "sql").rglob("*.sql"):
        told.update(re.findall(r"pg_notify\('(\w+)'", path.read_text()))
    assert {channel for cells in rows("### Notifications") for channel in quoted(cells[0])} == told


@pytest.mark.requirement("PAGES-ROOMS-02")
@pytest.mark.parametrize("folder", presented())
def test_every_room_presents_itself_in_a_short_page(folder: str) -> None:
    page = ROOT / folder / "README.md"
    assert page.is_file(), (
        f"{folder} has no README.md: say what it owns, its invariants and states, its events, where to start"
    )
    lines = page.read_text().splitlines()
    assert len(lines) <= MOST_LINES, f"{folder}/README.md has {len(lines)} lines, at most {MOST_LINES}"
    assert lines[0].startswith("# ")
    assert re.search(r"start(?: reading|\b)", page.read_text(), re.IGNORECASE), "it does not say where to start"


@pytest.mark.requirement("PAGES-SETTINGS-01")
@pytest.mark.parametrize("guide", ["operating", "oauth2", "applications", "mcp"])
def test_every_setting_that_the_guides_name_exists(guide: str) -> None:
    reference = (ROOT / "docs" / "reference" / "settings.md").read_text()
    known = set(re.findall(r"^\| `([A-Z0-9_]+)`", reference, re.MULTILINE))
    named = re.findall(r"`([A-Z][A-Z0-9_]*_[A-Z0-9_]+)(?:=[^`]*)?`", (ROOT / "docs" / f"{guide}.md").read_text())
    others = {"XDG_DATA_HOME", "SSL_CERT_FILE", "SESSION_TOKEN", "URL"}
    own = {name for name in named if not name.startswith(("HOMEPORT_", "CODER_"))}
    assert own - known - others == set()
    prefixed = {name.removeprefix("HOMEPORT_") for name in named if name.startswith("HOMEPORT_")}
    assert {name for name in prefixed if not name.startswith("PROVISIONER")} - known - others == set()
