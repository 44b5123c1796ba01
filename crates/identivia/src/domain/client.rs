//! Client secrets. An unknown client and a wrong secret give the same answer in the same time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, PasswordHasher, Version};
use aws_lc_rs::{constant_time, hmac};

/// A configured client, which may ask for machine tokens.
#[derive(Clone)]
pub struct Client {
    pub id: String,
    /// The scopes it may ask for, in the order of the configuration.
    pub scopes: Vec<String>,
    /// Its team; `None` for an operator's client, which sees every team.
    pub team: Option<String>,
    pub secret: ClientSecret,
}

/// A client's secret, as it is configured.
#[derive(Clone)]
pub enum ClientSecret {
    Plain(String),
    /// An Argon2id hash in PHC form, for a secret that a person chose.
    Argon2id(String),
}

/// The result of a comparison without Argon2id.
pub enum QuickCheck<'a> {
    Right(&'a Client),
    Wrong,
    /// Only the hash can tell: run [`Clients::check_hashed_secret`], which takes 15 ms.
    NeedsHash,
}

/// All clients. Secrets are compared as HMACs under a key drawn at start: in constant time, independent of their length.
pub struct Clients {
    key: hmac::Key,
    /// Unknown ids are compared with this, so that they take as long as known ones.
    unknown_client: hmac::Tag,
    by_id: HashMap<String, Client>,
    plain: HashMap<String, hmac::Tag>,
    /// Right secrets of hashed clients, remembered until the process ends so that Argon2id runs once for each.
    verified: RwLock<HashMap<String, hmac::Tag>>,
    /// The hash that is checked for unknown ids, so that they take as long as known ones. No secret of theirs is accepted.
    decoy: Option<String>,
    /// Argon2id's memory: one workspace for each check that has run at once.
    workspaces: Mutex<Vec<Vec<Block>>>,
    /// How many hashes were computed. Tests compare the work of two answers by it, because times vary.
    #[cfg(test)]
    pub(crate) computed: ComputedHashes,
}

impl Clients {
    /// Says whether a client is of that team.
    #[must_use]
    pub fn has_team(&self, team: &str) -> bool {
        self.by_id.values().any(|client| client.team.as_deref() == Some(team))
    }

    /// Takes the configured clients, whose ids are distinct and whose hashes have been checked.
    #[must_use]
    pub fn new(clients: Vec<Client>) -> Self {
        let mut seed = [0_u8; 32];
        getrandom::fill(&mut seed).expect("the system's random source answers once the process runs");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &seed);
        let mut plain = HashMap::new();
        let mut decoy = None;
        for client in &clients {
            match &client.secret {
                ClientSecret::Plain(secret) => {
                    plain.insert(client.id.clone(), hmac::sign(&key, secret.as_bytes()));
                }
                ClientSecret::Argon2id(hash) => decoy = Some(hash.clone()),
            }
        }
        let by_id = clients.into_iter().map(|client| (client.id.clone(), client)).collect();
        let unknown_client = hmac::sign(&key, &[]);
        Self {
            key,
            unknown_client,
            by_id,
            plain,
            verified: RwLock::default(),
            decoy,
            workspaces: Mutex::default(),
            #[cfg(test)]
            computed: ComputedHashes::default(),
        }
    }

    /// The client of that id.
    #[must_use]
    pub fn find_client(&self, id: &str) -> Option<&Client> {
        self.by_id.get(id)
    }

    /// Every client, by id.
    #[must_use]
    pub fn list_by_id(&self) -> Vec<&Client> {
        let mut clients: Vec<&Client> = self.by_id.values().collect();
        clients.sort_by(|one, other| one.id.cmp(&other.id));
        clients
    }

    /// Compares without Argon2id. Every path does one HMAC and one comparison.
    #[must_use]
    pub fn quick_check(&self, id: &str, secret: &str) -> QuickCheck<'_> {
        let presented = hmac::sign(&self.key, secret.as_bytes());
        #[cfg(test)]
        self.computed.hmac.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let verified = self.verified.read().unwrap_or_else(PoisonError::into_inner);
        let known = self.plain.get(id).or_else(|| verified.get(id));
        let expected = known.unwrap_or(&self.unknown_client);
        let same = constant_time::verify_slices_are_equal(presented.as_ref(), expected.as_ref()).is_ok();
        match self.by_id.get(id) {
            Some(client) if same && known.is_some() => QuickCheck::Right(client),
            _ if self.decoy.is_some() => QuickCheck::NeedsHash,
            _ => QuickCheck::Wrong,
        }
    }

    /// Runs Argon2id, for known and unknown ids alike. Takes about 15 ms and 19 MiB: bound it, off the async threads.
    #[must_use]
    pub fn check_hashed_secret(&self, id: &str, secret: &str) -> Option<&Client> {
        let client = self.by_id.get(id);
        let own = client.and_then(|client| match &client.secret {
            ClientSecret::Argon2id(hash) => Some(hash),
            ClientSecret::Plain(_) => None,
        });
        let hash = own.or(self.decoy.as_ref())?;
        let mut workspace = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let is_right = matches_hash(secret, hash, &mut workspace);
        #[cfg(test)]
        self.computed.argon2id.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
        if !(is_right && own.is_some()) {
            return None;
        }
        let tag = hmac::sign(&self.key, secret.as_bytes());
        self.verified.write().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), tag);
        client
    }
}

