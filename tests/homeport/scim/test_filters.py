"""The filter language: what can be read and how, what is refused, and that what SQL finds is what a second reading finds."""

import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.scim.errors import ScimError
from homeport.scim.queries.filters import PEOPLE, TEAMS, condition
from homeport.scim.rules.filters import parse_filter
from homeport.scim.rules.paths import parse_path
from homeport.scim.types import Attribute, Compare, Every, Filter, Having, Negation, Present, Some, Target
from tests.homeport.scim import oracle
from tests.homeport.scim.world import ENTERPRISE, USER, World, person


def compare(name: str, operator: Any, value: Any) -> Compare:
    top, _, sub = name.partition(".")
    return Compare(Attribute(top, sub), operator, value)


A, B, C = (compare(name, "eq", "1") for name in "abc")
READ: list[tuple[str, Filter]] = [
    ('userName eq "bjensen"', compare("username", "eq", "bjensen")),
    ('USERNAME Eq "bjensen"', compare("username", "eq", "bjensen")),
    ('  name.familyName   co "O\'Malley"  ', compare("name.familyname", "co", "O'Malley")),
    (f'{USER}:userName sw "J"', compare("username", "sw", "J")),
    (f'{ENTERPRISE}:manager.value eq "1"', Compare(Attribute("manager", "value", ENTERPRISE.lower()), "eq", "1")),
    ("title pr", Present(Attribute("title"))),
    ('meta.lastModified gt "2011-05-13T04:42:34Z"', compare("meta.lastmodified", "gt", "2011-05-13T04:42:34Z")),
    ("active eq true", compare("active", "eq", True)),
    ("active eq False", compare("active", "eq", False)),
    ("age ge 12", compare("age", "ge", 12)),
    ("age lt -1.5e3", compare("age", "lt", -1500.0)),
    ("title eq null", compare("title", "eq", None)),
    (r'a eq "q\"u\\o\u00e9"', compare("a", "eq", 'q"u\\oé')),
    ('a eq "1" and b eq "1" or c eq "1"', Some((Every((A, B)), C))),
    ('a eq "1" or b eq "1" and c eq "1"', Some((A, Every((B, C))))),
    ('(a eq "1" or b eq "1") and c eq "1"', Every((Some((A, B)), C))),
    ('not (a eq "1") AND b eq "1"', Every((Negation(A), B))),
    ('NOT(a eq "1" or b eq "1")', Negation(Some((A, B)))),
    ('not eq "1"', compare("not", "eq", "1")),
    ('emails[type eq "work"]', Having(Attribute("emails"), compare("type", "eq", "work"))),
    (
        'emails[type eq "work" and value co "@x"] and active eq true',
        Every(
            (
                Having(Attribute("emails"), Every((compare("type", "eq", "work"), compare("value", "co", "@x")))),
                compare("active", "eq", True),
            )
        ),
    ),
    (
        'emails[type eq "work"].value eq "x"',
        Having(Attribute("emails"), Every((compare("type", "eq", "work"), compare("value", "eq", "x")))),
    ),
]  # fmt: skip
UNREADABLE = [
    "userName", "userName eq", 'eq "x"', "userName eq jyoung", "userName is \"x\"", 'userName eq "x" and', 'and userName eq "x"',
    'userName eq "x" userName eq "y"', '(userName eq "x"', 'userName eq "x")', 'emails[type eq "work"', "emails[]", "()", "not",
    'not userName eq "x"', 'userName eq "x', "userName eq 'x'", 'user name eq "x"', "1 eq 1", '"x" eq userName', "a..b pr", ".a pr",
    "a.b.c pr", "a eq {}", "a eq [1]", "a eq 01x", "a; drop table users", "a eq \"\\ud800\"", "a eq \"\x00\"", "urn: pr", "a eq +1",
    "(" * 50 + "a pr" + ")" * 50, "a pr or " * 200 + "a pr", "a" * 5000, 'a eq "' + "x" * 5000 + '"', "a eq \"\\x\"",
]  # fmt: skip
# Read, but of no attribute or comparison that there is.
UNSEARCHABLE = [
    "title pr", 'nickName eq "x"', "active gt true", 'active co "true"', 'active eq "yes"', "active eq 1", "userName eq true",
    "userName eq 1", "userName gt null", 'meta.created co "2026"', 'meta.created gt "yesterday"', "meta.created gt 5",
    'meta.created gt "0001-01-01T00:00:00+14:00"', 'name[formatted eq "x"]', 'emails[nothing eq "x"]', "emails.nothing pr", "meta pr",
    'userName.x eq "y"', "id eq 1", f'{ENTERPRISE}:department eq "x"', 'emails[emails[value eq "x"]]', 'groups.value eq "x"',
    "password pr", 'emails.value[type eq "work"]',
]  # fmt: skip


@pytest.mark.requirement("SCIM-FILTER-01")
@pytest.mark.parametrize(("text", "tree"), READ, ids=[text for text, _ in READ])
def test_a_filter_is_read(text: str, tree: Filter) -> None:
    assert parse_filter(text) == tree


@pytest.mark.requirement("SCIM-FILTER-02")
@pytest.mark.parametrize("text", UNREADABLE, ids=lambda text: ascii(text[:24]))
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(ScimError) as refused:
        parse_filter(text)
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidFilter")


