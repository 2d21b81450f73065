-- Whole SIP messages of attempts, for ladder diagrams and pcap. Many and short-lived: no journal, no update, deleted by age.

create table sip_messages (
    attempt_id uuid not null references attempts,
    seq        integer not null check (seq >= 0),
    at         timestamptz not null,
    leg        text not null constraint sip_messages_leg_check check (leg in ('customer', 'agent')),
    sent       boolean not null,
    transport  text not null constraint sip_messages_transport_check check (transport in ('udp', 'tcp', 'tls')),
    local      text not null,
    peer       text not null,
    message    bytea not null check (octet_length(message) <= 65535),
    primary key (attempt_id, seq)
);
create index sip_messages_at on sip_messages using brin (at);
comment on table sip_messages is 'Messages as they were on the wire, but for Authorization, Proxy-Authorization and SRTP keys, which are never stored. Numbers stand in clear: whoever shows them masks them.';
comment on column sip_messages.seq is '0 is the first of the attempt, over both legs.';
comment on column sip_messages.local is 'Our address and port.';
comment on column sip_messages.peer is 'The other end: where it went or came from.';

alter table attempts add column sip_dropped integer check (sip_dropped > 0);
comment on column attempts.sip_dropped is 'SIP messages beyond what is kept of one attempt; null: none.';
