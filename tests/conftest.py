"""Fixtures of every test: the database, the clock, the log that must stay free of errors, identities."""

pytest_plugins = [
    "pytester",
    "tests.support.components",
    "tests.support.logging",
    "tests.support.ids",
    "tests.support.leaks",
    "tests.support.clock",
    "tests.support.database",
    "tests.support.identities",
    "tests.support.accounts",
    "tests.support.github_world",
    "tests.support.podman",
]
