//! The ladder diagram of an attempt: who sent which SIP message to whom, and when. Pure layout, from whole messages or, where none were kept, from the timeline's
//! start lines; drawn as text for a terminal and as SVG for a page. Nothing in it is in clear: labels are masked start lines.

use super::timeline::{Moment, TimelineEvent};
use super::trace::Leg;
use crate::sip::message::{Limits, Message};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use std::collections::HashSet;
use std::fmt::Write;

/// One message, as the ladder needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: DateTime<Utc>,
    /// On which leg.
    pub leg: Leg,
    /// True: sent by us.
    pub sent: bool,
    /// The other end, as `udp 192.0.2.9:5060`.
    pub peer: String,
    /// Masked start line.
    pub start_line: String,
    /// CSeq.
    pub cseq: String,
    /// There is a session description in it.
    pub sdp: bool,
    /// Sent before, byte for byte.
    pub again: bool,
}

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A trunk, or the proxy before it.
    Trunk,
    /// This engine.
    Us,
    /// An agent's phone.
    Agent,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// What it is.
    pub role: Role,
    /// Its address; ours has none.
    pub address: String,
}

/// One arrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// When.
    pub at: DateTime<Utc>,
    /// Since the attempt began, in ms; what was before counts as 0.
    pub offset_ms: i64,
    /// Column of who sent it.
    pub from: usize,
    /// Column of whom it went to.
    pub to: usize,
    /// `INVITE +SDP`, `180 Ringing`.
    pub label: String,
    /// CSeq.
    pub cseq: String,
    /// A repetition.
    pub again: bool,
}

/// The diagram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ladder {
    /// Columns: trunks, we, agents' phones.
    pub parties: Vec<Party>,
    /// Arrows, first to last.
    pub arrows: Vec<Arrow>,
}

/// An entry of a whole message; `seen` knows which were there before.
pub fn entry(at: DateTime<Utc>, leg: Leg, sent: bool, peer: String, bytes: &[u8], seen: &mut Seen) -> Entry {
    let (start_line, cseq, sdp) = match Message::parse(bytes, &Limits::default()) {
        Ok(message) => {
            let cseq = message.header("CSeq").unwrap_or_default().to_owned();
            (message.start_line(), cseq, message.body().starts_with(b"v="))
        }
        Err(_) => ("(not readable as SIP)".to_owned(), String::new(), false),
    };
    let again = !seen.0.insert((leg, sent, bytes.to_vec()));
    Entry { at, leg, sent, peer, start_line, cseq, sdp, again }
}

/// Messages that were there already.
#[derive(Default)]
pub struct Seen(HashSet<(Leg, bool, Vec<u8>)>);

/// Entries of a timeline. It does not say which leg a message was on: what does not go to, or come from, where the first INVITE went is the agent's.
/// A repetition is told by its start line and CSeq.
pub fn of_timeline(timeline: &[TimelineEvent], began: DateTime<Utc>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut trunk: Option<String> = None;
    for TimelineEvent { offset_ms, moment } in timeline {
        let (sent, start_line, cseq, peer) = match moment {
            Moment::SipSent { message, cseq, peer } => (true, message, cseq, peer),
            Moment::SipReceived { message, cseq, peer } => (false, message, cseq, peer),
            _ => continue,
        };
        let leg = if trunk.get_or_insert_with(|| peer.clone()) == peer { Leg::Customer } else { Leg::Agent };
        let again = entries.iter().any(|e| (e.sent, &e.start_line, &e.cseq, &e.peer) == (sent, start_line, cseq, peer));
        let at = began + TimeDelta::milliseconds(i64::try_from(*offset_ms).unwrap_or(0));
        let (peer, start_line, cseq) = (peer.clone(), start_line.clone(), cseq.clone());
        entries.push(Entry { at, leg, sent, peer, start_line, cseq, sdp: false, again });
    }
    entries
}

/// Puts entries in their columns. Times are counted from `began`.
pub fn lay_out(entries: &[Entry], began: DateTime<Utc>) -> Ladder {
    let column = |leg: Leg| {
        let mut found: Vec<&str> = Vec::new();
        for entry in entries.iter().filter(|entry| entry.leg == leg) {
            if !found.contains(&entry.peer.as_str()) {
                found.push(&entry.peer);
            }
        }
        found
    };
    let (trunks, agents) = (column(Leg::Customer), column(Leg::Agent));
    let us = trunks.len();
    let party = |role, address: &str| Party { role, address: address.to_owned() };
    let parties = trunks.iter().map(|address| party(Role::Trunk, address)).chain([party(Role::Us, "")]);
    let parties = parties.chain(agents.iter().map(|address| party(Role::Agent, address)));
    let arrows = entries.iter().map(|entry| {
        let place = |of: &[&str]| of.iter().position(|address| *address == entry.peer).unwrap_or(0);
        let other = match entry.leg {
            Leg::Customer => place(&trunks),
            Leg::Agent => us + 1 + place(&agents),
        };
        let (from, to) = if entry.sent { (us, other) } else { (other, us) };
        Arrow {
            at: entry.at,
            offset_ms: (entry.at - began).num_milliseconds().max(0),
            from,
            to,
            label: label(entry),
            cseq: entry.cseq.clone(),
            again: entry.again,
        }
    });
    let arrows = arrows.collect();
    Ladder { parties: parties.collect(), arrows }
}

