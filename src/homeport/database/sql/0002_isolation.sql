-- Whether a daemon keeps process workspaces apart from its machine, and which builds may go to such daemons only.
-- '': the daemon has not said so, which counts as 'none'.
alter table provisioner_daemons add column isolation text not null default '' check (isolation in ('', 'none', 'bubblewrap'));
alter table provisioner_jobs add column needs_isolation boolean not null default false;
