//! Learns from the instance how its collections are built. A superuser may read their definitions. Another account may not:
//! for it a few fields are probed with filters, which PocketBase parses by the field's type.

use std::sync::{Arc, PoisonError};

use futures_util::future::try_join_all;

use super::{CollectionShape, FieldForm, FieldShape, InstanceShape, companion_of, substitute_of};
use crate::records::RecordKind;
use crate::store::pocketbase::answers::{is_without_reason, unexpected_answer};
use crate::store::pocketbase::client::AccountRole;
use crate::store::pocketbase::collections::KINDS;
use crate::store::pocketbase::field_mapping::PROFILE_VERSION;
use crate::store::pocketbase::{PocketBase, records_path};
use crate::store::{Result, StoreError};

impl PocketBase {
    /// How the instance's collections are built. It is learned once, when all collections are there.
    pub(in super::super) async fn instance_shape(&self) -> Result<Arc<InstanceShape>> {
        let learned = self.shape.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(shape) = learned {
            return Ok(shape);
        }
        let session = self.client.current_session().await?;
        let shape = match session.role {
            AccountRole::Superuser => self.read_definitions().await?,
            AccountRole::User => self.probe_fields(&session.record_id).await?,
        };
        let is_complete = KINDS.iter().all(|kind| shape.kinds.contains_key(kind));
        let shape = Arc::new(shape);
        if is_complete || session.role == AccountRole::User {
            *self.shape.write().unwrap_or_else(PoisonError::into_inner) = Some(shape.clone());
        }
        Ok(shape)
    }

    /// Learns the shape anew before the next call.
    pub(in super::super) fn forget_shape(&self) {
        *self.shape.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn read_definitions(&self) -> Result<InstanceShape> {
        let definitions = try_join_all(KINDS.map(|kind| self.read_collection(kind))).await?;
        let mut shape = InstanceShape::default();
        for (kind, definition) in KINDS.into_iter().zip(definitions) {
            let Some(definition) = definition else { continue };
            if !definition["fields"].is_array() {
                return Err(unexpected_answer());
            }
            shape.kinds.insert(kind, CollectionShape::from_description(&definition));
        }
        Ok(shape)
    }

    /// Learns what filters tell: which of the fields that matter most exist, and which are relations or JSON. A probe that
    /// PocketBase does not answer leaves its field unlearned.
    async fn probe_fields(&self, user: &str) -> Result<InstanceShape> {
        let probes = probed_fields().into_iter().map(async |(kind, name)| {
            let form = self.probe_field(kind, name).await?;
            Ok::<_, StoreError>(form.map(|form| (kind, name, form)))
        });
        let mut shape = InstanceShape { user: Some(user.to_owned()), ..InstanceShape::default() };
        for (kind, name, form) in try_join_all(probes).await?.into_iter().flatten() {
            let fields = &mut shape.kinds.entry(kind).or_default().fields;
            fields.insert(name.to_owned(), FieldShape::of_form(form));
        }
        Ok(shape)
    }

    /// The form of a field, as far as filters tell; `None` where there is no such field.
    async fn probe_field(&self, kind: RecordKind, name: &str) -> Result<Option<FieldForm>> {
        if !self.accepts_filter(kind, &format!("{name}:length >= 0")).await? {
            return Ok(None);
        }
        if self.accepts_filter(kind, &format!("{name}.no_such_field = 1")).await? {
            return Ok(Some(FieldForm::Json));
        }
        let is_relation = self.accepts_filter(kind, &format!("{name}.id = \"\"")).await?;
        // A setting is JSON in a field for JSON only, and histories come with their profile by relations only.
        let is_text = matches!(name, "value" | "profile");
        Ok(Some(match (is_relation, is_text) {
            (true, _) => FieldForm::Relation,
            (false, true) => FieldForm::Text,
            (false, false) => FieldForm::Unlearned,
        }))
    }

    async fn accepts_filter(&self, kind: RecordKind, filter: &str) -> Result<bool> {
        let query = [("filter", filter), ("perPage", "1"), ("skipTotal", "1"), ("fields", "id")];
        match self.get(&records_path(kind.name()), &query).await {
            Ok(answer) => Ok(answer.is_some()),
            // PocketBase gives no reason when it cannot parse a filter.
            Err(error) if is_without_reason(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The fields on whose form it depends what is sent.
fn probed_fields() -> Vec<(RecordKind, &'static str)> {
    let links = [RecordKind::StatusHistory, RecordKind::VerificationHistory].map(|kind| (kind, "profile"));
    let mut probed = vec![
        (RecordKind::Settings, "value"),
        (RecordKind::Profiles, PROFILE_VERSION),
        (RecordKind::Settings, "public"),
    ];
    probed.extend(links);
    for kind in KINDS {
        for field in kind.fields() {
            let Some(companion) = companion_of(kind, field.name) else { continue };
            probed.extend([companion, field.in_pocketbase].map(|name| (kind, name)));
            probed.extend(substitute_of(kind, field.name).map(|name| (kind, name)));
        }
    }
    probed
}
