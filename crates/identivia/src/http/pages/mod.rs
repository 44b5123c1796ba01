//! Pages: the person's page, the API documentation and the metrics.

pub mod api_docs;
pub mod metrics_page;
pub mod page_assets;
pub mod person_page;
