//! Who is taken first: the customer's earlier agent, then whoever is idle longest; a queue of the PBX last. Who lacks the skill or the language is not asked. Pure.

use crate::ids::AgentId;
use chrono::{DateTime, Utc};

/// An agent who is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub agent: AgentId,
    /// A queue of the PBX, which is never busy and whose length nobody knows.
    pub queue: bool,
    /// Survey keys or words of the dealer's; empty: everything.
    pub skills: Vec<String>,
    /// BCP 47 tags; empty: all.
    pub languages: Vec<String>,
    /// Idle since then.
    pub idle_since: DateTime<Utc>,
}

/// Whom a caller needs.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The skill.
    pub skill: &'a str,
    /// The caller's language, a BCP 47 tag.
    pub language: &'a str,
    /// Who talked to this customer the last time.
    pub earlier: Option<AgentId>,
    /// Who was tried for this caller already.
    pub tried: &'a [AgentId],
}

/// The agents who fit, best first.
pub fn rank<'c>(candidates: &'c [Candidate], wanted: &Wanted<'_>) -> Vec<&'c Candidate> {
    let mut fit: Vec<&Candidate> = candidates.iter().filter(|candidate| fits(candidate, wanted)).collect();
    // The id makes the order whole: every engine sees the same line.
    fit.sort_by_key(|candidate| {
        let stranger = wanted.earlier != Some(candidate.agent);
        (candidate.queue, stranger, candidate.idle_since, candidate.agent)
    });
    fit
}

/// The best of those who fit.
pub fn choose(candidates: &[Candidate], wanted: &Wanted<'_>) -> Option<AgentId> {
    rank(candidates, wanted).first().map(|candidate| candidate.agent)
}

fn fits(candidate: &Candidate, wanted: &Wanted<'_>) -> bool {
    let skilled = candidate.skills.is_empty() || candidate.skills.iter().any(|skill| skill == wanted.skill);
    let speaks =
        candidate.languages.is_empty() || candidate.languages.iter().any(|range| covers(range, wanted.language));
    skilled && speaks && !wanted.tried.contains(&candidate.agent)
}

/// Basic filtering of RFC 4647, 3.3.1: `zh` covers `zh-CN`, `zh-CN` does not cover `zh-TW`.
fn covers(range: &str, tag: &str) -> bool {
    let (range, tag) = (range.to_ascii_lowercase(), tag.to_ascii_lowercase());
    tag.strip_prefix(range.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeDelta, TimeZone};
    use uuid::Uuid;

    fn agent(n: u128) -> AgentId {
        AgentId(Uuid::from_u128(n))
    }

    fn free(n: u128, idle_min: i64) -> Candidate {
        let noon = Utc.with_ymd_and_hms(2026, 11, 18, 12, 0, 0).single().unwrap();
        Candidate {
            agent: agent(n),
            queue: false,
            skills: Vec::new(),
            languages: Vec::new(),
            idle_since: noon - TimeDelta::minutes(idle_min),
        }
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn earlier_agent_then_longest_idle_then_the_queue() {
        let queue = Candidate { queue: true, ..free(4, 900) };
        let all = [free(1, 5), free(2, 20), free(3, 10), queue];
        let order = |earlier: Option<u128>, tried: &[AgentId]| -> Vec<u128> {
            let earlier = earlier.map(agent);
            let wanted = Wanted { skill: "sales_24h", language: "zh-CN", earlier, tried };
            rank(&all, &wanted).iter().map(|candidate| candidate.agent.0.as_u128()).collect()
        };
        assert_eq!(order(None, &[]), [2, 3, 1, 4]);
        assert_eq!(order(Some(1), &[]), [1, 2, 3, 4]);
        assert_eq!(order(Some(1), &[agent(1), agent(2)]), [3, 4]);
        assert_eq!(order(Some(4), &[]), [2, 3, 1, 4], "a queue does not know the customer");
        assert_eq!(order(Some(9), &[agent(1), agent(2), agent(3), agent(4)]), [0; 0]);
    }

    #[test]
    fn who_lacks_the_skill_or_the_language_is_not_asked() {
        for (skills, languages, fit) in [
            (&[][..], &[][..], true),
            (&["repair"], &[], false),
            (&["repair", "sales_24h"], &[], true),
            (&[], &["zh"], true),
            (&[], &["ZH-cn"], true),
            (&[], &["zh-TW"], false),
            (&[], &["z"], false),
            (&["sales_24h"], &["en", "zh-CN"], true),
            (&["sales_24h"], &["en"], false),
        ] {
            let one = [Candidate { skills: words(skills), languages: words(languages), ..free(1, 1) }];
            let wanted = Wanted { skill: "sales_24h", language: "zh-CN", earlier: Some(agent(1)), tried: &[] };
            assert_eq!(choose(&one, &wanted).is_some(), fit, "{skills:?} {languages:?}");
        }
    }
}
