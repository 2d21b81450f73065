-- The dialler's manners: why a follow-up waits, what is paused, what trunks carry across engines, and what was taken off the do-not-call list.

alter table follow_ups drop constraint follow_ups_state_reason_check;
alter table follow_ups add constraint follow_ups_state_reason_check check
    (state_reason in ('engine_died', 'bad_data', 'not_reached_in_time', 'number_blocked', 'number_wrong', 'number_refused', 'outcome_unknown', 'trunk_refused'));
alter table follow_ups add column state_detail text;
comment on column follow_ups.state_detail is
    'One plain sentence for people: what it waits for, why it was set aside, or why it was not reached in time. No personal data. Null where the state says enough.';

create table campaigns (
    key        text primary key check (key ~ '^[a-z0-9*][a-z0-9_]*$'),
    survey_key text references surveys (key),
    state      text not null constraint campaigns_state_check check (state in ('running', 'paused', 'draining')),
    changed_at timestamptz not null
);
comment on table campaigns is
    'What is dialled and what is not. A survey is a campaign of its own key; the row * (no survey) stands for all of them. No row: running.';
comment on column campaigns.state is
    'running: dialled. paused: nothing new is dialled, live calls go on. draining: nothing new is dialled, and live calls are asked to close.';

create table trunk_lines (
    name       text primary key,
    next_at    timestamptz not null,
    held_until timestamptz
);
comment on table trunk_lines is 'The pace of a trunk over all engines; the row is locked while an attempt on the trunk is committed, so that its limits hold across them.';
comment on column trunk_lines.next_at is 'The next call does not begin before.';
comment on column trunk_lines.held_until is 'The trunk had no room: left alone until then.';

create index attempts_open_trunk on attempts (trunk) where ended_at is null;
create index attempts_answered on attempts (answered_at) where answered_at is not null;

create table do_not_call_removals (
    number     text not null,
    source     text not null,
    added_at   timestamptz not null,
    removed_at timestamptz not null,
    primary key (number, removed_at)
);
comment on table do_not_call_removals is 'Entries that a person took off the list: who said "never again" and was called all the same can be explained.';
