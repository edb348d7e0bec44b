-- Templates and provisioning in full: a fair queue, logs that keep their beginning and their end.

-- The queue's order is priority, turn, created_at, id. A job's turn is given when it is posted and never changes: see
-- provisioning/README.md. `tags_key` makes jobs that the same daemons can take neighbours in the indexes below.
alter table provisioner_jobs add column turn bigint not null default 0;
alter table provisioner_jobs add column tags_key bigint not null generated always as (jsonb_hash_extended(tags, 0)) stored;

-- Daemons find what they can take kind by kind (engine and tags), and in each kind the first: of one organization, or of all.
drop index provisioner_jobs_pending_idx;
drop index provisioner_jobs_queue_idx;
create index provisioner_jobs_pending_idx on provisioner_jobs
    (organization_id, priority, provisioner, tags_key, turn, created_at, id)
    where started_at is null and completed_at is null;
create index provisioner_jobs_queue_idx on provisioner_jobs (priority, provisioner, tags_key, turn, created_at, id)
    where started_at is null and completed_at is null;
-- How far the queue has come, and how far each asker. Whoever holds a token was acquired; what was canceled before that never counts.
create index provisioner_jobs_turn_idx on provisioner_jobs (turn desc) where token_hash is not null;
create index provisioner_jobs_asker_idx on provisioner_jobs (initiator_id, turn desc)
    where token_hash is not null or completed_at is null;
-- What shall stop and has not.
create index provisioner_jobs_canceling_idx on provisioner_jobs (canceled_at)
    where canceled_at is not null and completed_at is null;

-- A log that is too long loses its middle: the line of this id says so, and how many lines are gone.
alter table provisioner_jobs add column logs_gap_id bigint;
alter table provisioner_jobs add column logs_left_out integer not null default 0;
