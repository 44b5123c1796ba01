//! Editing programs that the pictures of a document named when they were sent. A rebuilt picture no longer names them, so a
//! word of a closed list is kept beside it for the record checks.

use super::profile::FileField;
use crate::records::profile::Profile;

/// The editing programs of a document's two sides; `None` where the picture named none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentEditors {
    pub front: Option<String>,
    pub back: Option<String>,
}

impl DocumentEditors {
    /// Those of a profile's pictures.
    #[must_use]
    pub fn from_profile(profile: &Profile) -> Self {
        Self { front: profile.document_front_editor.clone(), back: profile.document_back_editor.clone() }
    }

    /// The editing program of a picture.
    #[must_use]
    pub fn get(&self, field: FileField) -> Option<&str> {
        match field {
            FileField::DocumentFront => self.front.as_deref(),
            FileField::DocumentBack => self.back.as_deref(),
            FileField::FacialPhoto | FileField::FacialVideo => None,
        }
    }

    /// Notes the editing program of a picture. No check reads that of a face.
    pub fn set(&mut self, field: FileField, editor: Option<&str>) {
        let editor = editor.map(str::to_owned);
        match field {
            FileField::DocumentFront => self.front = editor,
            FileField::DocumentBack => self.back = editor,
            FileField::FacialPhoto | FileField::FacialVideo => {}
        }
    }
}

/// The record field that holds the editing program of a picture.
#[must_use]
pub const fn editor_field(field: FileField) -> Option<&'static str> {
    match field {
        FileField::DocumentFront => Some("document_front_editor"),
        FileField::DocumentBack => Some("document_back_editor"),
        FileField::FacialPhoto | FileField::FacialVideo => None,
    }
}
