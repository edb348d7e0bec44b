"""Terraform with the bundled provider."""

from pathlib import Path

import pytest

from tests.support.terraform_provider import Terraform, prepare_terraform


@pytest.fixture
def terraform(tmp_path: Path) -> Terraform:
    return prepare_terraform(tmp_path)