@pytest.mark.requirement("SCIM-FILTER-02")
@pytest.mark.parametrize("text", UNSEARCHABLE)
def test_what_cannot_be_compared_is_refused(text: str) -> None:
    with pytest.raises(ScimError) as refused:
        condition(parse_filter(text), PEOPLE, first_parameter=1)
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidFilter")


@pytest.mark.requirement("SCIM-FILTER-02")
@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("members", Target(Attribute("members"))),
        ("Name.FamilyName", Target(Attribute("name", "familyname"))),
        ('addresses[type eq "work"]', Target(Attribute("addresses"), compare("type", "eq", "work"))),
        ('members[value eq "1"].displayName', Target(Attribute("members", "displayname"), compare("value", "eq", "1"))),
        (f"{USER}:name.givenName", Target(Attribute("name", "givenname"))),
        (f"{ENTERPRISE}:department", Target(Attribute("department", "", ENTERPRISE.lower()))),
        (ENTERPRISE, Target(Attribute("", "", ENTERPRISE.lower()))),
    ],
)
def test_a_path_is_read(text: str, target: Target) -> None:
    assert parse_path(text) == target


@pytest.mark.requirement("SCIM-FILTER-02")
@pytest.mark.parametrize(
    "text", ["", " ", "a b", "a[", "a[b eq 1", "a[b eq 1]c", "a[b eq 1].c.d", "a.b[c eq 1]", "a.b.c", "[x pr]", "1"]
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ScimError) as refused:
        parse_path(text)
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidPath")


WORDS = st.sampled_from(
    ["userName", "emails", "type", "eq", "ne", "co", "pr", "and", "or", "not", "(", ")", "[", "]", '"x"', "true", "null", "1", ".", ":",
     "urn:a:b", '"', "\\", "-", "é", "\x00", " "]
)  # fmt: skip


@pytest.mark.requirement("SCIM-FILTER-02")
@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=14).map(" ".join)))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    for columns in (PEOPLE, TEAMS):
        found: tuple[str, list[Any]] | ScimError
        try:
            found = condition(parse_filter(text), columns, first_parameter=1)
        except ScimError as refusal:
            found = refusal
        if isinstance(found, ScimError):
            assert found.scim_type == "invalidFilter"
        else:
            sql, arguments = found
            assert len(set(re.findall(r"\$\d+", sql))) == len(arguments)


@pytest.mark.requirement("SCIM-FILTER-03")
async def test_sql_finds_what_a_second_reading_finds(world: World) -> None:
    chance = random.Random(20261126)
    await furnish(world, chance)
    everybody = (await world.ask("GET", "/Users", params={"count": 200}))["Resources"]
    assert len(everybody) == 24
    sizes = set()
    for _ in range(300):
        tree = oracle.grow(chance, everybody)
        text = oracle.write(chance, tree)
        expected = {one["id"] for one in everybody if oracle.holds(tree, one)}
        sql, arguments = condition(parse_filter(text), PEOPLE, first_parameter=1)
        found = await world.db.fetch(
            f"select u.id from users u left join scim_users s on s.user_id = u.id"
            f" where not u.deleted and not u.is_system and {sql}",
            *arguments,
        )
        assert {str(row["id"]) for row in found} == expected, text
        sizes.add(len(expected))
    # Cases that find everybody or nobody prove little.
    assert len(sizes) > 15


async def furnish(world: World, chance: random.Random) -> None:
    """Make people of all kinds: kept ones and others, with and without names, suspended, of different ages."""
    for number in range(8):
        await world.accounts.make("member", status=chance.choice(("active", "suspended", "dormant")))
        await world.make_user(
            f"P_{number}@Corp.test",
            externalId=chance.choice((f"Ext-{number}", f"ext-{number}")),
            name={"givenName": chance.choice(("Ada", "eve", "")), "familyName": chance.choice(("Lovelace", "x", ""))},
            displayName=chance.choice(("Ada L.", "100% Eve", 'Qu"ote', "Back\\slash")),
            active=chance.random() < 0.7,
        )
        body = person(
            f"plain-{number}", emails=[{"value": f"plain{number}@corp.test", "type": chance.choice(("home", "Work"))}]
        )
        del body["name"], body["displayName"]
        await world.ask("POST", "/Users", body)
    await world.db.execute(
        "update users set created_at = created_at - (length(email) || ' days')::interval where not is_system"
    )


@pytest.mark.requirement("SCIM-FILTER-04")
async def test_looking_for_a_user_name_goes_by_index(world: World) -> None:
    for text in (
        'userName eq "a@b"',
        'emails.value eq "a@b"',
        'externalId eq "x"',
        'emails[type eq "work"].value eq "a@b"',
    ):
        sql, arguments = condition(parse_filter(text), PEOPLE, first_parameter=1)
        async with world.db.transaction() as conn:
            await conn.execute("set local enable_seqscan = off")
            plan = await conn.fetch(
                "explain select u.id from users u left join scim_users s on s.user_id = u.id"
                f" where not u.deleted and not u.is_system and {sql}",
                *arguments,
            )
        assert not any("Seq Scan" in row[0] for row in plan), plan
