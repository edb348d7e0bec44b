"""A provider for each test, and applications whose sign-ins bring people into line with what it says."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from homeport.database import Database
from homeport.identity.types import SignedIn
from homeport.organizations.service.syncing.signing_in import synchronizer
from tests.support.accounts import Api
from tests.support.issuer import Issuer, running_issuer
from tests.support.signing_in import api_of

Build = Callable[..., Api]


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An OpenID Connect provider on loopback."""
    with running_issuer() as running:
        yield running


@pytest.fixture
def build(db: Database, issuer: Issuer) -> Iterator[Build]:
    """Build an application with these settings; the last one that was built takes part in sign-ins, and ends with the test."""
    subscribed: list[Any] = []

    def build_one(**settings: Any) -> Api:
        api = api_of(db, issuer, **settings)
        _unsubscribe(db, subscribed)
        subscribed.append(synchronizer(api.settings))
        db.events.subscribe(SignedIn, subscribed[-1])
        return api

    yield build_one
    _unsubscribe(db, subscribed)


def _unsubscribe(db: Database, handlers: list[Any]) -> None:
    while handlers:
        db.events._handlers[SignedIn].remove(handlers.pop())
