//! What the authenticator says: for which server, who was present, its counter, and a new key (WebAuthn §6.1).

use aws_lc_rs::digest;

use super::cbor::CborReader;
use super::{MAX_CREDENTIAL_ID, PasskeyFault, RelyingParty};

/// The flags: user present, user verified, attested credential data included, extension data included.
const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const HAS_CREDENTIAL: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;
/// The lengths of the hash of the server's id and of the authenticator model's id, in bytes.
const HASH: usize = 32;
const MODEL_ID: usize = 16;

/// The authenticator's data.
#[derive(Debug)]
pub(super) struct AuthenticatorData<'a> {
    server_hash: &'a [u8],
    flags: u8,
    pub(super) sign_count: u32,
    pub(super) credential: Option<AttestedCredential<'a>>,
}

/// A new credential.
#[derive(Debug)]
pub(super) struct AttestedCredential<'a> {
    pub(super) id: &'a [u8],
    /// In COSE form.
    pub(super) public_key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    /// Reads the data, with nothing behind it.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, PasskeyFault> {
        Self::read(bytes).ok_or(PasskeyFault::AuthenticatorData)
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (server_hash, rest) = bytes.split_at_checked(HASH)?;
        let (flags, rest) = rest.split_first()?;
        let (count, mut rest) = rest.split_first_chunk::<4>()?;
        let credential = if flags & HAS_CREDENTIAL == 0 { None } else { Some(read_credential(&mut rest)?) };
        if flags & HAS_EXTENSIONS != 0 {
            let mut reader = CborReader::new(rest);
            reader.skip()?;
            rest = reader.rest();
        }
        let sign_count = u32::from_be_bytes(*count);
        rest.is_empty().then_some(Self { server_hash, flags: *flags, sign_count, credential })
    }

    /// Checks for which server it is, and that the authenticator has checked who uses it.
    pub(super) fn check(&self, party: &RelyingParty) -> Result<(), PasskeyFault> {
        // §7.1 step 13, §7.2 step 15: the hash of the server's id.
        if self.server_hash != digest::digest(&digest::SHA256, party.id.as_bytes()).as_ref() {
            return Err(PasskeyFault::OtherServer);
        }
        // §7.1 steps 14 and 15, §7.2 steps 16 and 17: the person was present, and was verified.
        if self.flags & USER_PRESENT == 0 || self.flags & USER_VERIFIED == 0 {
            return Err(PasskeyFault::NotVerified);
        }
        Ok(())
    }
}

/// Reads a new credential (§6.5.1), and leaves what is behind it.
fn read_credential<'a>(rest: &mut &'a [u8]) -> Option<AttestedCredential<'a>> {
    let (_model, after) = rest.split_at_checked(MODEL_ID)?;
    let (length, after) = after.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (id, after) = after.split_at_checked(length).filter(|_| (1..=MAX_CREDENTIAL_ID).contains(&length))?;
    let mut reader = CborReader::new(after);
    reader.skip()?;
    let public_key = &after[..after.len() - reader.rest().len()];
    *rest = reader.rest();
    Some(AttestedCredential { id, public_key })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn data_is_read_whole_or_refused() {
        let party = RelyingParty { id: "localhost".to_owned(), origin: "http://localhost".to_owned() };
        let hash = digest::digest(&digest::SHA256, b"localhost");
        let data = |flags: u8, rest: &[u8]| [hash.as_ref(), &[flags, 0, 0, 1, 2], rest].concat();
        let plain = data(USER_PRESENT | USER_VERIFIED, &[]);
        let parsed = AuthenticatorData::parse(&plain).unwrap();
        assert_eq!((parsed.sign_count, parsed.check(&party)), (258, Ok(())));
        for flags in [0, USER_PRESENT, USER_VERIFIED] {
            let bytes = data(flags, &[]);
            assert_eq!(AuthenticatorData::parse(&bytes).unwrap().check(&party), Err(PasskeyFault::NotVerified));
        }
        let other = RelyingParty { id: "other".to_owned(), ..party };
        assert_eq!(parsed.check(&other), Err(PasskeyFault::OtherServer));
        let credential = [&[0; 16][..], &[0, 2, 8, 9], &[0xa0]].concat();
        let both = [credential.as_slice(), &[0xa1, 0x61, 0x61, 0xf5]].concat();
        let bytes = data(HAS_CREDENTIAL | HAS_EXTENSIONS, &both);
        let found = AuthenticatorData::parse(&bytes).unwrap().credential.unwrap();
        assert_eq!((found.id, found.public_key), (&[8, 9][..], &[0xa0][..]));
        for (flags, rest) in [
            (0, &[0][..]),
            (HAS_CREDENTIAL, &[]),
            (HAS_CREDENTIAL, &both),
            (HAS_CREDENTIAL, &[0; 18]),
            (HAS_EXTENSIONS, &[]),
        ] {
            assert!(AuthenticatorData::parse(&data(flags, rest)).is_err(), "{flags} {rest:?}");
        }
        assert!(AuthenticatorData::parse(&plain[..36]).is_err());
    }

    proptest! {
        #[test]
        fn any_input_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(AuthenticatorData::parse(&bytes));
        }
    }
}
