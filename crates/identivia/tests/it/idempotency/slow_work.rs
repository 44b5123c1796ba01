//! Work that takes time and may fail: a document reader that a test stops and lets go on.

use super::*;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use identivia::domain::reading::{DocumentAnalysis, ReaderHints};
use identivia::providers::documents::{DocumentReader, DocumentSides};
use identivia::providers::http_call::ProviderError;
use identivia::server::StartOptions;
use identivia::work::holder::WorkHolder;
use tokio::sync::Semaphore;

use crate::world::picture;
use crate::world::scripted::ScriptedReader;

const PATH: &str = "/api/ollama/document-analysis";

/// A reader that waits for a permit at each call, and fails at the first ones.
struct StoppedReader {
    calls: AtomicUsize,
    failures: usize,
    permits: Semaphore,
}

impl StoppedReader {
    fn new(failures: usize, permits: usize) -> Arc<Self> {
        Arc::new(Self { calls: AtomicUsize::new(0), failures, permits: Semaphore::new(permits) })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl DocumentReader for StoppedReader {
    async fn read_document(
        &self,
        sides: DocumentSides,
        hints: &ReaderHints,
        holder: WorkHolder,
    ) -> Result<DocumentAnalysis, ProviderError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        self.permits.acquire().await.unwrap().forget();
        if call < self.failures {
            return Err(ProviderError::Timeout);
        }
        ScriptedReader.read_document(sides, hints, holder).await
    }

    async fn check_health(&self) -> Result<(), ProviderError> {
        Ok(())
    }
}

async fn start_world(reader: &Arc<StoppedReader>) -> World {
    World::with_options(StartOptions { reader: Some(reader.clone()), ..StartOptions::default() }).await
}

fn passport_form() -> Form {
    texts(&[("document_type_hint", "passport")]).part("document_front", file(picture("passport.jpg"), "passport.jpg"))
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_of_a_provider_is_not_stored_and_the_repetition_does_the_work() {
    let reader = StoppedReader::new(1, 10);
    let world = start_world(&reader).await;
    let operator = world.operator();
    let analyse = async || send_keyed_form(&operator, Method::POST, PATH, "k", passport_form()).await;
    analyse().await.expect(502);
    let first = analyse().await;
    assert_eq!(first.status, 200, "{}", first.body);
    assert_replayed(&first, &analyse().await);
    assert_eq!(reader.calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_is_stored_although_its_caller_has_gone() {
    let reader = StoppedReader::new(0, 0);
    let world = start_world(&reader).await;
    let operator = world.operator();
    let first = operator.request(Method::POST, PATH).header("Idempotency-Key", "k").multipart(passport_form());
    let first = tokio::spawn(first.send());
    while reader.calls() == 0 {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(first.await.is_err());
    // The server learns of the closed connection before the work ends.
    tokio::time::sleep(Duration::from_millis(200)).await;
    reader.permits.add_permits(1);
    for _ in 0..250 {
        let again = send_keyed_form(&operator, Method::POST, PATH, "k", passport_form()).await;
        if again.status == 200 {
            assert_eq!((again.header("idempotency-replayed"), reader.calls()), ("true", 1));
            return;
        }
        again.expect(409);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the answer was not stored");
}
