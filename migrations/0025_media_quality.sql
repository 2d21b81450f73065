-- How good the media of an attempt were, told once at its end. Null where the call was never answered, or by an engine that did not measure.

alter table attempts
    add column rx_packets integer check (rx_packets >= 0),
    add column rx_lost integer check (rx_lost >= 0),
    add column rx_late integer check (rx_late >= 0),
    add column rx_duplicates integer check (rx_duplicates >= 0),
    add column rx_silent boolean,
    add column jitter_ms integer check (jitter_ms >= 0),
    add column jitter_max_ms integer check (jitter_max_ms >= 0),
    add column tx_packets integer check (tx_packets >= 0),
    add column tx_lost_permille smallint check (tx_lost_permille between 0 and 1000),
    add column rtt_ms integer check (rtt_ms >= 0),
    add column mos_hundredths smallint check (mos_hundredths between 100 and 450);
comment on column attempts.rx_packets is 'RTP packets that came from the customer''s side, each counted once.';
comment on column attempts.rx_lost is 'Of the packets of that side that were to come: those that never did.';
comment on column attempts.rx_late is 'Of those that came: more than 60 ms late (reckoned from a sample), which a phone would not have played.';
comment on column attempts.rx_duplicates is 'Packets that came a second time.';
comment on column attempts.rx_silent is 'Packets came and held nothing but digital silence or comfort noise.';
comment on column attempts.jitter_ms is 'Median of the interarrival jitter (RFC 3550 A.8), in ms.';
comment on column attempts.jitter_max_ms is 'Its highest value, in ms.';
comment on column attempts.tx_packets is 'RTP packets that we sent.';
comment on column attempts.tx_lost_permille is 'Of ours lost on their way, in thousandths, by the far side''s last RTCP report; null without one.';
comment on column attempts.rtt_ms is 'Round trip between the media ends in ms, by RTCP; null without a report that tells it.';
comment on column attempts.mos_hundredths is 'Estimated mean opinion score of the worse direction (ITU-T G.107), in hundredths: 438 is 4.38. Null when nothing was heard.';
