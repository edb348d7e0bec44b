"""Which targets of redirects are paths of this server."""

import pytest

from homeport.kit.addresses import MOST_PATH, local_path
from tests.support.tricks import PATHS, TRICKS


@pytest.mark.requirement("REDIRECT-TRICKS-01")
@pytest.mark.parametrize("target", TRICKS)
def test_a_trick_ends_at_the_beginning(target: str) -> None:
    assert local_path(target) == "/"


@pytest.mark.requirement("REDIRECT-TRICKS-01")
def test_there_are_more_tricks_than_twenty_and_none_is_listed_twice() -> None:
    assert len(set(TRICKS)) == len(TRICKS) > 20


@pytest.mark.requirement("REDIRECT-TRICKS-01")
@pytest.mark.parametrize("target", [*PATHS, "/" + "a" * (MOST_PATH - 1)])
def test_a_path_of_ours_is_kept_to_the_letter(target: str) -> None:
    assert local_path(target) == target
