//! Tokens of the API (`api_tokens`): 256 random bits, made by `huifang tokens add`, stored as their SHA-256. A slow password hash is for what people think up; nobody
//! finds these by trying.

use super::problem::Problem;
use super::sessions;
use super::state::WebState;
use crate::db::StoreError;
use crate::db::api_tokens::{self, Token};
use secrecy::{ExposeSecret, SecretString};

/// What every token begins with: those who look for secrets in places where they do not belong find it.
const BEGINS: &str = "huifang_";

/// A new token; shown once.
pub fn new() -> SecretString {
    format!("{BEGINS}{}", sessions::random()).into()
}

/// What is stored of it.
pub fn hash(token: &SecretString) -> String {
    sessions::hash(&[token.expose_secret()])
}

/// The token that somebody sends, if it opens anything now. What does not look like one is not looked for.
pub(super) async fn find(state: &WebState, given: &str) -> Result<Option<Token>, Problem> {
    if !given.strip_prefix(BEGINS).is_some_and(|rest| rest.len() == 64 && rest.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Ok(None);
    }
    let (hash, now) = (sessions::hash(&[given]), state.clock().now());
    state
        .ask(async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            api_tokens::find(&mut conn, &hash, now).await
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let (one, two) = (new(), new());
        assert_eq!(one.expose_secret().len(), BEGINS.len() + 64);
        assert_ne!(one.expose_secret(), two.expose_secret());
        assert_ne!(hash(&one), hash(&two));
        assert!(!format!("{one:?}").contains(&one.expose_secret()[BEGINS.len()..]));
    }
}
