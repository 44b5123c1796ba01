//! The metrics page: `GET /metrics` on the second address, in the Prometheus text format.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::http::connection::accept::{RequestHandler, RequestOrigin};

/// Answers `GET /metrics`, and nothing else.
#[derive(Clone)]
pub struct MetricsPage {
    pub recorder: PrometheusHandle,
    /// Sets the figures that are read when they are asked for.
    pub refresh_figures: Arc<dyn Fn() + Send + Sync>,
}

impl RequestHandler for MetricsPage {
    async fn handle_request(self, request: hyper::Request<Incoming>, _: RequestOrigin) -> Response {
        if request.uri().path() != "/metrics" || request.method() != Method::GET {
            return StatusCode::NOT_FOUND.into_response();
        }
        (self.refresh_figures)();
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], self.recorder.render()).into_response()
    }

    fn is_shared_address(&self, _: IpAddr) -> bool {
        true
    }
}
