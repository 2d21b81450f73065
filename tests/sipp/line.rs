//! A line to a trunk by TCP that is cut: it relays bytes to SIPp over one connection that stays, and resets the engine's connection (RST) when a certain message goes by.
//! It puts itself into the route (`Record-Route`), so that ACK and BYE come by as well. What the trunk has to say afterwards goes by the engine's newest connection, or by one that is made to the engine, as its Via says (RFC 3261 18.2.2).

use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens when the message goes by; once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    /// It is passed on, then the connection is reset.
    Reset,
    /// The same, but it is not passed on.
    Swallow,
    /// As `Reset`, and no connection is taken any more.
    Vanish,
}

/// The line.
pub struct Line {
    /// Where the engine finds its trunk.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    own: SocketAddr,
    when: &'static str,
    then: Then,
    far: TcpStream,
    /// The engine's connection; its reader owns it, so that it can be reset by closing it.
    near: Mutex<Option<Arc<TcpStream>>>,
    /// Where the engine takes connections, by its last Via.
    engine: Mutex<Option<SocketAddr>>,
    closed: Mutex<bool>,
    resets: AtomicUsize,
    accepted: AtomicUsize,
    called_back: AtomicUsize,
}

impl Line {
    /// A line to `far` that does `then` as soon as `when` goes by from the engine.
    pub fn start(far: SocketAddr, when: &'static str, then: Then) -> Line {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            own: address,
            when,
            then,
            far: TcpStream::connect(far).unwrap(),
            near: Mutex::default(),
            engine: Mutex::default(),
            closed: Mutex::default(),
            resets: AtomicUsize::default(),
            accepted: AtomicUsize::default(),
            called_back: AtomicUsize::default(),
        });
        let (taking, answering) = (Arc::clone(&shared), Arc::clone(&shared));
        std::thread::spawn(move || taking.take(&listener));
        std::thread::spawn(move || answering.answer());
        Line { address, shared }
    }

    /// Connections that were reset.
    pub fn resets(&self) -> usize {
        self.shared.resets.load(SeqCst)
    }

    /// Connections that the engine made.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(SeqCst)
    }

    /// Connections that were made to the engine.
    pub fn called_back(&self) -> usize {
        self.shared.called_back.load(SeqCst)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        *self.shared.closed.lock().unwrap() = true;
        // wakes whoever reads or accepts
        let _ = self.shared.far.shutdown(Shutdown::Both);
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_millis(200));
    }
}

impl Shared {
    fn take(self: &Arc<Shared>, listener: &TcpListener) {
        for stream in listener.incoming().map_while(Result::ok) {
            if *self.closed.lock().unwrap() {
                return;
            }
            self.accepted.fetch_add(1, SeqCst);
            self.serve(stream);
            // the listener goes with this thread
            if self.then == Then::Vanish {
                return;
            }
        }
    }

    /// Reads a connection of the engine's.
    fn serve(self: &Arc<Shared>, stream: TcpStream) {
        let stream = Arc::new(stream);
        *self.near.lock().unwrap() = Some(Arc::clone(&stream));
        let own = Arc::clone(self);
        std::thread::spawn(move || own.read(stream));
    }

    fn read(&self, stream: Arc<TcpStream>) {
        let mut chunk = vec![0; 65_536];
        while let Ok(length @ 1..) = (&*stream).read(&mut chunk) {
            let text = String::from_utf8_lossy(&chunk[..length]);
            if let Some(via) = text.lines().find_map(|line| line.strip_prefix("Via: SIP/2.0/TCP ")) {
                let sent_by = via.split(';').next().and_then(|address| address.trim().parse().ok());
                let mut engine = self.engine.lock().unwrap();
                *engine = sent_by.or(*engine);
            }
            let now = text.contains(self.when) && self.resets.load(SeqCst) == 0;
            if !(now && self.then == Then::Swallow) {
                let _ = (&self.far).write_all(&recorded(&chunk[..length], self.own));
            }
            if now {
                self.resets.fetch_add(1, SeqCst);
                *self.near.lock().unwrap() = None;
                // closed with this set, a connection is reset (socket(7), SO_LINGER)
                SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).unwrap();
                return;
            }
        }
    }

    /// Brings what the trunk says to the engine.
    fn answer(self: &Arc<Shared>) {
        let mut chunk = vec![0; 65_536];
        while let Ok(length @ 1..) = (&self.far).read(&mut chunk) {
            let near = self.near.lock().unwrap().clone();
            let near = near.or_else(|| self.call_back());
            if let Some(near) = near {
                let _ = (&*near).write_all(&chunk[..length]);
            }
        }
    }

    fn call_back(self: &Arc<Shared>) -> Option<Arc<TcpStream>> {
        let engine = (*self.engine.lock().unwrap())?;
        self.serve(TcpStream::connect(engine).ok()?);
        self.called_back.fetch_add(1, SeqCst);
        self.near.lock().unwrap().clone()
    }
}

/// An INVITE with the line in its route, anything else as it is. The first bytes of a connection are an INVITE's, in one piece.
fn recorded(bytes: &[u8], own: SocketAddr) -> Vec<u8> {
    let line = bytes.windows(2).position(|pair| pair == b"\r\n").filter(|_| bytes.starts_with(b"INVITE "));
    let (first, rest) = bytes.split_at(line.map_or(0, |at| at + 2));
    let route = line.map(|_| format!("Record-Route: <sip:{own};transport=tcp;lr>\r\n"));
    [first, route.unwrap_or_default().as_bytes(), rest].concat()
}
