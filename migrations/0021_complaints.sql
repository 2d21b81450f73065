-- The complaint desk: how a complaint is classified, where it stands, who has it, and a history that nobody edits.

alter table complaints
    add column round             smallint not null default 1 check (round >= 1),
    add column stage             smallint not null default 1 check (stage between 1 and 6),
    add column reported_back     boolean not null default false,
    add column nature            text constraint complaints_nature_check check (nature in ('valid', 'help_seeking', 'inquiry', 'venting')),
    add column cause             text constraint complaints_cause_check check
                                 (cause in ('product_quality', 'service_quality', 'service_attitude', 'repair_skill', 'spare_parts', 'price', 'facility',
                                            'sudden_incident', 'other_demands')),
    add column level             text not null default 'ordinary' constraint complaints_level_check check (level in ('ordinary', 'serious', 'malicious')),
    add column root_cause        text constraint complaints_root_cause_check check
                                 (root_cause in ('staff_explanation', 'staff_promise', 'staff_attitude', 'customer', 'product')),
    add column owner             text check (owner <> ''),
    add column owner_department  text check (owner_department <> ''),
    add column passed_to         text check (passed_to <> ''),
    add column passed_by         text,
    add column passed_at         timestamptz,
    add column due_at            timestamptz,
    add column contacted_at      timestamptz,
    add column cooling_off_until timestamptz,
    add column escalated_to      text check (escalated_to <> ''),
    add column call_back_at      timestamptz,
    add column revision          integer not null default 0 check (revision >= 0),
    add constraint complaints_passed_whole check ((passed_to is null) = (passed_by is null) and (passed_to is null) = (passed_at is null));
update complaints set due_at = contact_due_at;
alter table complaints alter column due_at set not null;

drop index complaints_open;
create index complaints_open on complaints (due_at, id) where state = 'open';
create index complaints_opened on complaints (opened_at, id);
create index complaints_owner on complaints (owner) where state = 'open';
comment on column complaints.round is 'Times through the steps: a review that finds it unsettled, or a reopening, begins the next.';
comment on column complaints.stage is 'The last of the six steps that was finished in this round.';
comment on column complaints.reported_back is 'The customer was told the result in this round.';
comment on column complaints.nature is 'valid, or a communicative one: help-seeking, inquiry, venting. Null until somebody has said.';
comment on column complaints.owner is 'Name of who is responsible. Who passes a complaint on stays it until the department accepts.';
comment on column complaints.owner_department is 'The department that has accepted it.';
comment on column complaints.passed_to is 'The department it was passed on to, which has not accepted it yet.';
comment on column complaints.due_at is 'The first contact''s date until somebody sets another.';
comment on column complaints.contacted_at is 'When a person first talked to the customer.';
comment on column complaints.cooling_off_until is 'The customer is left alone until then.';
comment on column complaints.escalated_to is 'The superior it was put before last.';
comment on column complaints.call_back_at is 'When the customer is to be called; null once they were.';
comment on column complaints.revision is 'Grows with each act of a person: who acts on what has changed meanwhile is told so.';

alter table complaint_steps drop constraint complaint_steps_kind_check;
alter table complaint_steps
    add constraint complaint_steps_kind_check check
        (kind in ('listen_and_record', 'analyse', 'solution', 'tell_customer', 'act', 'review', 'classify', 'pass_on', 'accept', 'hand_back', 'assign',
                  'deadline', 'cool_off', 'escalate', 'call_back', 'report_back', 'close', 'reopen')),
    add column detail jsonb not null default '{}',
    add column seq bigint generated always as identity;
comment on table complaint_steps is 'The history of a complaint: written once, never changed (trigger).';
comment on column complaint_steps.seq is 'Orders what was done in one moment.';
comment on column complaint_steps.detail is 'What the step set, by field: department, owner, due_at, settled and the like.';

create function complaint_steps_never_change() returns trigger language plpgsql as $$
begin
    -- the engine writes a step again when its journal is replayed; that must change nothing, and may
    if tg_op = 'UPDATE' then
        if new is not distinct from old then
            return new;
        end if;
    end if;
    raise exception 'complaint_steps: history is never edited' using errcode = 'restrict_violation';
end $$;
create trigger complaint_steps_frozen before update or delete on complaint_steps
    for each row execute function complaint_steps_never_change();
create trigger complaint_steps_kept before truncate on complaint_steps
    for each statement execute function complaint_steps_never_change();

create table complaint_drafts (
    complaint_id uuid not null references complaints,
    person       text not null check (person <> ''),
    fields       jsonb not null,
    saved_at     timestamptz not null,
    sent_form    text,
    primary key (complaint_id, person)
);
comment on table complaint_drafts is 'What somebody has typed into the form of a complaint and not sent yet: saved as typed, gone when sent.';
comment on column complaint_drafts.sent_form is 'The form whose contents were sent last: what its page saves late is no draft any more.';
