-- A person who is suspended or deleted, or whose deployment roles have changed.
create or replace trigger users_tell_access after update of status, deleted, rbac_roles on users
for each row when (
    (new.status = 'suspended' and old.status <> 'suspended')
    or (new.deleted and not old.deleted)
    or old.rbac_roles is distinct from new.rbac_roles
) execute function tell_user_access();
