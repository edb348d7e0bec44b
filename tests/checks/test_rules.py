"""Each of the project's own rules catches what it is for and leaves alone what is right."""

import textwrap

import pytest

from checks.rules import (
    broad_excepts,
    clocks,
    docstrings,
    file_names,
    lazy_imports,
    routes,
    sizes,
    sql,
    unfinished,
    words,
)
from checks.source import Source

ROOM = "src/homeport/workspaces/service.py"


def lines(rule, text, path=ROOM):
    """Return the lines that `rule` complains about in `text` standing at `path`."""
    return [violation.line for violation in rule.check(Source(path, textwrap.dedent(text).lstrip("\n")))]


def test_an_import_inside_a_function_needs_a_reason():
    assert lines(lazy_imports, "def f():\n    import json\n    from os import path\n") == [2, 3]
    assert lines(lazy_imports, "async def f():\n    def g():\n        import json\n") == [3]
    assert lines(lazy_imports, "def f():\n    import json  # lazy:\n") == [2]


def test_a_stated_reason_or_the_top_of_the_module_is_fine():
    assert lines(lazy_imports, "import json\nclass A:\n    import os\n") == []
    assert lines(lazy_imports, "def f():\n    import json  # lazy: half a second\n") == []
    assert lines(lazy_imports, "def f():\n    from os import (  # lazy: big\n        path,\n    )\n") == []
    assert lines(lazy_imports, "def f():\n    import json\n", path="docs/page.md") == []


@pytest.mark.parametrize(
    "clause",
    ["except Exception:", "except BaseException as error:", "except (ValueError, Exception):", "except:"],
)
def test_catching_everything_needs_a_reason(clause):
    assert lines(broad_excepts, f"try:\n    pass\n{clause}\n    pass\n") == [3]
    assert lines(broad_excepts, f"try:\n    pass\n{clause}  # reason:\n    pass\n") == [3]
    assert lines(broad_excepts, f"try:\n    pass\n{clause}  # reason: a plug-in may raise anything\n    pass\n") == []


def test_a_reason_elsewhere_in_the_handler_does_not_count():
    assert lines(broad_excepts, "try:\n    pass\nexcept Exception:\n    pass  # reason: late\n") == [3]


def test_catching_everything_to_clean_up_and_raise_again_needs_none():
    assert lines(broad_excepts, "try:\n    pass\nexcept BaseException:\n    close()\n    raise\n") == []
    assert lines(broad_excepts, "try:\n    pass\nexcept Exception:\n    if x:\n        raise\n    close()\n") == [3]


def test_suppressing_everything_needs_a_reason():
    imports = "from contextlib import suppress\nimport contextlib\n"
    assert lines(broad_excepts, f"{imports}with suppress(Exception):\n    pass\n") == [3]
    assert lines(broad_excepts, f"{imports}with contextlib.suppress(OSError, BaseException):\n    pass\n") == [3]
    assert lines(broad_excepts, f"{imports}with suppress(OSError):\n    pass\n") == []
    assert lines(broad_excepts, f"{imports}with suppress(Exception):  # reason: at exit\n    pass\n") == []


def test_named_errors_need_no_reason():
    assert lines(broad_excepts, "try:\n    pass\nexcept (ValueError, OSError):\n    pass\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "import datetime\nx = datetime.datetime.now(datetime.UTC)\n",
        "from datetime import datetime\nx = datetime.utcnow()\n",
        "import datetime as dt\nx = dt.date.today()\n",
        "from datetime import datetime as d\nx = field(default_factory=d.now)\n",
        "import time\nx = time.time()\n",
        "from time import time_ns as n\nx = n()\n",
    ],
)
def test_the_time_of_day_comes_from_the_clock(text):
    assert lines(clocks, text) == [2]
    assert lines(clocks, text, path="src/homeport_agent/stats.py") == [2]
    assert lines(clocks, text, path="src/homeport/kit/clock.py") == []
    assert lines(clocks, text, path="src/homeport_sdk/clock.py") == []
    assert lines(clocks, text, path="scripts/measure.py") == []


