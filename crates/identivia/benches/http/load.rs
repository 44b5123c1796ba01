//! The requests that are measured, ready to be written to a socket.

use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tokio::time::sleep;

use crate::CREDENTIALS;
use crate::connection::{Connection, find_bytes};

/// As many as there are connections at most, so that each can have a profile of its own.
const PROFILES: usize = 64;
/// What an answer says of a record whose checks have not ended.
const PENDING_CHECKS: &str = r#""checks_status":"pending""#;
/// How long the checks of all records may take.
const CHECKS_DEADLINE: Duration = Duration::from_secs(600);

/// One kind of request, ready to be written to a socket.
pub(crate) struct Load {
    requests: Vec<Vec<u8>>,
    pub(crate) expected: u16,
    /// The next number to stand in for [`SERIAL`].
    serial: AtomicU64,
}

/// Where a request must differ from every other, it holds this number and gets the next one each time it is sent.
const SERIAL: &str = "0000000000000000";

impl Load {
    fn new(expected: u16, requests: Vec<Vec<u8>>) -> Arc<Self> {
        Arc::new(Self { requests, expected, serial: AtomicU64::new(1) })
    }
}

/// The requests of one connection.
pub(crate) enum LoadRequests<'a> {
    Fixed { load: &'a Load, next: usize },
    Numbered { load: &'a Load, request: Vec<u8>, serial_at: usize },
}

impl<'a> LoadRequests<'a> {
    pub(crate) fn for_driver(load: &'a Load, driver: usize) -> Self {
        let request = &load.requests[driver % load.requests.len()];
        match find_bytes(request, SERIAL.as_bytes()) {
            Some(serial_at) => Self::Numbered { load, request: request.clone(), serial_at },
            None => Self::Fixed { load, next: driver },
        }
    }

    pub(crate) fn next(&mut self) -> &[u8] {
        match self {
            Self::Fixed { load, next } => {
                *next += 1;
                &load.requests[*next % load.requests.len()]
            }
            Self::Numbered { load, request, serial_at } => {
                let serial = format!("{:016}", load.serial.fetch_add(1, Ordering::Relaxed));
                request[*serial_at..][..SERIAL.len()].copy_from_slice(serial.as_bytes());
                request
            }
        }
    }
}

/// Every kind of request that is measured, against a server that holds the profiles they need.
pub(crate) struct Loads {
    pub(crate) token: Arc<Load>,
    pub(crate) create: Arc<Load>,
    pub(crate) read: Arc<Load>,
    pub(crate) status: Arc<Load>,
    pub(crate) verification: Arc<Load>,
    /// What `GET /api/profiles/:id` answers: the baseline answers the same.
    pub(crate) profile_answer: String,
}

impl Loads {
    pub(crate) async fn prepare(address: SocketAddr) -> anyhow::Result<Self> {
        let mut connection = Connection::open(address).await?;
        let sign_in = build_json_request("/api/auth/token", "", CREDENTIALS);
        let bearer = sign_in_client(&mut connection).await?;
        let small = draw_jpeg(64, 64, 75)?;
        let large = draw_jpeg_of_300_kb()?;
        let (mut ids, mut reads, mut statuses, mut verifications) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for serial in 0..PROFILES {
            let id = create_profile(&mut connection, &bearer, serial).await?;
            reads.push(format!("GET /api/profiles/{id} HTTP/1.1\r\nHost: bench\r\n{bearer}\r\n").into_bytes());
            statuses.push(build_json_request(&format!("/api/status_history/{id}"), &bearer, STATUS_RECORD));
            verifications.push(build_verification_request(&id, &bearer, SERIAL, &large));
            connection.expect(201, statuses.last().context("just added")?).await?;
            connection.expect(201, &build_verification_request(&id, &bearer, &format!("of-{id}"), &small)).await?;
            ids.push(id);
        }
        wait_for_checks(&mut connection, &bearer, &ids).await?;
        let profile_answer = String::from_utf8(connection.expect(200, &reads[0]).await?)?;
        ensure!(profile_answer.contains("liveness_session_id"), "no verification in {profile_answer}");
        Ok(Self {
            token: Load::new(200, vec![sign_in]),
            create: Load::new(201, vec![build_create_request(&bearer, SERIAL)]),
            read: Load::new(200, reads),
            status: Load::new(201, statuses),
            verification: Load::new(201, verifications),
            profile_answer,
        })
    }
}

/// The header with a token of the client.
pub(crate) async fn sign_in_client(connection: &mut Connection) -> anyhow::Result<String> {
    let sign_in = build_json_request("/api/auth/token", "", CREDENTIALS);
    let answer: Value = serde_json::from_slice(&connection.expect(200, &sign_in).await?)?;
    Ok(format!("Authorization: Bearer {}\r\n", answer["access_token"].as_str().context("no access token")?))
}

/// Waits until the records' checks have ended: they run in the background, and would take part in what is measured.
pub(crate) async fn wait_for_checks(
    connection: &mut Connection,
    bearer: &str,
    profiles: &[String],
) -> anyhow::Result<()> {
    let begun = Instant::now();
    for id in profiles {
        let request = format!("GET /api/verification_history/{id} HTTP/1.1\r\nHost: bench\r\n{bearer}\r\n");
        while String::from_utf8(connection.expect(200, request.as_bytes()).await?)?.contains(PENDING_CHECKS) {
            ensure!(begun.elapsed() < CHECKS_DEADLINE, "the checks of the records do not end");
            sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}

const STATUS_RECORD: &str =
    r#"{"previous_status":"unverified","new_status":"pending","notes":"Verification submitted"}"#;

pub(crate) async fn create_profile(connection: &mut Connection, bearer: &str, serial: usize) -> anyhow::Result<String> {
    create_profile_with_link(connection, bearer, &format!("kept-{serial}")).await.map(|(id, _)| id)
}

/// A new profile, and the header with the token of its link.
pub(crate) async fn create_profile_with_link(
    connection: &mut Connection,
    bearer: &str,
    user: &str,
) -> anyhow::Result<(String, String)> {
    let answer = connection.expect(201, &build_create_request(bearer, user)).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    let id = answer["id"].as_str().context("no id of the new profile")?.to_owned();
    let token = answer["flow_token"].as_str().context("no token of the new link")?;
    Ok((id, format!("Authorization: Bearer {token}\r\n")))
}

fn build_create_request(bearer: &str, user: &str) -> Vec<u8> {
    let profile = format!(
        r#"{{"userID":"user-{user}","name":"John Doe","documentType":"passport","documentNumber":"A12345678","country":"US","email":"john@example.com","securityLevel":"high","language":"en"}}"#
    );
    build_json_request("/api/profiles/create", bearer, &profile)
}

pub(crate) fn build_json_request(path: &str, bearer: &str, body: &str) -> Vec<u8> {
    build_post(path, bearer, "application/json", body.as_bytes())
}

fn build_post(path: &str, bearer: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    build_request("POST", path, bearer, content_type, body)
}

pub(crate) fn build_request(method: &str, path: &str, bearer: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: bench\r\n{bearer}Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A verification record with all three images. No session may serve two records, so each names one of its own.
fn build_verification_request(profile: &str, bearer: &str, session: &str, image: &[u8]) -> Vec<u8> {
    let session = format!("session-{session}");
    let fields = [
        ("liveness_session_id", session.as_str()),
        ("liveness_confidence", "95.5"),
        ("liveness_status", "live"),
        ("document_type", "national_id"),
        ("document_number", "A12345678"),
        ("country", "US"),
        ("name", "John Doe"),
    ];
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!("--part\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    for name in ["facial_photo", "document_front", "document_back"] {
        push_picture(&mut body, name, image);
    }
    body.extend_from_slice(b"--part--\r\n");
    let path = format!("/api/verification_history/{profile}");
    build_post(&path, bearer, "multipart/form-data; boundary=part", &body)
}

/// A change of a profile that brings one picture.
pub(crate) fn build_upload_request(profile: &str, bearer: &str, image: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    push_picture(&mut body, "document_front", image);
    body.extend_from_slice(b"--part--\r\n");
    let path = format!("/api/profiles/{profile}");
    build_request("PATCH", &path, bearer, "multipart/form-data; boundary=part", &body)
}

fn push_picture(body: &mut Vec<u8>, name: &str, image: &[u8]) {
    let head = format!(
        "--part\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}.jpg\"\r\n\
         Content-Type: image/jpeg\r\n\r\n"
    );
    body.extend_from_slice(&[head.as_bytes(), image, b"\r\n"].concat());
}

/// A picture of the size in which a camera's photo is sent on: what it costs to decode depends on pixels and bytes alike.
fn draw_jpeg_of_300_kb() -> anyhow::Result<Vec<u8>> {
    for quality in 20..100 {
        let picture = draw_jpeg(1280, 960, quality)?;
        if picture.len() >= 300_000 {
            return Ok(picture);
        }
    }
    bail!("no JPEG quality gives 300 KB")
}

/// A picture near the limit of 10 MiB, with as many pixels as a phone's camera gives.
pub(crate) fn draw_largest_jpeg() -> anyhow::Result<Vec<u8>> {
    for quality in (90..100).rev() {
        let picture = draw_jpeg(4_000, 3_000, quality)?;
        if picture.len() <= 9_700_000 {
            return Ok(picture);
        }
    }
    bail!("every JPEG quality gives more than 9.7 MB")
}

/// A soft gradient with a camera's grain.
fn draw_jpeg(width: u32, height: u32, quality: u8) -> anyhow::Result<Vec<u8>> {
    let mut state = 1_u32;
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [.., grain] = state.to_le_bytes();
        let level = |share: u32, of: u32| u8::try_from(share * 200 / of).unwrap_or(200).saturating_add(grain / 8);
        image::Rgb([level(x, width), level(y, height), level(x + y, width + height)])
    });
    let mut bytes = Cursor::new(Vec::new());
    picture.write_with_encoder(image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality))?;
    Ok(bytes.into_inner())
}
