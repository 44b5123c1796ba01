//! Whose passkeys are: kept in the commit that changes a user's passkeys, so that a passkey belongs to one user only.

use super::super::{Commit, IfExists, Refusal, Result};
use crate::records::RecordKind;
use crate::records::console_credential::ConsoleCredential;
use crate::records::console_user::{ConsoleUser, PasskeyFactor};

/// Adds what follows from other passkeys of a user. A passkey that is registered already refuses the commit.
pub(super) fn add_credential_changes(commit: &mut Commit, before: &ConsoleUser, after: &ConsoleUser) -> Result<()> {
    let is_among = |passkeys: &[PasskeyFactor], one: &PasskeyFactor| passkeys.iter().any(|other| other.id == one.id);
    for removed in before.passkeys.iter().filter(|passkey| !is_among(&after.passkeys, passkey)) {
        commit.delete(RecordKind::ConsoleCredentials, removed.id.as_str(), Vec::new());
    }
    for added in after.passkeys.iter().filter(|passkey| !is_among(&before.passkeys, passkey)) {
        let credential = ConsoleCredential { id: added.id, console_user: after.id };
        commit.insert(&credential, IfExists::Refuse(Refusal::AlreadyExists))?;
    }
    Ok(())
}
