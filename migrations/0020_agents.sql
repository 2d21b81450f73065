-- People: who signs in, who takes calls, where they stand, and each hand-over of a caller to one of them.

create table users (
    id            uuid primary key,
    name          text not null check (name <> ''),
    password_hash text not null,
    role          text not null constraint users_role_check check (role in ('agent', 'manager', 'admin')),
    created_at    timestamptz not null,
    disabled_at   timestamptz
);
create unique index users_name on users (lower(name));
comment on table users is 'Who signs in on the pages.';
comment on column users.password_hash is 'Argon2id in PHC string format; the password itself is nowhere.';

create table user_sessions (
    token_hash text primary key check (token_hash ~ '^[0-9a-f]{64}$'),
    user_id    uuid not null references users,
    csrf       text not null,
    began_at   timestamptz not null,
    expires_at timestamptz not null
);
create index user_sessions_user on user_sessions (user_id);
comment on column user_sessions.token_hash is 'Hex SHA-256 of the cookie: a stolen table opens no session.';
comment on column user_sessions.csrf is 'What every form and script of this session sends along.';

create table agents (
    id             uuid primary key,
    user_id        uuid constraint agents_user_once unique references users,
    name           text not null check (name <> ''),
    staff_number   text constraint agents_staff_number_once unique check (staff_number <> ''),
    skills         text[] not null default '{}',
    languages      text[] not null default '{}',
    reach          text not null constraint agents_reach_check check (reach in ('registered', 'uri', 'browser', 'pbx')),
    sip_user       text constraint agents_sip_user_once unique check (sip_user ~ '^[A-Za-z0-9._-]+$'),
    sip_ha1_md5    text check (sip_ha1_md5 ~ '^[0-9a-f]{32}$'),
    sip_ha1_sha256 text check (sip_ha1_sha256 ~ '^[0-9a-f]{64}$'),
    sip_uri        text check (sip_uri <> ''),
    trunk          text check (trunk <> ''),
    auto_answer    boolean not null default false,
    attended       boolean not null default false,
    created_at     timestamptz not null,
    disabled_at    timestamptz,
    constraint agents_reach_whole check (
        (reach <> 'registered' or (sip_user is not null and sip_ha1_md5 is not null and sip_ha1_sha256 is not null))
        and (reach not in ('uri', 'pbx') or sip_uri is not null)
        and (reach <> 'browser' or user_id is not null))
);
comment on column agents.skills is 'What the agent is for: survey keys, or words of the dealer''s. Empty: everything.';
comment on column agents.languages is 'BCP 47 tags that the agent speaks. Empty: all.';
comment on column agents.reach is
    'registered: a softphone that registers with the engine as sip_user. uri: rung at sip_uri (by trunk, or directly). browser: the call is taken in the page. '
    'pbx: a queue of the PBX, which owns its agents: the caller is handed over to sip_uri by REFER, many at a time, and nobody is reserved.';
comment on column agents.sip_ha1_md5 is 'MD5(user:realm:password), RFC 7616 3.4.2; the password itself is nowhere.';
comment on column agents.trunk is 'The trunk that carries a call to sip_uri; null: straight to its host.';
comment on column agents.auto_answer is 'Picking up takes the call; without it the accept key must be pressed after the whisper.';
comment on column agents.attended is 'pbx only: the engine calls first, and hands over with Replaces (RFC 3891) once somebody answers.';

create table agent_sessions (
    id               uuid primary key,
    agent_id         uuid not null references agents,
    began_at         timestamptz not null,
    ended_at         timestamptz,
    state            text not null constraint agent_sessions_state_check check
                     (state in ('available', 'reserved', 'ringing', 'talking', 'wrap_up', 'break')),
    since            timestamptz not null,
    idle_since       timestamptz not null,
    present_until    timestamptz not null,
    wrap_up_until    timestamptz,
    next_state       text constraint agent_sessions_next_state_check check (next_state in ('break', 'offline')),
    transfer_id      uuid,
    lease_token      uuid,
    lease_node       text,
    lease_expires_at timestamptz,
    constraint agent_sessions_lease_whole check ((lease_token is null) = (lease_node is null) and (lease_token is null) = (lease_expires_at is null)
                                                 and (lease_token is null) = (transfer_id is null)),
    constraint agent_sessions_busy_leased check ((state in ('reserved', 'ringing', 'talking')) = (lease_token is not null)),
    constraint agent_sessions_wrap_up_ends check ((state = 'wrap_up') = (wrap_up_until is not null))
);
create unique index agent_sessions_open on agent_sessions (agent_id) where ended_at is null;
create index agent_sessions_leased on agent_sessions (lease_expires_at) where lease_token is not null;
comment on table agent_sessions is 'One turn of duty of an agent. No open row: offline.';
comment on column agent_sessions.idle_since is 'Longest idle first: when the agent last became free, or last turned a call down.';
comment on column agent_sessions.present_until is 'Renewed by the open page or the live registration; past it the agent is gone. Infinity where nobody can tell.';
comment on column agent_sessions.next_state is 'Wished for in a call; taken when it is over.';
comment on column agent_sessions.lease_expires_at is 'Renewed by the engine that has the caller; past it that engine is dead and the agent free again.';

