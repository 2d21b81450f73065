//! Tests of digest authentication.

use super::*;

fn credentials() -> Credentials {
    Credentials { username: "bob".into(), password: SecretString::from("zanzibar") }
}

fn uri() -> Uri {
    "sip:bob@biloxi.com".parse().unwrap()
}

#[test]
fn sha_256_is_taken_before_md5_and_verifies() {
    let md5 = Challenge::new("r", "n1", HashAlgorithm::Md5 { sess: false }).to_header();
    let sha = Challenge::new("r", "n2", HashAlgorithm::Sha256 { sess: false }).with_qop(true, true).with_opaque("o");
    let answer =
        answer_challenges(&[&md5, &sha.to_header()], &credentials(), &Method::Invite, &uri(), b"", "c", 1).unwrap();
    assert!(answer.contains("algorithm=SHA-256, ") && answer.contains("qop=auth, nc=00000001"), "{answer}");
    assert_eq!(verify(&answer, &sha, &credentials(), &Method::Invite, &uri(), b""), Ok(Verified { nc: 1 }));
    assert_eq!(verify(&answer, &sha, &credentials(), &Method::Bye, &uri(), b""), Err(VerifyError::Denied));
}
