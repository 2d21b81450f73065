-- Writes of the API that carry an Idempotency-Key: what was asked and what was answered, so that the same again is answered the same and done once.

create table idempotency_keys (
    caller       text not null,
    key          text not null,
    fingerprint  bytea not null,
    began_at     timestamptz not null,
    ended_at     timestamptz,
    status       smallint,
    content_type text,
    body         bytea,
    primary key (caller, key),
    constraint idempotency_keys_ended_whole check ((ended_at is null) = (status is null) and (ended_at is null) = (body is null))
);
create index idempotency_keys_began on idempotency_keys (began_at);
comment on table idempotency_keys is 'Kept for a day. Answers to writes hold masked numbers at most.';
comment on column idempotency_keys.fingerprint is 'SHA-256 of method, path, query, content type and body.';
comment on column idempotency_keys.ended_at is 'Null while the write runs, and for good where the engine died in between: then nobody knows whether it was done.';
