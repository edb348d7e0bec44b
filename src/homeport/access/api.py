"""HTTP routes of questions about permissions, and of reports about the page policy, below /api/v2."""

from typing import Any

from litestar import post

from homeport.access import reports
from homeport.access.routes import authenticated, public
from homeport.access.schemas import AuthorizationRequest, CSPViolation
from homeport.access.service.checks import check_permissions
from homeport.database import Database
from homeport.kit.http import Response
from homeport.rbac import Subject


@post(
    "/authcheck",
    opt=authenticated(),
    status_code=200,
    tags=["Authorization"],
    summary="Check authorization",
    description="Answers for the caller's own session, with its scopes. What does not exist is answered like what is refused.",
)
async def check_authorization(data: AuthorizationRequest, subject: Subject, db: Database) -> dict[str, bool]:
    """Say of each check whether the caller may."""
    return await check_permissions(db, subject=subject, request=data)


@post(
    "/csp/reports",
    opt={**public("browsers report what they have refused, before signing in as well"), "rate_limit": "csp"},
    status_code=200,
    tags=["General"],
    summary="Report CSP violations",
    description=f"Takes at most {reports.MAX_BODY} bytes. A few fields, without queries, are written into the server's log.",
    request_max_body_size=reports.MAX_BODY,
    sync_to_thread=False,
)
def report_violation(data: CSPViolation) -> Response:
    """Note that a page has broken the content security policy."""
    reports.note(data.csp_report)
    return Response(message="The report is noted.")


routes: list[Any] = [check_authorization, report_violation]
