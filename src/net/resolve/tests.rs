//! Names against a name server of our own on loopback: what RFC 3263 asks, in which order places come, and what silence and errors lead to.

use super::*;
use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, NAPTR, SRV};
use hickory_resolver::proto::rr::{Name, Record};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// What it answers to a question.
#[derive(Clone)]
enum Says {
    Records(Vec<RData>),
    Code(ResponseCode),
    Nothing,
}

/// A name server on loopback; ends with its handle.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).expect("a name")
}

fn a(last: u8) -> RData {
    RData::A(A(Ipv4Addr::new(192, 0, 2, last)))
}

fn srv(priority: u16, port: u16, target: &str) -> RData {
    RData::SRV(SRV::new(priority, 10, port, name(target)))
}

fn naptr(order: u16, services: &str, replacement: &str) -> RData {
    let bytes = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
    RData::NAPTR(NAPTR::new(order, 50, bytes("s"), bytes(services), bytes(""), name(replacement)))
}

async fn server(zone: &[(&str, RecordType, Says)]) -> Server {
    let zone: HashMap<(String, RecordType), Says> =
        zone.iter().map(|(name, kind, says)| ((format!("{name}."), *kind), says.clone())).collect();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    let address = socket.local_addr().expect("an address");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let list = asked.clone();
    let task = tokio::spawn(async move {
        let mut buffer = [0; 1_500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let Ok(question) = Message::from_vec(&buffer[..length]) else { continue };
            let query = question.queries[0].clone();
            let key = (query.name().to_ascii().to_ascii_lowercase(), query.query_type());
            list.lock().expect("a list").push(format!("{} {}", key.1, key.0));
            let says = zone.get(&key).cloned().unwrap_or(Says::Code(ResponseCode::NXDomain));
            let mut answer = Message::error_msg(question.metadata.id, question.metadata.op_code, ResponseCode::NoError);
            answer.metadata.message_type = MessageType::Response;
            answer.add_query(query.clone());
            match says {
                Says::Records(data) => {
                    for data in data {
                        answer.add_answer(Record::from_rdata(query.name().clone(), 300, data));
                    }
                }
                Says::Code(code) => answer.metadata.response_code = code,
                Says::Nothing => continue,
            }
            let _ = socket.send_to(&answer.to_vec().expect("bytes"), from).await;
        }
    });
    Server { address, asked, task }
}

async fn locate(server: &Server, wanted: Wanted, ipv6: bool) -> Result<Vec<String>, Nowhere> {
    let resolver = Resolver::new(&[server.address], ipv6).expect("a resolver");
    let mut dice = ChaCha8Rng::seed_from_u64(1);
    let located = resolver.locate(&wanted, &mut dice).await?;
    Ok(located.places.iter().map(ToString::to_string).collect())
}

fn wanted(port: Option<u16>, transport: Option<Transport>) -> Wanted {
    Wanted { host: "example.com".into(), port, transport }
}

#[tokio::test]
async fn naptr_srv_and_addresses_are_asked_for_as_rfc_3263_says() {
    let records = |data: &[RData]| Says::Records(data.to_vec());
    let server = server(&[
        (
            "example.com",
            RecordType::NAPTR,
            records(&[
                naptr(20, "SIP+D2U", "_sip._udp.example.com"),
                naptr(10, "SIP+D2T", "_sip._tcp.example.com"),
                naptr(5, "SIP+D2S", "_sip._sctp.example.com"),
            ]),
        ),
        (
            "_sip._tcp.example.com",
            RecordType::SRV,
            records(&[srv(20, 5_070, "b.example.com"), srv(10, 5_060, "a.example.com")]),
        ),
        ("_sip._udp.example.com", RecordType::SRV, records(&[srv(10, 5_080, "a.example.com")])),
        ("a.example.com", RecordType::A, records(&[a(1), a(2)])),
        ("b.example.com", RecordType::A, records(&[a(3)])),
        ("example.com", RecordType::A, records(&[a(9)])),
    ])
    .await;
    let tcp = ["tcp 192.0.2.1:5060", "tcp 192.0.2.2:5060", "tcp 192.0.2.3:5070"];
    let udp = ["udp 192.0.2.1:5080", "udp 192.0.2.2:5080"];
    assert_eq!(
        locate(&server, wanted(None, None), false).await,
        Ok([&tcp[..], &udp[..]].concat().iter().map(|s| s.to_string()).collect())
    );
    assert_eq!(locate(&server, wanted(None, Some(Transport::Udp)), false).await, Ok(udp.map(str::to_owned).to_vec()));
    assert_eq!(
        locate(&server, wanted(Some(5_099), Some(Transport::Tcp)), false).await,
        Ok(vec!["tcp 192.0.2.9:5099".into()]),
        "a port leaves nothing to be asked but the address"
    );
    assert_eq!(
        locate(&server, wanted(None, Some(Transport::Tls)), false).await,
        Ok(vec!["tls 192.0.2.9:5061".into()]),
        "without SRV records the name itself, at the usual port"
    );
    let asked = server.asked.lock().expect("a list").clone();
    assert_eq!(asked.iter().filter(|question| question.starts_with("NAPTR")).count(), 1, "{asked:?}");
}

#[tokio::test]
async fn only_addresses_that_our_socket_reaches_are_of_use() {
    let v6 = RData::AAAA(AAAA("2001:db8::1".parse().expect("an address")));
    let zone = [
        ("example.com", RecordType::A, Says::Records(vec![a(1)])),
        ("example.com", RecordType::AAAA, Says::Records(vec![v6])),
    ];
    let server = server(&zone).await;
    assert_eq!(locate(&server, wanted(None, None), true).await, Ok(vec!["udp [2001:db8::1]:5060".into()]));
    assert_eq!(locate(&server, wanted(None, None), false).await, Ok(vec!["udp 192.0.2.1:5060".into()]));
}

#[tokio::test]
async fn an_unknown_name_is_told_from_a_name_server_that_fails() {
    let unknown = server(&[]).await;
    assert_eq!(locate(&unknown, wanted(None, None), false).await, Err(Nowhere::Unknown("example.com".into())));
    let failing = server(&[
        ("example.com", RecordType::A, Says::Code(ResponseCode::ServFail)),
        ("_sip._udp.example.com", RecordType::SRV, Says::Nothing),
    ])
    .await;
    let told = locate(&failing, wanted(None, Some(Transport::Udp)), false).await;
    assert!(matches!(&told, Err(Nowhere::NoAnswer(host, _)) if host == "example.com"), "{told:?}");
    // what can be found is found, though another question is not answered
    let half = server(&[
        (
            "_sip._udp.example.com",
            RecordType::SRV,
            Says::Records(vec![srv(1, 5_060, "dead.example.com"), srv(2, 5_060, "a.example.com")]),
        ),
        ("dead.example.com", RecordType::A, Says::Code(ResponseCode::ServFail)),
        ("a.example.com", RecordType::A, Says::Records(vec![a(7)])),
    ])
    .await;
    assert_eq!(locate(&half, wanted(None, Some(Transport::Udp)), false).await, Ok(vec!["udp 192.0.2.7:5060".into()]));
}
