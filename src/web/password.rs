//! Passwords: Argon2id (RFC 9106) with its crate's defaults, which are OWASP's least (19 MiB, two passes), in PHC string format. Hashing is slow on
//! purpose: it runs on the blocking pool, two at a time, so that many sign-ins at once cost time and no memory.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use std::sync::OnceLock;
use thiserror::Error;
use tokio::sync::Semaphore;

/// Characters of a password at least.
pub const LEAST: usize = 10;
/// Bytes of a password at most.
pub const MOST: usize = 1024;

/// Hashes that are computed at the same time.
static ROOM: Semaphore = Semaphore::const_new(2);

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// It is too short.
    #[error("a password has {LEAST} characters at least")]
    Short,
    /// It is too long.
    #[error("a password has {MOST} bytes at most")]
    Long,
    /// It is the name it belongs to.
    #[error("the name is no password")]
    Name,
    /// The system gave no randomness.
    #[error("the password could not be hashed")]
    Hash,
}

/// Whether a new password of `name` may be taken; length counts, no kinds of characters (NIST SP 800-63B 5.1.1.2).
pub fn judge(name: &str, password: &SecretString) -> Result<(), PasswordError> {
    let password = password.expose_secret();
    if password.chars().count() < LEAST {
        return Err(PasswordError::Short);
    }
    if password.len() > MOST {
        return Err(PasswordError::Long);
    }
    if password.to_lowercase() == name.to_lowercase() {
        return Err(PasswordError::Name);
    }
    Ok(())
}

/// Hashes a new password with a fresh salt. Takes some 30 ms of a core.
pub async fn hash(password: SecretString) -> Result<SecretString, PasswordError> {
    in_room(move || hash_now(&password)).await.unwrap_or(Err(PasswordError::Hash))
}

/// Whether a password is the hashed one. With no hash (nobody has that name) it takes as long and says no, so that names cannot be found out by the clock.
pub async fn is(stored: Option<SecretString>, password: SecretString) -> bool {
    let stored = stored.unwrap_or_else(decoy);
    if stored.expose_secret().is_empty() || password.expose_secret().len() > MOST {
        return false;
    }
    let fits = move || {
        let Ok(stored) = PasswordHash::new(stored.expose_secret()) else { return false };
        Argon2::default().verify_password(password.expose_secret().as_bytes(), &stored).is_ok()
    };
    in_room(fits).await.unwrap_or(false)
}

fn hash_now(password: &SecretString) -> Result<SecretString, PasswordError> {
    let hash = Argon2::default().hash_password(password.expose_secret().as_bytes());
    hash.map(|hash: PasswordHash| hash.to_string().into()).map_err(|_| PasswordError::Hash)
}

async fn in_room<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let _room = ROOM.acquire().await.ok()?;
    tokio::task::spawn_blocking(work).await.ok()
}

/// The hash of a password that nobody has.
fn decoy() -> SecretString {
    static DECOY: OnceLock<SecretString> = OnceLock::new();
    let random = || SecretString::from(uuid::Uuid::from_bytes(rand::random()).to_string());
    DECOY.get_or_init(|| hash_now(&random()).unwrap_or_default()).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_is_the_right_one() {
        let stored = hash("correct horse".into()).await.unwrap();
        assert!(stored.expose_secret().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", stored.expose_secret());
        assert_ne!(hash("correct horse".into()).await.unwrap().expose_secret(), stored.expose_secret(), "a salt each");
        for (given, want) in
            [("correct horse", true), ("Correct horse", false), ("", false), (&"x".repeat(9999), false)]
        {
            assert_eq!(is(Some(stored.clone()), given.into()).await, want, "{given}");
        }
        assert!(!is(None, "correct horse".into()).await);
        assert!(!is(Some("no hash".into()), "correct horse".into()).await);
    }

    #[test]
    fn a_new_password_is_long_and_no_name() {
        for (password, want) in [
            ("ten signs!", Ok(())),
            ("八个汉字也算太短", Err(PasswordError::Short)),
            ("十个汉字就算够长了吧", Ok(())),
            ("WANG.FANG.1", Err(PasswordError::Name)),
            (&"x".repeat(1025), Err(PasswordError::Long)),
        ] {
            assert_eq!(judge("wang.fang.1", &password.into()), want, "{password}");
        }
    }
}
