"""The TypeScript SDKs and oauth4webapi, from npm."""

import json

import pytest

from tests.interop.conftest import RunNode
from tests.interop.published import Publisher


@pytest.mark.requirement("E2E-02", "E2E-06")
@pytest.mark.parametrize("program", ["sdk-v1.mjs", "client-v2.mjs"])
def test_the_typescript_sdks_sign_in_refresh_step_up_and_recover(run_node: RunNode, program: str) -> None:
    ended = json.loads(run_node(program, CLIENT_SCOPE="coder:workspaces.read").splitlines()[-1])
    assert ended["registered"] == 2


@pytest.mark.requirement("E2E-02", "CIM-01")
@pytest.mark.parametrize("program", ["sdk-v1.mjs", "client-v2.mjs"])
def test_the_typescript_sdks_sign_in_by_a_document(run_node: RunNode, published: Publisher, program: str) -> None:
    document = {
        "client_name": "Interoperability", "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }  # fmt: skip
    url = published.put(f"/clients/{program}.json", document)
    assert json.loads(run_node(program, CLIENT_METADATA_URL=url).splitlines()[-1]) == {"asked": 1, "registered": 0}
    assert f"/clients/{program}.json" in published.fetched


@pytest.mark.requirement("E2E-04")
def test_oauth4webapi_finds_nothing_to_refuse(run_node: RunNode) -> None:
    assert run_node("oauth4webapi.mjs").endswith("ok\n")
