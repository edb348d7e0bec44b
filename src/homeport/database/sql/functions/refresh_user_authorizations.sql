-- Work out again what these users hold. Changes to one user take turns at the user's row, so that of two at once the
-- later sees the earlier; where its snapshot is too old for that, it fails with a serialization error.
create or replace function refresh_user_authorizations(of_users uuid[]) returns void language plpgsql as $$
begin
    insert into user_authorizations (user_id)
    select id from users where id = any(of_users) order by id on conflict (user_id) do nothing;
    perform from user_authorizations where user_id = any(of_users) order by user_id for update;
    -- A statement of its own after the wait: its snapshot holds what was waited for.
    -- By way of users: memberships go one by one with a user that is being deleted, whose row here goes as well.
    update user_authorizations a set holdings = user_holdings(u.id) from users u
    where u.id = a.user_id and u.id = any(of_users);
end;
$$;
