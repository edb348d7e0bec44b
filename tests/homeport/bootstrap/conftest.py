"""A server with one bundle, and a machine that wants it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bootstrap import Machine, Offer, make_bundle, offering


@pytest.fixture
def offer() -> Iterator[Offer]:
    with offering(make_bundle()) as offer:
        yield offer


@pytest.fixture
def machine(tmp_path: Path, offer: Offer) -> Machine:
    return Machine(tmp_path / "machine", offer.url)
