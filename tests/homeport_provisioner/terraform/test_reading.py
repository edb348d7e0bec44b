"""From Terraform's JSON and DOT to agents, resources and parameters. The documents are made here, in Terraform's shape."""

from typing import Any

import pytest

from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.terraform.reading import Reading, read_plan, read_state
from homeport_provisioner.terraform.reading.graph import Graph, label_of
from homeport_sdk.provisioner_protocol import Styling
from tests.homeport_provisioner.terraform.documents import AGENT, TOKEN, Entry, dot, entry, module, state


def with_agent(*entries: Entry, edges: tuple[str, ...] = (), **agent: Any) -> Reading:
    return state(
        entry("coder_agent.dev", **{**AGENT, **agent}),
        entry("docker_container.workspace[0]", id="c1"),
        *entries,
        edges=("docker_container.workspace > coder_agent.dev", *edges),
    )


@pytest.mark.requirement("TF-READ-01")
def test_agent_with_all_its_attributes() -> None:
    monitoring = {
        "memory": [{"enabled": True, "threshold": 90}],
        "volume": [{"path": "/", "enabled": False, "threshold": 70}],
    }
    [resource] = with_agent(
        dir="/home/ada",
        env={"A": "1"},
        display_apps=[{"vscode": False, "vscode_insiders": True, "web_terminal": True}],
        connection_timeout=30,
        troubleshooting_url="https://help",
        motd_file="/etc/motd",
        metadata=[{"key": "cpu", "display_name": "CPU", "script": "top", "interval": 5, "timeout": 2, "order": 1}],
        resources_monitoring=[monitoring],
        order=3,
        api_key_scope="no_user_data",
        startup_script="start",
        startup_script_behavior="blocking",
        shutdown_script="stop",
    ).resources
    [agent] = resource.agents
    assert (agent.name, agent.operating_system, agent.architecture, agent.token) == ("dev", "linux", "amd64", TOKEN)
    assert (agent.directory, agent.env, agent.order, agent.api_key_scope) == (
        "/home/ada",
        {"A": "1"},
        3,
        "no_user_data",
    )
    assert agent.display_apps == ["vscode_insiders", "web_terminal", "ssh_helper", "port_forwarding_helper"]
    assert (agent.connection_timeout_seconds, agent.troubleshooting_url) == (30, "https://help")
    assert agent.motd_file == "/etc/motd"
    assert [(item.key, item.interval, item.timeout) for item in agent.metadata] == [("cpu", 5, 2)]
    assert agent.resources_monitoring is not None
    assert agent.resources_monitoring.memory is not None
    assert agent.resources_monitoring.memory.threshold == 90
    assert [(volume.path, volume.enabled) for volume in agent.resources_monitoring.volumes] == [("/", False)]
    start, stop = agent.scripts
    assert (start.log_path, start.run_on_start, start.start_blocks_login) == ("coder-startup-script.log", True, True)
    assert (stop.log_path, stop.run_on_start, stop.run_on_stop) == ("coder-shutdown-script.log", False, True)


@pytest.mark.requirement("TF-READ-01")
def test_agent_of_a_plan_has_what_is_known_by_then() -> None:
    entries = [entry("coder_agent.dev", os="linux", arch="arm64"), entry("a.b")]
    document = {"planned_values": {"root_module": module(entries)}}
    [agent] = read_plan(document, dot("a.b > coder_agent.dev")).resources[0].agents
    assert agent.token is None
    assert agent.display_apps == ["vscode", "web_terminal", "ssh_helper", "port_forwarding_helper"]
    assert agent.connection_timeout_seconds == 120


@pytest.mark.requirement("TF-READ-01")
@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        (["coder_agent.my_agent"], "underscore.*'my-agent'"),
        (["coder_agent.a--b"], "single hyphens"),
        (["coder_agent.a-"], "single hyphens"),
        (["coder_agent." + "a" * 65], "64"),
        (["coder_agent.dev", "coder_agent.DEV"], "case does not count"),
        (["coder_agent.dev[0]", "coder_agent.dev[1]"], "is taken"),
        (["coder_agent.dev", "module.x.coder_agent.dev"], "is taken"),
    ],
)
def test_names_of_agents_that_cannot_be(addresses: list[str], words: str) -> None:
    with pytest.raises(EngineFailure, match=words):
        state(*(entry(address) for address in addresses))


