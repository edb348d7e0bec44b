"""What counts as the name of an image. No engine is asked."""

import pytest

from homeport_provisioner.container.images import check_name
from homeport_provisioner.container.registries import registry_of, with_registry
from homeport_provisioner.engine import EngineFailure


@pytest.mark.parametrize(
    "name",
    [
        "python",
        "python:3.12",
        "library/python:3.12-slim",
        "docker.io/library/python",
        "localhost/base:1",
        "registry.example.com:5000/Team/x".lower(),
        "ghcr.io/a/b_c/d.e--f:V1_2",
        f"debian@sha256:{'0' * 64}",
        f"debian:12@sha256:{'a' * 64}",
    ],
)
def test_names(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name", ["a/../b", "/a", "a/", "a//b", "a b", "a\n", "-a", "a:", "a@sha256:1", "a" * 600, "../images"]
)
def test_no_names(name: str) -> None:
    with pytest.raises(EngineFailure, match="no name of an image"):
        check_name(name)


def test_registries() -> None:
    assert [registry_of(name) for name in ("python:3", "team/x", "localhost/x", "r.example.com/x", "r:5000/x")] == [
        "docker.io",
        "docker.io",
        "localhost",
        "r.example.com",
        "r:5000",
    ]
    assert [with_registry(name) for name in ("python:3", "team/x", "r:5000/x")] == [
        "docker.io/library/python:3",
        "docker.io/team/x",
        "r:5000/x",
    ]
