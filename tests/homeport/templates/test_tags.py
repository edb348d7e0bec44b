"""Tags that a template asks for itself: read from its text, evaluated with defaults, then anew for each build."""

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from homeport.files.rules import archive
from homeport.templates.rules.configuration import MOST_BYTES, is_configuration, read_configuration
from homeport.templates.rules.mistakes import TemplateMistake
from homeport.templates.rules.tags import evaluate_tags, tag_source
from homeport.templates.service import build_tags
from tests.homeport.templates.template_world import ORGANIZATION, TemplateWorld
from tests.support.accounts import Person

TAGGED = """
terraform {
  required_providers { coder = { source = "coder/coder" } }
}
variable "zone" {
  type    = string
  default = "eu"
}
variable "needed" { type = string }
locals {
  prefix = "P_${var.zone}"
}
data "coder_parameter" "project" {
  name    = "project name"
  default = "alpha"
}
data "coder_parameter" "cache" {
  name    = "cache"
  type    = "bool"
  default = false
}
data "coder_workspace_tags" "tags" {
  tags = {
    "static"  = "developers"
    "zone"    = var.zone
    "needed"  = var.needed
    "project" = "${local.prefix}_${data.coder_parameter.project.value}"
    "cache"   = data.coder_parameter.cache.value == "true" ? "with-cache" : "no-cache"
  }
}
resource "null_resource" "x" { count = data.coder_workspace.me.start_count }
"""
DEFAULTS = {"static": "developers", "zone": "eu", "needed": "", "project": "P_eu_alpha", "cache": "no-cache"}


def tags_of(files: Mapping[str, str], *, parameters: Mapping[str, str] | None = None, **variables: str) -> Any:
    """Return what the tags of these files are."""
    source = tag_source(read_configuration({name: text.encode() for name, text in files.items()}))
    return None if source is None else evaluate_tags(source, variables=variables, parameters=parameters)


def mistake(files: Mapping[str, str], **more: Any) -> str:
    with pytest.raises(TemplateMistake) as caught:
        tags_of(files, **more)
    assert caught.value.validations[0].field == "file_id"
    return caught.value.message


@pytest.mark.requirement("CONTENTS-TAGS-01")
def test_tags_are_made_of_defaults_and_of_values() -> None:
    assert tags_of({"main.tf": TAGGED}) == DEFAULTS
    given = tags_of({"main.tf": TAGGED}, zone="us", needed="n", parameters={"project name": "beta", "cache": "true"})
    assert given == {"static": "developers", "zone": "us", "needed": "n", "project": "P_us_beta", "cache": "with-cache"}
    assert tags_of({"main.tf": 'resource "a" "b" {}'}) is None
    assert tags_of({}) is None


@pytest.mark.requirement("CONTENTS-TAGS-01")
def test_files_override_each_other_as_terraform_reads_them() -> None:
    override = 'variable "zone" { default = "over" }'
    assert tags_of({"z.tf": TAGGED, "a_override.tf": override})["zone"] == "over"
    assert tags_of({"z.tf": TAGGED, "terraform.tfvars": 'zone = "values"'})["zone"] == "values"
    both = {"terraform.tfvars": 'zone = "values"', "a.auto.tfvars.json": '{"zone": "auto"}'}
    assert tags_of({"z.tf": TAGGED, **both})["zone"] == "auto"
    assert tags_of({"z.tf": TAGGED, **both}, zone="asked")["zone"] == "asked"
    read = ("main.tf", "x.tf.json", "terraform.tfvars", "y.auto.tfvars", "y.auto.tfvars.json")
    assert all(is_configuration(name) for name in read)
    ignored = ("modules/a/main.tf", ".x.tf", "main.tf~", "main.txt", "dev.tfvars", "zzzz_homeport_override.tf.json")
    assert not any(is_configuration(name) for name in ignored)


