//! Operations of the person's page, for flow tokens only: progress, consent, draft details, handoff to another device.

pub mod consent;
pub mod details;
mod flow_change;
pub mod handoff;
pub mod progress;
pub mod resubmission;
