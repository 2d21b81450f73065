-- Sign-in by the API's token keeps its session in the store too: several engines serve the same pages.

alter table user_sessions alter column user_id drop not null;
comment on column user_sessions.user_id is
    'Null: signed in with web.token. Then token_hash is made of the cookie and that token together: another token ends the session.';
create index user_sessions_expired on user_sessions (expires_at);
create index audit_log_user on audit_log (user_id, at);
