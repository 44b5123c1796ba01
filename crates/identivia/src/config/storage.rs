//! The settings that say where records and files live.

use std::fmt;
use std::net::IpAddr;

use axum::http::Uri;

use super::{ConfigError, Settings, given, web_url, wrong};
use crate::providers::aws::Access;
use crate::store::pocketbase::Account;

/// What the URL of a bucket begins with.
const S3: &str = "s3://";

/// Where records live.
#[derive(Clone)]
pub enum RecordsAt {
    /// In the data folder.
    Sqlite,
    /// At that URL, which holds a password.
    Postgres(String),
    /// In that instance, files with them.
    PocketBase(Account),
}

/// Where files live.
#[derive(Clone)]
pub enum FilesAt {
    /// In the data folder, or within the records where these keep them.
    Folder,
    /// In an S3 bucket.
    Bucket(Box<BucketAt>),
}

/// A bucket, and the way to it. Its text is the URL, which holds no secret.
#[derive(Clone)]
pub struct BucketAt {
    pub bucket: String,
    /// What every key begins with: empty, or with a slash at its end.
    pub prefix: String,
    pub access: Access,
    /// `None`: AWS.
    pub endpoint: Option<String>,
}

impl fmt::Display for BucketAt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "s3://{}/{}", self.bucket, self.prefix)?;
        self.endpoint.as_ref().map_or(Ok(()), |endpoint| write!(formatter, " at {endpoint}"))
    }
}

/// Who asks AWS.
#[derive(Clone)]
pub struct AwsKeys {
    pub id: String,
    pub secret: String,
    /// Of temporary keys.
    pub session: Option<String>,
}

impl Settings {
    /// The PocketBase that keeps everything, if one is set.
    pub(super) fn pocketbase(&self) -> Result<Option<Account>, ConfigError> {
        let Some(url) = given(self.pocketbase_url.clone()) else { return Ok(None) };
        for (name, value) in [("DATABASE_URL", &self.database_url), ("FILES_URL", &self.files_url)] {
            if given(value.clone()).is_some() {
                return wrong(
                    name,
                    "POCKETBASE_URL is set too, and it keeps records and files alike; unset one of them",
                );
            }
        }
        self.account(&url).map(Some)
    }

    /// The PocketBase at a URL, and who signs in there.
    ///
    /// # Errors
    /// When the URL cannot be used, or the account is not set.
    pub fn account(&self, url: &str) -> Result<Account, ConfigError> {
        let url = web_url("POCKETBASE_URL", url)?;
        if is_clear(&url) && !is_true(&self.pocketbase_allow_http) {
            return wrong(
                "POCKETBASE_URL",
                "must be https://, or passwords and passports cross the network in the clear; within a network you trust \
                 set POCKETBASE_ALLOW_HTTP=true",
            );
        }
        let required = |name, value: &Option<String>| match value.clone().filter(|text| !text.is_empty()) {
            Some(value) => Ok(value),
            None => {
                wrong(name, "must be set with POCKETBASE_URL: who signs in there, a superuser or a record of `users`")
            }
        };
        let email = required("PB_USER_EMAIL", &self.pb_user_email)?;
        let password = required("PB_USER_PASSWORD", &self.pb_user_password)?;
        Ok(Account { url, email, password })
    }

    /// What DATABASE_URL and POCKETBASE_URL say, whichever of them a server would use.
    #[must_use]
    pub fn stores(&self) -> (Option<String>, Option<String>) {
        (given(self.database_url.clone()), given(self.pocketbase_url.clone()))
    }

    /// The bucket at a URL, and the way to it.
    ///
    /// # Errors
    /// When the URL or one of the settings for AWS cannot be used.
    pub fn bucket(&self, url: &str) -> Result<BucketAt, ConfigError> {
        // The value is not shown: it may hold a password.
        let Some((bucket, prefix)) = url.strip_prefix(S3).and_then(bucket_and_prefix) else {
            return wrong(
                "FILES_URL",
                "must be file: (the folder is in DATA_DIR) or s3://bucket/prefix, the bucket of 3 to 63 characters a-z \
                 0-9 . -, the prefix of A-Z a-z 0-9 . _ - /",
            );
        };
        let endpoint = aws_endpoint(self, "AWS_ENDPOINT_URL_S3", self.aws_endpoint_url_s3.as_ref())?;
        let access = Access { region: given(self.aws_region.clone()), keys: aws_keys(self)? };
        Ok(BucketAt { bucket, prefix, access, endpoint })
    }

    pub(super) fn keeps_files_in_s3(&self) -> bool {
        given(self.files_url.clone()).is_some_and(|url| url.starts_with(S3))
    }
}

pub(super) fn is_true(value: &Option<String>) -> bool {
    value.as_deref().is_some_and(|text| text.trim() == "true")
}

/// Says whether what is sent to a web URL leaves this machine in the clear.
pub(super) fn is_clear(url: &str) -> bool {
    let url: Uri = url.parse().unwrap_or_default();
    let host = url.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    // A scheme's case is not told apart (RFC 3986 §3.1).
    !is_here && url.scheme_str() != Some("https")
}

