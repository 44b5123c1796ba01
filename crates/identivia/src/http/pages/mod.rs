//! Pages for browsers: the person's page, its files and policy, the console, the loader for sites that embed it, the API documentation, and the
//! metrics page.

pub mod api_docs;
mod asset_response;
pub mod console_page;
pub mod embed_loader;
pub mod metrics_page;
pub mod page_assets;
pub mod page_policy;
pub mod person_page;
pub(crate) mod sign_in_page;
