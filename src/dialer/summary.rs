//! What became of an unattended run, and what needs a person: read once for `huifang summary`, the API and the page, so that all three say the same (docs/summary.md).

mod needs;

pub use needs::{Need, NeedKind, Row};

use super::outlook::{self, Rules, Tonight};
use crate::call::disposition::Disposition;
use crate::db::StoreError;
use crate::db::attempt_figures::{self, By, Filter};
use crate::db::run::{self, Failure, Left, Span, Times};
use crate::rates::calls::{Calls, Kind};
use crate::rates::run::Parts;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sqlx::PgConnection;

/// What became of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// When it is.
    pub span: Span,
    /// When its calls began and ended.
    pub times: Times,
    /// Its follow-ups by where they stood at its end; together all of them.
    pub parts: Parts,
    /// Of all, those that were called in it.
    pub tried: u64,
    /// Of those, the ones where a person took a call.
    pub reached: u64,
    /// Its attempts.
    pub calls: Calls,
    /// Its attempts by disposition, most first; none: still open.
    pub dispositions: Vec<(Option<String>, u64)>,
    /// What failed on our side of the line, by trunk and cause, most often first.
    pub failures: Vec<Failure>,
}

/// What is so now, beside the runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Now {
    /// When it was read.
    pub at: DateTime<Utc>,
    /// What is left, by the day for which it stands in the queue.
    pub left: Vec<Left>,
    /// When today's work will be done; none: this process does not know the dialler's rules.
    pub tonight: Option<Tonight>,
    /// What needs a person, most pressing first.
    pub needs: Vec<Need>,
}

/// Reads what became of a run.
pub async fn run(conn: &mut PgConnection, span: Span, zone: Tz) -> Result<Run, StoreError> {
    let stand = run::stand(conn, span, &of_kind(Kind::Person)).await?;
    let filter = Filter { from: span.from, to: span.to, survey: None, advisor: None, zone };
    let counts = attempt_figures::counts(conn, &filter, By::Day).await?;
    let mut dispositions: Vec<(Option<String>, u64)> = Vec::new();
    for count in &counts {
        match dispositions.iter_mut().find(|(known, _)| *known == count.disposition) {
            Some((_, sum)) => *sum += count.ended().count,
            None => dispositions.push((count.disposition.clone(), count.ended().count)),
        }
    }
    dispositions.sort_by(|(a, one), (b, other)| other.cmp(one).then(a.cmp(b)));
    Ok(Run {
        span,
        times: run::times(conn, span).await?,
        parts: stand.parts,
        tried: stand.tried,
        reached: stand.reached,
        calls: Calls::of(counts.iter().map(attempt_figures::Count::ended)),
        dispositions,
        failures: run::failures(conn, span, &of_kind(Kind::Failed)).await?,
    })
}

/// Reads what is left and what needs a person. Without the dialler's rules nothing is said of what comes too late.
pub async fn now(
    conn: &mut PgConnection,
    rules: Option<&Rules>,
    zone: Tz,
    at: DateTime<Utc>,
) -> Result<Now, StoreError> {
    let tonight = match rules {
        Some(rules) => Some(outlook::tonight(conn, rules, at).await?),
        None => None,
    };
    Ok(Now { at, left: run::left(conn, at, zone).await?, needs: needs::read(conn, rules, at).await?, tonight })
}

/// The dispositions of one kind, as the store has them.
fn of_kind(kind: Kind) -> Vec<&'static str> {
    let all = Disposition::ALL.iter().map(|disposition| disposition.as_str());
    all.filter(|disposition| Kind::of(disposition) == Some(kind)).collect()
}