@pytest.mark.requirement("TF-READ-02")
def test_apps_in_full_and_by_default() -> None:
    full = entry(
        "coder_app.code",
        agent_id="agent-1",
        slug="code-server",
        display_name="Code",
        url="http://localhost:1",
        icon="/i.svg",
        subdomain=True,
        share="public",
        open_in="tab",
        order=1,
        group="G",
        hidden=True,
        tooltip="T",
        healthcheck=[{"url": "http://localhost:1/h", "interval": 5, "threshold": 6}],
    )
    plain = entry("coder_app.term", agent_id="agent-1", command="bash", share="everybody", external=None)
    term, code = with_agent(full, plain).resources[0].agents[0].apps
    assert (term.slug, term.display_name, term.command) == ("term", "term", "bash")
    assert (term.share, term.open_in, term.healthcheck) == ("owner", "slim-window", None)
    assert (code.slug, code.display_name, code.subdomain) == ("code-server", "Code", True)
    assert (code.share, code.open_in, code.group, code.hidden, code.tooltip) == ("public", "tab", "G", True, "T")
    assert code.healthcheck is not None
    assert code.healthcheck.threshold == 6


@pytest.mark.requirement("TF-READ-02")
@pytest.mark.parametrize("slug", ["Upper", "a_b", "-a", "a--b", "a" * 65])
def test_slugs_that_cannot_be(slug: str) -> None:
    with pytest.raises(EngineFailure, match=r"coder_app\.x: the slug"):
        with_agent(entry("coder_app.x", agent_id="agent-1", slug=slug))


@pytest.mark.requirement("TF-READ-02")
def test_slugs_are_unique_over_the_whole_template() -> None:
    with pytest.raises(EngineFailure, match=r"taken by coder_app\.a"):
        with_agent(entry("coder_app.a", slug="x"), entry("module.m.coder_app.b", slug="x"))
    # Unless only the apply will say them.
    later = with_agent(*(entry(f"coder_app.a_b[{number}]", agent_id="agent-1") for number in (0, 1)))
    assert [app.slug for app in later.resources[0].agents[0].apps] == ["coder-app-a-b-0", "coder-app-a-b-1"]


@pytest.mark.requirement("TF-READ-02")
def test_belongings_find_their_agent_by_the_graph_while_ids_are_unknown() -> None:
    entries = [
        entry("coder_agent.one"),
        entry("coder_agent.two"),
        entry("vm.one"),
        entry("vm.two"),
        entry("module.ide.coder_app.code"),
        entry("coder_script.s", display_name="S", script="echo", cron="@daily", run_on_start=True, timeout=9),
        entry("coder_env.e", name="E", value="v"),
        entry("coder_devcontainer.d", workspace_folder="/w", config_path="/w/c.json"),
        entry("coder_app.lost"),
    ]
    edges = (
        "vm.one > coder_agent.one",
        "vm.two > coder_agent.two",
        "module.ide.coder_app.code > local.x",
        "local.x > coder_agent.two",
        "coder_script.s > coder_agent.two",
        "coder_env.e > coder_agent.one",
        "coder_devcontainer.d > coder_agent.one",
    )
    reading = read_plan({"planned_values": {"root_module": module(entries)}}, dot(*edges))
    one, two = (resource.agents[0] for resource in reading.resources)
    assert [app.slug for app in two.apps] == ["module-ide-coder-app-code"]
    [script] = two.scripts
    assert (script.display_name, script.cron, script.timeout, script.run_on_start) == ("S", "@daily", 9, True)
    assert one.env == {"E": "v"}
    assert [(each.name, each.workspace_folder, each.config_path) for each in one.devcontainers] == [
        ("d", "/w", "/w/c.json")
    ]
    assert any("coder_app.lost" in warning for warning in reading.warnings)


@pytest.mark.requirement("TF-READ-02")
@pytest.mark.parametrize(("strategy", "value"), [(None, "b"), ("replace", "b"), ("append", "a:b"), ("prepend", "b:a")])
def test_variables_of_the_environment_merge(strategy: str | None, value: str) -> None:
    item = entry("coder_env.p", agent_id="agent-1", name="P", value="b", merge_strategy=strategy)
    assert with_agent(item, env={"P": "a"}).resources[0].agents[0].env == {"P": value}


@pytest.mark.requirement("TF-READ-02")
def test_a_variable_that_must_not_be_there_yet() -> None:
    item = entry("coder_env.p", agent_id="agent-1", name="P", value="b", merge_strategy="error")
    with pytest.raises(EngineFailure, match="variable 'P' already"):
        with_agent(item, env={"P": "a"})


