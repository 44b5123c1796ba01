//! The request for another try that is open for a profile, with the files of its earlier record that stay.

use crate::app::App;
use crate::domain::resubmission::{KeptFile, list_kept_files};
use crate::records::id::RecordId;
use crate::records::profile::Profile;
use crate::records::status_record::StatusRecord;
use crate::store::StoreError;

/// A request for another try.
pub(in crate::http::api) struct OpenResubmission {
    pub(in crate::http::api) request: StatusRecord,
    /// The earlier record, and those of its files that stay.
    pub(in crate::http::api) earlier: Option<RecordId>,
    pub(in crate::http::api) kept: Vec<KeptFile>,
}

impl OpenResubmission {
    /// The request that is open for a profile.
    pub(in crate::http::api) async fn load(app: &App, profile: &Profile) -> Result<Option<Self>, StoreError> {
        let Some(newest) = profile.newest_status.filter(|_| profile.is_resubmission_open()) else { return Ok(None) };
        let Some(request) = app.store.status_record(newest).await? else { return Ok(None) };
        let earlier = match profile.newest_verification.filter(|_| !request.steps.is_empty()) {
            Some(earlier) => app.store.verification_record(earlier).await?,
            None => None,
        };
        let kept = earlier.as_ref().map(|earlier| list_kept_files(&request, earlier)).unwrap_or_default();
        Ok(Some(Self { request, earlier: earlier.map(|earlier| earlier.id), kept }))
    }
}