pub(super) fn records(value: Option<String>) -> Result<RecordsAt, ConfigError> {
    match given(value) {
        None => Ok(RecordsAt::Sqlite),
        Some(url) if url == "sqlite:" => Ok(RecordsAt::Sqlite),
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => Ok(RecordsAt::Postgres(url)),
        // The value is not shown: it may hold a password.
        Some(_) => wrong(
            "DATABASE_URL",
            "must be sqlite: (the database is in DATA_DIR) or postgres://user:password@host/database",
        ),
    }
}

pub(super) fn files(s: &Settings) -> Result<FilesAt, ConfigError> {
    let url = given(s.files_url.clone()).unwrap_or_else(|| "file:".to_owned());
    if url == "file:" {
        return Ok(FilesAt::Folder);
    }
    s.bucket(&url).map(|bucket| FilesAt::Bucket(Box::new(bucket)))
}

/// A bucket by AWS's rules, and a prefix that means the same in a key, a path and a URL:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.
fn bucket_and_prefix(location: &str) -> Option<(String, String)> {
    let (bucket, prefix) = location.split_once('/').unwrap_or((location, ""));
    let is_end = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_bucket = (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|byte| is_end(byte) || matches!(byte, b'.' | b'-'))
        && bucket.bytes().next().is_some_and(is_end)
        && bucket.bytes().last().is_some_and(is_end);
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let is_part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    };
    let is_prefix = prefix.is_empty() || (prefix.len() <= 500 && prefix.split('/').all(is_part));
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    (is_bucket && is_prefix).then(|| (bucket.to_owned(), prefix))
}

pub(super) fn aws_keys(s: &Settings) -> Result<Option<AwsKeys>, ConfigError> {
    match (given(s.aws_access_key_id.clone()), given(s.aws_secret_access_key.clone())) {
        (Some(id), Some(secret)) => Ok(Some(AwsKeys { id, secret, session: given(s.aws_session_token.clone()) })),
        (None, None) => Ok(None),
        (Some(_), None) => wrong("AWS_SECRET_ACCESS_KEY", "must be set where AWS_ACCESS_KEY_ID is"),
        (None, Some(_)) => wrong("AWS_ACCESS_KEY_ID", "must be set where AWS_SECRET_ACCESS_KEY is"),
    }
}

/// What stands in the place of one of AWS's services: its own setting, or the one for all of them.
pub(super) fn aws_endpoint(
    s: &Settings,
    name: &'static str,
    own: Option<&String>,
) -> Result<Option<String>, ConfigError> {
    let (name, url) = match (given(own.cloned()), given(s.aws_endpoint_url.clone())) {
        (Some(url), _) => (name, url),
        (None, Some(url)) => ("AWS_ENDPOINT_URL", url),
        (None, None) => return Ok(None),
    };
    let url = web_url(name, &url)?;
    if is_clear(&url) && !is_true(&s.aws_endpoint_allow_http) {
        return wrong(
            name,
            "must be https://, or passports cross the network in the clear; within a network you trust set \
             AWS_ENDPOINT_ALLOW_HTTP=true",
        );
    }
    Ok(Some(url))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{problem, set};
    use super::*;

    #[test]
    fn a_bucket_and_its_prefix_mean_the_same_in_a_key_a_path_and_a_url() {
        let bucket = |url: &str| match files(&Settings { files_url: set(url), ..Settings::default() }) {
            Ok(FilesAt::Bucket(at)) => format!("{} {}", at.bucket, at.prefix),
            Ok(FilesAt::Folder) => "folder".to_owned(),
            Err(error) => error.name.to_owned(),
        };
        for (url, meant) in [
            ("", "folder"),
            ("file:", "folder"),
            ("s3://my.bucket-1", "my.bucket-1 "),
            ("s3://bucket/", "bucket "),
            ("s3://bucket/a", "bucket a/"),
            ("s3://bucket/a/B_c-1.d/", "bucket a/B_c-1.d/"),
        ] {
            assert_eq!(bucket(url), meant, "{url}");
        }
        for url in [
            "file:/elsewhere",
            "/data",
            "s3:bucket",
            "https://bucket",
            "s3://",
            "s3://ab",
            "s3://Bucket",
            "s3://-bucket",
            "s3://bucket.",
            "s3://bucket/a//b",
            "s3://bucket/../a",
            "s3://bucket/a b",
            "s3://bucket/%41",
            "s3://bucket?a=b",
            "s3://bucket:9000/a",
        ] {
            assert_eq!(bucket(url), "FILES_URL", "{url}");
        }
    }

    #[test]
    fn pictures_do_not_travel_in_the_clear_unless_told_to() {
        for (url, clear) in [
            ("https://s3.example.com", false),
            ("http://127.0.0.1:9000", false),
            ("http://[::1]:9000", false),
            ("http://localhost:9000", false),
            ("http://localhost.example.com", true),
            ("http://192.168.0.1", true),
            ("HTTP://192.168.0.1", true),
            ("http://[2001:db8::1]:9000", true),
        ] {
            let line = problem(|s| (s.files_url, s.aws_endpoint_url_s3) = (set("s3://bucket"), set(url)));
            assert_eq!(line.starts_with("AWS_ENDPOINT_URL_S3: must be https"), clear, "{url}: {line}");
            let allowed = problem(|s| {
                (s.files_url, s.aws_endpoint_url_s3) = (set("s3://bucket"), set(url));
                s.aws_endpoint_allow_http = set("true");
            });
            assert_eq!(allowed, "none", "{url}");
        }
    }
}
