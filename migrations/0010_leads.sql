-- Leads: people who plan to buy a car, named by a customer in a call (domain.md, special situations).

alter table recordings drop constraint recordings_kind_check;
alter table recordings add constraint recordings_kind_check check (kind in ('suggestion', 'statement', 'advisor_note', 'lead'));

create table leads (
    id             uuid primary key,
    follow_up_id   uuid not null references follow_ups,
    attempt_id     uuid not null references attempts,
    keyed          text constraint leads_keyed_digits check (keyed ~ '^[0-9]{1,32}$'),
    recording_path text unique,
    given_at       timestamptz not null,
    constraint leads_one_way check ((keyed is null) <> (recording_path is null))
);
create index leads_follow_up on leads (follow_up_id);
create index leads_given on leads (given_at);
comment on table leads is 'A friend of a customer who plans to buy a car: the number keyed, or a recording that names them. follow_up_id leads to the customer who recommends.';
comment on column leads.keyed is 'The digits as keyed; no numbering plan has read them yet.';
comment on column leads.recording_path is 'WAV file of kind lead, relative to the recordings directory (recordings.path).';
