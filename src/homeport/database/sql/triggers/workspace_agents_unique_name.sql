-- An agent's name is unique, whatever its case, among the live agents of one build (spec: authorization-and-data 18).
create or replace function check_agent_name_in_build() returns trigger language plpgsql as $$
declare
    build_job uuid;
begin
    select job_id into build_job from workspace_resources where id = new.resource_id;
    -- Two agents added at once to one build must see each other.
    perform pg_advisory_xact_lock(hashtextextended('agent-name:' || build_job::text, 0));
    if not new.deleted and exists (
        select 1 from workspace_agents a join workspace_resources r on r.id = a.resource_id
        where r.job_id = build_job and a.id <> new.id and not a.deleted and lower(a.name) = lower(new.name)
    ) then
        raise exception 'An agent named % exists already in this build', new.name
            using errcode = 'unique_violation', constraint = 'workspace_agents_name_in_build';
    end if;
    return new;
end;
$$;
create or replace trigger workspace_agents_unique_name before insert or update of name, deleted on workspace_agents
for each row execute function check_agent_name_in_build();