def test_durations_and_other_names_are_not_the_time_of_day():
    text = "import time\nfrom datetime import datetime\nx = time.perf_counter()\ny = datetime.fromisoformat(s)\nz = self.now()\n"
    assert lines(clocks, text) == []


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id FROM users WHERE id = $1",
        "\n    select id, name\n    from users\n",
        "SELECT pg_notify($1, $2)",
        "-- the oldest first\nSELECT * FROM jobs",
        "INSERT INTO users (id) VALUES ($1)",
        "UPDATE users SET name = $2",
        "update workspaces as w set name = $2",
        "DELETE FROM users",
        "WITH doomed AS (DELETE FROM users RETURNING id) SELECT 1",
        "WITH RECURSIVE t(n) AS (SELECT 1) SELECT n FROM t",
        "CREATE DATABASE homeport",
        "DROP TABLE users",
        "TRUNCATE users",
        "SET LOCAL lock_timeout = 1000",
        "LISTEN workspace_changed",
    ],
)
def test_sql_stands_in_its_own_places_only(statement):
    text = f"X = {statement!r}\n"
    assert lines(sql, text) == [1]
    assert lines(sql, text, path="src/homeport/web/pages.py") == [1]
    assert lines(sql, text, path="src/homeport/workspaces/queries.py") == []
    assert lines(sql, text, path="src/homeport/workspaces/queries/builds.py") == []
    assert lines(sql, text, path="tests/homeport/workspaces/test_service.py") == []


def test_sql_in_pieces_is_found_by_its_first_piece():
    assert lines(sql, 'X = f"SELECT id FROM {table}"\n') == [1]
    assert lines(sql, 'X = f"INSERT INTO {table} (id)"\n') == [1]


@pytest.mark.parametrize(
    "sentence",
    [
        "Select a template from the list.",
        "Update the workspace, then set its schedule.",
        "Delete from here",
        "Create table",
        "with a key as (possibly) optional",
        "selection from above",
        "updated_at",
    ],
)
def test_sentences_are_not_sql(sentence):
    assert lines(sql, f"X = {sentence!r}\n") == []


def test_docstrings_may_speak_of_sql():
    assert lines(sql, '"""SELECT id FROM users is what this replaces."""\n') == []


def test_a_handler_declares_its_permission_or_that_it_is_public():
    head = "from litestar import get, post\nimport litestar\nfrom homeport.kit.routes import public, requires\n"
    assert lines(routes, f"{head}@get('/x')\nasync def f(): ...\n") == [4]
    assert lines(routes, f"{head}@get\nasync def f(): ...\n") == [4]
    assert lines(routes, f"{head}@litestar.delete('/x', opt={{}})\nasync def f(): ...\n") == [4]
    assert lines(routes, f"{head}@get('/x', opt={{'public': True}})\nasync def f(): ...\n") == [4]
    assert lines(routes, f"{head}h = post('/x')(f)\n") == [4]
    assert lines(routes, f"{head}@get('/x', opt=requires('read', 'workspace'))\nasync def f(): ...\n") == []
    assert lines(routes, f"{head}@get('/x', opt=public('health') | {{'a': 1}})\nasync def f(): ...\n") == []
    assert lines(routes, f"{head}@get('/x', opt={{**public('health'), 'a': 1}})\nasync def f(): ...\n") == []


def test_routes_may_share_a_declaration():
    head = "from litestar import get\nfrom homeport.kit.routes import requires\n"
    assert lines(routes, f"{head}_READ = requires('workspace:read')\n@get('/x', opt=_READ)\nasync def f(): ...\n") == []
    lasting = "from homeport.kit.routes import lasting\n"
    assert lines(routes, f"{lasting}{head}@get('/x', opt=lasting(requires('x:read')))\nasync def f(): ...\n") == []
    assert lines(routes, f"{lasting}{head}@get('/x', opt=lasting({{}}))\nasync def f(): ...\n") != []
    assert lines(routes, f"{head}_READ = {{'a': 1}}\n@get('/x', opt=_READ)\nasync def f(): ...\n") == [4]
    assert lines(routes, f"{head}@get('/x', opt=_READ)\nasync def f(): ...\n") == [3]


def test_a_declaration_of_ones_own_making_is_none():
    text = "from litestar import get\ndef public(): return {}\n@get('/x', opt=public())\nasync def f(): ...\n"
    assert lines(routes, text) == [3]


def test_only_handlers_of_the_web_framework_are_meant():
    assert lines(routes, "from cache import get\n@get('/x')\ndef f(): ...\n") == []
    assert lines(routes, "class A:\n    def f(self):\n        return self.get('/x')\n") == []


