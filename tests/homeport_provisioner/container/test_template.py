"""The section `container`: what is read, and every mistake with its line. No engine is asked."""

from pathlib import Path
from textwrap import dedent

import pytest

from homeport_provisioner.template import TemplateError, read_template
from homeport_provisioner.template.shape import ContainerPlan, Mount, Tmpfs
from tests.homeport_provisioner.conftest import ended
from tests.homeport_provisioner.process_workspaces import template as process_template
from tests.homeport_provisioner.stand_in import StandIn
from tests.support.podman import COMPONENTS

START = "agents: [{name: main}]\nvariables: [{name: key, sensitive: true}]\ncontainer:\n"


def read(folder: Path, section: str, files: tuple[str, ...] = ()) -> ContainerPlan:
    (folder / "homeport.yaml").write_text(
        START + "".join(f"  {line}\n" for line in dedent(section).strip().split("\n"))
    )
    for name in files:
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text("FROM scratch\n")
    plan = read_template(folder).container
    assert plan is not None
    return plan


@pytest.mark.requirement("CONTAINER-TEMPLATE-01")
def test_everything_is_read(tmp_path: Path) -> None:
    plan = read(
        tmp_path,
        """
        build: {context: image, dockerfile: Containerfile, target: dev, args: {A: "${workspace.name}", B: 3}}
        pull: always
        user: dev
        home: /home/dev
        network: team
        extra_hosts: {db.internal: 10.0.0.7}
        env: {HOME_IS: "${workspace.home}"}
        volumes: [{name: cache, path: /var/cache/x}]
        tmpfs: [{path: /scratch, size: 1GiB}, {path: /other}]
        devices: [/dev/fuse, "/dev/kvm:/dev/kvm:rw"]
        privileged: true
        entrypoint: [/usr/bin/tini, --]
        labels: {team: core}
        """,
        ("image/Containerfile",),
    )
    assert plan.build is not None
    assert (plan.build.context, plan.build.dockerfile, plan.build.target) == ("image", "Containerfile", "dev")
    assert plan.build.args == {"A": "${workspace.name}", "B": "3"}
    assert plan.volumes == (Mount(name="cache", path="/var/cache/x"),)
    assert plan.tmpfs == (Tmpfs(path="/scratch", size=1024**3), Tmpfs(path="/other", size=0))
    assert plan.devices == ("/dev/fuse", "/dev/kvm:/dev/kvm:rw")
    assert (plan.pull, plan.user, plan.home, plan.network, plan.privileged) == (
        "always",
        "dev",
        "/home/dev",
        "team",
        True,
    )


@pytest.mark.requirement("CONTAINER-TEMPLATE-01")
@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("pull: missing", "homeport.yaml:3: container: needs an image, or a build that makes one, and not both"),
        ("image: x\nbuild: {}", "homeport.yaml:3: container: needs an image, or a build that makes one, and not both"),
        ("image: x\nimgae: y", "homeport.yaml:5: container.imgae: is not known here; did you mean 'image'?"),
        ("image: ''", "homeport.yaml:4: container.image: is empty"),
        ("image: ${workspace.home}", "'${workspace.home}' is not known"),
        ("image: x-${variable.key}", "'${variable.key}' is sensitive"),
        ("image: x\nenv: {A: '${variable.key}'}", "'${variable.key}' is sensitive"),
        ("image: x\nlabels: {homeport.x: y}", "begins with homeport., which is how the engine knows its own things"),
        ("image: x\nenv: {HOMEPORT_AGENT_TOKEN: y}", "which are set by the agent"),
        ("image: x\nhome: relative", "must be an absolute path"),
        ("image: x\nhome: /home/../etc", "must be an absolute path in its plain form"),
        ("image: x\nhome: /", "'/' is needed by the system"),
        ("image: x\nhome: /proc/1", "'/proc/1' is needed by the system"),
        ("image: x\nvolumes: [{name: a, path: /.homeport/agents}]", "is needed by the system"),
        ("image: x\nvolumes: ['/etc:/host']", "folders of the machine cannot be mounted"),
        ("image: x\nvolumes: [{name: a/../b, path: /a}]", "must be small letters, digits and hyphens"),
        ("image: x\nvolumes: [{name: home, path: /a}]", "the name 'home' is taken"),
        ("image: x\nvolumes: [{name: a, path: /a}, {name: b, path: /a}]", "'/a' is the place of two mounts"),
        ("image: x\ndevices: [fuse]", "must be a device such as /dev/fuse"),
        ("image: x\ndevices: [/dev/../etc/shadow]", "must be a device such as /dev/fuse"),
        ("image: x\nnetwork: none", "would keep the agent from reaching the server"),
        ("image: x\nnetwork: container:other", "must be 'host' or the name of a network"),
        ("image: x\nprivileged: 'yes'", "must be true or false"),
        ("image: x\npull: sometimes", "must be one of missing, always, never"),
        ("build: {context: ../..}", "'../..' is no folder of the template"),
        ("build: {dockerfile: /etc/passwd}", "is no file in the folder that is the build's context"),
        ("build: {}", "'Dockerfile' is no file in the folder"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path: Path, section: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        read(tmp_path, section)
    assert message in str(caught.value)
    assert str(caught.value).startswith("homeport.yaml:")


@pytest.mark.needs(*COMPONENTS)
@pytest.mark.xdist_group("podman")
@pytest.mark.requirement("CONTAINER-TEMPLATE-01")
@pytest.mark.usefixtures("daemon")
async def test_template_without_the_section_is_not_for_this_engine(stand_in: StandIn) -> None:
    job = await ended(stand_in.submit_import("container", process_template()))
    assert "has no section `container`" in job.failure["error"]
