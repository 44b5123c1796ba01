//! `identivia hash-secret`: prints the Argon2id hash of a client secret.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};

use super::print_line;
use crate::domain::client::hash_secret;

/// Reads a secret from standard input and prints its hash.
///
/// # Errors
/// When there is no secret, or it cannot be read or hashed.
pub fn run_hash_secret() -> anyhow::Result<()> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let _ = writeln!(
            std::io::stderr(),
            "Type the secret and press Enter. The terminal shows it; a pipe does not: identivia hash-secret < FILE"
        );
    }
    let mut secret = String::new();
    stdin.lock().read_line(&mut secret).context("cannot read the secret")?;
    let secret = secret.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        bail!("no secret on standard input; write it there, on one line");
    }
    print_line(&hash_secret(secret).context("cannot hash the secret")?)
}
