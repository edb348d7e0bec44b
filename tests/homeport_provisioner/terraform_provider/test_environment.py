"""The environment of the bundled provider. Requirements that name a wheel made here: nothing is fetched."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from homeport_provisioner.terraform_provider import environment
from homeport_provisioner.terraform_provider.environment import SetUpFailure, find_environment, make_environment


def make_requirement(folder: Path, version: str = "1") -> None:
    """Write a wheel, and requirements that want it."""
    name = f"sample_{version}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        info = f"sample_{version}-{version}.dist-info"
        wheel.writestr(f"sample_{version}.py", f"x = {version}")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: sample_{version}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "requirements.txt").write_text(f"{folder / name} --hash=sha256:{digest}\n")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_requirement(tmp_path)
    monkeypatch.setattr(environment, "_requirements", lambda: tmp_path / "requirements.txt")
    monkeypatch.setattr(environment, "_places", lambda: (Path("/proc/none"), tmp_path / "share" / "provider"))
    return tmp_path / "share" / "provider"


@pytest.mark.requirement("TF-PROVIDER-09")
def test_it_is_made_once_and_again_when_what_it_needs_changes(place: Path, tmp_path: Path) -> None:
    said: list[str] = []
    assert find_environment() is None
    assert make_environment(said.append) == place == find_environment()
    assert (place / "sample_1.py").exists()
    assert list((place / "__pycache__").iterdir()), "not compiled: each start of the provider would do it"
    assert make_environment(said.append) == place
    assert len(said) == 1
    make_requirement(tmp_path, "2")
    assert find_environment() is None
    make_environment(said.append)
    assert ((place / "sample_1.py").exists(), (place / "sample_2.py").exists()) == (False, True)
    stamp = json.loads((place / "homeport.json").read_text())
    (place / "homeport.json").write_text(json.dumps({**stamp, "python": "cpython-27"}))
    assert find_environment() is None
    make_environment(said.append)
    assert find_environment() == place
    make_environment(said.append, is_forced=True)
    assert len(said) == 4
    assert sorted(path.name for path in place.parent.iterdir()) == ["provider", "provider.lock"]


@pytest.mark.requirement("TF-PROVIDER-09")
def test_a_failure_leaves_what_there_was(place: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_environment(lambda _: None)
    (tmp_path / "requirements.txt").write_text(
        (tmp_path / "requirements.txt").read_text().replace("sha256:", "sha256:0000")[:-5] + "\n"
    )
    with pytest.raises(SetUpFailure, match="need a registry"):
        make_environment(lambda _: None)
    assert (place / "sample_1.py").exists()
    assert not place.with_name("provider.new").exists()
    capfd.readouterr()


@pytest.mark.requirement("TF-PROVIDER-09")
def test_where_nothing_may_be_written_the_error_names_the_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_places", lambda: (Path("/proc/none"), Path("/proc/nowhere")))
    with pytest.raises(SetUpFailure, match="/proc/none or /proc/nowhere"):
        make_environment(lambda _: None)


@pytest.mark.requirement("TF-PROVIDER-09")
def test_the_command_and_set_up_find_the_one_that_is_there() -> None:
    for command in (
        ["-m", "homeport_cli", "provisioner", "terraform-provider", "set-up"],
        ["-m", "homeport_provisioner.terraform_provider"],
    ):
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "installing" not in done.stderr
