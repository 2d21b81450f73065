-- What is owed: surveys in their versions, and the queue of follow-ups.

create table surveys (
    key        text primary key check (key ~ '^[a-z0-9][a-z0-9_]*$'),
    name       text not null,
    created_at timestamptz not null
);

create table survey_versions (
    survey_key   text not null references surveys (key),
    version      integer not null check (version >= 1),
    content      text not null,
    content_hash text not null,
    published_at timestamptz not null,
    primary key (survey_key, version)
);
comment on column survey_versions.content is 'The survey file as published (TOML).';
comment on column survey_versions.content_hash is 'Hex SHA-256 of content: publishing the same text again makes no new version.';

create function survey_versions_never_change() returns trigger language plpgsql as $$
begin
    raise exception 'survey_versions: version % of % is published and never changes', old.version, old.survey_key
        using errcode = 'restrict_violation';
end $$;
create trigger survey_versions_frozen before update or delete on survey_versions
    for each row execute function survey_versions_never_change();

create table follow_ups (
    id                uuid primary key,
    customer_id       uuid not null references customers,
    service_event_id  uuid not null,
    phone_id          uuid not null,
    survey_key        text not null references surveys (key),
    survey_version    integer,
    state             text not null default 'waiting' constraint follow_ups_state_check check
                      (state in ('waiting', 'retry', 'call_back', 'in_call', 'needs_review', 'done', 'expired')),
    state_reason      text constraint follow_ups_state_reason_check check
                      (state_reason in ('engine_died', 'bad_data', 'not_reached_in_time', 'number_blocked', 'number_wrong')),
    priority          smallint not null default 100 check (priority between 1 and 999),
    queue_rank        smallint not null generated always as (case when state = 'call_back' then 0 else priority end) stored,
    due_at            timestamptz not null,
    next_attempt_at   timestamptz not null,
    deadline          timestamptz not null,
    attempts_made     integer not null default 0 check (attempts_made >= 0),
    lease_token       uuid,
    lease_node        text,
    lease_expires_at  timestamptz,
    final_disposition text check (final_disposition ~ '^[a-z][a-z0-9_]*$'),
    final_aapor       text check (final_aapor ~ '^[1-4]\.[0-9]{1,3}$'),
    closed_at         timestamptz,
    created_at        timestamptz not null,
    constraint follow_ups_once unique (customer_id, service_event_id, survey_key),
    constraint follow_ups_event foreign key (service_event_id, customer_id) references service_events (id, customer_id),
    constraint follow_ups_phone foreign key (phone_id, customer_id) references phones (id, customer_id),
    constraint follow_ups_version foreign key (survey_key, survey_version) references survey_versions (survey_key, version),
    constraint follow_ups_lease_whole check ((lease_token is null) = (lease_node is null) and (lease_token is null) = (lease_expires_at is null)),
    constraint follow_ups_in_call_leased check (state <> 'in_call' or lease_token is not null),
    constraint follow_ups_closed_whole check ((state in ('done', 'expired')) = (closed_at is not null)
                                              and (closed_at is null) = (final_disposition is null)
                                              and (closed_at is null or lease_token is null)),
    constraint follow_ups_deadline_after_due check (deadline > due_at)
);
comment on table follow_ups is 'One customer owed one call of one kind for one event. The queue is the rows in waiting, retry and call_back.';
comment on column follow_ups.state is
    'waiting: owed, never tried. retry: tried, to be dialled again. call_back: the customer booked next_attempt_at. in_call: an attempt is open. '
    'needs_review: an engine died after its INVITE left, or the row is unusable; only a person sets it going again. done: has its final disposition. expired: the deadline passed. '
    'Being leased is no state: it is lease_expires_at in the future, so a lease ends by time alone and the state under it is never lost.';
comment on column follow_ups.survey_version is 'Pinned when the first attempt begins.';
comment on column follow_ups.priority is 'Smaller is dialled earlier; a booked call-back goes ahead of all (queue_rank).';
comment on column follow_ups.due_at is 'When the call became owed; never moves. next_attempt_at is when it may be dialled next.';
comment on column follow_ups.deadline is 'Not dialled at or after this moment (three days after the event).';
comment on column follow_ups.attempts_made is 'INVITEs that left: an attempt that was never sent is not counted.';
comment on column follow_ups.final_aapor is 'AAPOR Standard Definitions code of the final disposition, as 1.1 or 2.11.';

create index follow_ups_queue on follow_ups (queue_rank, next_attempt_at, id) where state in ('waiting', 'retry', 'call_back');
create index follow_ups_next on follow_ups (next_attempt_at) where state in ('waiting', 'retry', 'call_back');
create index follow_ups_overdue on follow_ups (deadline) where closed_at is null;
create index follow_ups_leased on follow_ups (lease_node, lease_expires_at) where lease_token is not null;
create index follow_ups_phone on follow_ups (phone_id);
create index follow_ups_period on follow_ups (survey_key, (coalesce(closed_at, due_at)));

-- Wakes the workers (LISTEN huifang_queue) when work came in, came back, or got another time. Taking a lease does not notify.
create function follow_ups_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('huifang_queue', '');
    return null;
end $$;
create trigger follow_ups_notify_insert after insert on follow_ups
    for each statement execute function follow_ups_notify();
create trigger follow_ups_notify_update after update on follow_ups
    for each row when (new.state in ('waiting', 'retry', 'call_back') and new.lease_token is null
                       and (old.state <> new.state or old.lease_token is not null or old.next_attempt_at <> new.next_attempt_at))
    execute function follow_ups_notify();
