"""The finder of places in pages sees what is there and what is not."""

import textwrap

import pytest

from checks.places import Place, explain, find_links, find_places, names_in

PAGE = """
    # A page

    Start at `room/service.py:make`, then `room/rules.py: Rule.holds`. `kit/` is below, `queries.FIND` and `a/b` are no files.
    See [the guide](docs/guide.md#start), [the site](https://example.com/x.md) and [below](#a-page).

    ```sh
    cat `missing.py:nothing` [gone](gone.md)
    ```

        `missing.py:nothing` in an indented block
    Last: `static/app.js:connect` and `page.toml`.
"""
MODULE = '''
"""A module."""
LIMIT: int = 3
NAMES = ("a",)
def make(): ...
async def fetch(): ...
class Rule:
    KIND = "x"
    def holds(self): ...
    async def waits(self): ...
'''


def page() -> str:
    return textwrap.dedent(PAGE).lstrip("\n")


def test_files_names_and_folders_are_found_with_their_lines() -> None:
    assert list(find_places(page())) == [
        Place(3, "room/service.py", "make"),
        Place(3, "room/rules.py", "Rule.holds"),
        Place(3, "kit"),
        Place(11, "static/app.js", "connect"),
        Place(11, "page.toml"),
    ]


def test_links_to_files_are_found_without_anchors_and_addresses() -> None:
    assert list(find_links(page())) == [Place(4, "docs/guide.md")]


def test_names_of_modules_and_scripts_are_read(tmp_path) -> None:
    module, script = tmp_path / "module.py", tmp_path / "app.js"
    module.write_text(MODULE)
    script.write_text("(() => {\n  async function copy() {}\n  function  connect (a) {}\n})();\n")
    assert names_in(module) == {"LIMIT", "NAMES", "make", "fetch", "Rule", "Rule.KIND", "Rule.holds", "Rule.waits"}
    assert names_in(script) == {"copy", "connect"}


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        (Place(1, "module.py"), ""),
        (Place(1, "module.py", "make"), ""),
        (Place(1, "module.py", "Rule.holds"), ""),
        (Place(1, "module.py", "holds"), "module.py has no holds"),
        (Place(1, "module.py", "Rule.breaks"), "module.py has no Rule.breaks"),
        (Place(1, "other.py", "make"), "there is no other.py"),
        (Place(1, "folder"), ""),
        (Place(1, "folder", "make"), "folder has no make"),
    ],
)
def test_what_is_not_there_is_said(tmp_path, place: Place, problem: str) -> None:
    (tmp_path / "code" / "folder").mkdir(parents=True)
    (tmp_path / "code" / "module.py").write_text(MODULE)
    assert explain(place, [tmp_path, tmp_path / "code"]) == problem
