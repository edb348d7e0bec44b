"""What of its owner's secrets a template reads, by its text."""

from pathlib import Path

import pytest

from homeport_provisioner.terraform.owner_secrets import owner_secrets

OWNER = "data.coder_workspace_owner.me"
BOTH = ["oidc_access_token", "session_token"]


@pytest.mark.requirement("TF-SECRETS-01")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"x = {OWNER}.session_token", ["session_token"]),
        (f'x = "${{{OWNER}.oidc_access_token}}"', ["oidc_access_token"]),
        (f'x = {OWNER}["session_token"]', ["session_token"]),
        (f'x = lookup({OWNER}, "session_token", "")', ["session_token"]),
        ('{"locals": {"x": "${data.coder_workspace_owner.me[\\"session_token\\"]}"}}', ["session_token"]),
        ("x = data.coder_workspace.me.owner_session_token + data.coder_workspace.me.owner_oidc_access_token", BOTH),
        (f'x = {OWNER}.name\nvariable "aws_session_token" {{}}\ny = var.aws_session_token', []),
        (f"x = {OWNER}.session_tokens", []),
    ],
)
def test_what_is_mentioned_counts(tmp_path: Path, text: str, expected: list[str]) -> None:
    (tmp_path / "main.tf").write_text(text)
    assert owner_secrets(tmp_path) == expected


@pytest.mark.requirement("TF-SECRETS-01")
def test_every_file_of_template_and_modules_counts_and_no_other(tmp_path: Path) -> None:
    for name in ("template/scripts", "modules/git", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    secret = "export TOKEN=${owner.session_token}\n"
    (tmp_path / "elsewhere/main.tf").write_text(secret)
    (tmp_path / "template/link.tf").symlink_to("../elsewhere/main.tf")
    (tmp_path / "template/image").write_bytes(b"\xff" * 100)
    folders = tmp_path / "template", tmp_path / "modules", tmp_path / "absent"
    assert owner_secrets(*folders) == []
    (tmp_path / "template/scripts/run.sh.tftpl").write_text(secret)
    assert owner_secrets(*folders) == ["session_token"]
    (tmp_path / "modules/git/main.tf").write_text("x = var.owner.oidc_access_token")
    assert owner_secrets(*folders) == BOTH
