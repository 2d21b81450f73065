//! The options of a choice: what they mean, and whether their keys can be told apart.

use super::load::Mistakes;
use super::raw::{RawEffect, RawOption};
use super::{CallBackRule, ChoiceOption, Effect};
use chrono::NaiveTime;

/// What an option means beside being the answer.
pub(super) fn effect(place: &str, step: &str, option: &RawOption, mistakes: &mut Mistakes<'_>) -> Option<Effect> {
    let call_back = option.call_back.as_ref().and_then(|raw| {
        let at = raw.at.as_deref().map(|at| NaiveTime::parse_from_str(at, "%H:%M"));
        match (raw.in_hours, raw.day_offset, at) {
            (Some(hours @ 1..=72), None, None) => Some(CallBackRule::InHours(hours)),
            (None, Some(day_offset @ 0..=30), Some(Ok(at))) => Some(CallBackRule::OnDay { day_offset, at }),
            _ => {
                let message = "`call_back` is { in_hours = 1 to 72 } or { day_offset = 0 to 30, at = \"HH:MM\" }";
                mistakes.add(&format!("{place}.call_back"), Some(step), message);
                None
            }
        }
    });
    if option.effect.is_some() && option.call_back.is_some() {
        mistakes.add(place, Some(step), "an option has an `effect` or a `call_back`, not both");
    }
    let effect = option.effect.map(|effect| match effect {
        RawEffect::Consent => Effect::Consent,
        RawEffect::Family => Effect::Family,
        RawEffect::WrongNumber => Effect::WrongNumber,
        RawEffect::Refusal => Effect::Refusal,
        RawEffect::DoNotCall => Effect::DoNotCall,
        RawEffect::RecordCall => Effect::RecordCall,
    });
    effect.or(call_back.map(Effect::CallBack))
}

/// Keys and values of the options of one step: well formed, and no two alike.
pub(super) fn check_keys(index: usize, step: &str, options: &[ChoiceOption], mistakes: &mut Mistakes<'_>) {
    for (n, option) in options.iter().enumerate() {
        let place = format!("step.{index}.options.{n}.keys");
        let keys = option.keys.as_str();
        if keys.is_empty() || !keys.bytes().all(|byte| byte.is_ascii_digit()) {
            mistakes.add(
                &place,
                Some(step),
                format!("`{keys}`: keys are digits (`*` and `#` have a meaning of their own)"),
            );
        } else if keys.starts_with('0') {
            mistakes.add(&place, Some(step), format!("`{keys}`: keys cannot begin with 0, which asks for a person"));
        }
        let earlier = options.get(..n).unwrap_or_default();
        if earlier.iter().any(|other| other.keys == option.keys) {
            mistakes.add(&place, Some(step), format!("the keys `{keys}` are given twice"));
        }
        if option.value.is_empty() || earlier.iter().any(|other| other.value == option.value) {
            let message = format!("the value `{}` is empty or given twice", option.value);
            mistakes.add(&format!("step.{index}.options.{n}.value"), Some(step), message);
        }
    }
}
