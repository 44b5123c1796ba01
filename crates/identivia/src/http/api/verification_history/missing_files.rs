//! Copies the files that a new verification record needs and its request lacks, from the profile or from an earlier record.

use crate::domain::document_editors::DocumentEditors;
use crate::domain::profile::{FileField, ProfileFiles};
use crate::domain::resubmission::KeptFile;
use crate::domain::verification::FILES;
use crate::files::upload::Upload;
use crate::files::{FilesError, StoredPath};
use crate::http::api::flow::resubmission::OpenResubmission;
use crate::http::body::field_checks::FieldChecks;
use crate::http::error::ApiError;
use crate::http::guard::profile_access::WritableProfile;
use crate::http::guard::request_context::RequestContext;
use crate::records::profile::Profile;
use crate::store::Collection;

/// How often a copy starts over when the profile's files are replaced under it.
const COPY_ATTEMPTS: usize = 3;

/// Copies the files that were not sent from the profile, and what their pictures named when they were sent. After a file
/// was replaced during the copy, the profile is read again. Where another try leaves a file that the profile lacks, it is
/// copied from the earlier record.
pub(super) async fn copy_missing_files(
    context: &RequestContext,
    upload: &mut Upload,
    (mut files, mut editors): (ProfileFiles, DocumentEditors),
    mut profile: Profile,
    asked: Option<&OpenResubmission>,
) -> Result<(ProfileFiles, DocumentEditors), ApiError> {
    for field in FILES {
        let mut attempts = COPY_ATTEMPTS;
        while let (true, Some(stored)) = (files.get(field).is_empty(), profile.file(field)) {
            let from = StoredPath { collection: Collection::Profiles, record: profile.id, name: stored.to_owned() };
            match upload.copy_file(from.clone()).await {
                Ok(copied) => {
                    *files.get_mut(field) = copied.name;
                    let kept = DocumentEditors::from_profile(&profile);
                    editors.set(field, copied.editor.or(kept.get(field)));
                }
                Err(FilesError::UnfitPicture(fault)) => return Err(unfit_picture(field, &fault)),
                Err(FilesError::Gone) if attempts > 1 => {
                    attempts -= 1;
                    profile = WritableProfile::load(context, profile.id).await?.profile;
                }
                Err(FilesError::Gone) => return Err(report_missing_file(context, &from, field)),
                Err(error) => return Err(error.into()),
            }
        }
        if let (true, Some((from, kept))) = (files.get(field).is_empty(), find_kept_file(asked, field)) {
            let copied = match upload.copy_file(from.clone()).await {
                Err(FilesError::Gone) => return Err(report_missing_file(context, &from, field)),
                copied => copied?,
            };
            *files.get_mut(field) = copied.name;
            editors.set(field, copied.editor.or(kept.editor.as_deref()));
        }
    }
    Ok((files, editors))
}

/// The file of the earlier record that another try leaves, and where it is stored.
fn find_kept_file(asked: Option<&OpenResubmission>, field: FileField) -> Option<(StoredPath, &KeptFile)> {
    let asked = asked?;
    let kept = asked.kept.iter().find(|kept| kept.field == field)?;
    let (collection, record) = (Collection::VerificationHistory, asked.earlier?);
    Some((StoredPath { collection, record, name: kept.name.clone() }, kept))
}

/// The picture that was to be taken over is missing in the file store.
fn report_missing_file(context: &RequestContext, path: &StoredPath, field: FileField) -> ApiError {
    context.app.files.report_missing_file(path, field.name());
    let mut checks = FieldChecks::default();
    checks.add_problem(field.name(), "was sent before and is lost; send it again".to_owned());
    checks.finish().err().unwrap_or_else(|| ApiError::internal(FilesError::Gone))
}

/// The profile's picture was stored by another program and cannot be taken over.
fn unfit_picture(field: FileField, fault: &str) -> ApiError {
    let mut checks = FieldChecks::default();
    checks.add_problem(field.name(), format!("of the profile {fault}; send it again"));
    checks.finish().err().unwrap_or_else(|| ApiError::internal(FilesError::UnfitPicture(String::new())))
}
