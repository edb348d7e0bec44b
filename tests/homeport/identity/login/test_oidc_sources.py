"""Where further claims come from: userinfo, the access token, or nowhere (identity 7.4); and what the link then holds."""

from typing import Any

import pytest

from homeport.database import Database
from tests.support.issuer import Issuer
from tests.support.signing_in import api_of, sign_in, signed_in


async def _claims(db: Database) -> dict[str, Any]:
    found: dict[str, Any] = await db.fetchval("select claims from user_links")
    return found


@pytest.mark.requirement("OIDC-MERGE-01", "M22")
async def test_userinfo_goes_before_the_id_token(db: Database, issuer: Issuer) -> None:
    issuer.user_info = {"sub": "ada-1", "email": "ada@new.example", "groups": ["a", "b"], "iss": "https://evil.example"}
    await signed_in(api_of(db, issuer), issuer)
    claims = await _claims(db)
    assert claims["id_token_claims"]["email"] == "ada@example.com"
    assert claims["user_info_claims"] == issuer.user_info
    assert (claims["merged_claims"]["email"], claims["merged_claims"]["groups"]) == ("ada@new.example", ["a", "b"])
    assert claims["merged_claims"]["iss"] == issuer.url
    assert await db.fetchval("select email from users where not is_system") == "ada@new.example"


@pytest.mark.requirement("OIDC-USERINFO-01")
@pytest.mark.parametrize("subject", ["eve-2", None, 7])
async def test_userinfo_of_somebody_else_is_refused(db: Database, issuer: Issuer, subject: Any) -> None:
    issuer.user_info = {"sub": subject, "email": "eve@example.com"}
    reply = await sign_in(api_of(db, issuer), issuer)
    assert (reply.status_code, "somebody else" in reply.text) == (400, True)


@pytest.mark.requirement("OIDC-USERINFO-02")
async def test_a_provider_without_userinfo_is_only_warned_about(
    db: Database, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.document_changes = {"userinfo_endpoint": None}
    await signed_in(api_of(db, issuer), issuer)
    assert "no userinfo endpoint" in caplog.text
    claims = await _claims(db)
    assert (claims["user_info_claims"], claims["merged_claims"]) == ({}, claims["id_token_claims"])


@pytest.mark.requirement("OIDC-USERINFO-03")
@pytest.mark.expected_errors("did not complete the sign-in")
@pytest.mark.parametrize("answer", [(500, {}), (401, {"error": "invalid_token"}), (200, ["a"])])
async def test_userinfo_that_fails_ends_the_sign_in(db: Database, issuer: Issuer, answer: Any) -> None:
    issuer.failing["/userinfo"] = answer
    reply = await sign_in(api_of(db, issuer), issuer)
    assert reply.status_code == 500


@pytest.mark.requirement("OIDC-USERINFO-04")
async def test_userinfo_may_be_signed(db: Database, issuer: Issuer) -> None:
    issuer.user_info_type = "application/jwt"
    issuer.user_info = {"sub": "ada-1", "department": "analysis"}
    await signed_in(api_of(db, issuer), issuer)
    assert (await _claims(db))["merged_claims"]["department"] == "analysis"


@pytest.mark.requirement("OIDC-SOURCE-01")
async def test_userinfo_can_be_left_alone(db: Database, issuer: Issuer) -> None:
    issuer.failing["/userinfo"] = (500, {})
    await signed_in(api_of(db, issuer, oidc_ignore_userinfo=True), issuer)
    assert issuer.count("GET /userinfo") == 0


@pytest.mark.requirement("OIDC-MERGE-02", "OIDC-SOURCE-02")
async def test_claims_of_the_access_token_fill_what_the_id_token_lacks(db: Database, issuer: Issuer) -> None:
    issuer.access_token_claims = {"sub": "other", "email": "other@example.com", "roles": ["auditor"]}
    await signed_in(api_of(db, issuer, oidc_access_token_claims=True), issuer)
    merged = (await _claims(db))["merged_claims"]
    assert (merged["sub"], merged["email"], merged["roles"]) == ("ada-1", "ada@example.com", ["auditor"])
    assert issuer.count("GET /userinfo") == 0


@pytest.mark.requirement("OIDC-SOURCE-02")
@pytest.mark.parametrize("claims", [None, {"iss": "https://another.example"}, {"exp": 1}, {"exp": "soon"}])
async def test_an_access_token_that_is_not_proven_is_refused(
    db: Database, issuer: Issuer, claims: dict[str, Any] | None
) -> None:
    issuer.access_token_claims = claims
    reply = await sign_in(api_of(db, issuer, oidc_access_token_claims=True), issuer)
    assert (reply.status_code, "access token" in reply.json()["message"]) == (400, True)


@pytest.mark.requirement("OIDC-FIELDS-01")
async def test_the_fields_are_the_operators_choice(db: Database, issuer: Issuer) -> None:
    issuer.person = {"sub": "ada-1", "mail": "ada@example.com", "login": "countess", "cn": " Ada  Lovelace "}
    api = api_of(db, issuer, oidc_email_field="mail", oidc_username_field="login", oidc_name_field="cn")
    await signed_in(api, issuer)
    found = await db.fetchrow("select email, username, name from users where not is_system")
    assert found is not None
    assert tuple(found) == ("ada@example.com", "countess", "Ada Lovelace")


@pytest.mark.requirement("LINK-CLAIMS-02")
async def test_claims_that_the_database_cannot_hold_sign_in_all_the_same(db: Database, issuer: Issuer) -> None:
    issuer.person |= {
        "odd": "a\x00b",
        "big": 2**80,
        "name": "Ada\x00",
        "half": "\ud800".encode("utf-8", "replace").decode(),
    }
    issuer.user_info = {"sub": "ada-1"}
    await signed_in(api_of(db, issuer), issuer)
    merged = (await _claims(db))["merged_claims"]
    assert (merged["odd"], merged["big"]) == ("a\ufffdb", str(2**80))
