-- Where a workspace proxy is has become another, or whether it is there: every server reads the hosts again
-- (the channel of homeport/proxies/service/hosts.py). In the transaction of the change, so whoever looks sees it.
create or replace function tell_workspace_proxies() returns trigger language plpgsql as $$
begin
    perform pg_notify('workspace_proxies', coalesce(new.id, old.id)::text);
    return null;
end;
$$;
