//! Machine clients that operators make through the API: what ends them and their tokens, and who may change what.

use std::fmt;
use std::net::IpAddr;

use aws_lc_rs::digest;

use super::network::Network;
use super::scope::{Scope, ScopeSet, to_scope_claim};
use crate::records::client::{ClientRecord, StoredSecret};
use crate::records::id::{RecordId, letters_of};
use crate::records::time::Millis;

/// The most clients made through the API. Creates that run at once may exceed it by their number.
pub const MAX_CLIENTS: usize = 1_000;
/// The most secrets of a client: the current one, and the next one while it is rolled out.
pub const MAX_SECRETS: usize = 2;
/// The most addresses and networks of a client: their texts fit in a field of 2,000 characters.
pub const MAX_ADDRESSES: usize = 40;
/// The length of a client's own id, in characters.
pub const CLIENT_ID_CHARACTERS: std::ops::RangeInclusive<usize> = 3..=64;

/// The key of a client's record, which follows from the client's own id.
#[must_use]
pub fn client_key(client_id: &str) -> RecordId {
    derive_key("client", client_id)
}

/// The key of a revoked token's record, which follows from the token's `jti`.
#[must_use]
pub fn revoked_token_key(jti: &str) -> RecordId {
    derive_key("revoked token", jti)
}

fn derive_key(kind: &str, name: &str) -> RecordId {
    letters_of(digest::digest(&digest::SHA256, format!("{kind} {name}").as_bytes()).as_ref())
}

/// Says whether a text can be the id of a client: 3 to 64 of A-Z, a-z, 0-9, `_`, `-` and `.`.
#[must_use]
pub fn is_client_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    CLIENT_ID_CHARACTERS.contains(&text.len()) && text.bytes().all(is_plain) && !text.starts_with('.')
}

/// What a token of a client is bound to: it ends with the secret that it was asked for with, and with the client's epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBinding {
    pub secret: RecordId,
    pub epoch: u64,
}

/// A client that was made through the API, as secrets and tokens are checked against it.
pub struct ManagedClient {
    pub id: String,
    /// The names of its scopes, in the order in which they were given.
    pub scopes: Vec<String>,
    pub team: Option<String>,
    granted: ScopeSet,
    addresses: AllowedAddresses,
    expires_at: Option<Millis>,
    is_disabled: bool,
    epoch: u64,
    secrets: Vec<StoredSecret>,
}

impl From<ClientRecord> for ManagedClient {
    fn from(record: ClientRecord) -> Self {
        Self {
            scopes: record.scopes.split(' ').map(str::to_owned).collect(),
            granted: ScopeSet::parse(&record.scopes),
            addresses: AllowedAddresses::parse(&record.allowed_addresses),
            id: record.client_id,
            team: record.team,
            expires_at: record.expires_at,
            is_disabled: record.disabled,
            epoch: record.epoch,
            secrets: record.secrets,
        }
    }
}

impl ManagedClient {
    /// The scopes that count, also in tokens that were issued with more.
    #[must_use]
    pub fn granted_scopes(&self) -> ScopeSet {
        self.granted
    }

    /// Says whether the client is neither disabled nor expired.
    #[must_use]
    pub fn is_usable(&self, now: Millis) -> bool {
        !self.is_disabled && self.expires_at.is_none_or(|end| now < end)
    }

    /// Says whether the client may call from that address. An unknown address is allowed only where all are.
    #[must_use]
    pub fn admits_address(&self, address: Option<IpAddr>) -> bool {
        self.addresses.admit(address)
    }

    /// Its secrets.
    #[must_use]
    pub fn secrets(&self) -> &[StoredSecret] {
        &self.secrets
    }

    /// What a token is bound to that the client asks for with that secret.
    #[must_use]
    pub fn bind_token(&self, secret: RecordId) -> TokenBinding {
        TokenBinding { secret, epoch: self.epoch }
    }

    /// Says whether a token with that binding is of the current epoch and of a secret that still exists.
    #[must_use]
    pub fn has_issued(&self, binding: &TokenBinding) -> bool {
        binding.epoch == self.epoch && self.secrets.iter().any(|secret| secret.id == binding.secret)
    }
}

