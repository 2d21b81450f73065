//! Writes SIPp scenarios (XML) for a called phone, and for a caller that nobody asked for: each test says what happens in the order in which it happens.

/// Session description of a phone that takes A-law and telephone-events.
const SDP: &str = "v=0
o=sipp 53655765 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
";

/// The same of a phone that knows no telephone-events.
const PLAIN_SDP: &str = "v=0
o=sipp 53655765 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
";

/// A scenario under way.
#[derive(Clone)]
pub struct Scenario {
    steps: String,
    variables: Vec<String>,
    /// CSeq number of the callee's last request.
    cseq: u32,
}

/// A response.
pub struct Reply {
    line: &'static str,
    tagged: bool,
    for_the_invite: bool,
    of_the_call: bool,
    contact: &'static str,
    headers: Vec<String>,
    sdp: &'static str,
    retransmitted: bool,
}

/// A response with a To tag, for everything outside of a dialog.
pub fn reply(line: &'static str) -> Reply {
    Reply {
        line,
        tagged: true,
        for_the_invite: false,
        of_the_call: false,
        contact: "sip:callee@[local_ip]:[local_port]",
        headers: Vec::new(),
        sdp: "",
        retransmitted: false,
    }
}

impl Reply {
    /// The request was in a dialog: its To has the tag already.
    pub fn in_dialog(mut self) -> Reply {
        self.tagged = false;
        self
    }

    /// To the INVITE, though another request came after it.
    pub fn for_the_invite(mut self) -> Reply {
        self.for_the_invite = true;
        self
    }

    /// To the INVITE, though the callee sent a request of its own in between; after [`Scenario::prack`].
    pub fn after_a_request(mut self) -> Reply {
        (self.for_the_invite, self.of_the_call, self.tagged) = (true, true, false);
        self
    }

    /// With a session description.
    pub fn with_sdp(mut self) -> Reply {
        self.sdp = SDP;
        self
    }

    /// With a session description that has no telephone-events.
    pub fn with_plain_sdp(mut self) -> Reply {
        self.sdp = PLAIN_SDP;
        self
    }

    /// With this Contact.
    pub fn contact(mut self, uri: &'static str) -> Reply {
        self.contact = uri;
        self
    }

    /// With a header more.
    pub fn header(mut self, header: &str) -> Reply {
        self.headers.push(header.to_owned());
        self
    }

    /// Repeated by SIPp until it is acknowledged.
    pub fn retransmitted(mut self) -> Reply {
        self.retransmitted = true;
        self
    }

    fn xml(&self) -> String {
        let tag = if self.tagged { ";tag=[pid]callee[call_number]" } else { "" };
        let (via, cseq) = match self.for_the_invite {
            true => ("Via:[$invite_via]", "CSeq:[$invite_cseq]"),
            false => ("[last_Via:]", "[last_CSeq:]"),
        };
        let parties = if self.of_the_call { "From:[$engine]\nTo:[$callee]" } else { "[last_From:]\n[last_To:]" };
        // SIPp leaves the line out where the request has none
        let route = if self.for_the_invite { "" } else { "[last_Record-Route:]\n" };
        let headers: String = self.headers.iter().map(|header| format!("{header}\n")).collect();
        let retransmitted = if self.retransmitted { " retrans=\"500\"" } else { "" };
        let sdp = self.sdp;
        let kind = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\n" };
        format!(
            "<send{retransmitted}><![CDATA[\n\nSIP/2.0 {}\n{via}\n{route}{parties}{tag}\n[last_Call-ID:]\n{cseq}\n\
             Contact: <{}>\n{headers}{kind}Content-Length: [len]\n\n{sdp}\n]]></send>\n",
            self.line, self.contact
        )
    }
}

impl Scenario {
    /// A phone that an INVITE comes to; remembers the caller's Contact and the CSeq.
    pub fn called() -> Scenario {
        let scenario = Scenario { steps: String::new(), variables: Vec::new(), cseq: 0 };
        scenario.invite("")
    }

    /// A caller.
    pub fn caller(request: &str, sdp: bool) -> Scenario {
        let mut scenario = Scenario { steps: String::new(), variables: Vec::new(), cseq: 0 };
        let (kind, sdp) = if sdp { ("Content-Type: application/sdp\n", SDP) } else { ("", "") };
        scenario.steps = format!(
            "<send retrans=\"500\"><![CDATA[\n\n{request} sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n\
             Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]\nMax-Forwards: 70\n\
             From: <sip:caller@[local_ip]:[local_port]>;tag=[pid]caller[call_number]\nTo: <sip:[service]@[remote_ip]:[remote_port]>\n\
             Call-ID: [call_id]\nCSeq: 1 {request}\nContact: <sip:caller@[local_ip]:[local_port]>\n{kind}Content-Length: [len]\n\n{sdp}\n]]></send>\n"
        );
        scenario
    }

