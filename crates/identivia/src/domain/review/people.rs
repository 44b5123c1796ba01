//! Whether two deciders are one person: four eyes need two.

use crate::records::review::{Decider, DeciderKind};

/// Says whether two deciders are, or may be, the same person: the same account, the same e-mail address in any case, or the
/// same subject of an identity provider. A client is no person, and never another one.
#[must_use]
pub fn is_same_person(one: &Decider, other: &Decider) -> bool {
    if one.kind != DeciderKind::User || other.kind != DeciderKind::User {
        return true;
    }
    let email = |decider: &Decider| decider.email.as_deref().map(|email| email.trim().to_lowercase());
    let subject = |decider: &Decider| decider.oidc_subject.clone().filter(|subject| !subject.is_empty());
    let is_shared = |one: Option<String>, other: Option<String>| one.is_some() && one == other;
    one.id == other.id || is_shared(email(one), email(other)) || is_shared(subject(one), subject(other))
}
