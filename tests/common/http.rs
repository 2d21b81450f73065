//! The other side of HTTP on loopback, for what the engine sends out by itself: requests as they came, answered as the test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// A request as it came: method and path, headers in lower case, body.
#[derive(Clone)]
pub struct Came {
    /// `POST /path`.
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: String,
}

impl Came {
    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Where it was sent to.
    pub fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }
}

/// Listens on a port of the kernel's choice; `answer` gives a status line (`200 OK`) and a JSON body. The process of the test ends, and it with it.
pub fn listen(answer: impl Fn(Came) -> (&'static str, &'static str) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, answer) = (listener.local_addr().unwrap(), Arc::new(answer));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || while take(&stream, &*answer).is_some() {});
        }
    });
    address
}

/// One request of a connection.
fn take(mut stream: &TcpStream, answer: &dyn Fn(Came) -> (&'static str, &'static str)) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let header =
        |line: &String| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    let mut came =
        Came { line: lines[0].clone(), headers: lines[1..].iter().filter_map(header).collect(), body: String::new() };
    let mut body = vec![0; came.header("content-length").parse().expect("a length")];
    reader.read_exact(&mut body).ok()?;
    came.body = String::from_utf8(body).unwrap();
    let (status, body) = answer(came);
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()
}
