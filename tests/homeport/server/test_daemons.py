"""What built-in daemons get of the server's environment."""

import asyncio
import sys
from pathlib import Path

import pytest

from homeport.server import daemons


@pytest.mark.requirement("TF-SECRET-02")
@pytest.mark.parametrize(
    ("name", "is_inherited"),
    [
        ("PATH", True),
        ("SSL_CERT_FILE", True),
        ("HOMEPORT_PROVISIONER_TERRAFORM", True),
        ("HOMEPORT_PROVISIONER_TERRAFORM_BUNDLED_PROVIDER", True),
        ("DOCKER_HOST", True),
        ("HOMEPORT_PROVISIONER_CONTAINER_HOST", True),
        ("AWS_ACCESS_KEY_ID", True),
        ("KUBECONFIG", True),
        ("GOOGLE_CREDENTIALS", False),
        ("HOMEPORT_DATABASE_URL", False),
        ("HOMEPORT_PROVISIONER_KEY", False),
        ("CODER_PG_CONNECTION_URL", False),
        ("PGPASSWORD", False),
    ],
)
def test_daemons_get_what_is_listed_and_none_of_the_servers_secrets(
    monkeypatch: pytest.MonkeyPatch, name: str, is_inherited: bool
) -> None:
    monkeypatch.setenv("HOMEPORT_PROVISIONER_TERRAFORM_ENVIRONMENT", "AWS_*, KUBECONFIG,HOMEPORT_*,CODER_*")
    assert daemons._is_inherited(name) is is_inherited


@pytest.mark.requirement("QUEUE-ORPHANS-02")
async def test_whoever_keeps_a_daemon_tells_that_it_has_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    ended: asyncio.Queue[str] = asyncio.Queue()
    kept = daemons.BuiltinDaemons(
        count=2, url="", key="", organization="", data_dir=tmp_path, isolation="none", on_end=ended.put
    )
    kept.start()
    try:
        names = {await asyncio.wait_for(ended.get(), 10) for _ in range(2)}
    finally:
        await kept.stop()
    assert names == {"builtin-0", "builtin-1"}
