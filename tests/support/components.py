"""The marker `needs`: a test names the programs beyond Python that it runs.

Where one is missing the test is skipped with the command that brings it; with CI=true it fails instead, so that
continuous integration never passes by leaving something out.
"""

import pytest

from scripts.components import COMPONENTS, explain, missing, must_be_complete


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail `item` when a component that it needs is not here."""
    names = [str(name) for mark in item.iter_markers("needs") for name in mark.args]
    if not names:
        return
    unknown = sorted(set(names) - COMPONENTS.keys())
    if unknown:
        pytest.fail(
            f"unknown component {', '.join(unknown)}: scripts/components.py has {', '.join(COMPONENTS)}", pytrace=False
        )
    lacking = missing(COMPONENTS[name] for name in names)
    if not lacking:
        return
    reason = "; ".join(explain(component) for component in lacking)
    if must_be_complete():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