@pytest.mark.requirement("TF-READ-02")
def test_ids_of_machines_are_for_agents_without_a_token() -> None:
    instance = entry("coder_agent_instance.i", agent_id="agent-1", instance_id="i-1")
    [agent] = with_agent(instance, auth="aws-instance-identity").resources[0].agents
    assert (agent.token, agent.instance_id) == (None, "i-1")
    [agent] = with_agent(instance).resources[0].agents
    assert (agent.token, agent.instance_id) == (TOKEN, None)


@pytest.mark.requirement("TF-READ-02")
@pytest.mark.parametrize(
    ("type", "attribute"),
    [
        ("aws_instance", "id"),
        ("google_compute_instance", "instance_id"),
        ("azurerm_linux_virtual_machine", "virtual_machine_id"),
    ],
)
def test_ids_of_machines_are_taken_from_the_machine(type: str, attribute: str) -> None:
    reading = state(
        entry("coder_agent.dev", **{**AGENT, "auth": "x-instance-identity"}),
        entry(f"{type}.vm", **{attribute: "m-1"}),
        edges=(f"{type}.vm > coder_agent.dev",),
    )
    assert reading.resources[0].agents[0].instance_id == "m-1"


@pytest.mark.requirement("TF-READ-03")
def test_an_agent_lies_in_the_nearest_resource_and_ties_go_by_label() -> None:
    reading = state(
        entry("coder_agent.dev", **AGENT),
        entry("coder_app.a", agent_id="agent-1"),
        entry("z.near"),
        entry("b.near"),
        entry("a.far"),
        edges=(
            "z.near > coder_agent.dev",
            "b.near > coder_agent.dev",
            "a.far > b.near",
            "coder_app.a > coder_agent.dev",
        ),
    )
    agents = {f"{each.type}.{each.name}": len(each.agents) for each in reading.resources}
    assert agents == {"a.far": 0, "b.near": 1, "z.near": 0}


@pytest.mark.requirement("TF-READ-03")
def test_an_agent_that_nothing_depends_on_is_left_out_and_said_so() -> None:
    reading = state(entry("coder_agent.dev", **AGENT), entry("a.b"))
    assert [resource.agents for resource in reading.resources] == [[]]
    assert "coder_agent.dev is left out" in reading.warnings[0]


@pytest.mark.requirement("TF-READ-03")
def test_what_is_shown_as_a_resource() -> None:
    reading = state(
        entry("aws_instance.vm[0]", instance_type="t3"),
        entry("aws_instance.vm[1]", instance_type="t3"),
        entry("module.net.aws_vpc.main", id="v"),
        entry("data.aws_ami.x"),
        entry("coder_metadata.m"),
        entry("data.coder_workspace.me"),
        entry('docker_volume.home["a].b"]', size="9"),
    )
    assert [(each.type, each.name, each.module_path, each.instance_type) for each in reading.resources] == [
        ("aws_instance", "vm", "", "t3"),
        ("aws_instance", "vm", "", "t3"),
        ("docker_volume", "home", "", ""),
        ("aws_vpc", "main", "module.net", ""),
    ]


@pytest.mark.requirement("TF-READ-04")
def test_parameters() -> None:
    bounds = {"min": 0, "max": 9, "min_disabled": False, "max_disabled": False}
    unbound = {"min": 0, "max": 0, "min_disabled": True, "max_disabled": True}
    size = entry(
        "data.coder_parameter.size",
        name="size",
        display_name="Size",
        type="number",
        form_type="slider",
        default="2",
        optional=True,
        mutable=True,
        order=2,
        validation=[{**bounds, "monotonic": "increasing", "error": "no"}],
    )
    region = entry(
        "data.coder_parameter.region",
        name="region",
        order=1,
        option=[{"name": "EU", "value": "eu", "icon": "/e", "description": "d"}],
        validation=[{"regex": "^e", "min": 0}],
    )
    styling = '{"mask_input":\n true, "placeholder": "key", "disabled": false, "later": 1}'
    key = entry("data.coder_parameter.key", name="key", ephemeral=True, value="s3cret-value", styling=styling)
    whatever = entry("data.coder_parameter.any", name="any", type="number", validation=[unbound])
    reading = state(size, whatever, region, key)
    found = {parameter.name: parameter for parameter in reading.parameters}
    assert list(found) == ["any", "key", "region", "size"]
    number, text = found["size"], found["region"]
    assert (number.type, number.form_type, number.default_value) == ("number", "slider", "2")
    assert (number.required, number.mutable, number.order, number.display_name) == (False, True, 2, "Size")
    assert (number.validation_min, number.validation_max, number.validation_monotonic) == (0, 9, "increasing")
    assert (number.validation_error, found["any"].validation_min, found["any"].validation_max) == ("no", None, None)
    assert (text.type, text.required, text.validation_regex, text.validation_min) == ("string", True, "^e", None)
    assert [(option.name, option.value) for option in text.options] == [("EU", "eu")]
    assert (found["key"].ephemeral, found["size"].styling) == (True, Styling())
    assert found["key"].styling == Styling(mask_input=True, placeholder="key", disabled=False)
    assert reading.secrets == ["s3cret-value"]