/// The addresses from which a client may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedAddresses {
    All,
    Some(Vec<Network>),
}

impl AllowedAddresses {
    /// Reads addresses and networks that are separated by spaces. A text without any good one admits no address: an administrator may
    /// have changed it by hand.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::All;
        }
        Self::Some(text.split_whitespace().filter_map(Network::parse).collect())
    }

    fn admit(&self, address: Option<IpAddr>) -> bool {
        match self {
            Self::All => true,
            Self::Some(networks) => {
                address.is_some_and(|address| networks.iter().any(|network| network.contains(address)))
            }
        }
    }
}

impl fmt::Display for AllowedAddresses {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Some(networks) = self else { return Ok(()) };
        let texts: Vec<String> = networks.iter().map(Network::to_string).collect();
        out.write_str(&texts.join(" "))
    }
}

/// A client that is to be made.
pub struct NewClient {
    pub client_id: String,
    pub name: String,
    pub description: Option<String>,
    pub team: Option<String>,
    pub scopes: Vec<Scope>,
    pub addresses: AllowedAddresses,
    pub expires_at: Option<Millis>,
}

impl NewClient {
    /// The record of the client, with its first secret.
    #[must_use]
    pub fn into_record(self, secret: StoredSecret, now: Millis) -> ClientRecord {
        ClientRecord {
            id: client_key(&self.client_id),
            client_id: self.client_id,
            name: self.name,
            description: self.description,
            team: self.team,
            scopes: to_scope_claim(&self.scopes),
            allowed_addresses: self.addresses.to_string(),
            secrets: vec![secret],
            expires_at: self.expires_at,
            disabled: false,
            epoch: to_epoch(now),
            created: now,
            updated: now,
        }
    }
}

/// The fields of a client that are to change; `None` leaves a field as it is.
#[derive(Default)]
pub struct ClientChange {
    pub name: Option<String>,
    /// An inner `None` removes the value, also of `expires_at`.
    pub description: Option<Option<String>>,
    pub scopes: Option<Vec<Scope>>,
    pub addresses: Option<AllowedAddresses>,
    pub expires_at: Option<Option<Millis>>,
    pub disabled: Option<bool>,
}

impl ClientChange {
    /// The record after the change, and the names of the fields that differ. Disabling begins another epoch: tokens that were
    /// issued before stay ended when the client is enabled again.
    #[must_use]
    pub fn apply(self, before: &ClientRecord, now: Millis) -> (ClientRecord, Vec<&'static str>) {
        let mut after = before.clone();
        after.name = self.name.unwrap_or(after.name);
        after.description = self.description.unwrap_or(after.description);
        after.scopes = self.scopes.map_or(after.scopes, |scopes| to_scope_claim(&scopes));
        after.allowed_addresses = self.addresses.map_or(after.allowed_addresses, |addresses| addresses.to_string());
        after.expires_at = self.expires_at.unwrap_or(after.expires_at);
        after.disabled = self.disabled.unwrap_or(after.disabled);
        if after.disabled && !before.disabled {
            after.epoch = before.epoch.saturating_add(1).max(to_epoch(now));
        }
        let differs = [
            ("name", after.name != before.name),
            ("description", after.description != before.description),
            ("scopes", after.scopes != before.scopes),
            ("allowed_addresses", after.allowed_addresses != before.allowed_addresses),
            ("expires_at", after.expires_at != before.expires_at),
            ("disabled", after.disabled != before.disabled),
        ];
        (after, differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect())
    }
}

/// Why a client may not make a change to itself: it could not undo it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lockout {
    Disabled,
    ScopeRemoved,
    AddressExcluded,
}

/// Says how a client that changes itself from that address would lock itself out.
#[must_use]
pub fn find_lockout(after: &ClientRecord, address: Option<IpAddr>) -> Option<Lockout> {
    if after.disabled {
        Some(Lockout::Disabled)
    } else if !ScopeSet::parse(&after.scopes).has(Scope::ClientsManage) {
        Some(Lockout::ScopeRemoved)
    } else if !AllowedAddresses::parse(&after.allowed_addresses).admit(address) {
        Some(Lockout::AddressExcluded)
    } else {
        None
    }
}

