"""A daemon with the Terraform engine, at work."""

from collections.abc import AsyncIterator

import pytest

from homeport_provisioner.daemon import Daemon
from homeport_provisioner.settings import Settings
from tests.support.terraform import terraform_daemon


@pytest.fixture
async def daemon(settings: Settings) -> AsyncIterator[Daemon]:
    async with terraform_daemon(settings) as daemon:
        yield daemon
