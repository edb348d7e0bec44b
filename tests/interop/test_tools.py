"""The tools of scripts/oauth2, run as their README says."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from scripts.oauth2.pkce import make_pair
from scripts.oauth2.server import Server as Person
from scripts.oauth2.server import answer
from tests.support.server import Server

ROOT = Path(__file__).parents[2]


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.requirement("M07", "M01", "M02", "M03", "M04")
def test_the_check_finds_nothing(server: Server) -> None:
    done = run("scripts.oauth2.check_mcp_oauth2", "--url", server.url, "--token", server.token)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all passed" in done.stdout
    assert done.stdout.count("ok      ") >= 15


@pytest.mark.requirement("M07")
def test_the_check_says_what_fails(server: Server) -> None:
    done = run("scripts.oauth2.check_mcp_oauth2", "--url", server.url, "--token", "0123456789-0123456789012345678901")
    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.requirement("M07", "M02")
def test_the_pair_is_one() -> None:
    done = run("scripts.oauth2.pkce")
    values = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert values["code_challenge_method"] == "S256"
    assert len(values["code_verifier"]) >= 43
    assert len(values["code_challenge"]) == 43
    assert make_pair() != make_pair()


@pytest.mark.requirement("M07")
def test_an_application_is_set_up_walked_through_and_cleaned_up(server: Server) -> None:
    options = ["--url", server.url, "--token", server.token]
    made = run("scripts.oauth2.app", *options, "set-up", "--name", "by-hand")
    assert made.returncode == 0, made.stderr
    values = dict(line.removeprefix("export ").split("=", 1) for line in made.stdout.splitlines())
    command = [
        sys.executable, "-m", "scripts.oauth2.manual_flow", "--url", server.url, "--no-browser", "--port", "0",
        "--client-id", values["CLIENT_ID"], "--client-secret", values["CLIENT_SECRET"], "--resource", f"{server.url}/mcp",
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as flow:
        assert flow.stderr is not None
        address = next(line.strip() for line in flow.stderr if line.startswith("http"))
        person = Person(server.url, server.token)
        page = person.http.get(address, headers=person.session)
        assert page.status_code == 200, page.text
        back = allow(person, address)
        assert httpx.get(back, trust_env=False).text == "Done. You may close this page.\n"
        out, err = flow.communicate(timeout=60)
    assert flow.returncode == 0, err
    assert '"token_type": "Bearer"' in out
    gone = run("scripts.oauth2.app", *options, "clean-up", values["CLIENT_ID"])
    assert gone.returncode == 0, gone.stderr
    again = run("scripts.oauth2.app", *options, "clean-up", values["CLIENT_ID"])
    assert again.returncode == 1
    assert "error: " in again.stderr


def allow(person: Person, address: str) -> str:
    """Allow on the page and return the whole address that the browser is sent to."""
    endpoint, _, query = address.partition("?")
    parameters = dict(httpx.QueryParams(query))
    reply = person.submit(endpoint, parameters)
    assert "code" in answer(reply)
    return str(reply.headers["location"])
