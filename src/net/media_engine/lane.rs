//! The ways between the threads of the media plane: lock-free queues whose receiver sleeps when there is nothing to do.

use super::srtp::Protection;
use super::stats::Counters;
use crate::media::session::{Command, Event, SessionParams};
use crate::sdp::Srtp;
use crossbeam_queue::SegQueue;
use std::net::{SocketAddr, UdpSocket};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::thread::Thread;
use tokio::sync::mpsc::UnboundedSender;

/// A queue with one receiving thread.
pub(super) struct Inbox<T> {
    queue: SegQueue<T>,
    receiver: OnceLock<Thread>,
}

impl<T> Inbox<T> {
    pub(super) fn new() -> Inbox<T> {
        Inbox { queue: SegQueue::new(), receiver: OnceLock::new() }
    }

    /// Names the thread that receives.
    pub(super) fn received_by(&self, thread: Thread) {
        let _ = self.receiver.set(thread);
    }

    /// Puts `message` in and wakes the receiver.
    pub(super) fn send(&self, message: T) {
        self.put(message);
        self.wake();
    }

    /// Puts `message` in; somebody must call [`Inbox::wake`] later.
    pub(super) fn put(&self, message: T) {
        self.queue.push(message);
    }

    /// Wakes the receiver; cheap when it is awake.
    pub(super) fn wake(&self) {
        if let Some(thread) = self.receiver.get() {
            thread.unpark();
        }
    }

    /// The next message, if there is one.
    pub(super) fn take(&self) -> Option<T> {
        self.queue.pop()
    }

    /// The next message; sleeps until there is one. Only for the receiver.
    pub(super) fn wait(&self) -> T {
        loop {
            if let Some(message) = self.take() {
                return message;
            }
            // a wake between the look and the park is not lost: its token makes the park return
            std::thread::park();
        }
    }
}

/// What a media thread is told.
pub(super) enum Message {
    /// A call with its socket; it is silent until it starts.
    Open { call: u64, socket: CallSocket, events: UnboundedSender<Event> },
    /// Media flow from now on.
    Start {
        call: u64,
        remote: Remote,
        control: Option<UdpSocket>,
        protection: Option<Box<Protection>>,
        params: SessionParams,
    },
    /// The keys of SRTP are these from now on.
    Rekey { call: u64, keys: Srtp },
    /// The peer wants its media there from now on.
    Move { call: u64, remote: Remote },
    /// For the call's session.
    Command { call: u64, command: Command },
    /// The call is over.
    Close { call: u64 },
    /// The thread ends.
    Stop,
}

/// A call's socket, the port that the pool gave for it, and the socket on the next port, where RTCP needs one.
pub(super) struct CallSocket {
    pub(super) socket: UdpSocket,
    pub(super) control: Option<UdpSocket>,
    pub(super) port: u16,
}

/// Where the peer wants RTP and RTCP; the same address where both share a port.
#[derive(Clone, Copy)]
pub(super) struct Remote {
    pub(super) rtp: SocketAddr,
    pub(super) rtcp: SocketAddr,
}

/// One media thread, seen from outside.
pub(super) struct Lane {
    pub(super) inbox: Inbox<Message>,
    pub(super) counters: Counters,
    /// Handles that are open.
    pub(super) calls: AtomicUsize,
    /// It has enough to do: nobody new is called.
    pub(super) strained: AtomicBool,
}

impl Lane {
    pub(super) fn new() -> Lane {
        let (calls, strained) = (AtomicUsize::new(0), AtomicBool::new(false));
        Lane { inbox: Inbox::new(), counters: Counters::default(), calls, strained }
    }
}
