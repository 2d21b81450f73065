//! Media core: RTP, G.711, keys, playout and recording of one call, without a socket or a clock of its own (RFC 3550, RFC 4733).
