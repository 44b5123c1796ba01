//! Face liveness sessions: create one, send its frames, get its results.

pub mod create_session;
pub mod get_results;
pub mod send_frames;
pub mod session_access;