    /// An INVITE comes, with `actions` on it.
    pub fn invite(mut self, actions: &str) -> Scenario {
        let found = self.captured("target").captured("invite_cseq").captured("invite_via").actions_text(
            r#"<ereg regexp="sip:[a-z0-9@.:]+" search_in="hdr" header="Contact:" check_it="true" assign_to="target"/>
                   <ereg regexp=".*" search_in="hdr" header="Via:" check_it="true" assign_to="invite_via"/>
                   <ereg regexp=".*" search_in="hdr" header="CSeq:" check_it="true" assign_to="invite_cseq"/>"#,
            actions,
        );
        self.steps.push_str(&format!("<recv request=\"INVITE\">{found}</recv>\n"));
        self
    }

    fn captured(&mut self, variable: &str) -> &mut Scenario {
        if !self.variables.iter().any(|known| known == variable) {
            self.variables.push(variable.to_owned());
        }
        self
    }

    fn actions_text(&mut self, ours: &str, more: &str) -> String {
        format!("<action>{ours}{more}</action>")
    }

    /// A request comes.
    pub fn expect(mut self, request: &str) -> Scenario {
        self.steps.push_str(&format!("<recv request=\"{request}\"/>\n"));
        self
    }

    /// A response comes.
    pub fn expect_response(mut self, status: u16) -> Scenario {
        self.steps.push_str(&format!("<recv response=\"{status}\"/>\n"));
        self
    }

    /// A request comes whose text must match `pattern` (POSIX extended).
    pub fn expect_like(mut self, request: &str, pattern: &str) -> Scenario {
        self.captured("matched");
        self.steps.push_str(&format!(
            "<recv request=\"{request}\"><action><ereg regexp=\"{pattern}\" search_in=\"msg\" check_it=\"true\" assign_to=\"matched\"/></action></recv>\n"
        ));
        self
    }

