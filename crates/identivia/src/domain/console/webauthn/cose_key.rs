//! Public keys of passkeys in COSE form (RFC 9053, RFC 8230; WebAuthn §5.8.5), and signatures by them.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::cbor::CborReader;

/// The algorithms that are asked for, the best first: EdDSA with Ed25519, ES256, RS256.
pub const ALGORITHMS: [i64; 3] = [EDDSA, ES256, RS256];

const EDDSA: i64 = -8;
const ES256: i64 = -7;
const RS256: i64 = -257;
/// Labels of a key's entries.
const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;
const CURVE: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
const MODULUS: i64 = -1;
const EXPONENT: i64 = -2;
/// Key types and curves.
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const P256: i64 = 1;
const CURVE_ED25519: i64 = 6;
/// The most entries of a key.
const MAX_ENTRIES: u64 = 8;
/// The length of a coordinate and of an Ed25519 key, in bytes.
const COORDINATE: usize = 32;
/// The shortest and the longest modulus, in bytes: 2,048 to 8,192 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1_024;
/// The longest exponent, in bytes. It is nearly always 65,537.
const EXPONENT_BYTES: usize = 8;

/// The public key of a passkey.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CredentialKey<'a> {
    Ed25519(&'a [u8]),
    P256 { x: &'a [u8], y: &'a [u8] },
    Rsa { modulus: &'a [u8], exponent: &'a [u8] },
}

/// An entry's value.
#[derive(Clone, Copy)]
enum KeyEntry<'a> {
    Number(i64),
    Bytes(&'a [u8]),
}

impl<'a> CredentialKey<'a> {
    /// Reads a key of one of the algorithms that are asked for, and nothing behind it.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = CborReader::new(bytes);
        let entries = read_entries(&mut reader).filter(|_| reader.rest().is_empty())?;
        let number = |label| {
            entries.iter().find_map(|entry| match entry {
                (own, KeyEntry::Number(value)) if *own == label => Some(*value),
                _ => None,
            })
        };
        let text = |label| {
            entries.iter().find_map(|entry| match entry {
                (own, KeyEntry::Bytes(value)) if *own == label => Some(*value),
                _ => None,
            })
        };
        let coordinate = |label| text(label).filter(|bytes| bytes.len() == COORDINATE);
        match (number(KEY_TYPE)?, number(ALGORITHM)?) {
            (OKP, EDDSA) if number(CURVE) == Some(CURVE_ED25519) => Some(Self::Ed25519(coordinate(X)?)),
            (EC2, ES256) if number(CURVE) == Some(P256) => Some(Self::P256 { x: coordinate(X)?, y: coordinate(Y)? }),
            (RSA, RS256) => {
                let modulus = text(MODULUS).filter(|bytes| MODULUS_BYTES.contains(&bytes.len()))?;
                let exponent = text(EXPONENT).filter(|bytes| (1..=EXPONENT_BYTES).contains(&bytes.len()))?;
                Some(Self::Rsa { modulus, exponent })
            }
            _ => None,
        }
    }

    /// The algorithm's number.
    pub(super) const fn algorithm(&self) -> i64 {
        match self {
            Self::Ed25519(_) => EDDSA,
            Self::P256 { .. } => ES256,
            Self::Rsa { .. } => RS256,
        }
    }

    /// Says whether the signature of a message is by this key.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Self::P256 { x, y } => {
                // An uncompressed point (SEC 1, 2.3.3).
                let point = [&[0x04][..], x, y].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Self::Rsa { modulus, exponent } => {
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.is_ok()
    }
}

/// Reads the entries of a key. A label that comes twice is an error.
fn read_entries<'a>(reader: &mut CborReader<'a>) -> Option<Vec<(i64, KeyEntry<'a>)>> {
    let count = reader.map().filter(|count| *count <= MAX_ENTRIES)?;
    let mut entries: Vec<(i64, KeyEntry<'a>)> = Vec::new();
    for _ in 0..count {
        let label = reader.int()?;
        let value = match label {
            KEY_TYPE | ALGORITHM => KeyEntry::Number(reader.int()?),
            // The curve of one kind of key, the modulus of another.
            CURVE => match reader.rest().first()? >> 5 {
                2 => KeyEntry::Bytes(reader.bytes()?),
                _ => KeyEntry::Number(reader.int()?),
            },
            X | Y => KeyEntry::Bytes(reader.bytes()?),
            _ => return None,
        };
        if entries.iter().any(|(own, _)| *own == label) {
            return None;
        }
        entries.push((label, value));
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p256(entries: &[&[u8]]) -> Vec<u8> {
        let count = u8::try_from(entries.len()).unwrap();
        [&[0xa0 | count][..], &entries.concat()].concat()
    }

    #[test]
    fn key_of_another_form_is_refused() {
        let x = [&[0x21, 0x58, 32][..], &[7; 32]].concat();
        let y = [&[0x22, 0x58, 32][..], &[8; 32]].concat();
        let good: [&[u8]; 5] = [&[0x01, 0x02], &[0x03, 0x26], &[0x20, 0x01], &x, &y];
        let key = p256(&good);
        assert_eq!(CredentialKey::parse(&key), Some(CredentialKey::P256 { x: &[7; 32], y: &[8; 32] }));
        assert!(!CredentialKey::parse(&key).unwrap().has_signed(b"m", b"s"), "and it is no point of the curve");
        let longer = [&[0x21, 0x58, 33][..], &[7; 33]].concat();
        for (place, other) in [
            (0, &[0x01, 0x01][..]),
            (1, &[0x03, 0x27]),
            (1, &[0x03, 0x38, 0x22]),
            (2, &[0x20, 0x02]),
            (3, &longer),
            (3, &[0x20, 0x01]),
            (4, &[0x05, 0x01]),
        ] {
            let mut entries = good;
            entries[place] = other;
            assert_eq!(CredentialKey::parse(&p256(&entries)), None, "{place} {other:?}");
        }
        assert_eq!(CredentialKey::parse(&p256(&good[..4])), None);
        assert_eq!(CredentialKey::parse(&[key.as_slice(), &[0]].concat()), None);
        assert_eq!(CredentialKey::parse(&key[..key.len() - 1]), None);
    }
}
