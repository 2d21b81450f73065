//! The bodies of the targets, which the plain tests use too.

#[path = "../../tests/fuzz_targets/mod.rs"]
mod fuzz_targets;

/// Plays one input of a target.
pub fn run(target: &str, data: &[u8]) {
    (fuzz_targets::by_name(target).run)(data);
}
