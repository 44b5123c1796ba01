//! Settings for storage: data folder, databases, PocketBase, files.

use std::fmt;
use std::path::PathBuf;

use super::aws::{AWS_ENDPOINT_URL_S3, AwsAccess, read_access, read_endpoint};
use super::checks::{ExplicitConsent, Parsed, ParsedWithSpaces, WholeNumber, parse_any_text};
use super::database_tls::{UNVERIFIED_PROBLEM, leads_to_unverified_database};
use super::network::{is_unencrypted, parse_web_url};
use super::setting::{AnySetting as _, ConfigError, Settings, define_settings};

/// The first characters of a bucket's URL.
const S3: &str = "s3://";

define_settings! {
    STORAGE_SETTINGS, "Storage";

    /// Folder for the database, the files and the secrets that the first start generates
    DATA_DIR: Parsed<PathBuf> = Parsed(parse_path), DefaultText("./data");
    /// File of the key that encrypts the secrets of the records; the first start creates it. Servers that share records share it
    SYSTEM_KEY_FILE: Parsed<PathBuf> = Parsed(parse_path), WhenUnset("DATA_DIR/system.key");
    /// Database for records: `sqlite:` (a file in DATA_DIR) or `postgres://user:password@host/database`, with
    /// `?sslmode=verify-full` across a network
    DATABASE_URL: Parsed<DatabaseUrl> = Parsed(parse_database_url), DefaultText("sqlite:");
    /// Set to `true` to allow a PostgreSQL on another machine without `sslmode=verify-full`: only within a network you trust
    DATABASE_ALLOW_UNVERIFIED_TLS: ExplicitConsent = ExplicitConsent, DefaultText("false");
    /// Connections to PostgreSQL at most
    DATABASE_CONNECTIONS: WholeNumber<u32> = WholeNumber { least: 2, most: 1_000 }, DefaultText("16");
    /// Location of files: `file:` (a folder in DATA_DIR) or `s3://bucket/prefix`
    FILES_URL: Parsed<FilesUrl> = Parsed(parse_files_url), DefaultText("file:");
    /// Set to `true` to start although the file store lacks the marker that the database knows, or has another one: the files
    /// of its records may be missing. Leave it out again afterwards
    ACCEPT_NEW_FILES_FOLDER: ExplicitConsent = ExplicitConsent, DefaultText("false");
    /// A PocketBase that stores records, and files in their file fields, such as https://pocketbase.example.com
    POCKETBASE_URL: Parsed<String> = Parsed(parse_web_url), WhenUnset("");
    /// E-mail address of the server's account there: a superuser, or a record of the collection `users`
    PB_USER_EMAIL: ParsedWithSpaces<String> = ParsedWithSpaces(parse_any_text), WhenUnset("");
    /// Password of that account
    PB_USER_PASSWORD: ParsedWithSpaces<String> = ParsedWithSpaces(parse_any_text), WhenUnset("");
    /// Set to `true` to allow plain http to a PocketBase on another machine: only within a network you trust
    POCKETBASE_ALLOW_HTTP: ExplicitConsent = ExplicitConsent, DefaultText("false");
}

/// The store for records.
#[derive(Clone)]
pub enum RecordLocation {
    /// A database file in the data folder.
    Sqlite,
    /// The URL of a database, which holds a password.
    Postgres { url: String, is_unverified: bool },
    /// A PocketBase, which stores files too.
    PocketBase(PocketBaseAccount),
}

/// The backend for files. Ignored where PocketBase stores the records: it stores their files too.
#[derive(Clone)]
pub enum FileLocation {
    /// A folder in the data folder.
    Folder,
    /// An S3 bucket.
    Bucket(Box<BucketLocation>),
}

/// A bucket, its endpoint and keys. Its text is the URL, which holds no secret.
#[derive(Clone)]
pub struct BucketLocation {
    pub bucket: String,
    /// The start of every key: empty, or with a slash at its end.
    pub prefix: String,
    pub access: AwsAccess,
    /// `None`: AWS.
    pub endpoint: Option<String>,
}

