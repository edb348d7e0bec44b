"""Folders of jobs, as far as people hear of them."""

from pathlib import Path

import pytest

from homeport_provisioner.staging import Staging

JOB = "/jobs/0196a1b2-0000-7000-8000-00000000000a"


@pytest.mark.requirement("TF-PLACES-01")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"ROOT{JOB}/source/modules/a.tf:3: no", "modules/a.tf:3: no"),
        (f"No space left on device: 'ROOT{JOB}/scratch/plan'", "No space left on device: 'plan'"),
        (f"run in ROOT{JOB}: no", "run in …/jobs/0196a1b2-0000-7000-8000-00000000000a: no".replace("/jobs", "/jobs")),
        ("from ROOT/terraform/cache/x and ROOT/terraform", "from …/terraform/cache/x and …/terraform"),
        ("a volume at ROOT/mine, /otherROOT/jobs, ROOT/jobs, ROOT/terraformed", None),
    ],
)
def test_people_are_not_shown_where_the_daemon_has_its_folders(tmp_path: Path, text: str, shown: str | None) -> None:
    real = tmp_path / "real"
    real.mkdir()
    linked = tmp_path / "linked"
    linked.symlink_to(real)
    for root in (real, linked):
        given = text.replace("ROOT", str(root))
        wanted = given if shown is None else shown.replace("ROOT", str(root))
        assert Staging(linked).hide(given) == wanted
