-- A foreign key locks the attempt's row for each lot of messages, of many attempts at once and in no order: together with the journal, which updates attempts
-- within longer transactions, that is a deadlock. A trace is no result and may never hold one up, so its attempt is not looked up. Messages without an attempt
-- cannot come about otherwise (attempts are not deleted), and go by their age like all others.

alter table sip_messages drop constraint sip_messages_attempt_id_fkey;
comment on column sip_messages.attempt_id is 'An attempt, without a foreign key: writing a trace must not lock the attempt''s row.';
