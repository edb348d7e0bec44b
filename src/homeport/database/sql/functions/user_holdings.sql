-- What a user holds beside the roles in users.rbac_roles, as JSON text that is equal as long as the contents are:
-- memberships with the stored role names in the order of joining, groups, and the custom roles that those names mean.
-- What lies in a deleted organization counts for nothing.
create or replace function user_holdings(of_user uuid) returns text language sql stable as $$
    select json_build_object(
        'organizations', coalesce((
            select json_object_agg(m.organization_id, m.roles order by m.created_at, m.organization_id)
            from organization_members m
            join organizations o on o.id = m.organization_id and not o.deleted
            where m.user_id = of_user
        ), '{}'),
        'groups', array(
            select m.group_id
            from group_members m
            join groups g on g.id = m.group_id
            join organizations o on o.id = g.organization_id and not o.deleted
            where m.user_id = of_user order by m.group_id
        ),
        'custom_roles', coalesce((
            select json_agg(json_build_object(
                'name', c.name, 'display_name', c.display_name, 'organization_id', c.organization_id,
                'site', c.site_permissions, 'organization', c.org_permissions, 'user', c.user_permissions
            ) order by c.organization_id, c.name)
            from organization_members m
            join organizations o on o.id = m.organization_id and not o.deleted
            join custom_roles c on c.organization_id = m.organization_id and c.name = any(m.roles)
            where m.user_id = of_user
        ), '[]')
    )::text
$$;
