//! `identivia openapi`: prints the description of the API.

use super::print_line;
use crate::http;

/// Prints the OpenAPI document as JSON.
///
/// # Errors
/// When standard output cannot be written.
pub fn run_openapi() -> anyhow::Result<()> {
    print_line(&http::router::openapi_document().to_pretty_json()?)
}
