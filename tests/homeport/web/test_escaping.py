"""What people and programs write is shown as they wrote it, and never becomes part of a page."""

from typing import Any

import pytest

from homeport.kit import clock
from homeport.web.markdown import render_inline, render_markdown
from tests.homeport.web.site import Document, Site

ATTACK = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'"


def check(reply, *, least: int = 1) -> None:
    """The attack is on the page as words, and only as words."""
    assert reply.status_code in {200, 400}
    page = Document(reply.text)
    assert page.runnables() == []
    assert "onerror=alert" not in str(page.tags).replace(ATTACK, "").replace(repr(ATTACK)[1:-1], "")
    seen = page.text + " ".join(str(value) for _, attributes in page.tags for value in attributes.values())
    assert seen.count("onerror=alert(1)") >= least


@pytest.mark.requirement("WEB-ESCAPE-01")
async def test_words_of_template_authors_are_words(site: Site):
    owner = await site.accounts.make("owner")
    parameters: list[dict[str, Any]] = [
        {"name": "plain", "display_name": ATTACK, "description": ATTACK, "default_value": ATTACK},
        {"name": "area", "form_type": "textarea", "default_value": "</textarea>" + ATTACK},
        {
            "name": "choice",
            "default_value": ATTACK,
            "options": [{"name": ATTACK, "value": ATTACK, "description": ATTACK}, {"name": "b", "value": "b"}],
        },
    ]
    template = await site.world.template(parameters=parameters, display_name=ATTACK, description=ATTACK)
    await site.db.execute(
        "update template_versions set readme = $1, message = $1", ATTACK + "\n\n[x](javascript:alert(1))"
    )
    for path in (
        "/templates",
        f"/templates/{template.name}",
        "/workspaces/new",
        f"/templates/{template.name}/workspace",
    ):
        check(await site.get(owner, path))
    check(await site.post(owner, f"/templates/{template.name}/workspace", {"name": ATTACK, "parameter.plain": ATTACK}))


@pytest.mark.requirement("WEB-ESCAPE-01")
async def test_words_of_builds_and_agents_are_words(site: Site):
    owner = await site.accounts.make("owner")
    workspace = await site.world.running(
        owner, await site.world.template(parameters=[{"name": "plain"}]), values={"plain": ATTACK}
    )
    agent, build = workspace.latest_build.resources[0].agents[0], workspace.latest_build
    now = clock.now()
    await site.world.insert(
        "workspace_agent_metadata",
        {
            "workspace_agent_id": agent.id, "display_name": ATTACK, "key": "k", "script": "true", "value": ATTACK,
            "error": "", "timeout_seconds": 1, "interval_seconds": 1, "collected_at": now,
        },
    )  # fmt: skip
    line = {"job_id": build.job.id, "created_at": now, "source": "provisioner", "level": "info"}
    await site.world.insert("provisioner_job_logs", {**line, "stage": ATTACK, "output": f"{ATTACK}."})
    await site.db.execute(
        "update workspace_agents set directory = $1, troubleshooting_url = 'javascript:alert(1)'", ATTACK
    )
    await site.db.execute(
        "update workspace_apps set display_name = $1, url = 'javascript:alert(1)', external = true", ATTACK
    )
    base = f"/@{owner.username}/{workspace.name}"
    check(await site.get(owner, base), least=4)
    check(await site.get(owner, f"{base}/builds/1"), least=2)
    check(await site.get(owner, f"{base}/parameters"))
    log = await site.get(owner, f"{base}/builds/1/log")
    assert log.headers["content-type"].startswith("text/event-stream")


@pytest.mark.requirement("WEB-ESCAPE-01")
async def test_words_of_people_are_words(site: Site):
    owner = await site.accounts.make("owner")
    await site.db.execute("update users set name = $1 where not is_system", ATTACK)
    check(await site.get(owner, "/account"))
    check(await site.get(owner, "/users"))
    for path in ("/workspaces", "/templates", "/users", "/audit"):
        reply = await site.get(owner, path, params={"q": f'name:"{ATTACK[:-2]}"', "show": ATTACK, "page": ATTACK})
        assert Document(reply.text).runnables() == []
    missing = await site.get(None, "/<script>alert(1)</script>")
    assert Document(missing.text).runnables() == []


@pytest.mark.requirement("WEB-ESCAPE-02")
@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "![x](javascript:alert(1))",
        "<javascript:alert(1)>",
        '[x](https://a.test "onclick=alert(1)")',
        '[x](https://a.test/"onmouseover="alert(1))',
        "[x]: javascript:alert(1)\n\n[x]",
        "`<script>`\n\n```\n</code><script>alert(1)</script>\n```",
    ],
)
def test_markdown_runs_nothing(text: str):
    for html in (render_markdown(text), render_inline(text)):
        assert Document(str(html)).runnables() == []
        assert not Document(str(html)).all("script")


@pytest.mark.requirement("WEB-ESCAPE-02")
def test_markdown_keeps_what_is_meant():
    html = str(render_markdown("# One\n\n## Two\n\n| a |\n|---|\n| b |\n\n[x](https://a.test)"))
    assert "<h3>One</h3>" in html
    assert "<h4>Two</h4>" in html
    assert "<td>b</td>" in html
    assert '<a href="https://a.test">x</a>' in html
    assert len(str(render_markdown("x" * 10_000_000))) < 300_000


@pytest.mark.requirement("WEB-TPL-07")
def test_what_a_readme_says_to_programs_is_left_out():
    html = str(render_markdown("---\ndisplay_name: Kubernetes\ntags: [a]\n---\n\n# Pods\n"))
    assert html == "<h3>Pods</h3>\n"
    for text in ("---\nA line\n---\n", "---\nname: never closed\n", "Text\n\n---\nname: x\n---\n"):
        assert "<hr" in str(render_markdown(text))