@pytest.mark.requirement("CONTENTS-TAGS-01")
def test_the_json_form_is_read_too() -> None:
    document = {
        "variable": {"zone": {"default": "eu"}},
        "locals": [{"x": "${var.zone}-1"}],
        "data": {
            "coder_parameter": {"p": {"name": "P", "default": "q"}},
            "coder_workspace_tags": {
                "t": {"tags": {"a": "${local.x}", "b": "${data.coder_parameter.p.value}", "c": "d"}}
            },
        },
    }
    assert tags_of({"main.tf.json": json.dumps(document)}) == {"a": "eu-1", "b": "q", "c": "d"}
    assert mistake({"main.tf.json": '{\n"a": }'}).startswith("main.tf.json:2: ")
    assert mistake({"main.tf.json": "[]"}).startswith("main.tf.json:1: ")


@pytest.mark.requirement("CONTENTS-TAGS-02")
@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ('a = "b', "main.tf:1", "no closing quote"),
        ('\n\nresource "x" "y" {', "main.tf:3", "no closing brace"),
        ("a = 1 }", "main.tf:1", ""),
        ('\ndata "coder_workspace_tags" "t" {\n tags = { a = file("x") }\n}', "main.tf:3", "cannot be used here"),
        (
            'data "coder_workspace_tags" "t" {\n tags = { a = data.coder_workspace.me.name }\n}',
            "main.tf:2",
            "is not known",
        ),
        ('data "coder_workspace_tags" "t" {\n tags = "x"\n}', "main.tf:2", "are a map"),
        ('data "coder_workspace_tags" "t" {\n tags = { a = [1] }\n}', "main.tf:2", "'a'"),
        (
            'locals {\n x = local.y\n y = local.x\n}\ndata "coder_workspace_tags" "t" {\n tags = { a = local.x }\n}',
            "main.tf:3",
            "itself",
        ),
        (
            (
                'data "coder_parameter" "p" {\n name = "P"\n}\ndata "coder_workspace_tags" "t" {\n'
                " tags = { a = data.coder_parameter.p.value }\n}"
            ),
            "main.tf:5",
            "no default",
        ),
    ],
)
def test_mistakes_are_told_with_file_and_line(text: str, place: str, words: str) -> None:
    told = mistake({"main.tf": text})
    assert told.startswith(f"{place}: "), told
    assert words in told


@pytest.mark.requirement("CONTENTS-TAGS-03")
@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 1_000_000,
        "b {\n" * 300_000,
        'a = "' + "${" * 500_000,
        "x = 1\n" * 300_000 + '"',
        "locals {\n" + "".join(f' x{n} = "${{local.x{n + 1}}}${{local.x{n + 1}}}"\n' for n in range(60))
        + ' x60 = "aaaa"\n}\ndata "coder_workspace_tags" "t" {\n tags = { a = local.x0 }\n}',
        "locals {\n" + "".join(f" x{n} = local.x{n + 1}\n" for n in range(5000))
        + ' x5000 = "a"\n}\ndata "coder_workspace_tags" "t" {\n tags = { a = local.x0 }\n}',
        'data "coder_workspace_tags" "t" {\n tags = {\n' + "".join(f' a{n} = "b"\n' for n in range(100)) + "}\n}",
    ],
    ids=["brackets", "blocks", "interpolations", "lines", "doubling", "chain", "many"],
)  # fmt: skip
def test_bombs_are_refused_in_time(text: str) -> None:
    begun = time.process_time()
    assert mistake({"main.tf": text}).startswith("main.tf:")
    assert time.process_time() - begun < 10


async def ask(world: TemplateWorld, person: Person, files: Mapping[str, str | bytes], **more: Any) -> Any:
    """Ask for a version of a Terraform template with these files."""
    packed = archive.pack({name: text if isinstance(text, bytes) else text.encode() for name, text in files.items()})
    body = {
        "provisioner": "terraform", "storage_method": "file", "file_id": await world.upload(person, packed), **more
    }  # fmt: skip
    return await world.api.call(person, "POST", f"{ORGANIZATION}/templateversions", body)


