//! The store. SQL lives only here; one file for each aggregate. Knows nothing of SIP or media.