@pytest.mark.parametrize(
    "path",
    [
        "src/homeport/kit/utils.py",
        "src/homeport_cli/helpers/x.py",
        "tests/common.py",
        "src/homeport/workspaces/misc.py",
        "scripts/manager.py",
    ],
)
def test_nothing_is_named_after_having_no_topic(path):
    assert lines(file_names, "", path=path) != []


@pytest.mark.parametrize(
    "path",
    ["src/homeport/workspaces/builds.py", "src/homeport/agents/tunnels/x.py", "src/homeport/files/notes.md"],
)
def test_a_feature_holds_the_agreed_files_only(path):
    assert lines(file_names, "", path=path) == [0]


@pytest.mark.parametrize(
    "path",
    [
        "src/homeport/workspaces/README.md",
        "src/homeport/workspaces/__init__.py",
        "src/homeport/workspaces/rules.py",
        "src/homeport/workspaces/service/create.py",
        "src/homeport/workspaces/queries/builds.sql",
        "src/homeport/identity/login/oidc.py",
        "src/homeport/rbac/votes.py",
        "src/homeport/server.py",
        "src/homeport_cli/commands/create.py",
        "docs/utils.md",
    ],
)
def test_agreed_and_free_names_are_fine(path):
    assert lines(file_names, "", path=path) == []


def test_modules_and_public_functions_say_what_they_are_for():
    assert lines(docstrings, "x = 1\n") == [1]
    assert lines(docstrings, '"""M."""\ndef f(): ...\nasync def g(): ...\ndef _h(): ...\n') == [2, 3]
    assert lines(docstrings, '"""M."""\nclass A:\n    """A."""\n    def f(self): ...\n    def _g(self): ...\n') == [4]
    assert lines(docstrings, '"""M."""\ndef f():\n    """   """\n') == [2]


def test_implementations_of_a_base_and_tests_need_fewer_docstrings():
    assert lines(docstrings, '"""M."""\nclass A(B):\n    """A."""\n    def f(self): ...\n') == []
    assert lines(docstrings, '"""M."""\ndef test_x(): ...\n', path="tests/test_x.py") == []
    assert lines(docstrings, "def test_x(): ...\n", path="tests/test_x.py") == [1]
    assert lines(docstrings, "", path="src/homeport/kit/__init__.py") == []


def test_modules_functions_and_handlers_have_limits():
    assert lines(sizes, "x = 1\n" * 450) == []
    assert lines(sizes, "x = 1\n" * 451) == [450]
    assert lines(sizes, "def f():\n" + "    x = 1\n" * 60) == []
    assert lines(sizes, "def f():\n" + "    x = 1\n" * 61) == [1]
    handler = "from litestar import get\n@get('/x')\nasync def f():\n    '''Doc.'''\n"
    assert lines(sizes, handler + "    x = 1\n" * 20) == []
    assert lines(sizes, handler + "    x = 1\n" * 21) == [3]
    assert lines(sizes, "x = 1\n" * 500, path="src/homeport_sdk/models.py") == []


def test_nothing_that_ships_is_a_promise():
    marker = "# TO" + "DO: later\n"
    assert lines(unfinished, f"x = 1  {marker}") == [1]
    assert lines(unfinished, f"x = 1  {marker}", path="tests/test_x.py") == [1]
    assert lines(unfinished, "def f():\n    raise NotImplementedError\n") == [2]
    assert lines(unfinished, "def f():\n    raise NotImplementedError('x')\n") == [2]
    assert lines(unfinished, "UNREADABLE = (OSError, NotImplementedError)\n") == []
    assert lines(unfinished, "x = 'todo list'  # the list of todos\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "see /wo" + "rk/main/src",
        "cat /tmp/h" + "p/notes",
        "https://py" + "pi.org/simple/x",
        "https://files.python" + "hosted.org/x",
        "pip install --extra-index" + "-url http://x",
    ],
)
def test_nothing_knows_its_machine_or_package_index(text):
    assert lines(words, f"fine\n{text}\n", path="README.md") == [2]
    assert lines(words, text, path="src/homeport/web/static/vendor/x.js") == []


def test_similar_words_are_fine():
    assert (
        lines(
            words,
            "docs/wo" + "rk/main and https://py" + "pi.org/project/homeport and /tmp/h" + "px\n",
            path="README.md",
        )
        == []
    )
