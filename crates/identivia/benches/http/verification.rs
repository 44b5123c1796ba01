//! How much processor time one whole verification takes, through the API: link, pictures, reading, face, record, checks.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::load::{build_json_request, build_request, create_profile_with_link, sign_in_client, wait_for_checks};
use crate::process::Process;

/// Verifications of each document: the least time counts, because the first one loads the models.
const ROUNDS: usize = 3;
/// The most processor time of a verification, in seconds.
const AIMS: [(&str, f64); 2] = [("passport", 2.5), ("card, both sides", 3.3)];

/// One part of a form: its name, the name of its file if it is one, and its bytes.
type FormPart<'a> = (&'a str, Option<&'a str>, Vec<u8>);

/// Prints the processor time of a passport's and of a card's verification.
pub(crate) async fn measure_verifications(parent: &Path) -> anyhow::Result<()> {
    println!("\nprocessor time of one verification through the API, in seconds; the least of {ROUNDS}");
    println!("{:<20}{:>9}{:>9}{:>9}{:>9}", "", "reading", "face", "checks", "all");
    for (name, aim) in AIMS {
        let sides: &[&str] = if name == "passport" { &["passport.jpg"] } else { &["id-front.jpg", "id-back.jpg"] };
        let folder = tempfile::tempdir_in(parent)?;
        let server = Process::start_server(folder.path(), &BTreeMap::new()).await?;
        let mut least: Option<[f64; 4]> = None;
        for round in 0..ROUNDS {
            let took = run_verification(&server, round, sides).await.with_context(|| name.to_owned())?;
            least = least.filter(|least| least[3] <= took[3]).or(Some(took));
        }
        let [reading, face, checks, all] = least.unwrap_or_default();
        let verdict = if all <= aim { "ok" } else { "MISSED" };
        println!("{name:<20}{reading:>9.2}{face:>9.2}{checks:>9.2}{all:>9.2}   aim <= {aim:.1}   {verdict}");
    }
    Ok(())
}

/// Verifies one person; gives the seconds of the reading with its uploads, of the face, of record and checks, and of all.
async fn run_verification(server: &Process, round: usize, sides: &[&str]) -> anyhow::Result<[f64; 4]> {
    let mut connection = Connection::open(server.address).await?;
    let machine = sign_in_client(&mut connection).await?;
    let (profile, link) = create_profile_with_link(&mut connection, &machine, &format!("verified-{round}")).await?;
    let begun = server.cpu_time()?;
    let pictures = || {
        let named = ["document_front", "document_back"].into_iter().zip(sides);
        named
            .map(|(name, file)| Ok((name, Some("picture.jpg"), read_picture(file)?)))
            .collect::<anyhow::Result<Vec<_>>>()
    };
    let profile_path = format!("/api/profiles/{profile}");
    connection.expect(200, &build_form("PATCH", &profile_path, &link, &pictures()?)).await?;
    connection.expect(200, &build_form("POST", "/api/ollama/document-analysis", &link, &pictures()?)).await?;
    let read = server.cpu_time()?;
    let session = show_face(&mut connection, &link).await?;
    let photo = vec![("facial_photo", Some("face.jpg"), read_picture("portrait.jpg")?)];
    connection.expect(200, &build_form("PATCH", &profile_path, &link, &photo)).await?;
    let shown = server.cpu_time()?;
    let kind = if sides.len() == 1 { "passport" } else { "national_id" };
    let fields = [
        ("liveness_session_id", session.as_str()),
        ("liveness_confidence", "95"),
        ("liveness_status", "live"),
        ("document_type", kind),
        ("name", "JANE MARIE SPECIMEN"),
    ];
    let fields: Vec<FormPart<'_>> = fields.map(|(name, text)| (name, None, text.as_bytes().to_vec())).to_vec();
    let path = format!("/api/verification_history/{profile}");
    connection.expect(201, &build_form("POST", &path, &link, &fields)).await?;
    wait_for_checks(&mut connection, &machine, &[profile]).await?;
    let checked = server.cpu_time()?;
    let seconds = |from: Duration, to: Duration| (to.saturating_sub(from)).as_secs_f64();
    Ok([seconds(begun, read), seconds(read, shown), seconds(shown, checked), seconds(begun, checked)])
}

/// Follows the steps of a new session; gives its id.
async fn show_face(connection: &mut Connection, link: &str) -> anyhow::Result<String> {
    let request = build_json_request("/api/face-liveness/session", link, "{}");
    let session: Value = serde_json::from_slice(&connection.expect(200, &request).await?)?;
    let id = session["sessionId"].as_str().context("no session")?.to_owned();
    let steps = session["challenge"]["steps"].as_array().context("no steps")?;
    let mut parts =
        vec![("nonce", None, session["challenge"]["nonce"].as_str().unwrap_or_default().as_bytes().to_vec())];
    let (mut frames, mut named) = (Vec::new(), Vec::new());
    for step in steps.iter().filter_map(Value::as_str) {
        for number in 1..=3 {
            let picture = read_picture(&format!("session/{step}_{number}.jpg"))?;
            frames.push(json!({"step": step, "time": frames.len() * 700}));
            named.push((format!("frame_{}", frames.len()), picture));
        }
    }
    parts.push(("frames", None, Value::Array(frames).to_string().into_bytes()));
    parts.extend(named.iter().map(|(name, picture)| (name.as_str(), Some("frame.jpg"), picture.clone())));
    let path = format!("/api/face-liveness/session/{id}/frames");
    connection.expect(200, &build_form("POST", &path, link, &parts)).await?;
    let request = format!("GET /api/face-liveness/results/{id} HTTP/1.1\r\nHost: bench\r\n{link}\r\n");
    // Whether the result is live does not matter: a later round is a replay, which costs the same.
    connection.expect(200, request.as_bytes()).await?;
    Ok(id)
}

fn read_picture(name: &str) -> anyhow::Result<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name);
    std::fs::read(&path).with_context(|| path.display().to_string())
}

fn build_form(method: &str, path: &str, bearer: &str, parts: &[FormPart<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, bytes) in parts {
        let file = file.map_or_else(String::new, |file| format!("; filename=\"{file}\""));
        let head = format!("--part\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(&[head.as_bytes(), bytes, b"\r\n"].concat());
    }
    body.extend_from_slice(b"--part--\r\n");
    build_request(method, path, bearer, "multipart/form-data; boundary=part", &body)
}