@pytest.mark.requirement("CONTENTS-TAGS-01")
async def test_a_version_gets_its_templates_tags(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    made = await ask(
        world, admin, {"main.tf": TAGGED}, tags={"static": "mine", "more": "1"},
        user_variable_values=[{"name": "needed", "value": "n"}],
    )  # fmt: skip
    assert made.status_code == 201, made.text
    expected = {**DEFAULTS, "scope": "organization", "owner": "", "needed": "n", "static": "mine", "more": "1"}
    assert made.json()["job"]["tags"] == expected
    # The template's own tags may ask for a daemon of the person; others are not theirs to name.
    scoped = 'data "coder_workspace_tags" "t" {\n tags = { scope = "user", owner = "somebody" }\n}'
    made = await ask(world, admin, {"main.tf": scoped})
    assert made.json()["job"]["tags"] == {"scope": "user", "owner": str(admin.id)}
    plain = await ask(world, admin, {"main.tf": 'resource "a" "b" {}', "README.md": "# x"})
    assert plain.json()["job"]["tags"] == {"scope": "organization", "owner": ""}


@pytest.mark.requirement("CONTENTS-TAGS-02")
async def test_a_syntax_error_is_told_at_once_and_leaves_nothing(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    cases: list[tuple[Mapping[str, str | bytes], str]] = [
        ({"main.tf": "\n\nvariable {{"}, "main.tf:3"),
        ({"ok.tf": "a = 1\n", "sub/broken.tf": '"', "z.tf": b"a = \xff"}, "z.tf:1"),
        ({"main.tf": "a = 1\n", "x.auto.tfvars": 'a = "'}, "x.auto.tfvars:1"),
    ]
    for files, place in cases:
        answer = await ask(world, admin, files)
        assert answer.status_code == 400, answer.text
        body = answer.json()
        assert body["message"].startswith(place)
        assert body["validations"][0]["field"] == "file_id"
    large = await ask(world, admin, {"main.tf": "# x\n" * (MOST_BYTES // 4 + 1)})
    assert (large.status_code, large.json()["validations"][0]["field"]) == (400, "file_id")
    assert await world.db.fetchval("select count(*) from provisioner_jobs") == 0
    assert world.file_cache.count == 0
    # Who may not make versions learns nothing of the file.
    member = await world.accounts.make()
    assert (await ask(world, member, {"main.tf": "\n\nvariable {{"})).status_code == 403


@pytest.mark.requirement("CONTENTS-YAML-01")
async def test_a_homeport_yaml_that_is_no_yaml_is_told_at_once(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    cases: list[tuple[str | bytes, str]] = [
        ("agents:\n- name: [main\n", "homeport.yaml:"),
        ("agents:\n\t- name: main\n", "homeport.yaml:2"),
        (b"agents:\n- name: \xff\n", "homeport.yaml:2"),
        ("agents:\n- name: a\x01b\n", "homeport.yaml:"),
    ]
    for engine in ("process", "container"):
        for text, place in cases:
            answer = await ask(world, admin, {"homeport.yaml": text}, provisioner=engine)
            assert answer.status_code == 400, (text[:50], answer.text)
            assert answer.json()["message"].startswith(place), answer.text
            assert answer.json()["validations"][0]["field"] == "file_id"
    assert await world.db.fetchval("select count(*) from provisioner_jobs") == 0
    assert world.file_cache.count == 0
    member = await world.accounts.make()
    assert (await ask(world, member, {"homeport.yaml": "["}, provisioner="process")).status_code == 403
    # What else is wrong is told by the import, with its line: the engine knows what may stand there.
    for text in ("agents: 3\n", "a: &x 1\nb: *x\n", "x" * (600 * 1024), "[" * 200_000, "- x\n" * 100_000, ""):
        assert (await ask(world, admin, {"homeport.yaml": text}, provisioner="process")).status_code == 201


@pytest.mark.requirement("CONTENTS-TAGS-04")
async def test_a_build_has_the_tags_of_its_own_values(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    made = await ask(world, admin, {"main.tf": TAGGED}, user_variable_values=[{"name": "zone", "value": "asia"}])
    async with world.db.connection() as conn:
        tags = await build_tags(conn, world.cipher, made.json()["id"], {"project name": "gamma", "cache": "true"})
        assert tags == {**DEFAULTS, "zone": "asia", "project": "P_asia_gamma", "cache": "with-cache"}
        plain = await world.version(admin)
        assert await build_tags(conn, world.cipher, plain["id"], {"x": "y"}) == {}
    kept = await world.db.fetchval("select tag_source from template_versions where id = $1", made.json()["id"])
    assert set(kept["locals"]) == {"prefix"}
    assert set(kept["variables"]) == {"zone", "needed"}
