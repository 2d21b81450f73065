//! What an accepted answer sets off: its effects, the complaint, the unhappy branch, the person branch.

use super::{Answer, AnswerValue, CallBackWish, ComplaintTrigger, Flow, FlowAction, Given, Lead, Outcome, SoFar};
use crate::phone::Pii;
use crate::survey::definition::{CallBackRule, Definition, Effect, Step, StepIndex, StepKind};
use crate::survey::scale::{Point, Scale, UnhappyReason};
use chrono::{Duration as Span, NaiveDateTime};
use std::time::Instant;

impl Flow {
    /// Takes an entry as the answer to a question and goes on.
    pub(super) fn accept(&mut self, index: StepIndex, step: &Step, keys: String, now: Instant) {
        self.so_far.given_up_in_a_row = 0;
        match &step.kind {
            StepKind::Choice { options } => {
                let Some(option) = options.iter().find(|option| option.keys == keys) else { return };
                self.given(index, step, keys, AnswerValue::Choice { value: option.value.clone() });
                if let Some(effect) = option.effect {
                    self.effect(effect, now);
                }
                self.go(option.target, now);
            }
            StepKind::Scale { scale } => {
                let Some(point) = scale.point(&keys) else { return };
                self.scored(index, step, scale, point, now);
            }
            StepKind::Digits { empty, lead, .. } => {
                let target = if keys.is_empty() { empty.unwrap_or(step.next) } else { step.next };
                if *lead {
                    if !keys.is_empty() {
                        self.lead(Lead::Keyed(Pii::new(keys)));
                    }
                    return self.go(target, now);
                }
                let value = match keys.as_str() {
                    "" => AnswerValue::Nothing,
                    digits => AnswerValue::Digits { digits: digits.to_owned() },
                };
                self.given(index, step, keys, value);
                self.go(target, now);
            }
            StepKind::Agent(agent) => self.offer_answered(index, step, agent, keys, now),
            StepKind::Say | StepKind::Record { .. } | StepKind::End { .. } => {}
        }
    }

    /// Notes and emits a lead.
    pub(super) fn lead(&mut self, lead: Lead) {
        self.so_far.lead = true;
        self.actions.push_back(FlowAction::Lead(lead));
    }

    /// Notes and emits an answer that has no score.
    pub(super) fn given(&mut self, index: StepIndex, step: &Step, keys: String, value: AnswerValue) {
        let known = match &value {
            AnswerValue::Choice { value } => value.clone(),
            AnswerValue::Digits { .. } | AnswerValue::Recording { .. } | AnswerValue::Nothing => String::new(),
        };
        self.so_far.answers.insert(index, Given { value: known, score: None });
        let answer = Answer { question: step.id.clone(), keys, value, score: None, unhappy: false };
        self.actions.push_back(FlowAction::Answer(answer));
    }

    /// Notes and emits an answer that has a score, and looks whether it is unhappy.
    fn scored(&mut self, index: StepIndex, step: &Step, scale: &'static Scale, point: &'static Point, now: Instant) {
        let value = point.label.to_owned();
        self.so_far.answers.insert(index, Given { value: value.clone(), score: Some((scale, point.score)) });
        let (unhappy, reason) = self.so_far.unhappy(&self.definition, scale, point.score);
        self.actions.push_back(FlowAction::Answer(Answer {
            question: step.id.clone(),
            keys: point.keys.to_owned(),
            value: AnswerValue::Choice { value },
            score: Some(point.score),
            unhappy,
        }));
        let Some(reason) = reason else { return self.go(step.next, now) };
        self.complain(Some(step.id.clone()), reason);
        match self.definition.handlers.unhappy {
            Some(branch) if !self.so_far.unhappy_branch => {
                self.so_far.unhappy_branch = true;
                self.so_far.resume = Some(step.next);
                self.go(branch, now);
            }
            _ => self.go(step.next, now),
        }
    }

    /// Raises the complaint, or adds to it.
    fn complain(&mut self, question: Option<String>, reason: UnhappyReason) {
        let trigger = ComplaintTrigger { question, reason };
        self.actions.push_back(if self.so_far.complaint {
            FlowAction::ComplaintNote(trigger)
        } else {
            FlowAction::Complaint(trigger)
        });
        self.so_far.complaint = true;
    }

