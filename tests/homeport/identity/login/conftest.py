"""A provider for each test."""

from collections.abc import Iterator

import pytest

from tests.support.issuer import Issuer, running_issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An OpenID Connect provider on loopback."""
    with running_issuer() as running:
        yield running
