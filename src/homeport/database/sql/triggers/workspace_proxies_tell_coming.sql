-- A workspace proxy that comes or goes.
create or replace trigger workspace_proxies_tell_coming after insert or delete on workspace_proxies
for each row execute function tell_workspace_proxies();
