-- An organization is deleted only when nothing is left in it (spec: authorization-and-data 18 and 29). Whoever deletes it may
-- remain as its only member. What people can neither see nor remove keeps nobody: system users, groups that hold nobody else,
-- and keys of the server's own daemons; nor do memberships of deleted users.
create or replace function refuse_to_delete_full_organization() returns trigger language plpgsql as $$
declare
    remains text[];
begin
    -- With an older snapshot, what has just been put in would be overlooked.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'Organizations are deleted in transactions of the level READ COMMITTED only'
            using errcode = 'invalid_transaction_state';
    end if;
    -- Waits for whoever is putting something in, and holds off the others: functions/refuse_row_of_deleted_organization.sql.
    perform from organizations where id = old.id for update;
    select array_agg(case count when 1 then '1 ' || noun else count || ' ' || noun || 's' end order by place) into remains
    from (
        select 1 as place, 'workspace' as noun, count(*) as count from workspaces where organization_id = old.id and not deleted
        union all
        select 2, 'template', count(*) from templates where organization_id = old.id and not deleted
        union all
        select 3, 'provisioner key', count(*) from provisioner_keys where organization_id = old.id and builtin_of is null
        union all
        select 4, 'group', count(*) from groups g
        where g.organization_id = old.id and g.id <> old.id and not (
            exists (select from group_members m join users u on u.id = m.user_id where m.group_id = g.id and u.is_system)
            and not exists (
                select from group_members m join users u on u.id = m.user_id where m.group_id = g.id and not u.is_system))
        union all
        select 5, 'member', greatest(count(*) - 1, 0)
        from organization_members m join users u on u.id = m.user_id
        where m.organization_id = old.id and not u.deleted and not u.is_system
    ) counted
    where count > 0;
    if remains is not null then
        raise exception 'The organization % cannot be deleted, it still has %', old.name,
            regexp_replace(array_to_string(remains, ', '), ', ([^,]*)$', ' and \1')
            using errcode = 'check_violation', constraint = 'organizations_empty_when_deleted', table = 'organizations';
    end if;
    return new;
end;
$$;
create or replace trigger organizations_are_empty_when_deleted before update of deleted on organizations
for each row when (new.deleted and not old.deleted) execute function refuse_to_delete_full_organization();
