-- What other systems are told (webhooks) and what customers are sent instead of a call (SMS). A row is written in the transaction of what it tells of, by triggers,
-- so that no way of ending a follow-up can forget it. Payloads hold ids, words and times; no names, numbers or answers.

create table outbox_targets (
    name   text primary key check (name ~ '^[a-z0-9][a-z0-9_-]*$'),
    kind   text not null constraint outbox_targets_kind_check check (kind in ('webhook', 'sms')),
    events text[] not null,
    since  timestamptz not null,
    active boolean not null default true
);
comment on table outbox_targets is 'Who is told of what: [webhooks.NAME] and [sms] of the settings, written by an engine at its start. Where nobody is, nothing is queued.';
comment on column outbox_targets.active is 'False once the settings name it no more; what was queued for it waits.';

create table outbox (
    id           uuid primary key,
    target       text not null references outbox_targets (name),
    event        text not null constraint outbox_event_check check (event in ('completed', 'closed', 'complaint', 'call_back', 'transfer', 'report', 'sms')),
    follow_up_id uuid references follow_ups,
    payload      jsonb not null,
    happened_at  timestamptz not null,
    state        text not null default 'waiting' constraint outbox_state_check check (state in ('waiting', 'sending', 'sent', 'failed', 'unknown')),
    tries        integer not null default 0 check (tries >= 0),
    next_at      timestamptz not null,
    last_status  smallint,
    last_error   text,
    ended_at     timestamptz,
    constraint outbox_ended_whole check ((state in ('sent', 'failed', 'unknown')) = (ended_at is not null))
);
create index outbox_due on outbox (next_at) where state in ('waiting', 'sending');
create index outbox_state on outbox (state, happened_at desc);
create index outbox_follow_up on outbox (follow_up_id);
comment on column outbox.state is
    'waiting: to be sent at next_at. sending: an engine has it until next_at; after that a webhook is sent again (its id is the same), an SMS is unknown. '
    'failed: given up, a person may replay it. unknown: an SMS of which nobody knows whether it went out; never sent again by itself.';

-- A UUIDv7 of a moment: 48 bits of milliseconds, then chance (a version 4 with two bits more is a version 7).
create function uuid_of_moment(moment timestamptz) returns uuid language sql volatile as $$
    select encode(set_bit(set_bit(
        overlay(uuid_send(gen_random_uuid()) placing substring(int8send((extract(epoch from moment) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
$$;

create function outbox_time(moment timestamptz) returns text language sql immutable as $$
    select to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

create function outbox_put(what text, follow_up uuid, at timestamptz, data jsonb) returns void language sql as $$
    insert into outbox (id, target, event, follow_up_id, payload, happened_at, next_at)
    select uuid_of_moment(at), t.name, what, follow_up, data, at, at from outbox_targets t where t.active and what = any (t.events)
$$;

create function outbox_of_follow_up() returns trigger language plpgsql as $$
begin
    perform outbox_put(case when new.final_disposition = 'complete' then 'completed' else 'closed' end, new.id, new.closed_at, jsonb_build_object(
        'follow_up', new.id, 'survey', new.survey_key, 'survey_version', new.survey_version, 'disposition', new.final_disposition,
        'aapor', new.final_aapor, 'attempts', new.attempts_made, 'closed_at', outbox_time(new.closed_at)));
    -- domain.md: SMS takes the call's place where a customer was busy at each attempt
    if new.state_reason = 'not_reached_in_time' and new.attempts_made > 0 and not exists (
        select from attempts a where a.follow_up_id = new.id and a.invite_sent_at is not null and a.disposition is distinct from 'busy')
    then
        perform outbox_put('sms', new.id, new.closed_at, jsonb_build_object('follow_up', new.id, 'survey', new.survey_key, 'why', 'busy'));
    end if;
    return null;
end $$;
create trigger follow_ups_outbox after update on follow_ups
    for each row when (old.closed_at is null and new.closed_at is not null) execute function outbox_of_follow_up();

create function outbox_of_complaint() returns trigger language plpgsql as $$
begin
    perform outbox_put('complaint', new.follow_up_id, new.opened_at, jsonb_build_object(
        'complaint', new.id, 'follow_up', new.follow_up_id, 'attempt', new.attempt_id, 'reason', new.reason, 'question', new.question,
        'contact_due_at', outbox_time(new.contact_due_at)));
    return null;
end $$;
create trigger complaints_outbox after insert on complaints for each row execute function outbox_of_complaint();

create function outbox_of_call_back() returns trigger language plpgsql as $$
begin
    perform outbox_put('call_back', new.follow_up_id, new.booked_at, jsonb_build_object(
        'call_back', new.id, 'follow_up', new.follow_up_id, 'attempt', new.attempt_id, 'call_at', outbox_time(new.call_at)));
    return null;
end $$;
create trigger call_backs_outbox after insert on call_backs for each row execute function outbox_of_call_back();

create function outbox_of_transfer() returns trigger language plpgsql as $$
begin
    perform outbox_put('transfer', new.follow_up_id, new.ended_at, jsonb_build_object(
        'transfer', new.id, 'follow_up', new.follow_up_id, 'attempt', new.attempt_id, 'agent', new.agent_id, 'outcome', new.outcome,
        'ended_at', outbox_time(new.ended_at)));
    return null;
end $$;
create trigger transfers_outbox_insert after insert on transfers
    for each row when (new.outcome is not null) execute function outbox_of_transfer();
create trigger transfers_outbox_update after update on transfers
    for each row when (new.outcome is not null and old.outcome is distinct from new.outcome) execute function outbox_of_transfer();

create function outbox_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('huifang_outbox', '');
    return null;
end $$;
create trigger outbox_notify_insert after insert on outbox for each statement execute function outbox_notify();
create trigger outbox_notify_update after update on outbox
    for each row when (new.state = 'waiting' and old.state in ('failed', 'unknown', 'sent')) execute function outbox_notify();
