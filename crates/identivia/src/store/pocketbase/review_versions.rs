//! Keeps apart two changes of a review that start from the same version. PocketBase checks no condition within a batch, but a
//! second record with the same id makes a batch fail. So a batch that changes a review adds a record whose id follows from
//! the review and the version that was read: of two batches that have read the same version one is made.

use super::field_mapping::to_new_record;
use super::shape::InstanceShape;
use super::writes::WriteRequest;
use crate::records::id::RecordId;
use crate::records::review::ReviewVersion;
use crate::records::{FieldMap, RecordKind};
use crate::store::{Comparison, Condition, Result, derived_id, fields_of};

/// The requests by which a change of a review takes the version from which it starts.
#[derive(Default)]
pub(super) struct VersionRequests {
    /// Before the change: fails if another change has taken the version.
    pub(super) take: Option<WriteRequest>,
    /// After a change that leaves the version, such as a claim that is prolonged: the next one starts from the same.
    pub(super) give_back: Option<WriteRequest>,
}

/// Makes the requests for a change with these conditions; none for a change that may be made in any version.
pub(super) fn take_review_version(
    shape: &InstanceShape,
    review: RecordId,
    conditions: &[Condition],
    fields: &FieldMap,
) -> Result<VersionRequests> {
    let of_version = conditions.iter().find(|condition| condition.field == "version");
    let Some(Comparison::Is(version)) = of_version.map(|condition| &condition.comparison) else {
        return Ok(VersionRequests::default());
    };
    let kind = RecordKind::ReviewVersions;
    let id = derived_id(&format!("version {version} of review {review}"));
    let taken = to_new_record(shape, kind, &fields_of(&ReviewVersion { id, review })?)?;
    let stays = !fields.contains_key("version");
    Ok(VersionRequests {
        take: Some(WriteRequest::insert(kind, taken)),
        give_back: stays.then(|| WriteRequest::delete(kind, id)),
    })
}
