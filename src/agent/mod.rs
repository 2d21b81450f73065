//! Live agents: where each stands ([`state`], a core) and who holds them for a caller ([`desk`], the shell). Knows nothing of SIP transactions or media.

pub mod desk;
pub mod state;