create table agent_events (
    id          uuid primary key,
    agent_id    uuid not null references agents,
    session_id  uuid not null references agent_sessions,
    at          timestamptz not null,
    from_state  text not null,
    to_state    text not null,
    why         text not null check (why ~ '^[a-z][a-z0-9_]*$'),
    transfer_id uuid
);
create index agent_events_agent on agent_events (agent_id, at);
comment on table agent_events is 'Each transition, stamped. offline is the state before a session and after it.';

create table agent_bindings (
    sip_user   text not null,
    contact    text not null,
    source     text not null,
    node       text not null,
    call_id    text not null,
    cseq       bigint not null,
    user_agent text,
    bound_at   timestamptz not null,
    expires_at timestamptz not null,
    primary key (sip_user, contact)
);
comment on table agent_bindings is 'Where registered softphones are (RFC 3261 10.3). Rows past expires_at mean nothing.';
comment on column agent_bindings.source is 'IP and port that the REGISTER came from: where requests to the phone go, whatever its Contact says (NAT).';
comment on column agent_bindings.node is 'The engine that it registered with; behind NAT only that one reaches it.';

create table transfers (
    id           uuid primary key,
    attempt_id   uuid not null references attempts,
    follow_up_id uuid not null references follow_ups,
    survey_key   text not null,
    ordinal      integer not null check (ordinal >= 1),
    agent_id     uuid references agents,
    mode         text constraint transfers_mode_check check (mode in ('bridge', 'refer', 'refer_attended')),
    node         text not null,
    reserved_at  timestamptz,
    offered_at   timestamptz,
    wanted_at    timestamptz,
    ringing_at   timestamptz,
    answered_at  timestamptz,
    accepted_at  timestamptz,
    ended_at     timestamptz,
    outcome      text constraint transfers_outcome_check check (outcome in
                 ('accepted', 'rejected', 'no_answer', 'customer_gave_up', 'agent_failed', 'pbx_refused', 'declined', 'nobody_free', 'interrupted')),
    page_word    text constraint transfers_page_word_check check (page_word in ('take', 'reject', 'hang_up')),
    page_offer   text,
    page_answer  text,
    constraint transfers_ordinal unique (attempt_id, ordinal),
    constraint transfers_ended_whole check ((ended_at is null) = (outcome is null)),
    constraint transfers_somebody check ((agent_id is null) = (outcome is not distinct from 'nobody_free') and (agent_id is null) = (mode is null))
);
create index transfers_agent on transfers (agent_id, reserved_at);
create index transfers_follow_up on transfers (follow_up_id);
create index transfers_wanted on transfers (survey_key, wanted_at) where wanted_at is not null;
create index transfers_open on transfers (node) where ended_at is null;
comment on table transfers is 'One try to hand a caller to one agent; the tries of a call are numbered. nobody_free: there was no agent to try.';
comment on column transfers.wanted_at is 'The customer said yes, or had asked for a person: from here on they wait (abandoned ledger).';
comment on column transfers.answered_at is 'The agent''s phone was picked up, or the PBX took the caller.';
comment on column transfers.accepted_at is 'The agent took the call: from here on the two talk.';
comment on column transfers.outcome is
    'accepted: they talked. rejected, no_answer: by the agent. customer_gave_up: hung up while waiting. agent_failed: the agent''s phone or line broke. '
    'pbx_refused: REFER was refused or failed. declined: the customer would rather be called back. interrupted: the engine died or stopped.';
comment on column transfers.page_word is 'What the agent said on the page, for the engine that has the caller (which may be another process).';
comment on column transfers.page_offer is 'WebRTC offer (SDP) of the page; page_answer is the engine''s answer to it.';

create table audit_log (
    id      uuid primary key,
    at      timestamptz not null,
    user_id uuid references users,
    action  text not null check (action ~ '^[a-z][a-z0-9_.]*$'),
    object  text not null,
    detail  jsonb not null default '{}'
);
create index audit_log_at on audit_log (at);
comment on table audit_log is 'Who saw or changed what. user_id is null for the API''s token.';

-- Wakes pages and engines (LISTEN huifang_agents): the payload is the id of the agent or the transfer that changed.
create function agents_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('huifang_agents', case tg_table_name when 'transfers' then new.id::text else (to_jsonb(new) ->> 'agent_id') end);
    return null;
end $$;
create trigger agent_sessions_notify_insert after insert on agent_sessions
    for each row execute function agents_notify();
create trigger agent_sessions_notify_update after update on agent_sessions
    for each row when (old.state <> new.state or old.ended_at is distinct from new.ended_at or old.next_state is distinct from new.next_state
                       or old.transfer_id is distinct from new.transfer_id or old.wrap_up_until is distinct from new.wrap_up_until)
    execute function agents_notify();
create trigger transfers_notify after insert or update on transfers
    for each row execute function agents_notify();
