//! Pages for browsers: the person's page and the API documentation.

pub mod api_docs;
pub mod page_assets;
pub mod person_page;
