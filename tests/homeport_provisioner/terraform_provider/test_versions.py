"""The version that the bundled provider says that it is."""

import pytest

from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.terraform_provider.versions import choose


@pytest.mark.requirement("TF-PROVIDER-08")
@pytest.mark.parametrize(
    ("constraints", "wanted"),
    [
        ((), "2.18.0"),
        ((">= 0.12", "~> 2.0"), "2.18.0"),
        (("2.4.1",), "2.4.1"),
        (("= 0.6.10",), "0.6.10"),
        (("v1.0.2",), "1.0.2"),
        (("~> 0.11.0",), "0.11.1"),
        (("~> 1.0", ">= 1.3"), "1.3.1"),
        (("~> 2.3.0",), "2.3.1"),
        (("> 2.18.0",), "2.18.1"),
        (("< 2.18.0",), "2.17.0"),
        (("< 1.0.0",), "0.0.0"),
        ((">= 2.0, < 2.5, != 2.4.0",), "2.4.1"),
        (("!= 2.18.0",), "2.18.1"),
        (("2.5.0-rc.1",), "2.5.0-rc.1"),
        (("~> 3.1", ""), "3.1.1"),
    ],
)
def test_a_version_fits_all_constraints(constraints: tuple[str, ...], wanted: str) -> None:
    assert choose(constraints) == wanted


@pytest.mark.requirement("TF-PROVIDER-08")
@pytest.mark.parametrize(
    ("constraints", "words"),
    [
        (("~> 1.0", "~> 2.0"), "No version .* fits all constraints of the template: ~> 1.0; ~> 2.0"),
        (("2.5.0-rc.1", ">= 2.0"), "No version"),
        (("latest",), "'latest' is no constraint"),
        ((">= 2.x",), "'>= 2.x' is no constraint"),
    ],
)
def test_constraints_that_nothing_fits_are_told(constraints: tuple[str, ...], words: str) -> None:
    with pytest.raises(EngineFailure, match=words):
        choose(constraints)
