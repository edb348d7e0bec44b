"""The fixture `world`: templates with a queue below, over HTTP."""

from collections.abc import AsyncIterator

import pytest

from homeport.database import Database, Listener
from homeport.files.service import archives as files
from homeport.provisioning.service import inputs
from homeport.templates.service import registries
from tests.homeport.templates.template_world import TemplateWorld


@pytest.fixture
async def world(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TemplateWorld]:
    """Rooms of files, provisioning and templates, and nothing above them."""
    for registry in ("_builders", "_completers", "_variables", "_quotas", "_metadata"):
        monkeypatch.setattr(inputs, registry, {})
    monkeypatch.setattr(files, "_readers", [])
    for registry in ("guards", "usages", "_statistics", "_last_values"):
        monkeypatch.setattr(registries, registry, [])
    listener = Listener(db.connect)
    await listener.start()
    made = TemplateWorld(db, listener)
    yield made
    await made.api.gate.close()
    await listener.stop()
