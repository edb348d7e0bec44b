"""Every required behaviour has a test that names it, and every name is that of a required behaviour."""

from pathlib import Path

import pytest

from tests.support.requirement_manifest import problems

TESTS = Path(__file__).resolve().parents[1]
ROW = '[[requirement]]\nid = "{id}"\nsource = "somewhere 1"\ntext = "It works."\n'


def test_the_manifest_and_the_tests_agree():
    found = problems(TESTS)
    assert not found, "\n".join(found)


def test_every_change_set_that_the_project_starts_from_is_listed():
    listed = (TESTS / "requirements" / "mission.toml").read_text()
    assert [number for number in range(1, 27) if f'id = "M{number:02}"' not in listed] == []


@pytest.fixture
def planted(tmp_path):
    """Write a manifest and a test module; return the problems between them."""

    def plant(manifest, *names, marker="@pytest.mark.requirement({})\ndef test_x(): ...\n"):
        (tmp_path / "requirements").mkdir(exist_ok=True)
        (tmp_path / "requirements" / "room.toml").write_text(manifest)
        (tmp_path / "test_room.py").write_text("".join(marker.format(name) for name in names))
        return problems(tmp_path)

    return plant


def test_agreement_is_no_problem(planted):
    assert planted(ROW.format(id="A-1"), '"A-1"') == []
    assert planted(ROW.format(id="A-1"), '"A-1"', marker="pytestmark = [pytest.mark.requirement({})]\n") == []
    assert planted(ROW.format(id="A-1") + ROW.format(id="B-1"), '"A-1", "B-1"') == []
    assert planted(ROW.format(id="A") + ROW.format(id="A-1"), '"A-1"') == []


def test_a_requirement_without_a_test_is_found(planted):
    assert planted(ROW.format(id="A-1")) == ["A-1: no test names it (room.toml)"]
    assert planted(ROW.format(id="A-1") + ROW.format(id="A-10"), '"A-10"') == ["A-1: no test names it (room.toml)"]


def test_a_name_of_no_requirement_is_found(planted):
    found = planted(ROW.format(id="A-1"), '"A-1"', '"A-2"')
    assert found == ["test_room.py:3: A-2 is in no tests/requirements/*.toml"]


def test_an_open_requirement_that_a_test_proves_is_found(planted):
    row = ROW.format(id="A-1") + 'status = "open"\n'
    assert planted(row) == []
    assert planted(row, '"A-1"') == ["A-1: test_room.py:1 proves it, so mark it covered in room.toml"]


def test_an_id_listed_twice_is_found(planted):
    assert planted(ROW.format(id="A-1") * 2, '"A-1"') == ["A-1: listed more than once (room.toml, room.toml)"]


def test_a_row_lacks_nothing(planted):
    assert planted('[[requirement]]\nid = "A-1"\n', '"A-1"') == [
        "A-1: has no source (room.toml)",
        "A-1: has no text (room.toml)",
    ]
    assert planted(ROW.format(id="a 1"), '"a 1"') == [
        "room.toml: 'a 1' is no id (capitals and digits, joined by hyphens)"
    ]
    assert planted(ROW.format(id="A-1") + 'status = "soon"\n', '"A-1"') == ["A-1: unknown key or status (room.toml)"]
    assert planted(ROW.format(id="A-1") + "[other]\n", '"A-1"') == [
        "room.toml: holds [[requirement]] rows and nothing else"
    ]


def test_an_id_that_is_not_written_out_is_found(planted):
    found = planted(ROW.format(id="A-1"), '"A-1"', "NAME")
    assert found == ["test_room.py:3: name the requirement by its id, as a plain string"]
