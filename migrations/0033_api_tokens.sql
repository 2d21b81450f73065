-- Tokens for programs that ask the API, and by which of them, and from where, something in the audit log was done.

create table api_tokens (
    id           uuid primary key,
    name         text not null check (name <> ''),
    token_hash   text not null constraint api_tokens_hash_once unique check (token_hash ~ '^[0-9a-f]{64}$'),
    scopes       text[] not null constraint api_tokens_scopes_check check (scopes <> '{}' and scopes <@ array['read', 'personal', 'operate', 'import', 'admin']),
    created_at   timestamptz not null,
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz
);
create unique index api_tokens_name on api_tokens (lower(name)) where revoked_at is null;
comment on table api_tokens is 'Who asks by a token of their own. Rows are never deleted: the audit log names them.';
comment on column api_tokens.token_hash is 'Hex SHA-256 of the token. The token is 256 random bits: nobody finds one by trying, so a slow password hash would only slow us down.';
comment on column api_tokens.expires_at is 'From then on it opens nothing; null: never.';
comment on column api_tokens.last_used_at is 'To the minute.';

alter table audit_log
    add column token_id uuid references api_tokens,
    add column address  text;
create index audit_log_token on audit_log (token_id, at) where token_id is not null;
comment on table audit_log is 'Who saw or changed what. Without user_id and token_id: web.token, the command line or the engine itself (detail says which).';
comment on column audit_log.address is 'IP address that it was asked from, as far as the server knows it (behind a proxy: web.trusted_proxies).';
