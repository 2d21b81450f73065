-- Entries of one moment keep the order in which they were written.

alter table audit_log add column seq bigint not null generated always as identity;
create index audit_log_seq on audit_log (seq);