/// Says whether a client of a team would get a scope that is for operators alone.
#[must_use]
pub fn is_beyond_team(team: Option<&str>, scopes: &[Scope]) -> bool {
    team.is_some() && scopes.contains(&Scope::ClientsManage)
}

/// Epochs grow with time, so that a client made again under an old id never has an epoch of the old one.
fn to_epoch(now: Millis) -> u64 {
    u64::try_from(now.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::drawn_secret::DrawnSecret;
    use super::*;

    const NOW: Millis = Millis(1_774_051_200_000);

    fn record(secret: &DrawnSecret) -> ClientRecord {
        let new = NewClient {
            client_id: "backend".to_owned(),
            name: "Backend".to_owned(),
            description: None,
            team: None,
            scopes: vec![Scope::ProfilesRead, Scope::ClientsManage],
            addresses: AllowedAddresses::All,
            expires_at: None,
        };
        new.into_record(secret.to_stored(NOW), NOW)
    }

    #[test]
    fn token_is_of_a_secret_that_exists_and_of_the_current_epoch() {
        let record = record(&DrawnSecret::random());
        let secret = record.secrets[0].id;
        let client = ManagedClient::from(record.clone());
        let binding = client.bind_token(secret);
        assert!(client.has_issued(&binding));
        assert!(!client.has_issued(&client.bind_token(RecordId::random())));
        let without = ManagedClient::from(ClientRecord { secrets: Vec::new(), ..record });
        assert!(!without.has_issued(&binding));
        assert!(!client.has_issued(&TokenBinding { epoch: binding.epoch - 1, ..binding }));
    }

    #[test]
    fn disabling_begins_another_epoch_and_enabling_does_not() {
        let before = record(&DrawnSecret::random());
        let disable = || ClientChange { disabled: Some(true), ..ClientChange::default() };
        let (disabled, changed) = disable().apply(&before, NOW);
        assert_eq!(changed, ["disabled"]);
        assert!(disabled.epoch > before.epoch, "also within one millisecond");
        let (again, changed) = disable().apply(&disabled, NOW.plus_seconds(1));
        assert_eq!((again.epoch, changed), (disabled.epoch, vec![]));
        let enable = ClientChange { disabled: Some(false), ..ClientChange::default() };
        assert_eq!(enable.apply(&disabled, NOW.plus_seconds(2)).0.epoch, disabled.epoch);
    }

    #[test]
    fn change_of_itself_may_not_lock_a_client_out() {
        let here = Some("192.0.2.7".parse().unwrap());
        let own = record(&DrawnSecret::random());
        assert_eq!(find_lockout(&own, here), None);
        let changed = |change: ClientChange| find_lockout(&change.apply(&own, NOW).0, here);
        assert_eq!(changed(ClientChange { disabled: Some(true), ..ClientChange::default() }), Some(Lockout::Disabled));
        let scopes = Some(vec![Scope::ProfilesRead]);
        assert_eq!(changed(ClientChange { scopes, ..ClientChange::default() }), Some(Lockout::ScopeRemoved));
        for (text, lockout) in [("192.0.2.0/24", None), ("192.0.2.8 ::1", Some(Lockout::AddressExcluded))] {
            let addresses = Some(AllowedAddresses::parse(text));
            assert_eq!(changed(ClientChange { addresses, ..ClientChange::default() }), lockout, "{text}");
        }
    }

    #[test]
    fn addresses_that_were_damaged_by_hand_admit_nobody() {
        let damaged = AllowedAddresses::parse("anywhere");
        assert!(!damaged.admit(Some("192.0.2.7".parse().unwrap())) && !damaged.admit(None));
        assert!(AllowedAddresses::parse("").admit(None));
    }

    #[test]
    fn client_ids_are_plain() {
        for good in ["abc", "My_backend-2.eu", &"x".repeat(64)] {
            assert!(is_client_id(good), "{good}");
        }
        for bad in ["", "ab", ".hidden", "a/b", "a b", "äbc", &"x".repeat(65)] {
            assert!(!is_client_id(bad), "{bad}");
        }
    }
}
