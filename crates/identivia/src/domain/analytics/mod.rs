//! Statistics: what is counted of events, and the numbers that are made of the counts.

pub mod count_names;
pub mod event_counting;
pub mod histogram;
pub mod reports;
pub mod review_counting;
pub mod wilson_interval;