    /// An INVITE comes whose digest SIPp verifies by itself; anything else fails the call.
    pub fn expect_authorized(mut self, username: &str, password: &str) -> Scenario {
        self.captured("authorized");
        let verify = format!(r#"<verifyauth assign_to="authorized" username="{username}" password="{password}"/>"#);
        self = self.invite(&verify);
        self.steps.push_str(
            "<nop hide=\"true\" test=\"authorized\" next=\"authorized\"/>\n\
             <nop><action><error message=\"the digest is wrong\"/></action></nop>\n<label id=\"authorized\"/>\n",
        );
        self
    }

    /// The callee says.
    pub fn send(mut self, reply: Reply) -> Scenario {
        self.steps.push_str(&reply.xml());
        self
    }

    /// Nothing happens for so long.
    pub fn pause(mut self, ms: u32) -> Scenario {
        self.steps.push_str(&format!("<pause milliseconds=\"{ms}\"/>\n"));
        self
    }

    /// Sends the RTP of a capture file to the address of the caller's session description.
    pub fn play(mut self, capture: &std::path::Path) -> Scenario {
        let file = capture.display();
        self.steps.push_str(&format!("<nop><action><exec play_pcap_audio=\"{file}\"/></action></nop>\n"));
        self
    }

    /// The ACK of our 200; remembers both sides for a BYE of ours.
    pub fn acknowledged(mut self) -> Scenario {
        self.captured("engine").captured("callee");
        self.steps.push_str(
            r#"<recv request="ACK"><action>
               <ereg regexp=".*" search_in="hdr" header="From:" check_it="true" assign_to="engine"/>
               <ereg regexp=".*" search_in="hdr" header="To:" check_it="true" assign_to="callee"/></action></recv>
            "#,
        );
        self
    }

    /// The PRACK of a reliable response (RFC 3262), which must acknowledge `rack`; remembers both sides, and answers it.
    pub fn prack(mut self, rack: &str) -> Scenario {
        self.captured("engine").captured("callee").captured("matched");
        self.steps.push_str(&format!(
            r#"<recv request="PRACK"><action>
               <ereg regexp="RAck: {rack}" search_in="msg" check_it="true" assign_to="matched"/>
               <ereg regexp=".*" search_in="hdr" header="From:" check_it="true" assign_to="engine"/>
               <ereg regexp=".*" search_in="hdr" header="To:" check_it="true" assign_to="callee"/></action></recv>
            "#
        ));
        self.send(reply("200 OK").in_dialog())
    }

    /// The callee's UPDATE (RFC 3311), with an audio line of these formats and lines, or without an offer.
    pub fn update(self, offer: Option<(&str, &str)>) -> Scenario {
        let contact = "Contact: <sip:callee@[local_ip]:[local_port]>\n";
        match offer {
            None => self.request("UPDATE", contact, ""),
            Some((formats, lines)) => {
                let (headers, sdp) = (format!("{contact}Content-Type: application/sdp\n"), self.offer(formats, lines));
                self.request("UPDATE", &headers, &sdp)
            }
        }
    }

    fn offer(&self, formats: &str, lines: &str) -> String {
        let version = self.cseq + 1;
        format!(
            "v=0\no=sipp 53655765 {version} IN IP4 [local_ip]\ns=-\nc=IN IP4 [media_ip]\nt=0 0\nm=audio [media_port] RTP/AVP {formats}\n{lines}"
        )
    }

    /// The callee hangs up; after [`Scenario::acknowledged`].
    pub fn hang_up(self) -> Scenario {
        self.request("BYE", "", "")
    }

    /// The same, and says why.
    pub fn hang_up_because(self, reason: &str) -> Scenario {
        self.request("BYE", &format!("Reason: {reason}\n"), "")
    }

    /// The callee tells what came of a REFER (RFC 3515 2.4.5); after [`Scenario::acknowledged`].
    pub fn notify(self, event: &str, state: &str, status: &str) -> Scenario {
        let headers = format!(
            "Contact: <sip:callee@[local_ip]:[local_port]>\nEvent: {event}\nSubscription-State: {state}\nContent-Type: message/sipfrag;version=2.0\n"
        );
        self.request("NOTIFY", &headers, &format!("SIP/2.0 {status}\n"))
    }

    /// The callee changes the media: an audio line with these formats and lines; after [`Scenario::acknowledged`].
    pub fn reinvite(self, formats: &str, lines: &str) -> Scenario {
        let cseq = self.cseq + 1;
        let headers = "Contact: <sip:callee@[local_ip]:[local_port]>\nContent-Type: application/sdp\n";
        let sdp = self.offer(formats, lines);
        let mut scenario = self.request("INVITE", headers, &sdp);
        scenario.steps.push_str(&format!(
            "<send><![CDATA[\n\nACK [$target] SIP/2.0\nVia: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]\n\
             Max-Forwards: 70\nFrom:[$callee]\nTo:[$engine]\n[last_Call-ID:]\nCSeq: {cseq} ACK\nContent-Length: 0\n\n]]></send>\n"
        ));
        scenario
    }

    /// The callee presses a key by INFO; after [`Scenario::acknowledged`].
    pub fn info(self, key: char) -> Scenario {
        self.request("INFO", "Content-Type: application/dtmf-relay\n", &format!("Signal={key}\nDuration=80\n"))
    }

    /// A request of the callee in the dialog, which gets a 200.
    fn request(mut self, method: &str, headers: &str, body: &str) -> Scenario {
        self.cseq += 1;
        let cseq = self.cseq;
        self.steps.push_str(&format!(
            "<send retrans=\"500\"><![CDATA[\n\n{method} [$target] SIP/2.0\nVia: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]\n\
             Max-Forwards: 70\nFrom:[$callee]\nTo:[$engine]\n[last_Call-ID:]\nCSeq: {cseq} {method}\n{headers}Content-Length: [len]\n\n{body}\n]]></send>\n\
             <recv response=\"200\"/>\n"
        ));
        self
    }

    /// The caller hangs up, which is answered; repeated BYEs are answered again for a while.
    pub fn hung_up_on(self) -> Scenario {
        self.hung_up_on_and_stays(1000)
    }

    /// The same for so long, in ms.
    pub fn hung_up_on_and_stays(self, ms: u32) -> Scenario {
        let mut scenario = self.expect("BYE").send(reply("200 OK").in_dialog());
        scenario.steps.push_str(&format!("<timewait milliseconds=\"{ms}\"/>\n"));
        scenario
    }

    /// The ACK of a refusal.
    pub fn refused(self, reply: Reply) -> Scenario {
        self.send(reply).expect("ACK")
    }

    /// A caller's ACK of a refusal (RFC 3261 17.1.1.3: the branch of the INVITE).
    pub fn acknowledge_refusal(mut self) -> Scenario {
        self.steps.push_str(
            "<send><![CDATA[\n\nACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n[last_Via:]\nMax-Forwards: 70\n[last_From:]\n[last_To:]\n\
             [last_Call-ID:]\nCSeq: 1 ACK\nContent-Length: 0\n\n]]></send>\n",
        );
        self
    }

    /// The XML.
    pub fn xml(&self) -> String {
        let variables = match self.variables.join(",") {
            none if none.is_empty() => String::new(),
            variables => format!("<Reference variables=\"{variables}\"/>\n"),
        };
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<!DOCTYPE scenario SYSTEM \"sipp.dtd\">\n<scenario name=\"huifang\">\n{}{variables}</scenario>\n",
            self.steps
        )
    }
}
