//! A softphone for the tests of the registrar: it answers challenges as a client does, and counts as a client must.

use super::scripted::{Desk, LOCAL, address};
use crate::sip::auth::{Challenge, Credentials, HashAlgorithm, choose_challenge, ha1};
use crate::sip::endpoint::EndpointConfig;
use crate::sip::message::{Message, Method};
use crate::sip::registrar::{RegistrarConfig, RegistrarUser};
use crate::sip::uri::Uri;
use std::sync::atomic::{AtomicU32, Ordering};

pub const REALM: &str = "huifang";

/// No two requests have the same branch.
static BRANCHES: AtomicU32 = AtomicU32::new(0);

/// An endpoint with a registrar for these users, whose password is "secret".
pub fn desk(users: &[&str]) -> Desk {
    let registrar = Some(RegistrarConfig::new(REALM));
    let mut desk =
        Desk::with_config(EndpointConfig { registrar, ..EndpointConfig::new(address(LOCAL), "huifang-test") });
    let users: Vec<RegistrarUser> = users.iter().map(|user| registrar_user(user, "secret")).collect();
    desk.endpoint.set_registrar_users(&users);
    desk
}

pub fn registrar_user(user: &str, password: &str) -> RegistrarUser {
    RegistrarUser {
        user: user.to_owned(),
        ha1_md5: ha1(HashAlgorithm::Md5 { sess: false }, user, REALM, password).into(),
        ha1_sha256: ha1(HashAlgorithm::Sha256 { sess: false }, user, REALM, password).into(),
    }
}

/// A softphone.
pub struct Phone {
    pub user: &'static str,
    pub password: &'static str,
    /// Where it sends from.
    pub source: String,
    pub call_id: String,
    pub cseq: u32,
    pub challenge: Option<Challenge>,
    pub nc: u32,
    /// It knows nothing but MD5.
    pub old: bool,
}

impl Phone {
    pub fn of(user: &'static str) -> Phone {
        let (source, call_id) = ("198.51.100.7:40000".to_owned(), format!("{user}-phone"));
        let (cseq, challenge, nc, old) = (0, None, 0, false);
        Phone { user, password: "secret", source, call_id, cseq, challenge, nc, old }
    }

    /// A REGISTER with these fields, answering the challenge that it has.
    pub fn request(&mut self, fields: &[(&str, &str)]) -> Message {
        let uri: Uri = format!("sip:{LOCAL}").parse().expect("a URI");
        self.cseq += 1;
        let mut request = Message::request(Method::Register, uri.clone());
        let branch = format!("z9hG4bKphone{}", BRANCHES.fetch_add(1, Ordering::Relaxed));
        request.push("Via", format!("SIP/2.0/UDP 192.168.1.5:5060;branch={branch};rport"));
        request.push("Max-Forwards", "70");
        request.push("From", format!("<sip:{}@{LOCAL}>;tag=t", self.user));
        request.push("To", format!("<sip:{}@{LOCAL}>", self.user));
        request.push("Call-ID", self.call_id.as_str());
        request.push("CSeq", format!("{} REGISTER", self.cseq));
        for (name, value) in fields {
            request.push(name, *value);
        }
        if let Some(challenge) = &self.challenge {
            self.nc += 1;
            let credentials = Credentials { username: self.user.to_owned(), password: self.password.to_owned().into() };
            let answer = challenge.answer(&credentials, &Method::Register, &uri, &[], "cnonce", self.nc);
            request.push("Authorization", answer);
        }
        request
    }

    /// Sends it and gives the response.
    pub fn send(&self, desk: &mut Desk, request: &Message) -> Message {
        desk.deliver_from(&self.source, &request.to_bytes());
        let (to, response) = desk.sent.pop().expect("a response");
        assert_eq!(to, address(&self.source), "it goes where the request came from");
        response
    }

    /// Takes the challenge of a 401, the first that it can.
    pub fn take(&mut self, response: &Message) {
        let offered: Vec<&str> = response.headers("WWW-Authenticate").collect();
        let first = if self.old { offered.last() } else { offered.first() };
        self.challenge = first.and_then(|value| choose_challenge(&[value]).ok());
        self.nc = 0;
    }

    /// Registers: gives the response to the first request that is not a challenge, or the second challenge.
    pub fn register(&mut self, desk: &mut Desk, fields: &[(&str, &str)]) -> Message {
        let request = self.request(fields);
        let response = self.send(desk, &request);
        if response.status() != Some(401) {
            return response;
        }
        self.take(&response);
        let request = self.request(fields);
        self.send(desk, &request)
    }

    /// Registers this contact.
    #[track_caller]
    pub fn bind(&mut self, desk: &mut Desk, contact: &str) {
        let response = self.register(desk, &[("Contact", contact)]);
        assert_eq!(response.status(), Some(200));
    }
}
