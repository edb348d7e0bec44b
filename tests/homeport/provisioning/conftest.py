"""The fixture `queue`: a queue in the test's database with daemons that are easy to make."""

from collections.abc import AsyncIterator

import pytest

from homeport.database import Database, Listener
from homeport.provisioning.service import inputs
from tests.homeport.provisioning.queue_world import QueueWorld, prepare_import


@pytest.fixture
async def listener(db: Database) -> AsyncIterator[Listener]:
    """The LISTEN session of this test."""
    made = Listener(db.connect)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def queue(db: Database, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[QueueWorld]:
    """A queue whose jobs of all types can be prepared."""
    monkeypatch.setattr(inputs, "_builders", {})
    monkeypatch.setattr(inputs, "_completers", {})
    monkeypatch.setattr(inputs, "_variables", {})
    monkeypatch.setattr(inputs, "_quotas", {})
    monkeypatch.setattr(inputs, "_metadata", {})
    for job_type in ("template_version_import", "template_version_dry_run", "workspace_build"):
        inputs.register(job_type, prepare_import)
    made = QueueWorld(db, listener)
    yield made
    await made.close()
