//! An authenticator in software, which can also lie: it makes passkeys and uses them as a browser passes it on.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The flags of an honest authenticator: present and verified.
pub(super) const VERIFIED: u8 = 0x05;
pub(super) const PRESENT_ONLY: u8 = 0x01;
pub(super) const VERIFIED_ONLY: u8 = 0x04;

pub(super) const SERVER: &str = "id.example.com";
pub(super) const ORIGIN: &str = "https://id.example.com";

/// What one answer says that is not as it should be. `None`: as it should be.
#[derive(Clone, Default)]
pub(super) struct Lie {
    pub(super) origin: Option<&'static str>,
    pub(super) server: Option<&'static str>,
    pub(super) flags: Option<u8>,
    pub(super) challenge: Option<String>,
    pub(super) kind: Option<&'static str>,
    pub(super) count: Option<u32>,
    pub(super) credential: Option<Vec<u8>>,
    /// The empty text leaves it out.
    pub(super) user_handle: Option<String>,
    pub(super) cross_origin: bool,
    /// Signs other bytes than it sends.
    pub(super) forges: bool,
    /// The format and the statement of a new passkey, in CBOR.
    pub(super) attestation: Option<(&'static str, Vec<u8>)>,
    /// Bytes behind the authenticator's data.
    pub(super) surplus: Vec<u8>,
}

enum Key {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

/// An authenticator with one passkey.
pub(super) struct Authenticator {
    key: Key,
    pub(super) credential: Vec<u8>,
    pub(super) count: u32,
    user_handle: String,
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A CBOR head of that major type with a number below 65,536.
fn head(major: u8, number: usize) -> Vec<u8> {
    match u8::try_from(number) {
        Ok(small @ 0..=23) => vec![major << 5 | small],
        Ok(byte) => vec![major << 5 | 24, byte],
        Err(_) => [&[major << 5 | 25][..], &u16::try_from(number).unwrap().to_be_bytes()].concat(),
    }
}

fn cbor_bytes(bytes: &[u8]) -> Vec<u8> {
    [head(2, bytes.len()), bytes.to_vec()].concat()
}

fn cbor_text(text: &str) -> Vec<u8> {
    [head(3, text.len()), text.as_bytes().to_vec()].concat()
}

impl Authenticator {
    fn with_key(key: Key) -> Self {
        let mut credential = vec![0; 32];
        getrandom::fill(&mut credential).unwrap();
        Self { key, credential, count: 1, user_handle: String::new() }
    }

    pub(super) fn new() -> Self {
        Self::with_key(Key::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()))
    }

    pub(super) fn with_ed25519() -> Self {
        Self::with_key(Key::Ed25519(Ed25519KeyPair::generate().unwrap()))
    }

    pub(super) fn with_rsa() -> Self {
        Self::with_key(Key::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())))
    }

    /// The public key in COSE form.
    fn cose_key(&self) -> Vec<u8> {
        match &self.key {
            Key::P256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (cbor_bytes(&point[1..33]), cbor_bytes(&point[33..]));
                [&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21][..], &x, &[0x22], &y].concat()
            }
            Key::Ed25519(pair) => {
                let x = cbor_bytes(pair.public_key().as_ref());
                [&[0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21][..], &x].concat()
            }
            Key::Rsa(pair) => {
                let modulus = cbor_bytes(pair.public_key().modulus().big_endian_without_leading_zero());
                let exponent = cbor_bytes(pair.public_key().exponent().big_endian_without_leading_zero());
                [&[0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20][..], &modulus, &[0x21], &exponent].concat()
            }
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::P256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Key::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Key::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }

    /// What the browser sends of a new passkey.
    pub(super) fn create(&mut self, options: &Value, lie: &Lie) -> Value {
        let options = &options["data"]["public_key"];
        assert_eq!((&options["rp"]["id"], &options["attestation"]), (&json!(SERVER), &json!("none")));
        assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
        options["user"]["id"].as_str().unwrap().clone_into(&mut self.user_handle);
        let length = u16::try_from(self.credential.len()).unwrap().to_be_bytes();
        let credential = [&[0; 16][..], &length, &self.credential, &self.cose_key()].concat();
        let data = authenticator_data(lie, 0x40, self.count, &credential);
        let client_data = client_data("webauthn.create", options, lie);
        let (format, statement) = lie.attestation.clone().unwrap_or(("none", vec![0xa0]));
        let statement = if statement.is_empty() {
            let signed = [data.as_slice(), digest(&SHA256, &client_data).as_ref()].concat();
            [&[0xa2][..], &cbor_text("alg"), &[0x26], &cbor_text("sig"), &cbor_bytes(&self.sign(&signed))].concat()
        } else {
            statement
        };
        let object = [
            vec![0xa3],
            cbor_text("fmt"),
            cbor_text(format),
            cbor_text("attStmt"),
            statement,
            cbor_text("authData"),
            cbor_bytes(&data),
        ];
        json!({"name": "Key", "client_data_json": encode(&client_data), "attestation_object": encode(&object.concat())})
    }

    /// What the browser sends of the use of the passkey. The counter goes up by one each time.
    pub(super) fn get(&mut self, options: &Value, lie: &Lie) -> Value {
        let options = &options["data"]["public_key"];
        assert_eq!((&options["rpId"], &options["userVerification"]), (&json!(SERVER), &json!("required")));
        self.count += 1;
        let data = authenticator_data(lie, 0, self.count, &[]);
        let client_data = client_data("webauthn.get", options, lie);
        let signed = [data.as_slice(), digest(&SHA256, &client_data).as_ref()].concat();
        let signature = self.sign(if lie.forges { b"other bytes" } else { &signed });
        let credential = lie.credential.as_ref().unwrap_or(&self.credential);
        let mut body = json!({
            "credential_id": encode(credential),
            "client_data_json": encode(&client_data),
            "authenticator_data": encode(&data),
            "signature": encode(&signature),
        });
        let handle = lie.user_handle.as_ref().unwrap_or(&self.user_handle);
        if !handle.is_empty() {
            body["user_handle"] = json!(handle);
        }
        body
    }
}

fn authenticator_data(lie: &Lie, more_flags: u8, count: u32, credential: &[u8]) -> Vec<u8> {
    let server = digest(&SHA256, lie.server.unwrap_or(SERVER).as_bytes());
    let flags = lie.flags.unwrap_or(VERIFIED) | more_flags;
    let count = lie.count.unwrap_or(count).to_be_bytes();
    [server.as_ref(), &[flags], &count, credential, &lie.surplus].concat()
}

fn client_data(kind: &str, options: &Value, lie: &Lie) -> Vec<u8> {
    let challenge = lie.challenge.as_deref().unwrap_or_else(|| options["challenge"].as_str().unwrap());
    let content = json!({
        "type": lie.kind.unwrap_or(kind),
        "challenge": challenge,
        "origin": lie.origin.unwrap_or(ORIGIN),
        "crossOrigin": lie.cross_origin,
    });
    content.to_string().into_bytes()
}
