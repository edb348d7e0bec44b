-- Nothing new comes into a deleted organization (spec: authorization-and-data 11). Deletions lock the organization's row for
-- update: by holding its key, this row waits for one that is under way, and one that comes waits for this row, which it would
-- not see before it is committed. Nothing else waits. Rows of no organization pass.
create or replace function refuse_row_of_deleted_organization() returns trigger language plpgsql as $$
declare
    is_gone boolean;
begin
    select deleted into is_gone from organizations where id = new.organization_id for key share;
    if is_gone then
        raise exception 'The organization has been deleted' using
            errcode = 'check_violation', constraint = tg_table_name || '_organization_not_deleted', table = tg_table_name;
    end if;
    return new;
end;
$$;