@pytest.mark.requirement("TF-READ-04")
def test_presets_external_accounts_and_tags() -> None:
    prebuilds = {
        "instances": 2,
        "expiration_policy": [{"ttl": 86400}],
        "scheduling": [{"timezone": "UTC", "schedule": [{"cron": "* 8-18 * * 1-5", "instances": 3}]}],
    }
    big = entry(
        "data.coder_workspace_preset.big[0]",
        name="Big",
        default=True,
        parameters={"size": "9", "colour": "red"},
        prebuilds=[prebuilds],
    )
    reading = state(
        entry("data.coder_parameter.size", name="size"),
        big,
        entry("data.coder_external_auth.a", id="github", optional=True),
        entry("data.coder_external_auth.b", id="github", optional=False),
        entry("data.coder_workspace_tags.t", tags={"zone": "eu"}),
        entry("coder_ai_task.t"),
    )
    [preset] = reading.presets
    assert (preset.name, preset.default) == ("Big", True)
    assert {each.name: each.value for each in preset.parameters} == {"size": "9", "colour": "red"}
    assert preset.prebuilds is not None
    assert (preset.prebuilds.instances, preset.prebuilds.ttl_seconds, preset.prebuilds.timezone) == (2, 86400, "UTC")
    assert [(each.cron, each.instances) for each in preset.prebuilds.schedules] == [("* 8-18 * * 1-5", 3)]
    assert "colour" in reading.warnings[0]
    assert [(each.id, each.optional) for each in reading.external_auth] == [("github", False)]
    assert reading.tags == {"zone": "eu"}
    assert reading.has_ai_task


def preset(label: str, **values: Any) -> Entry:
    return entry(f"data.coder_workspace_preset.{label}", **values)


@pytest.mark.requirement("TF-READ-04")
@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (
            [entry("data.coder_parameter.a", name="x"), entry("module.m.data.coder_parameter.b", name="x")],
            "'x' is declared by",
        ),
        ([entry("data.coder_parameter.a", name="x", type="map")], "not 'map'"),
        ([entry("data.coder_parameter.a", name="x", styling="label: X")], "styling is an object"),
        ([entry("data.coder_parameter.a", name="x", type="number", validation=[{"min": 0.5}])], r"\.a: .* not 0\.5"),
        ([entry("data.coder_parameter.a", name="x", type="number", validation=[{"max": 2**63}])], "max is a whole"),
        ([preset("a", name="x"), preset("b", name="x")], "two presets"),
        ([preset("a", name="x", default=True), preset("b", name="y", default=True)], "Only one preset"),
    ],
)
def test_what_no_form_could_show_is_refused(entries: list[Entry], words: str) -> None:
    with pytest.raises(EngineFailure, match=words):
        state(*entries)


def test_both_forms_of_the_graph_and_odd_indexes() -> None:
    plain = Graph('digraph G {\n  "module.m.a.b" -> "c.d";\n  "e.f" -> "module.m.a.b";\n}')
    full = Graph(
        '\t\t"[root] module.m.a.b (expand)" -> "[root] local.x (expand)"\n'
        '\t\t"[root] local.x (expand)" -> "[root] c.d (expand)"\n'
    )
    assert list(plain.below("e.f")) == ["module.m.a.b", "c.d"]
    assert list(plain.above("c.d")) == ["module.m.a.b", "e.f"]
    assert list(full.below("module.m.a.b")) == ["local.x", "c.d"]
    assert label_of('module.a["x.y]"].b.c[0]') == "module.a.b.c"
    assert list(Graph('"a.b" -> "c.d"\n"c.d" -> "a.b"').below("a.b")) == ["c.d"]
    assert list(Graph("").below("a.b")) == []


@pytest.mark.parametrize(
    "document", [{}, {"values": None}, {"values": {"root_module": {"resources": None}}}, {"planned_values": {}}]
)
def test_empty_documents(document: dict[str, Any]) -> None:
    assert read_state(document, "").resources == []
    assert read_plan(document, "").resources == []
