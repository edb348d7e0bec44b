"""Who may not do something reads on the page why, and who may; who may not see it reads nothing of it."""

import pytest

from tests.homeport.web.site import Site
from tests.support.names import unique_name


@pytest.mark.requirement("RBAC-REFUSAL-05")
async def test_a_refused_page_says_what_is_missing_for_whom(site: Site) -> None:
    member = await site.accounts.make("member")
    name = unique_name("new")
    fields = {"email": f"{name}@homeport.test", "username": name, "name": "New", "password": "a-Long-Passphrase-4711"}
    refused = await site.post(member, "/users/new", fields)
    assert refused.status_code == 403
    assert "The permission that is missing is user:create." in refused.text
    assert f"{member.username} does not have it. Built-in roles that have it: owner, user-admin." in refused.text


@pytest.mark.requirement("RBAC-REFUSAL-05")
async def test_a_page_that_is_hidden_explains_nothing(site: Site) -> None:
    owner, member = await site.accounts.make("owner"), await site.accounts.make("member")
    hidden = await site.get(member, f"/users/{owner.username}")
    assert hidden.status_code == 404
    assert "permission" not in hidden.text.lower()
    assert owner.username not in hidden.text.replace(f"/users/{owner.username}", "")
