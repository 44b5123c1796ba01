//! Bearer tokens (RFC 6750) as HS256 JWTs (RFC 7519, RFC 8725): issuing and verifying machine and flow tokens.
//!
//! A library checks the signature. Header and claims are checked here, because the library's defaults accept too much: a
//! minute of leeway, `nbf` in the future, `crit`.

mod checked_tokens;
mod claims;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};

use self::checked_tokens::{CheckedToken, CheckedTokens};
use self::claims::{IssuedClaims, PresentedClaims, has_plain_header, is_machine_type, read_issued_to, read_scopes};
use super::managed_client::TokenBinding;
use super::scope::{self, Scope, ScopeSet};
use crate::records::id::{RecordId, random_text};
use crate::records::time::Millis;

/// How far clocks may disagree, in seconds.
pub const LEEWAY_SECONDS: i64 = 30;
/// The header `typ` of a flow token.
const FLOW_TYPE: &str = "flow+jwt";

/// A token that has been verified.
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    /// The token's `sub`.
    pub subject: String,
    /// The operations that the token permits.
    pub scopes: ScopeSet,
    pub holder: TokenHolder,
    /// When the token ends.
    pub expires: Millis,
}

/// Who holds a token. The two kinds differ in trust, so no code may treat one as the other by accident.
#[derive(Clone, Debug)]
pub enum TokenHolder {
    /// A company's server, bound to its team. Without a team it is an operator, who reaches every team.
    Machine {
        team: Option<String>,
        /// The client that we issued the token to; `None` for a token that another service has signed with our secret.
        issued_to: Option<IssuedTo>,
    },
    /// A person's browser, bound to one profile and to the epoch of its links.
    Flow { profile: RecordId, epoch: u64 },
}

/// The client of a token that we issued.
#[derive(Clone, Debug)]
pub struct IssuedTo {
    pub client: String,
    /// What the token is bound to; `None` for a client of the configuration.
    pub binding: Option<TokenBinding>,
    /// The token's own id.
    pub jti: Option<String>,
}

/// Issues and verifies tokens under one secret.
pub struct Tokens {
    signing: EncodingKey,
    /// The current secret, then the previous one.
    verifying: Vec<DecodingKey>,
    validation: Validation,
    issuer: String,
    audience: String,
    flow_audience: String,
    flow_scope: String,
    checked: CheckedTokens,
    /// The lifetime of a machine token, in seconds.
    pub machine_ttl: i64,
    /// The lifetime of a flow token, in seconds.
    pub flow_ttl: i64,
}

impl Tokens {
    /// Takes the secret (at least 32 bytes, checked with the configuration), the previous one, which verifies and never signs,
    /// issuer, audience and lifetimes in seconds.
    #[must_use]
    pub fn new(
        secret: &[u8],
        previous: Option<&[u8]>,
        issuer: &str,
        audience: &str,
        machine_ttl: i64,
        flow_ttl: i64,
    ) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // `verify` checks time, issuer and audience against the server's own clock.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        Self {
            signing: EncodingKey::from_secret(secret),
            verifying: std::iter::once(secret).chain(previous).map(DecodingKey::from_secret).collect(),
            validation,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            flow_audience: format!("{audience}/flow"),
            flow_scope: scope::to_scope_claim(&Scope::FLOW),
            checked: CheckedTokens::default(),
            machine_ttl,
            flow_ttl,
        }
    }

    /// Issues a machine token to a client that has proved its secret. A client that was made through the API has a binding.
    ///
    /// # Errors
    /// When the claims cannot be signed. No input of a caller can cause that.
    pub fn issue_machine_token(
        &self,
        client: &str,
        scope: &str,
        team: Option<&str>,
        binding: Option<&TokenBinding>,
        now: Millis,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = IssuedClaims {
            iss: &self.issuer,
            aud: &self.audience,
            sub: client,
            scope,
            iat: now.seconds(),
            exp: now.seconds() + self.machine_ttl,
            jti: random_text::<20>(),
            team,
            client_id: Some(client),
            secret_id: binding.map(|binding| binding.secret),
            profile: None,
            epoch: binding.map(|binding| binding.epoch),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
    }

    /// Issues the flow token of a person's link, for one profile and the current epoch of its links.
    ///
    /// # Errors
    /// When the claims cannot be signed. No input of a caller can cause that.
    pub fn issue_flow_token(
        &self,
        profile: RecordId,
        epoch: u64,
        now: Millis,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        self.issue_flow_token_until(profile, epoch, &self.flow_scope, now, now.plus_seconds(self.flow_ttl))
    }

    /// Issues a flow token with the scopes and the end of another one, for the same person's other device.
    ///
    /// # Errors
    /// When the claims cannot be signed. No input of a caller can cause that.
    pub fn issue_flow_token_until(
        &self,
        profile: RecordId,
        epoch: u64,
        scope: &str,
        now: Millis,
        ends: Millis,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(FLOW_TYPE.to_owned());
        let claims = IssuedClaims {
            iss: &self.issuer,
            aud: &self.flow_audience,
            sub: profile.as_str(),
            scope,
            iat: now.seconds(),
            exp: ends.seconds(),
            jti: random_text::<20>(),
            team: None,
            client_id: None,
            secret_id: None,
            profile: Some(profile),
            epoch: Some(epoch),
        };
        jsonwebtoken::encode(&header, &claims, &self.signing)
    }

    /// Verifies a presented token. Every fault gives the same `None`, so that a caller learns nothing about it.
    #[must_use]
    pub fn verify(&self, token: &str, now: Millis) -> Option<VerifiedToken> {
        let checked = match self.checked.find(token) {
            Some(checked) => checked,
            None => {
                let checked = Arc::new(self.check(token)?);
                if checked.is_in_time(now) {
                    self.checked.remember(token, checked.clone());
                }
                checked
            }
        };
        checked.is_in_time(now).then(|| checked.token.clone())
    }

    /// Checks all of a token that stays as it is: its signature and its claims.
    fn check(&self, token: &str) -> Option<CheckedToken> {
        let decode = |key| jsonwebtoken::decode::<PresentedClaims>(token, key, &self.validation).ok();
        let verified = self.verifying.iter().find_map(decode)?;
        let claims = verified.claims;
        if !has_plain_header(&verified.header) || claims.iss != self.issuer || claims.team.as_deref() == Some("") {
            return None;
        }
        let typ = verified.header.typ.as_deref();
        let holder = if typ == Some(FLOW_TYPE) && claims.aud.includes(&self.flow_audience) {
            TokenHolder::Flow { profile: RecordId::parse(&claims.profile?)?, epoch: claims.epoch.unwrap_or_default() }
        } else if typ.is_none_or(is_machine_type) && claims.aud.includes(&self.audience) {
            let issued_to = read_issued_to(&claims);
            TokenHolder::Machine { team: claims.team, issued_to }
        } else {
            return None;
        };
        let scopes = claims.scope.as_ref().map(read_scopes).unwrap_or_default();
        let begins = [claims.iat, claims.nbf].into_iter().flatten().map(|time| Millis(time.0)).max();
        let (subject, expires) = (claims.sub.unwrap_or_default(), Millis(claims.exp.0));
        Some(CheckedToken { token: VerifiedToken { subject, scopes, holder, expires }, begins })
    }
}
