-- What happened: attempts, their timelines, and everything that a customer said or keyed.

create table attempts (
    id             uuid primary key,
    follow_up_id   uuid not null references follow_ups,
    ordinal        integer not null check (ordinal >= 1),
    phone_id       uuid not null,
    number         text not null,
    trunk          text not null,
    node           text not null,
    lease_token    uuid not null,
    taken_from     text not null constraint attempts_taken_from check (taken_from in ('waiting', 'retry', 'call_back')),
    survey_key     text not null,
    survey_version integer not null,
    began_at       timestamptz not null,
    invite_sent_at timestamptz,
    answered_at    timestamptz,
    ended_at       timestamptz,
    sip_status     smallint check (sip_status between 100 and 699),
    survey_outcome text check (survey_outcome ~ '^[a-z][a-z0-9_]*$'),
    disposition    text check (disposition ~ '^[a-z][a-z0-9_]*$'),
    aapor          text check (aapor ~ '^[1-4]\.[0-9]{1,3}$'),
    blame          text check (blame ~ '^[a-z][a-z0-9_]*$'),
    retry_allowed  boolean,
    detail         text,
    reconciled     boolean not null default false,
    constraint attempts_ordinal unique (follow_up_id, ordinal),
    constraint attempts_version foreign key (survey_key, survey_version) references survey_versions (survey_key, version),
    constraint attempts_number foreign key (phone_id, number) references phones (id, number) on update cascade,
    constraint attempts_ended_whole check ((ended_at is null) = (disposition is null))
);
create unique index attempts_one_open_per_follow_up on attempts (follow_up_id) where ended_at is null;
create unique index attempts_one_open_per_number on attempts (number) where ended_at is null;
create index attempts_number_began on attempts (number, began_at);
create index attempts_began on attempts (began_at);
comment on table attempts is 'One try to reach a customer. Committed before its INVITE leaves; it counts as an attempt once invite_sent_at is set.';
comment on column attempts.number is 'Follows phones.number (cascade): here only so that one number has one open attempt, whoever it belongs to.';
comment on column attempts.lease_token is 'The lease under which it began; its end closes that lease and no other.';
comment on column attempts.taken_from is 'The follow-up''s state before: it goes back there if nothing was ever sent.';
comment on column attempts.survey_outcome is 'What the survey flow ended with (complete, partial, refusal …), written before hanging up; null when it never got so far.';
comment on column attempts.blame is 'Who made it fail: the customer, the network, the trunk, ourselves.';
comment on column attempts.detail is 'One plain sentence for people: why it ended so. No personal data.';
comment on column attempts.reconciled is 'Closed by another hand after its engine died. If that engine''s journal turns up later, the true end replaces this one.';

create table attempt_events (
    attempt_id uuid not null references attempts,
    seq        integer not null check (seq >= 0),
    offset_ms  bigint not null,
    kind       text not null check (kind ~ '^[a-z][a-z0-9_.]*$'),
    detail     jsonb not null default '{}',
    primary key (attempt_id, seq)
);
comment on table attempt_events is 'The timeline of an attempt: SIP messages, prompts, keys, answers. Numbers in detail are masked by the writer.';
comment on column attempt_events.offset_ms is 'Milliseconds since the attempt began.';

create table answers (
    id             uuid primary key,
    attempt_id     uuid not null references attempts,
    follow_up_id   uuid not null references follow_ups,
    survey_key     text not null,
    survey_version integer not null,
    question       text not null check (question <> ''),
    keys           text not null,
    value          text not null,
    score          integer,
    unhappy        boolean not null,
    given_at       timestamptz not null,
    constraint answers_once unique (attempt_id, question),
    constraint answers_version foreign key (survey_key, survey_version) references survey_versions (survey_key, version)
);
create index answers_follow_up on answers (follow_up_id);
create index answers_given on answers (survey_key, given_at);
comment on column answers.keys is 'The digits as accepted from the keypad.';
comment on column answers.value is 'What they mean in this version of the survey (very_satisfied, yes, a staff number …).';
comment on column answers.score is 'The stored score of the scale; null where the question has none.';

create table recordings (
    id           uuid primary key,
    attempt_id   uuid not null references attempts,
    follow_up_id uuid not null references follow_ups,
    kind         text not null constraint recordings_kind_check check (kind in ('suggestion', 'statement', 'advisor_note')),
    path         text not null unique,
    duration_ms  integer not null check (duration_ms >= 0),
    recorded_at  timestamptz not null
);
create index recordings_follow_up on recordings (follow_up_id);
create index recordings_attempt on recordings (attempt_id);
comment on column recordings.path is 'WAV file, relative to the recordings directory.';

create table complaints (
    id             uuid primary key,
    follow_up_id   uuid not null constraint complaints_once unique references follow_ups,
    customer_id    uuid not null references customers,
    attempt_id     uuid not null references attempts,
    reason         text not null constraint complaints_reason_check check (reason in ('low_score', 'low_intent', 'noes', 'asked_for_person')),
    question       text,
    state          text not null default 'open' constraint complaints_state_check check (state in ('open', 'closed')),
    opened_at      timestamptz not null,
    contact_due_at timestamptz not null,
    closed_at      timestamptz,
    constraint complaints_closed_whole check ((state = 'closed') = (closed_at is not null))
);
create index complaints_open on complaints (contact_due_at) where state = 'open';
create index complaints_customer on complaints (customer_id);
comment on table complaints is 'Opened in the same transaction as the answer that caused it; one for each follow-up. What the customer shows later in the call are further steps.';
comment on column complaints.contact_due_at is 'First contact by a person at the latest: the same day or the next.';

create table complaint_steps (
    id           uuid primary key,
    complaint_id uuid not null references complaints,
    kind         text not null constraint complaint_steps_kind_check check (kind in ('listen_and_record')),
    done_at      timestamptz not null,
    person       text,
    note         text not null
);
create index complaint_steps_complaint on complaint_steps (complaint_id, done_at);
comment on column complaint_steps.person is 'Who did it; null for the engine.';

create table call_backs (
    id           uuid primary key,
    follow_up_id uuid not null references follow_ups,
    attempt_id   uuid not null constraint call_backs_once unique references attempts,
    call_at      timestamptz not null,
    booked_at    timestamptz not null
);
create index call_backs_follow_up on call_backs (follow_up_id);
comment on table call_backs is 'Times that customers booked by key. follow_ups.next_attempt_at holds the one that is still to come.';
