//! Request bodies and query strings: JSON, multipart forms, and checks that report every wrong field at once.

pub mod form;
pub mod json;
pub mod list_query;
pub mod multipart;
