//! Request bodies and query strings: JSON, multipart forms, and checks that report every wrong field at once.

pub mod decision_fields;
pub mod field_checks;
pub mod form;
mod form_body;
pub mod form_parts;
pub mod form_schema;
pub mod json;
pub mod list_query;
pub mod liveness_result;
mod multipart;