    /// `0` alone. Once in a call; then it means nothing any more, for a person was promised.
    pub(super) fn person_asked(&mut self, at: StepIndex, now: Instant) {
        let Some(branch) = self.definition.handlers.person else { return };
        if self.so_far.person_branch {
            // as if the question had been heard again: the customer still has the time to answer
            return self.question_heard(now);
        }
        self.so_far.person_branch = true;
        let question = self.definition.steps.get(at).map(|step| step.id.clone());
        self.complain(question, UnhappyReason::AskedForPerson);
        self.go(branch, now);
    }

    fn effect(&mut self, effect: Effect, now: Instant) {
        match effect {
            Effect::Consent => self.so_far.consent = true,
            Effect::Family => {
                self.so_far.family = true;
                self.actions.push_back(FlowAction::FamilyMember);
            }
            Effect::WrongNumber => self.settle(Outcome::WrongNumber, FlowAction::WrongNumber),
            Effect::Refusal => self.settle(Outcome::Refusal, FlowAction::Refusal),
            // whoever has answered everything before is no refusal
            Effect::DoNotCall if self.is_complete() => self.actions.push_back(FlowAction::DoNotCall),
            Effect::DoNotCall => self.settle(Outcome::Refusal, FlowAction::DoNotCall),
            Effect::RecordCall if self.so_far.on_record => {}
            Effect::RecordCall => {
                self.so_far.on_record = true;
                self.actions.push_back(FlowAction::RecordCall);
            }
            Effect::CallBack(rule) => {
                let gone = Span::from_std(now.saturating_duration_since(self.created)).unwrap_or_default();
                let local = self.facts.now_local.checked_add_signed(gone).unwrap_or(self.facts.now_local);
                let wish = CallBackWish { local: call_back(rule, local) };
                self.settle(Outcome::CallBack, FlowAction::CallBack(wish));
            }
        }
    }

    fn settle(&mut self, outcome: Outcome, action: FlowAction) {
        self.so_far.settled = Some(outcome);
        self.actions.push_back(action);
    }
}

impl SoFar {
    /// Whether this score is unhappy, and, where there are enough of the kind, what that is called.
    pub(super) fn unhappy(
        &self,
        definition: &Definition,
        scale: &'static Scale,
        score: i32,
    ) -> (bool, Option<UnhappyReason>) {
        let mut unhappy = false;
        for rule in definition.unhappy.iter().filter(|rule| rule.holds(scale, score)) {
            unhappy = true;
            let scores = self.answers.values().filter_map(|given| given.score);
            let alike = scores.filter(|(scale, score)| rule.holds(scale, *score)).count();
            if alike >= rule.count as usize {
                return (true, Some(rule.reason()));
            }
        }
        (unhappy, None)
    }
}

/// When a call-back is due, from the customer's local time. A time that is past or less than half an hour away moves to the next day.
fn call_back(rule: CallBackRule, local: NaiveDateTime) -> NaiveDateTime {
    let due = match rule {
        CallBackRule::InHours(hours) => local.checked_add_signed(Span::hours(i64::from(hours))),
        CallBackRule::OnDay { day_offset, at } => {
            let day = local.date().and_time(at).checked_add_signed(Span::days(i64::from(day_offset)));
            let soon = local.checked_add_signed(Span::minutes(30));
            if day < soon { day.and_then(|day| day.checked_add_signed(Span::days(1))) } else { day }
        }
    };
    due.unwrap_or(local)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{NaiveDate, NaiveTime};

    #[test]
    fn call_backs_are_never_in_the_past() {
        let at =
            |day, hour, minute| NaiveDate::from_ymd_opt(2026, 11, day).unwrap().and_hms_opt(hour, minute, 0).unwrap();
        let on =
            |day_offset, hour| CallBackRule::OnDay { day_offset, at: NaiveTime::from_hms_opt(hour, 0, 0).unwrap() };
        for (rule, now, want) in [
            (CallBackRule::InHours(2), at(23, 10, 15), at(23, 12, 15)),
            (on(0, 18), at(23, 10, 15), at(23, 18, 0)),
            (on(0, 18), at(23, 17, 45), at(24, 18, 0)),
            (on(0, 18), at(23, 20, 0), at(24, 18, 0)),
            (on(1, 10), at(23, 23, 50), at(24, 10, 0)),
            (on(1, 15), at(30, 9, 0), NaiveDate::from_ymd_opt(2026, 12, 1).unwrap().and_hms_opt(15, 0, 0).unwrap()),
        ] {
            assert_eq!(call_back(rule, now), want);
        }
    }
}