/// Verifies an Argon2id hash in a reused workspace: 19 MiB allocated for each check would stay with the allocator, once
/// for every thread that has run one.
pub(super) fn matches_hash(secret: &str, hash: &str, workspace: &mut Vec<Block>) -> bool {
    let Ok(parsed) = PasswordHash::new(hash) else { return false };
    let (Some(salt), Some(expected)) = (&parsed.salt, &parsed.hash) else { return false };
    let Ok(params) = Params::try_from(&parsed) else { return false };
    let version = parsed.version.and_then(|version| Version::try_from(version).ok()).unwrap_or_default();
    workspace.resize(workspace.len().max(params.block_count()), Block::default());
    let mut output = vec![0; expected.as_bytes().len()];
    let argon = Argon2::new(Algorithm::Argon2id, version, params);
    let hashed = argon.hash_password_into_with_memory(secret.as_bytes(), salt, &mut output, workspace);
    hashed.is_ok() && constant_time::verify_slices_are_equal(&output, expected.as_bytes()).is_ok()
}

/// Says whether a configured hash is an Argon2id hash in PHC form.
#[must_use]
pub fn is_argon2id(hash: &str) -> bool {
    hash.starts_with("$argon2id$") && PasswordHash::new(hash).is_ok()
}

/// Hashes a secret with Argon2id (RFC 9106; 19 MiB, 2 passes, 1 lane) for `client_secret_hash`.
///
/// # Errors
/// When the secret is longer than Argon2 takes (4 GiB).
pub fn hash_secret(secret: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default().hash_password(secret.as_bytes())?.to_string())
}

/// How many hashes the checks of secrets have computed.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct ComputedHashes {
    pub(crate) hmac: std::sync::atomic::AtomicUsize,
    pub(crate) argon2id: std::sync::atomic::AtomicUsize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(id: &str, secret: ClientSecret) -> Client {
        Client { id: id.to_owned(), scopes: vec![], team: None, secret }
    }

    #[test]
    fn plain_secret_needs_no_hash_check() {
        let clients = Clients::new(vec![client("a", ClientSecret::Plain("right".into()))]);
        assert!(matches!(clients.quick_check("a", "right"), QuickCheck::Right(_)));
        assert!(matches!(clients.quick_check("a", "wrong"), QuickCheck::Wrong));
        assert!(matches!(clients.quick_check("b", "right"), QuickCheck::Wrong));
        assert!(matches!(clients.quick_check("b", ""), QuickCheck::Wrong));
    }

    #[test]
    fn hashed_secret_is_hashed_once_and_an_unknown_client_costs_the_same() {
        let hash = hash_secret("chosen by a person").unwrap();
        assert!(is_argon2id(&hash));
        let clients =
            Clients::new(vec![client("a", ClientSecret::Argon2id(hash)), client("b", ClientSecret::Plain("p".into()))]);
        assert!(matches!(clients.quick_check("a", "chosen by a person"), QuickCheck::NeedsHash));
        let hashed = |clients: &Clients| clients.workspaces.lock().unwrap().iter().any(|blocks| !blocks.is_empty());
        assert!(clients.check_hashed_secret("nobody", "chosen by a person").is_none());
        assert!(hashed(&clients), "an unknown client costs Argon2id too");
        assert!(clients.check_hashed_secret("a", "wrong").is_none());
        assert!(clients.check_hashed_secret("b", "chosen by a person").is_none());
        assert!(clients.check_hashed_secret("a", "chosen by a person").is_some());
        assert!(matches!(clients.quick_check("a", "chosen by a person"), QuickCheck::Right(_)));
        assert!(matches!(clients.quick_check("nobody", "x"), QuickCheck::NeedsHash));
    }
}
