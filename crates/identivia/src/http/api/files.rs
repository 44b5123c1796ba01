//! Stored files, handed out as downloads to those who may see the record that names them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Response, header};
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::event::EventKind;
use crate::domain::media::{self, Media};
use crate::files::{FilesError, StoredPath};
use crate::http::error::ApiError;
use crate::http::guard::file_access::may_view_files;
use crate::http::guard::request_context::RequestContext;
use crate::records::id::RecordId;
use crate::store::Collection;

/// The bytes of a file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it describes what is streamed")]
pub(crate) struct FileBytes(Vec<u8>);

/// Get a stored file
///
/// A flow token gets its own profile's files. At the console, admins get them, and reviewers those of a review that they hold.
#[utoipa::path(get, path = "/api/files/{collection}/{recordId}/{filename}", tag = "Files",
    security(("machine" = ["files:read"]), ("flow" = ["files:read"]), ("consoleSession" = ["files:read"])),
    params(
        ("collection" = Collection, Path, description = "The kind of record that names the file"),
        ("recordId" = RecordId, Path, description = "The record that names the file"),
        ("filename" = String, Path, description = "The stored name"),
    ),
    responses((status = 200, description = "The file, as a download", content(
        (FileBytes = "image/jpeg"), (FileBytes = "image/png"), (FileBytes = "image/webp"),
        (FileBytes = "video/webm"), (FileBytes = "video/mp4"), (FileBytes = "video/quicktime"),
    ))))]
pub(crate) async fn get_file(
    State(app): State<Arc<App>>,
    context: RequestContext,
    path: Result<Path<(String, String, String)>, axum::extract::rejection::PathRejection>,
) -> Result<Response<Body>, ApiError> {
    let Ok(Path((collection, record, name))) = path else { return Err(file_not_found()) };
    let (Some(collection), Some(record)) = (Collection::from_name(&collection), RecordId::parse(&record)) else {
        return Err(file_not_found());
    };
    let media = Media::of_stored_name(&name).filter(|_| media::is_stored_name(&name)).ok_or_else(file_not_found)?;
    let owner = app.store.file_owner(collection, record, &name, &context.authority.reach).await?;
    let owner = owner.filter(|(profile, _)| context.authority.may_name_profile(*profile));
    let (owner, field) = owner.ok_or_else(file_not_found)?;
    if !may_view_files(&context, owner).await? {
        return Err(file_not_found());
    }
    let viewed = context.audit_event(EventKind::FileViewed, Some(owner), field);
    context.audit_read(viewed.on_file(format!("{}/{record}/{name}", collection.name()))).await?;
    let path = StoredPath { collection, record, name: name.clone() };
    let opened = match app.files.open_stored_file(&path).await {
        Err(FilesError::Gone) => {
            let named = app.store.file_owner(collection, record, &name, &context.authority.reach).await?;
            // Else it was replaced between the two looks.
            let Some((_, field)) = named else { return Err(file_not_found()) };
            app.files.report_missing_file(&path, field);
            return Err(ApiError::not_found(
                "File is missing",
                "A record names this file, but the file store lacks it; ask the operator to restore it from a backup",
            ));
        }
        opened => opened?,
    };
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")).map_err(ApiError::internal)?;
    let mut response = Response::new(Body::from_stream(opened.chunks));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.mime()));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(opened.length));
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    Ok(response)
}

fn file_not_found() -> ApiError {
    ApiError::not_found("File not found", "There is no such file, or not within your reach")
}
