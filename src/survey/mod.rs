//! Surveys: definition, flow, keys, scales and the survey compiler. Pure; knows nothing of SIP, RTP or the store.
