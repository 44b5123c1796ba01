//! Jobs: work that a request does not wait for. One queue runs all kinds; the records themselves are the queue.

pub mod analytics;
pub mod claim;
pub mod event_feed;
pub mod event_retention;
pub mod file_sweep;
pub mod interval;
pub mod job_metrics;
pub mod overdue_reviews;
pub mod queue;
pub mod reading_retention;
pub mod record_checks;
pub mod review_decisions;
pub mod review_feed;
pub mod session_polling;
pub mod staff_mail;
pub mod webhooks;
