"""The support of the tests themselves: errors in the log fail a test, identities multiply it."""

import pytest

_INI = """
[pytest]
asyncio_mode = auto
addopts = --strict-markers -p no:cacheprovider
markers =
    expected_errors(*patterns): errors on purpose
    identities(*names): one test each
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A run of pytest with our plugins and none of our options."""
    monkeypatch.setenv("PYTHONPATH", str(pytestconfig.rootpath))
    pytester.makeini(_INI)
    pytester.makeconftest('pytest_plugins = ["tests.support.logging", "tests.support.identities"]')
    return pytester


@pytest.mark.requirement("TEST-LOGGER-01", "M21")
def test_an_error_in_the_log_fails_the_test_that_wrote_it(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        """
        import logging, threading
        import structlog
        import pytest
        from homeport.telemetry.logs import get_logger

        def test_structured():
            get_logger("room").error("the disk is full", path="/x")

        def test_standard_library():
            logging.getLogger("asyncio").error("task was destroyed")

        def test_other_thread():
            thread = threading.Thread(target=lambda: get_logger("room").critical("from a thread"))
            thread.start()
            thread.join()

        @pytest.fixture
        def noisy():
            yield
            get_logger("room").error("said at the end")

        def test_fixture_that_ends_badly(noisy):
            pass

        def test_lower_levels_are_free():
            get_logger("room").warning("careful")
            get_logger("room").info("fine")

        def test_is_not_blamed_for_others():
            pass
        """
    )
    result = inner.runpytest_subprocess()
    result.assert_outcomes(failed=3, passed=3, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*room: said at the end*",
            "*room: the disk is full path='/x'*",
            "*asyncio: task was destroyed*",
            "*from a thread*",
        ]
    )


@pytest.mark.requirement("TEST-LOGGER-01", "M21")
def test_cancelled_queries_are_no_errors(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        """
        import asyncio
        import asyncpg
        from homeport.database.errors import QueryCanceled
        from homeport.telemetry.logs import get_logger

        def log(error):
            get_logger("room").error("request failed", exc_info=error)

        def test_cancelled():
            log(asyncio.CancelledError())
            log(asyncpg.QueryCanceledError("canceling statement due to user request"))
            log(QueryCanceled("too long"))

        def test_cause():
            try:
                try:
                    raise asyncpg.QueryCanceledError("x")
                except asyncpg.QueryCanceledError as error:
                    raise RuntimeError("wrapped") from error
            except RuntimeError:
                get_logger("room").exception("request failed")

        def test_other_errors_count():
            log(asyncpg.UniqueViolationError("x"))
        """
    )
    inner.runpytest_subprocess().assert_outcomes(passed=2, failed=1)


@pytest.mark.requirement("TEST-LOGGER-02", "M21")
def test_a_test_says_which_errors_it_provokes(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        """
        import pytest
        from homeport.telemetry.logs import configure_logs, get_logger

        log = get_logger("room")

        @pytest.mark.expected_errors("disk .* full")
        def test_marked():
            log.error("the disk is full")

        @pytest.mark.expected_errors("disk .* full")
        def test_marked_for_another_one():
            log.error("the disk is gone")

        def test_by_fixture(error_log):
            error_log.expect("full")
            log.error("the disk is full")
            assert len(error_log.records) == 1

        def test_brings_its_own(error_log):
            import io
            stream = io.StringIO()
            configure_logs(is_verbose=False, is_json=True, stream=stream)
            log.error("the disk is full")
            assert "the disk is full" in stream.getvalue()
            assert error_log.records == []

        def test_after_one_that_brought_its_own():
            log.error("the disk is full")
        """
    )
    inner.runpytest_subprocess().assert_outcomes(passed=3, failed=2)


@pytest.mark.requirement("TEST-IDENTITY-01")
def test_a_test_runs_once_as_each_identity(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        """
        import pytest
        from tests.support.identities import makes_identities

        @pytest.fixture
        def db():
            return "the database"

        @makes_identities
        async def make(name, db):
            return f"{name} in {db}"

        @pytest.mark.identities("anonymous", "owner")
        async def test_as(identity, identity_name):
            assert identity == f"{identity_name} in the database"

        @pytest.mark.identities("member")
        @pytest.mark.parametrize("number", [1, 2])
        async def test_with_other_parameters(identity, number):
            assert identity.startswith("member")

        async def test_without_marker(identity):
            pass
        """
    )
    result = inner.runpytest_subprocess("-v")
    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines(["*test_as?anonymous?*", "*test_as?owner?*", "*test_with_other_parameters?member-1?*"])


@pytest.mark.requirement("TEST-IDENTITY-01")
def test_a_marker_that_nothing_uses_is_an_error(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        """
        import pytest

        @pytest.mark.identities("owner")
        def test_as():
            pass
        """
    )
    result = inner.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*is marked with identities but uses no `identity`*"])