/// `SIP/2.0 180 Ringing` → `180 Ringing`, `INVITE sip:… SIP/2.0` → `INVITE`.
fn label(entry: &Entry) -> String {
    let line = entry.start_line.as_str();
    let short = match line.strip_prefix("SIP/2.0 ") {
        Some(response) => response,
        None if line.contains("sip") => line.split(' ').next().unwrap_or(line),
        None => line,
    };
    format!("{short}{}", if entry.sdp { " +SDP" } else { "" })
}

/// What columns are called.
pub struct Names<'a> {
    /// A trunk.
    pub trunk: &'a str,
    /// This engine.
    pub us: &'a str,
    /// An agent's phone.
    pub agent: &'a str,
    /// Beside a repetition.
    pub again: &'a str,
}

impl Names<'_> {
    fn of(&self, role: Role) -> &str {
        match role {
            Role::Trunk => self.trunk,
            Role::Us => self.us,
            Role::Agent => self.agent,
        }
    }
}

/// Width of a column of the text ladder.
const WIDE: usize = 34;

impl Ladder {
    /// For a terminal: times in `zone`.
    pub fn text(&self, names: &Names<'_>, zone: Tz) -> String {
        let mut out = String::new();
        let pad = " ".repeat(24);
        for line in 0..2 {
            let cells = self.parties.iter().map(|party| if line == 0 { names.of(party.role) } else { &party.address });
            let row: String = cells.map(|cell| format!("{cell:^WIDE$}")).collect();
            let _ = writeln!(out, "{pad}{}", row.trim_end());
        }
        for arrow in &self.arrows {
            let time = arrow.at.with_timezone(&zone).format("%H:%M:%S%.3f");
            let (left, right) = (arrow.from.min(arrow.to), arrow.from.max(arrow.to));
            let mut row: Vec<char> = Vec::new();
            for column in 0..self.parties.len() {
                row.extend((0..WIDE).map(|x| if x == WIDE / 2 { '│' } else { ' ' }));
                debug_assert_eq!(row.len(), (column + 1) * WIDE);
            }
            let (start, end) = (left * WIDE + WIDE / 2 + 1, right * WIDE + WIDE / 2);
            row[start..end].fill('─');
            match arrow.from < arrow.to {
                true => row[end - 1] = '▶',
                false => row[start] = '◀',
            }
            let again = if arrow.again { format!(" ({})", names.again) } else { String::new() };
            let text: Vec<char> = format!(" {}{again} ", arrow.label).chars().take(end - start - 4).collect();
            let at = start + (end - start - text.len()) / 2;
            row[at..at + text.len()].copy_from_slice(&text);
            let row: String = row.into_iter().collect();
            let offset = arrow.offset_ms as f64 / 1000.0;
            let _ = writeln!(out, "{time} {offset:>9.3} s {}  {}", row.trim_end(), arrow.cseq);
        }
        out
    }

