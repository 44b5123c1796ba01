//! The system key: encrypts the secrets that the records hold (AES-256-GCM), and is stored in a file beside them.
//!
//! Who reads the database alone, or a backup of it, reads no secret. The key is in no setting, so that it is in no process list.

use std::io::ErrorKind;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::config::ConfigError;
use crate::secret_file::{create_secret_file, read_secret_file, to_path_error};

const SETTING: &str = "SYSTEM_KEY_FILE";
/// The length of the key, in bytes.
const KEY_BYTES: usize = 32;
/// The length of the key's name in a sealed text, in letters.
const ID_LETTERS: usize = 8;
/// The length of a nonce, in bytes.
const NONCE_BYTES: usize = 12;

/// The key that encrypts secrets of the records. It has neither `Debug` nor `Display`.
pub struct SystemKey {
    id: String,
    sealing: RandomizedNonceKey,
}

/// Why a sealed text cannot be opened, and what to do about it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// Sealed with the key of that id.
    #[error(
        "sealed with the system key {0}, and this server has another; copy the file of that key (DATA_DIR/system.key or \
         SYSTEM_KEY_FILE) to every server that shares the records, or restore it from a backup"
    )]
    OtherKey(String),
    /// Changed since, or sealed for another purpose.
    #[error("the encrypted text is damaged; restore the record from a backup, or give it a new secret")]
    Damaged,
}

impl SystemKey {
    /// Reads the key, or draws one and stores it with mode 0600.
    ///
    /// # Errors
    /// When the file cannot be used, is damaged, or other users could read it.
    pub fn load_or_generate(path: &Path) -> Result<Self, ConfigError> {
        if let Some(text) = read_secret_file(SETTING, path)? {
            return Self::from_file(path, &text);
        }
        let mut key = [0_u8; KEY_BYTES];
        getrandom::fill(&mut key).expect("the system's random source answers once the process runs");
        match create_secret_file(path, format!("{}\n", STANDARD.encode(key)).as_bytes()) {
            Ok(()) => Ok(Self::from_bytes(&key)),
            // Another server that shares the file was first.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let text = read_secret_file(SETTING, path)?;
                Self::from_file(path, &text.unwrap_or_default())
            }
            Err(error) => Err(to_path_error(SETTING, path, &error)),
        }
    }

    /// Reads the key; `None` where the first start has yet to draw one.
    ///
    /// # Errors
    /// When the file is damaged, or other users could read it.
    pub fn load(path: &Path) -> Result<Option<Self>, ConfigError> {
        read_secret_file(SETTING, path)?.map(|text| Self::from_file(path, &text)).transpose()
    }

    /// Names the key, and tells nothing of it: 8 hex letters.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Says whether a text was sealed with this key: it begins with the key's id.
    #[must_use]
    pub fn has_sealed(&self, sealed: &str) -> bool {
        sealed.split_once('.').is_some_and(|(id, _)| id == self.id)
    }

    /// Encrypts a secret. Only [`Self::open`] with the same purpose decrypts it, so that one record's secret cannot be put in the
    /// place of another's: a purpose names the kind and the id of the record.
    #[must_use]
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> String {
        let mut sealed = plain.to_vec();
        let nonce = self.sealing.seal_in_place_append_tag(Aad::from(purpose), &mut sealed);
        let nonce = nonce.expect("AES-GCM encrypts any text below 64 GiB");
        format!("{}.{}", self.id, URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &sealed].concat()))
    }

    /// Decrypts what [`Self::seal`] has encrypted for that purpose.
    ///
    /// # Errors
    /// When another key has sealed it, or it is damaged. The text gives the remedy.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>, UnsealError> {
        let (id, sealed) = sealed.split_once('.').ok_or(UnsealError::Damaged)?;
        if !is_key_id(id) {
            return Err(UnsealError::Damaged);
        }
        if id != self.id {
            return Err(UnsealError::OtherKey(id.to_owned()));
        }
        self.decrypt(purpose, sealed).ok_or(UnsealError::Damaged)
    }

    fn decrypt(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut plain = sealed.to_vec();
        Some(self.sealing.open_in_place(nonce, Aad::from(purpose), &mut plain).ok()?.to_vec())
    }

    fn from_file(path: &Path, text: &[u8]) -> Result<Self, ConfigError> {
        let key = STANDARD.decode(text.trim_ascii()).ok().and_then(|key| <[u8; KEY_BYTES]>::try_from(key).ok());
        key.map(|key| Self::from_bytes(&key)).ok_or_else(|| {
            let state = if text.trim_ascii().is_empty() { "empty" } else { "damaged" };
            let problem = format!(
                "{} is {state}; restore it from a backup. Without it the encrypted secrets of the records (those that sign \
                 webhooks) are lost: then remove the file, start, and give each webhook a new secret",
                path.display()
            );
            ConfigError { name: SETTING, problem }
        })
    }

    fn from_bytes(key: &[u8; KEY_BYTES]) -> Self {
        // One key for each use: the name of the key must tell nothing of the one that encrypts.
        let derive = |label: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), label.as_bytes());
        let id =
            derive("identivia system key id").as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let sealing = RandomizedNonceKey::new(&AES_256_GCM, derive("identivia sealed secrets").as_ref());
        Self { id: id[..ID_LETTERS].to_owned(), sealing: sealing.expect("an HMAC-SHA256 has the 32 bytes of a key") }
    }
}

