//! The section of live calls.

use crate::phone::E164;
use crate::web::api::status::CallState;
use crate::web::lang::Lang;
use crate::web::live::Board;
use crate::web::pages::view;
use crate::web::terms;
use std::borrow::Cow;

pub(super) struct CallView {
    pub follow_up: String,
    pub number: String,
    pub trunk: String,
    pub state: Cow<'static, str>,
    pub talking: bool,
    pub unhappy: bool,
    pub length: String,
    pub question: Option<Cow<'static, str>>,
}

pub(super) fn calls(board: &Board, lang: Lang) -> Vec<CallView> {
    let view = |call: &crate::db::status::LiveCall| {
        let state = CallState::of(call);
        CallView {
            follow_up: call.follow_up.to_string(),
            number: E164::masked(&call.number),
            trunk: call.trunk.clone(),
            state: terms::state(state.as_str(), lang),
            talking: state == CallState::Talking,
            unhappy: call.unhappy,
            length: view::length(board.at - call.answered_at.unwrap_or(call.began_at)),
            question: call.last_question.as_ref().map(|question| terms::question(&call.survey, question, lang)),
        }
    };
    board.calls.iter().map(view).collect()
}
