//! A tap on the endpoint: who wants to keep whole messages of sessions is shown each one, sent or received, repetitions too. Nothing is copied where nobody looks.

use super::hop::Hop;
use super::session::SessionId;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// One message of a session, as it is on the wire: credentials, keys and numbers in clear.
pub struct Caught<'a> {
    /// The session that it belongs to.
    pub session: SessionId,
    /// True: sent by us. False: received.
    pub sent: bool,
    /// Our address on its transport.
    pub local: SocketAddr,
    /// Where it went or came from.
    pub peer: Hop,
    /// The whole message.
    pub bytes: &'a [u8],
}

/// Who looks. Called on the endpoint's own thread: it must neither wait nor fail.
#[derive(Clone)]
pub struct Tap(Arc<dyn Fn(&Caught<'_>) + Send + Sync>);

impl Tap {
    /// Shows each message to `look`.
    pub fn new(look: impl Fn(&Caught<'_>) + Send + Sync + 'static) -> Tap {
        Tap(Arc::new(look))
    }

    pub(crate) fn show(&self, caught: &Caught<'_>) {
        (self.0)(caught);
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}
