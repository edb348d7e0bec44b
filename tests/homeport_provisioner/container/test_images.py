"""Images: there, pulled, built; and all the ways in which they are not."""

import asyncio
from uuid import uuid4

import pytest

from homeport.bootstrap.service.scripts import init_script
from tests.homeport_provisioner.conftest import ended, running
from tests.homeport_provisioner.container.workspaces import Workspace, template
from tests.homeport_provisioner.process_workspaces import tagged, until
from tests.homeport_provisioner.stand_in import StandIn
from tests.support.podman import COMPONENTS, IMAGE, NOTHING

pytestmark = [
    pytest.mark.needs(*COMPONENTS),
    pytest.mark.xdist_group("podman"),
]
DOCKERFILE = f"""
FROM {IMAGE} AS base
ARG GREETING=none
COPY greeting.txt /greeting.txt
RUN echo building-one && echo "$GREETING" > /argument
FROM base AS other
RUN echo wrong > /argument
FROM base AS right
RUN echo building-two
"""


def built(**more: object) -> dict[str, str | bytes]:
    build = {"dockerfile": "Dockerfile", "context": "image", "args": {"GREETING": "${parameter.greeting}"}, **more}
    return template(
        container={"build": build},
        parameters=[{"name": "greeting", "default": "good day"}],
        files={"image/Dockerfile": DOCKERFILE, "image/greeting.txt": "from the template\n"},
    )


@pytest.mark.requirement("CONTAINER-BUILD-01")
async def test_image_is_built_from_the_template_with_progress(workspace: Workspace) -> None:
    workspace.files = built(target="right")
    job = await workspace.start(parameters={"greeting": 'it\'s "me"'})
    assert workspace.run("cat /greeting.txt /argument").splitlines() == ["from the template", 'it\'s "me"']
    lines = [line["output"] for line in job.logs]
    assert any("building-one" in line for line in lines), lines
    assert any("building-two" in line for line in lines), lines
    assert not any("wrong" in line for line in lines), "a stage that the target does not need was built"
    assert len(workspace.podman.things()["images"]) == 1

    assert (await workspace.build("stop")).result
    workspace.files["image/greeting.txt"] = "a new version\n"
    await workspace.start()
    assert workspace.run("cat /greeting.txt") == "a new version"
    assert len(workspace.podman.things()["images"]) == 1, "the image of the build before goes"
    before = {line.split()[0] for line in workspace.podman.call("images", "-a", "-q").splitlines()}
    assert (await workspace.build("delete")).result
    assert workspace.podman.things() == NOTHING
    after = {line.split()[0] for line in workspace.podman.call("images", "-a", "-q").splitlines()}
    assert len(after) < len(before)


@pytest.mark.requirement("CONTAINER-BUILD-01")
async def test_failing_build_says_where_and_leaves_nothing(workspace: Workspace) -> None:
    workspace.files = template(
        container={"build": {}}, files={"Dockerfile": f"FROM {IMAGE}\nRUN echo before; ls /no-such-place\n"}
    )
    job = await workspace.build("start")
    assert "The image cannot be built" in job.failure["error"]
    assert "no-such-place" in job.text()
    assert workspace.podman.things() == NOTHING


@pytest.mark.requirement("CONTAINER-START-01")
@pytest.mark.parametrize("python", ["", "#!/bin/sh\ncase $* in *json*) exit 0;; *version_info*) exit 1;; esac\n"])
async def test_image_that_cannot_run_an_agent_fails_the_start(
    workspace: Workspace, stand_in: StandIn, python: str
) -> None:
    """The agent's log is no place for it: there is nobody who could write to it."""
    recipe = f"FROM {IMAGE}\nRUN rm -f /usr/bin/python3*\n"
    files = {"Dockerfile": recipe + ("COPY --chmod=755 old /usr/bin/python3\n" if python else ""), "old": python}
    workspace.files = template(container={"build": {}}, files=files)
    stand_in.init_script = init_script(stand_in.url, "linux", "amd64").encode()
    error = await workspace.refused()
    assert error.startswith("The image cannot run an agent: The agent needs Python 3.11 or newer, and ")
    assert workspace.podman.things() == NOTHING


@pytest.mark.requirement("CONTAINER-PULL-01")
async def test_pull_that_fails_says_what_and_what_to_do(workspace: Workspace) -> None:
    workspace.files = template(container={"image": "127.0.0.1:9/team/tools:3", "pull": "missing"})
    error = await workspace.refused()
    assert error.startswith("The image 127.0.0.1:9/team/tools:3 cannot be pulled: ")
    assert "can the engine's machine reach 127.0.0.1:9?" in error
    assert workspace.podman.things() == NOTHING


@pytest.mark.requirement("CONTAINER-PULL-01")
async def test_image_that_is_missing_and_may_not_be_pulled(workspace: Workspace) -> None:
    workspace.files = template(container={"image": "localhost/nobody-has-this:1"})
    assert "is not on" in (error := await workspace.refused())
    assert "`pull: never`" in error


@pytest.mark.requirement("CONTAINER-PULL-01")
@pytest.mark.parametrize(
    "name",
    [
        "no such name",
        "--privileged",
        "localhost/homeport-workspace:other",
        "https://example.com/x",
        "x/../../containers/y",
        "a:b:c",
        "",
    ],
)
async def test_names_that_are_no_images(workspace: Workspace, name: str) -> None:
    workspace.files = template(
        container={"image": "${parameter.image}"}, parameters=[{"name": "image", "default": IMAGE}]
    )
    error = await workspace.refused(parameters={"image": name})
    assert "name of an image" in error or "name of images" in error


@pytest.mark.requirement("CONTAINER-CANCEL-01")
async def test_build_is_canceled_in_the_middle(workspace: Workspace) -> None:
    step, next_step = f"3.{uuid4().int}", f"98765.{uuid4().int}"
    recipe = f"FROM {IMAGE}\nRUN echo it-begins; sleep {step}\nRUN sleep {next_step}\n"
    workspace.files = template(container={"build": {}}, files={"Dockerfile": recipe})
    job = workspace.submit()
    await running(job)
    await until(lambda: "it-begins" in job.text(), what=job.text)
    job.is_canceled = True
    await ended(job, 20)
    assert job.failure["canceled"] is True
    assert workspace.podman.things() == NOTHING
    # Podman ends a build between two steps, when the one that runs is over.
    await until(lambda: "working-container" not in workspace.podman.call("ps", "-a", "--external"))
    assert tagged(step) == tagged(next_step) == []


@pytest.mark.requirement("CONTAINER-CANCEL-01")
async def test_pull_is_canceled_in_the_middle(workspace: Workspace) -> None:
    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    asked = asyncio.Event()
    registry = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    port = registry.sockets[0].getsockname()[1]
    workspace.files = template(container={"image": f"127.0.0.1:{port}/slow:1", "pull": "always"})
    job = workspace.submit()
    async with asyncio.timeout(30):
        await asked.wait()
    job.is_canceled = True
    await ended(job, 20)
    registry.close()
    assert job.failure["canceled"] is True
    assert workspace.podman.things() == NOTHING