fn is_key_id(text: &str) -> bool {
    text.len() == ID_LETTERS && text.bytes().all(|letter| matches!(letter, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    fn key_of(byte: u8) -> SystemKey {
        SystemKey::from_bytes(&[byte; KEY_BYTES])
    }

    #[test]
    fn key_is_generated_once_with_mode_0600() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("system.key");
        let first = SystemKey::load_or_generate(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let again = SystemKey::load_or_generate(&path).unwrap();
        assert_eq!(again.id(), first.id());
        assert_eq!(again.open("a", &first.seal("a", b"secret")).unwrap(), b"secret");
        let other = SystemKey::load_or_generate(&folder.path().join("other.key")).unwrap();
        assert_ne!(other.id(), first.id());
    }

    #[test]
    fn servers_that_start_together_have_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("system.key");
        let load = || SystemKey::load_or_generate(&path).unwrap().id().to_owned();
        let ids: Vec<String> = std::thread::scope(|scope| {
            let servers: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
            servers.into_iter().map(|server| server.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }

    #[test]
    fn file_that_others_can_read_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("system.key");
        SystemKey::load_or_generate(&path).unwrap();
        let secret = fs::read_to_string(&path).unwrap();
        for mode in [0o644, 0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = SystemKey::load_or_generate(&path).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(refused.starts_with("SYSTEM_KEY_FILE: ") && refused.contains("chmod 600"), "{mode:o}: {refused}");
            assert!(!refused.contains(secret.trim()));
        }
    }

    #[test]
    fn damaged_or_empty_file_says_what_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("system.key");
        let good = format!("{}\n", STANDARD.encode([7; KEY_BYTES]));
        for (text, state) in
            [("", "empty"), ("\n", "empty"), ("CANARY", "damaged"), (&good[1..], "damaged"), (&good[..20], "damaged")]
        {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let refused = SystemKey::load_or_generate(&path).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(refused.contains(state) && refused.contains("are lost"), "{text}: {refused}");
            assert!(!refused.contains("CANARY"));
            assert_eq!(fs::read_to_string(&path).unwrap(), text, "the file stays for a repair");
        }
        let in_no_folder = folder.path().join("none/system.key");
        let refused = SystemKey::load_or_generate(&in_no_folder).err().map(|error| error.to_string());
        assert!(refused.unwrap_or_default().contains("cannot use"));
    }

    #[test]
    fn sealed_text_names_its_key_and_hides_its_content() {
        let key = key_of(7);
        let sealed = key.seal("webhook one", b"CANARY");
        assert!(sealed.starts_with(&format!("{}.", key.id())) && is_key_id(key.id()));
        assert!(!String::from_utf8_lossy(&URL_SAFE_NO_PAD.decode(&sealed[9..]).unwrap()).contains("CANARY"));
        assert_ne!(sealed, key.seal("webhook one", b"CANARY"), "each has its own nonce");
        assert_eq!(key.open("webhook one", &sealed).unwrap(), b"CANARY");
        assert_eq!(key.open("a", &key.seal("a", b"")).unwrap(), b"");
    }

    #[test]
    fn other_purpose_other_key_and_changed_text_are_refused() {
        let (key, other) = (key_of(7), key_of(8));
        let sealed = key.seal("webhook one", b"CANARY");
        assert_eq!(key.open("webhook two", &sealed), Err(UnsealError::Damaged));
        assert_eq!(other.open("webhook one", &sealed), Err(UnsealError::OtherKey(key.id().to_owned())));
        let renamed = sealed.replace(key.id(), other.id());
        assert_eq!(other.open("webhook one", &renamed), Err(UnsealError::Damaged));
        for at in 9..sealed.len() {
            let letter = if sealed.as_bytes()[at] == b'A' { "Q" } else { "A" };
            let changed = format!("{}{letter}{}", &sealed[..at], &sealed[at + 1..]);
            assert_eq!(key.open("webhook one", &changed), Err(UnsealError::Damaged), "{at}");
        }
        for wrong in ["", ".", "CANARY", "zzzzzzzz.AAAA", &sealed[..9], &sealed[..20], &sealed[9..]] {
            assert_eq!(key.open("webhook one", wrong), Err(UnsealError::Damaged), "{wrong}");
        }
        assert!(UnsealError::OtherKey("0123abcd".to_owned()).to_string().contains("every server"));
    }
}
