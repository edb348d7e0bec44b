"""What is generated from code and committed is what the code would write now."""

import pytest

from scripts.generate_docs import GENERATED, Generated, is_stale, write


@pytest.mark.parametrize("generated", GENERATED, ids=lambda generated: generated.path)
def test_no_generated_file_is_stale(generated):
    assert not is_stale(generated), (
        f"{generated.path} differs from what the code writes: run `make docs`, commit the result"
    )


def test_a_missing_or_differing_file_is_stale_until_it_is_written(tmp_path):
    generated = Generated("pages/one.md", lambda: "as it is now\n")
    assert is_stale(generated, tmp_path)
    write(generated, tmp_path)
    assert not is_stale(generated, tmp_path)
    (tmp_path / "pages" / "one.md").write_text("as it was\n")
    assert is_stale(generated, tmp_path)
