"""What `listing.py` lists: templates, organizations, people, and workspaces with one finished start each, by few statements."""

import asyncpg

# The default organization's template, with its import.
SEED_TEMPLATE = """
with job as (
    insert into provisioner_jobs (
        id, organization_id, initiator_id, provisioner, type, tags, created_at, updated_at, started_at, completed_at
    )
    select gen_random_uuid(), o.id, u.id, 'echo', 'template_version_import', '{}', now(), now(), now(), now()
    from organizations o, users u where u.username = 'bench' and (o.is_default or o.name like 'place-%')
        and not exists (select from templates t where t.organization_id = o.id)
    returning *
), version as (
    insert into template_versions (id, template_id, organization_id, name, job_id, created_by, created_at, updated_at)
    select gen_random_uuid(), null, organization_id, 'v1', id, initiator_id, now(), now() from job returning *
)
insert into templates (
    id, organization_id, name, provisioner, active_version_id, created_by, created_at, updated_at, group_acl
)
select gen_random_uuid(), organization_id, 'seeded', 'echo', id, created_by, now(), now(),
       jsonb_build_object(organization_id::text, '["read", "use"]'::jsonb)
from version
"""
LINK_VERSIONS = """
update template_versions v set template_id = t.id from templates t where t.active_version_id = v.id and v.template_id is null
"""
SEED_USERS = """
insert into users (id, email, username, status, created_at, updated_at)
select gen_random_uuid(), 'seed' || n || '@example.com', 'seed' || n, 'active', now(), now() from generate_series(1, 100) n
"""
_BUILDS = """, jobs as (
    insert into provisioner_jobs (
        id, organization_id, initiator_id, provisioner, type, tags, created_at, updated_at, started_at, completed_at, input
    )
    select gen_random_uuid(), organization_id, owner_id, 'echo', 'workspace_build', '{}', now(), now(), now(), now(),
           jsonb_build_object('workspace_id', id, 'template_id', template_id) from made
    returning *
)
insert into workspace_builds (
    id, workspace_id, template_version_id, build_number, transition, initiator_id, job_id, created_at, updated_at
)
select gen_random_uuid(), (j.input ->> 'workspace_id')::uuid, t.active_version_id, 1, 'start', j.initiator_id, j.id, now(), now()
from jobs j join templates t on t.id = (j.input ->> 'template_id')::uuid
"""
# Spread over a hundred owners, all in the default organization.
SEED_WORKSPACES = f"""
with owners as (
    select id, row_number() over (order by username) - 1 as number from users where username like 'seed%'
), made as (
    insert into workspaces (id, owner_id, organization_id, template_id, name, last_used_at, created_at, updated_at)
    select gen_random_uuid(), o.id, t.organization_id, t.id, 'w' || n, now() - n * interval '1 second', now(), now()
    from generate_series($1::int, $2::int) n join owners o on o.number = n % 100, templates t
    where t.organization_id = (select id from organizations where is_default)
    returning *
){_BUILDS}"""  # noqa: S608  # constants only

SEED_ORGANIZATIONS = """
with made as (
    insert into organizations (id, name, created_at, updated_at)
    select gen_random_uuid(), 'place-' || n, now(), now() from generate_series(1, $1::int) n returning id
)
insert into groups (id, organization_id, name, created_at, updated_at) select id, id, 'Everyone', now(), now() from made
"""
# Members of the first `$2` organizations, with a role there, and of one group in each of the first `$4`.
SEED_MEMBER = """
insert into organization_members (user_id, organization_id, roles, created_at, updated_at)
select u.id, o.id, $3::text[], now(), now() from users u, organizations o
where u.username = $1 and o.name in (select 'place-' || n from generate_series(1, $2::int) n)
"""
SEED_GROUPS = """
insert into groups (id, organization_id, name, created_at, updated_at)
select gen_random_uuid(), o.id, 'crew', now(), now() from organizations o
where o.name in (select 'place-' || n from generate_series(1, $1::int) n)
"""
SEED_GROUP_MEMBER = """
insert into group_members (group_id, user_id) select g.id, u.id from groups g, users u where g.name = 'crew' and u.username = $1
"""
# One after the other in each organization, every twentieth dormant. Everything in the first `$2` organizations was used
# last a year before anything elsewhere: who sees only those must not walk over the others.
SEED_SPREAD = f"""
with owners as (
    select id, row_number() over (order by username) - 1 as number from users where username like 'seed%'
), places as (
    select o.id, t.id as template_id, row_number() over (order by length(o.name), o.name) as number
    from organizations o join templates t on t.organization_id = o.id where o.name like 'place-%'
), made as (
    insert into workspaces (
        id, owner_id, organization_id, template_id, name, last_used_at, dormant_at, created_at, updated_at
    )
    select gen_random_uuid(), o.id, p.id, p.template_id, 'w' || n,
           now() - n * interval '1 second' - case when p.number <= $2::int then interval '1 year' else '0' end,
           case when n % 20 = 7 then now() end, now(), now()
    from generate_series(1, $1::int) n
    join owners o on o.number = n / 7 % 100
    join places p on p.number = 1 + n % (select count(*) from places)
    returning *
){_BUILDS}"""  # noqa: S608  # constants only
# A person's own, spread over the first `$3` organizations.
SEED_OWN = f"""
with places as (
    select o.id, t.id as template_id, row_number() over (order by length(o.name), o.name) as number
    from organizations o join templates t on t.organization_id = o.id where o.name like 'place-%'
), made as (
    insert into workspaces (id, owner_id, organization_id, template_id, name, last_used_at, created_at, updated_at)
    select gen_random_uuid(), u.id, p.id, p.template_id, 'mine' || n, now() - interval '2 years' - n * interval '1 second',
           now(), now()
    from generate_series(1, $2::int) n join places p on p.number = 1 + n % $3::int, users u where u.username = $1
    returning *
){_BUILDS}"""  # noqa: S608  # constants only


async def seed_plain(url: str, first: int, last: int) -> None:
    """Make workspaces number `first` to `last` in the default organization; the first time with their template and owners."""
    connection = await asyncpg.connect(url)
    try:
        if first == 1:
            await connection.execute(SEED_TEMPLATE)
            await connection.execute(SEED_USERS)
            await connection.execute(LINK_VERSIONS)
        await connection.execute(SEED_WORKSPACES, first, last)
        await connection.execute("analyze")
    finally:
        await connection.close()


async def seed_tenants(
    url: str, *, organizations: int, joined: int, groups: int, workspaces: int, own: int, people: dict[str, list[str]]
) -> None:
    """Make organizations with workspaces, and make `people` (username to roles there) members of the first `joined`."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(SEED_ORGANIZATIONS, organizations)
        await connection.execute(SEED_TEMPLATE)
        await connection.execute(LINK_VERSIONS)
        await connection.execute(SEED_USERS)
        await connection.execute(SEED_GROUPS, groups)
        for username, roles in people.items():
            await connection.execute(SEED_MEMBER, username, joined, roles)
            await connection.execute(SEED_GROUP_MEMBER, username)
            await connection.execute(SEED_OWN, username, own, joined)
        await connection.execute(SEED_SPREAD, workspaces - own * len(people), joined)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()
