//! A liveness provider and a document reader that do what a test has told them.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use identivia::domain::liveness::ChallengeKind;
use identivia::domain::media::Media;
use identivia::domain::reading::{DocumentAnalysis, DocumentFields, ReaderHints, TokenUsage};
use identivia::providers::documents::{DocumentReader, DocumentSides};
use identivia::providers::http_call::ProviderError;
use identivia::providers::liveness::{
    BrowserCredentials, BrowserEndpoint, CreatedSession, LivenessProvider, SessionImage, SessionReport,
};
use identivia::records::id::RecordId;
use identivia::records::liveness_session::{BoundingBox, SessionStatus};
use identivia::records::time::Millis;
use identivia::work::holder::WorkHolder;

use super::small_picture;

/// A liveness provider that reports what a test has told it to.
#[derive(Default)]
pub(crate) struct ScriptedLiveness {
    reports: Mutex<HashMap<String, (SessionStatus, Option<f64>)>>,
    made: Mutex<u32>,
}

impl ScriptedLiveness {
    /// Says what a session has come to.
    pub(crate) fn finish(&self, session: &str, status: SessionStatus, confidence: Option<f64>) {
        self.reports.lock().unwrap().insert(session.to_owned(), (status, confidence));
    }
}

#[async_trait]
impl LivenessProvider for ScriptedLiveness {
    fn browser_endpoint(&self) -> Option<BrowserEndpoint<'_>> {
        Some(BrowserEndpoint { region: None, stream_url: None })
    }

    fn challenges(&self) -> &[ChallengeKind] {
        &[ChallengeKind::MovementAndLight]
    }

    async fn create_session(&self, _: ChallengeKind) -> Result<CreatedSession, ProviderError> {
        let mut made = self.made.lock().unwrap();
        *made += 1;
        let id = format!("session-{made}");
        self.reports.lock().unwrap().insert(id.clone(), (SessionStatus::Created, None));
        Ok(CreatedSession { id, task: None })
    }

    async fn fetch_report(&self, session: &str) -> Result<Option<SessionReport>, ProviderError> {
        let reports = self.reports.lock().unwrap();
        let bounding_box = Some(BoundingBox { width: 0.5, height: 0.6, left: 0.2, top: 0.1 });
        Ok(reports.get(session).map(|(status, confidence)| SessionReport {
            status: *status,
            confidence: *confidence,
            reference_image: Some(SessionImage { bytes: small_picture(1).into(), bounding_box }),
            audit_images: vec![],
            challenge: None,
            feedback: vec![],
        }))
    }

    async fn check_health(&self) -> Result<(), ProviderError> {
        Ok(())
    }

    async fn issue_credentials(&self, _: Option<RecordId>) -> Result<Option<BrowserCredentials>, ProviderError> {
        Ok(Some(BrowserCredentials {
            access_key_id: "ASIATEST".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: "session".to_owned(),
            expiration: Millis(1_774_052_100_000),
        }))
    }
}

/// A document reader that has always read the same passport.
pub(crate) struct ScriptedReader;

#[async_trait]
impl DocumentReader for ScriptedReader {
    async fn read_document(
        &self,
        sides: DocumentSides,
        hints: &ReaderHints,
        _: WorkHolder,
    ) -> Result<DocumentAnalysis, ProviderError> {
        let picture = sides.front;
        assert_eq!((picture.media, hints.document_type.as_str()), (Media::Jpeg, "passport"));
        assert_eq!(picture.pixels, 1420 * 1000);
        Ok(DocumentAnalysis {
            model: "scripted".to_owned(),
            analysis: serde_json::value::RawValue::from_string("{\"name\":\"John Doe\"}".to_owned()).unwrap(),
            fields: DocumentFields {
                name: "John Doe".to_owned(),
                document_number: "A12345678".to_owned(),
                country: "US".to_owned(),
                document_type: "passport".to_owned(),
                address: String::new(),
                gender: "male".to_owned(),
                date_of_birth: "1990-01-15 00:00:00.000Z".to_owned(),
                authenticity: "authentic".to_owned(),
            },
            usage: TokenUsage { prompt_tokens: 500, completion_tokens: 120, total_tokens: 620 },
            findings: Vec::new(),
        })
    }

    async fn check_health(&self) -> Result<(), ProviderError> {
        Ok(())
    }
}
