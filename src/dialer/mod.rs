//! Dialling: `policy` (pure: windows, caps, retries, pacing) and `worker` (the loop that leases and launches).

pub mod policy;
