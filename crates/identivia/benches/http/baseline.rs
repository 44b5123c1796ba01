//! The baseline: one plain route that verifies the same token and answers the same JSON from memory.

use std::env;
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

struct Baseline {
    key: DecodingKey,
    validation: Validation,
    answer: Value,
}

pub(crate) async fn serve_baseline(port: u16) -> anyhow::Result<()> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[env::var("JWT_ISSUER")?]);
    validation.set_audience(&[env::var("JWT_AUDIENCE")?]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    let baseline = Baseline {
        key: DecodingKey::from_secret(env::var("JWT_SECRET")?.as_bytes()),
        validation,
        answer: serde_json::from_str(&env::var("BASELINE_ANSWER")?)?,
    };
    let router = Router::new().route("/api/profiles/{id}", get(answer_with_token)).with_state(Arc::new(baseline));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    Ok(axum::serve(listener, router).await?)
}

async fn answer_with_token(State(baseline): State<Arc<Baseline>>, headers: HeaderMap) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let verified = token.map(|token| jsonwebtoken::decode::<Value>(token, &baseline.key, &baseline.validation));
    match verified {
        Some(Ok(_)) => Json(&baseline.answer).into_response(),
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}
