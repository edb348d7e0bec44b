"""A running server as these tools see it: its address, a session of a person, its metadata, its consent page."""

import argparse
import html
import os
import re
import weakref
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

_FIELD = re.compile(r"<input\b[^>]*\bname=\"([^\"]+)\"[^>]*\bvalue=\"([^\"]*)\"")


class Failure(Exception):
    """What a tool expected of the server, and what it got."""


class Server:
    """One server and the session token of one person."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False, follow_redirects=False)
        weakref.finalize(self, self.http.close)
        self.session = {"Coder-Session-Token": token}

    def api(self, method: str, path: str, **more: Any) -> Any:
        """Call the HTTP API as the person. Raises Failure with the server's words."""
        reply = self.http.request(method, f"/api/v2{path}", headers=self.session, **more)
        if reply.status_code >= 400:
            raise Failure(f"{method} /api/v2{path} answered {reply.status_code}: {reply.text}")
        return reply.json() if reply.content else None

    def metadata(self) -> dict[str, Any]:
        """Return the authorization server's metadata (RFC 8414)."""
        reply = self.http.get("/.well-known/oauth-authorization-server")
        if reply.status_code != 200:
            raise Failure(f"the metadata answered {reply.status_code}: {reply.text[:200]}")
        found: dict[str, Any] = reply.json()
        return found

    def post(self, url: str, form: dict[str, str], **more: Any) -> httpx.Response:
        """Send a form to an endpoint of the metadata."""
        return self.http.post(url, data=form, **more)

    def allow(self, endpoint: str, parameters: dict[str, str]) -> dict[str, str]:
        """Do what the person would do on the consent page, and return what comes back to the client."""
        return answer(self.submit(endpoint, parameters))

    def submit(self, endpoint: str, parameters: dict[str, str]) -> httpx.Response:
        """Read the consent page and send its form with "Allow"; a consent that is remembered needs no form."""
        address = f"{endpoint}?{urlencode(parameters)}"
        page = self.http.get(address, headers=self.session)
        if page.status_code in {302, 303}:
            return page
        if page.status_code != 200:
            raise Failure(f"the consent page answered {page.status_code}: {page.text[:500]}")
        return self.http.post(address, headers=self.session, data={"csrf_token": form_token(page.text)})


def form_token(page: str) -> str:
    """Return what the form of a consent page proves itself by. Raises Failure where there is no form."""
    fields = {name: html.unescape(value) for name, value in _FIELD.findall(page)}
    if "csrf_token" not in fields:
        raise Failure("the consent page has no field csrf_token")
    return fields["csrf_token"]


def answer(reply: httpx.Response) -> dict[str, str]:
    """Return the parameters of a redirect back to the client. Raises Failure when there is none."""
    if reply.status_code not in {302, 303}:
        raise Failure(f"expected a redirect to the client, got {reply.status_code}: {reply.text[:500]}")
    found = parse_qs(urlsplit(reply.headers["location"]).query, keep_blank_values=True)
    return {name: values[0] for name, values in found.items()}


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every tool has."""
    made = argparse.ArgumentParser(prog=f"python -m scripts.oauth2.{name}", description=description)
    made.add_argument("--url", default=os.environ.get("HOMEPORT_URL", "http://127.0.0.1:3000"), help="[HOMEPORT_URL]")
    made.add_argument("--token", default=os.environ.get("HOMEPORT_SESSION_TOKEN", ""), help="[HOMEPORT_SESSION_TOKEN]")
    return made


def connect(arguments: argparse.Namespace) -> Server:
    """Return the server that the options name. Raises SystemExit without a session token."""
    if not arguments.token:
        raise SystemExit(
            "error: a session token is needed: --token, or HOMEPORT_SESSION_TOKEN (homeport tokens create)"
        )
    return Server(arguments.url, arguments.token)