impl fmt::Display for BucketLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "s3://{}/{}", self.bucket, self.prefix)?;
        self.endpoint.as_ref().map_or(Ok(()), |endpoint| write!(formatter, " at {endpoint}"))
    }
}

/// A PocketBase and the server's account there.
#[derive(Clone)]
pub struct PocketBaseAccount {
    /// Without a slash at the end.
    pub url: String,
    pub email: String,
    pub password: String,
}

/// A checked `DATABASE_URL`.
pub(super) enum DatabaseUrl {
    Sqlite,
    Postgres(String),
}

/// A checked `FILES_URL`.
pub(super) enum FilesUrl {
    Folder,
    Bucket { bucket: String, prefix: String },
}

impl Settings {
    /// DATABASE_URL and POCKETBASE_URL as they are set, whether or not a server would use them.
    #[must_use]
    pub fn store_urls(&self) -> (Option<String>, Option<String>) {
        (DATABASE_URL.text(self).map(str::to_owned), POCKETBASE_URL.text(self).map(str::to_owned))
    }

    /// Checks that a PostgreSQL on another machine is verified, or allowed not to be. Says whether it is unverified.
    ///
    /// # Errors
    /// When it is unverified and not allowed to be.
    pub fn check_database_tls(&self, url: &str) -> Result<bool, ConfigError> {
        let is_unverified = leads_to_unverified_database(url);
        if is_unverified && !DATABASE_ALLOW_UNVERIFIED_TLS.read(self)? {
            return Err(DATABASE_URL.to_error(UNVERIFIED_PROBLEM));
        }
        Ok(is_unverified)
    }

    /// Reads the account for the PocketBase at this URL.
    ///
    /// # Errors
    /// When the URL cannot be used, or the account is not set.
    pub fn read_pocketbase_account(&self, url: &str) -> Result<PocketBaseAccount, ConfigError> {
        let url = parse_web_url(url).map_err(|problem| POCKETBASE_URL.to_error(problem))?;
        if is_unencrypted(&url) && !POCKETBASE_ALLOW_HTTP.read(self)? {
            return Err(POCKETBASE_URL.to_error(
                "must be https://, or passwords and passports cross the network in the clear; within a network you trust \
                 set POCKETBASE_ALLOW_HTTP=true",
            ));
        }
        let missing = "must be set with POCKETBASE_URL: the server's account there, a superuser or a record of `users`";
        let email = PB_USER_EMAIL.read_if_set(self)?.ok_or_else(|| PB_USER_EMAIL.to_error(missing))?;
        let password = PB_USER_PASSWORD.read_if_set(self)?.ok_or_else(|| PB_USER_PASSWORD.to_error(missing))?;
        Ok(PocketBaseAccount { url, email, password })
    }

    /// Reads the bucket at this URL, with the settings for AWS.
    ///
    /// # Errors
    /// When the URL or one of the settings for AWS cannot be used.
    pub fn read_bucket(&self, url: &str) -> Result<BucketLocation, ConfigError> {
        match parse_files_url(url).map_err(|problem| FILES_URL.to_error(problem))? {
            FilesUrl::Bucket { bucket, prefix } => self.read_bucket_access(bucket, prefix),
            FilesUrl::Folder => Err(FILES_URL.to_error(FILES_URL_PROBLEM)),
        }
    }

    fn read_bucket_access(&self, bucket: String, prefix: String) -> Result<BucketLocation, ConfigError> {
        let endpoint = read_endpoint(&AWS_ENDPOINT_URL_S3, self)?;
        Ok(BucketLocation { bucket, prefix, access: read_access(self)?, endpoint })
    }
}

