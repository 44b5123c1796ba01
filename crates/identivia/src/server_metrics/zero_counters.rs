//! Sets every counter with a closed list of labels to 0 at the start.

use metrics::{counter, gauge};

use crate::http::error::RefusalKind;
use crate::providers::http_call::CALL_OUTCOMES;
use crate::store::Collection;

const PROVIDERS: [&str; 5] = ["liveness", "document_reader", "fingerprint", "mail", "oidc"];
const LOGIN_KINDS: [&str; 3] = ["client_secrets", "handoff_codes", "console_sign_ins"];
const CHECK_KINDS: [&str; 4] = ["document", "face_match", "liveness", "data_agreement"];
const CHECK_OUTCOMES: [&str; 4] = ["pass", "fail", "warn", "not_applicable"];
const FILE_OPERATIONS: [&str; 7] = ["create", "store", "copy", "sync", "open", "remove", "probe"];

/// Registers the counters. Call it once, after the recorder is installed.
pub fn register_counters() {
    for provider in PROVIDERS {
        for outcome in CALL_OUTCOMES {
            counter!("identivia_provider_calls_total", "provider" => provider, "outcome" => outcome).absolute(0);
        }
    }
    for kind in LOGIN_KINDS {
        counter!("identivia_failed_logins_total", "kind" => kind).absolute(0);
        counter!("identivia_blocked_addresses_total", "kind" => kind).absolute(0);
    }
    for check in CHECK_KINDS {
        for outcome in CHECK_OUTCOMES {
            counter!("identivia_check_outcomes_total", "check" => check, "outcome" => outcome).absolute(0);
        }
    }
    for status in ["done", "failed"] {
        counter!("identivia_checks_total", "status" => status).absolute(0);
    }
    for outcome in ["live", "not_live", "unconfirmed"] {
        counter!("identivia_liveness_sessions_total", "outcome" => outcome).absolute(0);
    }
    for source in ["kept", "read"] {
        counter!("identivia_document_readings_total", "source" => source).absolute(0);
    }
    for operation in ["read", "commit", "probe"] {
        counter!("identivia_store_failures_total", "operation" => operation).absolute(0);
        gauge!("identivia_store_pending", "operation" => operation).set(0.0);
    }
    for operation in FILE_OPERATIONS {
        counter!("identivia_files_failures_total", "operation" => operation).absolute(0);
    }
    for collection in Collection::ALL {
        counter!("identivia_missing_files_total", "collection" => collection.name()).absolute(0);
    }
    for kind in RefusalKind::ALL {
        counter!("requests_refused_total", "reason" => kind.word()).absolute(0);
    }
    counter!("identivia_engine_refused_total").absolute(0);
    gauge!("identivia_store_broken").set(0.0);
}