    /// For a page: one SVG element, its colours by class. Times in `zone`.
    pub fn svg(&self, names: &Names<'_>, zone: Tz) -> String {
        const LEFT: usize = 190;
        const COLUMN: usize = 260;
        const ROW: usize = 34;
        const TOP: usize = 64;
        let x = |column: usize| LEFT + COLUMN / 2 + column * COLUMN;
        let (width, height) = (LEFT + self.parties.len() * COLUMN, TOP + self.arrows.len() * ROW + 16);
        let mut out = format!(
            r#"<svg class="ladder" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">"#
        );
        for (column, party) in self.parties.iter().enumerate() {
            let (at, name, address) = (x(column), escape(names.of(party.role)), escape(&party.address));
            let _ = write!(out, r#"<text class="party" x="{at}" y="20">{name}</text>"#);
            let _ = write!(out, r#"<text class="address" x="{at}" y="38">{address}</text>"#);
            let _ = write!(out, r#"<line class="life" x1="{at}" y1="48" x2="{at}" y2="{height}"/>"#);
        }
        for (n, arrow) in self.arrows.iter().enumerate() {
            let y = TOP + n * ROW + 14;
            let (from, to) = (x(arrow.from), x(arrow.to));
            let (middle, text) = ((from + to) / 2, y - 5);
            let class = if arrow.again { "arrow again" } else { "arrow" };
            let back = if from < to { to - 9 } else { to + 9 };
            let (up, down) = (y - 4, y + 4);
            let again = if arrow.again { format!(" ({})", escape(names.again)) } else { String::new() };
            let time = arrow.at.with_timezone(&zone).format("%H:%M:%S%.3f");
            let offset = arrow.offset_ms as f64 / 1000.0;
            let (label, cseq) = (escape(&arrow.label), escape(&arrow.cseq));
            let _ = write!(out, r#"<g class="{class}"><title>{cseq}</title>"#);
            let _ = write!(out, r#"<text class="time" x="4" y="{y}">{time}</text>"#);
            let _ = write!(out, r#"<text class="offset" x="{LEFT}" y="{y}">+{offset:.3} s</text>"#);
            let _ = write!(out, r#"<line x1="{from}" y1="{y}" x2="{to}" y2="{y}"/>"#);
            let _ = write!(out, r#"<polygon points="{to},{y} {back},{up} {back},{down}"/>"#);
            let _ = write!(out, r#"<text class="label" x="{middle}" y="{text}">{label}{again}</text></g>"#);
        }
        out.push_str("</svg>");
        out
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names<'_> = Names { trunk: "trunk", us: "huifang", agent: "agent", again: "again" };

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_795_000_000_000 + ms).unwrap()
    }

    fn message(first: &str, cseq: &str) -> Vec<u8> {
        format!(
            "{first}\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:+8613800138000@192.0.2.9>\r\nCall-ID: x\r\nCSeq: {cseq}\r\nContent-Length: 0\r\n\r\n"
        )
        .into_bytes()
    }

    fn call() -> Ladder {
        let mut seen = Seen::default();
        let mut of = |ms, leg, sent, peer: &str, first: &str, cseq| {
            entry(at(ms), leg, sent, peer.to_owned(), &message(first, cseq), &mut seen)
        };
        let invite = "INVITE sip:+8613800138000@192.0.2.9 SIP/2.0";
        let (trunk, agent) = ("udp 192.0.2.9:5060", "tcp 192.0.2.30:5070");
        let entries = [
            of(0, Leg::Customer, true, trunk, invite, "1 INVITE"),
            of(500, Leg::Customer, true, trunk, invite, "1 INVITE"),
            of(620, Leg::Customer, false, trunk, "SIP/2.0 180 Ringing", "1 INVITE"),
            of(9_000, Leg::Agent, true, agent, "INVITE sip:1001@192.0.2.30 SIP/2.0", "1 INVITE"),
            of(9_100, Leg::Agent, false, agent, "SIP/2.0 486 Busy <Here>", "1 INVITE"),
        ];
        lay_out(&entries, at(-10))
    }

    #[test]
    fn columns_are_trunk_us_agent_and_repetitions_are_marked() {
        let ladder = call();
        let roles: Vec<Role> = ladder.parties.iter().map(|party| party.role).collect();
        assert_eq!(roles, [Role::Trunk, Role::Us, Role::Agent]);
        let shape: Vec<_> =
            ladder.arrows.iter().map(|a| (a.from, a.to, a.label.as_str(), a.again, a.offset_ms)).collect();
        assert_eq!(
            shape,
            [
                (1, 0, "INVITE", false, 10),
                (1, 0, "INVITE", true, 510),
                (0, 1, "180 Ringing", false, 630),
                (1, 2, "INVITE", false, 9_010),
                (2, 1, "486 Busy <Here>", false, 9_110),
            ]
        );
    }

    #[test]
    fn it_is_drawn_for_terminal_and_page() {
        let ladder = call();
        let text = ladder.text(&NAMES, chrono_tz::Asia::Shanghai);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2 + 5);
        assert!(
            lines[3].contains("◀") && lines[3].contains("INVITE (again)") && lines[3].ends_with("1 INVITE"),
            "{text}"
        );
        assert!(lines[4].contains("▶") && lines[4].contains("0.630 s"), "{text}");
        let svg = ladder.svg(&NAMES, chrono_tz::Asia::Shanghai);
        assert_eq!((svg.matches("<polygon").count(), svg.matches("arrow again").count()), (5, 1));
        assert!(svg.contains("486 Busy &lt;Here&gt;") && !svg.contains("13800138000"), "{svg}");
        assert_eq!(Ladder::default().arrows, lay_out(&[], at(0)).arrows);
    }

    #[test]
    fn a_timeline_gives_one_too() {
        let sent = |offset_ms, peer: &str| TimelineEvent {
            offset_ms,
            moment: Moment::SipSent {
                message: "INVITE sip:••@h SIP/2.0".into(),
                cseq: "1 INVITE".into(),
                peer: peer.into(),
            },
        };
        let other = TimelineEvent { offset_ms: 3, moment: Moment::InviteSent };
        let entries = of_timeline(&[sent(0, "a"), other, sent(500, "a"), sent(900, "b")], at(0));
        let told: Vec<_> = entries.iter().map(|entry| (entry.leg, entry.again, entry.at)).collect();
        assert_eq!(told, [(Leg::Customer, false, at(0)), (Leg::Customer, true, at(500)), (Leg::Agent, false, at(900))]);
    }
}
