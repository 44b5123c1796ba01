//! Examples of refusals in the OpenAPI document: the error body that callers get with each status.

use serde_json::{Value, json};

/// A usual body of a refusal with that status. `required` are the fields that the operation's body requires.
pub(super) fn refusal_example(status: &str, required: &[String]) -> Option<Value> {
    let body = |error: &str, message: &str| json!({"error": error, "message": message});
    Some(match status {
        "400" if required.is_empty() => body("Unknown query parameter", "This list takes limit, cursor"),
        "400" => json!({"error": "Missing required fields", "required": required}),
        "401" => json!({"error": "Missing bearer token"}),
        "403" => json!({"error": "Insufficient scope", "required": ["profiles:write"]}),
        "404" => body("Identivia record not found", "Invalid or expired ID"),
        "408" => body("Request body came too slowly", "Send the body without pauses of 30 seconds or more"),
        "413" => body("Request is too large", "A JSON body has at most 256 KiB"),
        "415" => body("Unsupported content type", "Send the body as Content-Type: application/json"),
        "500" => body("Internal server error", "The server failed; report it with the X-Request-Id of this answer"),
        "503" => body("Service unavailable", "The database cannot write now; try again"),
        _ => return None,
    })
}