/// Reads the store for records.
pub(super) fn read_record_location(settings: &Settings) -> Result<RecordLocation, ConfigError> {
    let Some(url) = POCKETBASE_URL.text(settings) else {
        return Ok(match DATABASE_URL.read(settings)? {
            DatabaseUrl::Sqlite => RecordLocation::Sqlite,
            DatabaseUrl::Postgres(url) => {
                let is_unverified = settings.check_database_tls(&url)?;
                RecordLocation::Postgres { url, is_unverified }
            }
        });
    };
    let conflict = "POCKETBASE_URL is set too, and PocketBase stores records and files; unset one of them";
    if DATABASE_URL.is_set(settings) {
        return Err(DATABASE_URL.to_error(conflict));
    }
    if FILES_URL.is_set(settings) {
        return Err(FILES_URL.to_error(conflict));
    }
    settings.read_pocketbase_account(url).map(RecordLocation::PocketBase)
}

/// Reads the backend for files.
pub(super) fn read_file_location(settings: &Settings) -> Result<FileLocation, ConfigError> {
    match FILES_URL.read(settings)? {
        FilesUrl::Folder => Ok(FileLocation::Folder),
        FilesUrl::Bucket { bucket, prefix } => {
            let location = settings.read_bucket_access(bucket, prefix)?;
            Ok(FileLocation::Bucket(Box::new(location)))
        }
    }
}

/// Says whether FILES_URL names a bucket, right or wrong.
pub(super) fn has_bucket_url(settings: &Settings) -> bool {
    FILES_URL.text(settings).is_some_and(|url| url.starts_with(S3))
}

/// Accepts the path of a file or a folder.
#[expect(clippy::unnecessary_wraps, reason = "the signature of a check")]
pub(super) fn parse_path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

fn parse_database_url(url: &str) -> Result<DatabaseUrl, String> {
    if url == "sqlite:" {
        return Ok(DatabaseUrl::Sqlite);
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(DatabaseUrl::Postgres(url.to_owned()));
    }
    // The error does not show the value: it may hold a password.
    Err("must be sqlite: (the database is in DATA_DIR) or postgres://user:password@host/database".to_owned())
}

// The error does not show the value: it may hold a password.
const FILES_URL_PROBLEM: &str = "must be file: (the folder is in DATA_DIR) or s3://bucket/prefix, the bucket of 3 to 63 \
                                 characters a-z 0-9 . -, the prefix of A-Z a-z 0-9 . _ - /";

fn parse_files_url(url: &str) -> Result<FilesUrl, String> {
    if url == "file:" {
        return Ok(FilesUrl::Folder);
    }
    let location = url.strip_prefix(S3).and_then(split_bucket_and_prefix);
    let (bucket, prefix) = location.ok_or_else(|| FILES_URL_PROBLEM.to_owned())?;
    Ok(FilesUrl::Bucket { bucket, prefix })
}

/// Splits `bucket/prefix`. The bucket follows AWS's rules, and the prefix means the same in a key, a path and a URL:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.
fn split_bucket_and_prefix(location: &str) -> Option<(String, String)> {
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

#[cfg(test)]
mod tests {
    use super::super::tests::problem;
    use super::*;

    #[test]
    fn bucket_and_prefix_mean_the_same_in_a_key_a_path_and_a_url() {
        let bucket = |url: &str| match read_file_location(&Settings::from_texts(&[("FILES_URL", url)])) {
            Ok(FileLocation::Bucket(at)) => format!("{} {}", at.bucket, at.prefix),
            Ok(FileLocation::Folder) => "folder".to_owned(),
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
    fn plain_http_needs_permission_and_loopback_does_not() {
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
            let line = problem(&[("FILES_URL", "s3://bucket"), ("AWS_ENDPOINT_URL_S3", url)]);
            assert_eq!(line.starts_with("AWS_ENDPOINT_URL_S3: must be https"), clear, "{url}: {line}");
            let allowed = problem(&[
                ("FILES_URL", "s3://bucket"),
                ("AWS_ENDPOINT_URL_S3", url),
                ("AWS_ENDPOINT_ALLOW_HTTP", "true"),
            ]);
            assert_eq!(allowed, "none", "{url}");
        }
    }
}
