//! Passwords as commands get them: from a file, or from standard input, where a terminal shows nothing of what is typed. Never as an argument:
//! those stand in every list of processes.

use super::Failure;
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use secrecy::{ExposeSecret, SecretString};
use std::io::{BufRead, IsTerminal, Stdin, Write, stderr, stdin};
use std::path::PathBuf;

/// The password for `what`; on a terminal it is asked for twice. A line end after it does not count.
pub async fn password(what: &str, file: Option<PathBuf>) -> Result<SecretString, Failure> {
    let what = what.to_owned();
    let read = tokio::task::spawn_blocking(move || match file {
        Some(file) => std::fs::read_to_string(&file)
            .map_err(|error| Failure::start(format!("{}: {error}", file.display())))
            .map(|text| text.trim_end_matches(['\r', '\n']).to_owned().into()),
        None => from_stdin(&what),
    });
    let password: SecretString = read.await.map_err(Failure::start)??;
    if password.expose_secret().is_empty() {
        return Err(Failure::start("the password is empty"));
    }
    Ok(password)
}

fn from_stdin(what: &str) -> Result<SecretString, Failure> {
    let input = stdin();
    if !input.is_terminal() {
        return line(&input);
    }
    let silent = Silent::begin(&input);
    let first = ask(&input, what)?;
    let again = ask(&input, "The same again")?;
    drop(silent);
    if first.expose_secret() == again.expose_secret() {
        Ok(first)
    } else {
        Err(Failure::start("the two are not the same"))
    }
}

fn ask(input: &Stdin, what: &str) -> Result<SecretString, Failure> {
    let mut out = stderr();
    // A terminal that shows no question still takes the answer.
    let _ = write!(out, "{what}: ").and_then(|()| out.flush());
    let answer = line(input);
    let _ = writeln!(out);
    answer
}

fn line(input: &Stdin) -> Result<SecretString, Failure> {
    let mut text = String::new();
    input.lock().read_line(&mut text).map_err(|error| Failure::start(format!("standard input: {error}")))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned().into())
}

/// The terminal shows nothing of what is typed while this lives.
struct Silent<'a> {
    input: &'a Stdin,
    before: Termios,
}

impl<'a> Silent<'a> {
    /// None where the terminal cannot be told so.
    fn begin(input: &'a Stdin) -> Option<Silent<'a>> {
        let before = tcgetattr(input).ok()?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(input, SetArg::TCSAFLUSH, &silent).ok()?;
        Some(Silent { input, before })
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = tcsetattr(self.input, SetArg::TCSAFLUSH, &self.before);
    }
}
