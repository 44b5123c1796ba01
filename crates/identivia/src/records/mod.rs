//! Values that records are made of: ids and points in time.

pub mod id;
pub mod time;
