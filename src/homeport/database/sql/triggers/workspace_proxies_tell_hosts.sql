-- A workspace proxy with another address, or back after a silence; that it is still there is nothing new.
create or replace trigger workspace_proxies_tell_hosts after update on workspace_proxies
for each row when (
    old.url is distinct from new.url
    or old.wildcard_hostname is distinct from new.wildcard_hostname
    or old.deleted is distinct from new.deleted
    or (old.last_seen_at is null) <> (new.last_seen_at is null)
    or abs(extract(epoch from new.last_seen_at - old.last_seen_at)) > 120
) execute function tell_workspace_proxies();
