//! S3, as moto answers it: one server for all tests, a bucket for each, and servers of one's own for tests of failure.
//! It keeps everything in memory and believes any key: what is refused elsewhere for its signature passes here.

use std::sync::OnceLock;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use identivia::records::id::RecordId;

use super::Service;

static SHARED: OnceLock<S3> = OnceLock::new();

/// A new, empty bucket on the server that all tests of this process share.
pub(crate) async fn bucket() -> Bucket {
    SHARED.get_or_init(S3::own).bucket().await
}

pub(crate) struct S3 {
    service: Service,
}

pub(crate) struct Bucket {
    pub(crate) endpoint: String,
    pub(crate) name: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    /// For what a test does behind the server's back.
    pub(crate) client: Client,
}

impl S3 {
    pub(crate) fn own() -> Self {
        Self { service: Service::start("s3") }
    }

    /// A new, empty bucket.
    pub(crate) async fn bucket(&self) -> Bucket {
        let endpoint = self.service.variable("AWS_ENDPOINT_URL_S3");
        let (access_key, secret_key) =
            (self.service.variable("AWS_ACCESS_KEY_ID"), self.service.variable("AWS_SECRET_ACCESS_KEY"));
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&endpoint)
            .force_path_style(true)
            .region(Region::new(self.service.variable("AWS_REGION")))
            .credentials_provider(Credentials::new(&access_key, &secret_key, None, None, "tests"))
            .build();
        let client = Client::from_conf(config);
        let name = format!("test-{}", RecordId::random());
        client.create_bucket().bucket(&name).send().await.unwrap();
        Bucket { endpoint, name, access_key, secret_key, client }
    }

    /// Ends it, and every bucket with it.
    pub(crate) fn stop(&self) {
        self.service.stop();
    }

    /// Freezes it: connections stay open, and nothing answers.
    pub(crate) fn pause(&self) {
        self.service.pause();
    }

    pub(crate) fn resume(&self) {
        self.service.resume();
    }
}

impl Bucket {
    /// The keys of all objects but the marker of the file store, in order.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        let mut pages = self.client.list_objects_v2().bucket(&self.name).into_paginator().send();
        while let Some(page) = pages.next().await {
            keys.extend(page.unwrap().contents().iter().map(|object| object.key().unwrap().to_owned()));
        }
        keys.retain(|key| !key.ends_with("store-marker"));
        keys
    }

    /// The keys of all multipart uploads that are neither completed nor given up.
    pub(crate) async fn uploads(&self) -> Vec<String> {
        let listed = self.client.list_multipart_uploads().bucket(&self.name).send().await.unwrap();
        listed.uploads().iter().map(|upload| upload.key().unwrap().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn bucket_stores_an_object_and_is_not_shared() {
        let (bucket, other) = (bucket().await, bucket().await);
        let put = bucket.client.put_object().bucket(&bucket.name).key("files/a.jpg").body(vec![7; 10].into());
        put.send().await.unwrap();
        bucket.client.create_multipart_upload().bucket(&bucket.name).key("files/b.webm").send().await.unwrap();
        assert_eq!(bucket.keys().await, ["files/a.jpg"]);
        assert_eq!(bucket.uploads().await, ["files/b.webm"]);
        assert!(other.keys().await.is_empty());
        assert!(other.uploads().await.is_empty());
        assert!(bucket.endpoint.starts_with("http://127.0.0.1:"));
        assert!(!bucket.access_key.is_empty() && !bucket.secret_key.is_empty());
    }

    #[tokio::test]
    async fn s3_server_pauses_and_stops() {
        let s3 = S3::own();
        let bucket = s3.bucket().await;
        s3.pause();
        assert!(timeout(Duration::from_millis(200), bucket.keys()).await.is_err());
        s3.resume();
        assert!(bucket.keys().await.is_empty());
        s3.stop();
        assert!(reqwest::get(&bucket.endpoint).await.is_err());
    }
}
