//! Stored pictures: rebuilt without loss, so that neither payloads nor places nor devices come back, while the check for
//! editing programs still has its word.

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};
use vision::intake::decode_photo;

use crate::ground::Ground;
use crate::world::{Caller, World, file, picture, small_picture, texts};

const CANARY: &[u8] = b"CANARY<script>alert(1)</script>";
/// The orientation of a picture whose left side is up.
const TURNED: u8 = 6;

/// Exif that says how to turn the picture, the program that wrote it, and a place.
fn camera_tags(software: &str) -> Vec<u8> {
    let software = format!("{software}\0");
    let place = 50 + software.len() as u8;
    let mut block = b"II*\0\x08\0\0\0\x03\0".to_vec();
    block.extend([0x12, 1, 3, 0, 1, 0, 0, 0, TURNED, 0, 0, 0]);
    block.extend([0x31, 1, 2, 0, software.len() as u8, 0, 0, 0, 50, 0, 0, 0]);
    block.extend([0x25, 0x88, 4, 0, 1, 0, 0, 0, place, 0, 0, 0]);
    block.extend([0; 4]);
    block.extend(software.as_bytes());
    // The directory of the place: the latitude, whose text is longer than it may be.
    block.extend([1, 0, 1, 0, 2, 0, CANARY.len() as u8, 0, 0, 0, place + 18, 0, 0, 0, 0, 0, 0, 0]);
    block.extend(CANARY);
    block
}

fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    [&[0xFF, marker][..], &(data.len() as u16 + 2).to_be_bytes(), data].concat()
}

/// A JPEG as a camera or a program writes it, with a page and an archive behind it.
pub(crate) fn jpeg_with_metadata(jpeg: &[u8], software: &str) -> Vec<u8> {
    let exif = segment(0xE1, &[&b"Exif\0\0"[..], &camera_tags(software)].concat());
    let xmp = segment(0xE1, &[&b"http://ns.adobe.com/xap/1.0/\0"[..], CANARY].concat());
    let parts = [exif, xmp, segment(0xED, CANARY), segment(0xFE, CANARY)].concat();
    [&jpeg[..2], &parts, &jpeg[2..], b"<html>", CANARY, b"PK\x03\x04", CANARY].concat()
}

/// A PNG with a page behind it. Decoders pass over the checksum of a text.
fn png_with_payload() -> Vec<u8> {
    let png = small_picture(9);
    let text = [&(CANARY.len() as u32).to_be_bytes()[..], b"tEXt", CANARY, b"0000"].concat();
    [&png[..33], &text, &png[33..], CANARY].concat()
}

/// A WebP with a place and a payload behind its picture.
fn webp_with_metadata() -> Vec<u8> {
    let chunk =
        |name: &[u8], data: &[u8]| [name, &(data.len() as u32).to_le_bytes(), data, &[0][..data.len() % 2]].concat();
    let tags = camera_tags("program");
    [picture("coded/lossy.webp"), chunk(b"EXIF", &tags), chunk(b"XMP ", CANARY), CANARY.to_vec()].concat()
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Downloads a stored picture and asserts that it shows what was sent, the same way up, and nothing else.
async fn assert_rebuilt(caller: &Caller<'_>, path: &str, sent: &[u8]) {
    let got = caller.get(path).await;
    assert_eq!((got.status, got.header("content-length")), (200, &*got.bytes.len().to_string()), "{path}");
    for left_out in [CANARY, b"CANARY", b"II*\0", b"Photoshop", b"program", b"PK\x03\x04", b"<html>"] {
        assert!(!has(&got.bytes, left_out), "{path}: {}", String::from_utf8_lossy(left_out));
    }
    let (before, after) = (decode_photo(sent, 4_000).unwrap(), decode_photo(&got.bytes, 4_000).unwrap());
    assert_eq!((before.width, before.height), (after.width, after.height), "{path}: the same way up");
    assert_eq!(before.image, after.image, "{path}");
}

fn evidence() -> Form {
    texts(&[
        ("liveness_session_id", "s"),
        ("liveness_confidence", "95"),
        ("liveness_status", "live"),
        ("document_type", "national_id"),
    ])
}

fn pictures_with_payloads() -> [(&'static str, Vec<u8>); 3] {
    [
        ("document_front", jpeg_with_metadata(&picture("id-front.jpg"), "program")),
        ("document_back", webp_with_metadata()),
        ("facial_photo", png_with_payload()),
    ]
}

fn with_pictures(form: Form) -> Form {
    pictures_with_payloads().into_iter().fold(form, |form, (field, bytes)| form.part(field, file(bytes, "p.jpg")))
}

#[tokio::test(flavor = "multi_thread")]
async fn s50_s52_stored_pictures_have_neither_payload_nor_place() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let operator = world.operator();
    let profile = browser.form(Method::PATCH, &format!("/api/profiles/{id}"), with_pictures(Form::new())).await;
    let profile = profile.expect(200);
    // Once copied from the profile, once sent.
    let copied = operator.form(Method::POST, &format!("/api/verification_history/{id}"), evidence()).await.expect(201);
    let sent = with_pictures(evidence());
    let sent = operator.form(Method::POST, &format!("/api/verification_history/{id}"), sent).await.expect(201);
    for (field, bytes) in pictures_with_payloads() {
        let path = |collection: &str, answer: &Value| {
            let (record, name) = (answer["data"]["id"].as_str().unwrap(), answer["data"][field].as_str().unwrap());
            format!("/api/files/{collection}/{record}/{name}")
        };
        assert_rebuilt(&operator, &path("profiles", &profile), &bytes).await;
        assert_rebuilt(&operator, &path("verification_history", &copied), &bytes).await;
        assert_rebuilt(&operator, &path("verification_history", &sent), &bytes).await;
    }
    assert_eq!(world.stored_files().await.len(), 9);
    if matches!(*world.ground, Ground::Sqlite) {
        for path in world.stored_files().await {
            let stored = std::fs::read(world.folder.path().join("data/files").join(path)).unwrap();
            assert!(!has(&stored, CANARY));
        }
    }
}

/// The outcome of the check for editing programs on the newest record.
async fn check_newest_record(world: &World, id: &str) -> (String, Value) {
    assert!(world.run_next_checks().await);
    let list = world.operator().get(&format!("/api/verification_history/{id}")).await.expect(200);
    let record = &list["data"][0];
    let text = record.to_string();
    assert!(!text.contains("CANARY") && !text.contains("_editor"), "{text}");
    let checks = record["checks"].as_array().unwrap();
    let document = checks.iter().find(|check| check["check"] == "document").unwrap();
    let finding = document["findings"].as_array().unwrap().iter().find(|found| found["code"] == "edited").unwrap();
    (finding["outcome"].as_str().unwrap().to_owned(), finding["evidence"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn s52_editing_program_of_a_rebuilt_picture_is_still_found_by_the_checks() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let operator = world.operator();
    let (profiles, records) = (format!("/api/profiles/{id}"), format!("/api/verification_history/{id}"));
    let edited = || file(jpeg_with_metadata(&picture("id-front.jpg"), "Adobe Photoshop 25 CANARY"), "f.jpg");
    let clean = || file(picture("id-front.jpg"), "f.jpg");
    let pictures = Form::new()
        .part("document_front", edited())
        .part("document_back", file(picture("id-back.jpg"), "b.jpg"))
        .part("facial_photo", file(picture("portrait.jpg"), "p.jpg"));
    let told = browser.form(Method::PATCH, &profiles, pictures).await.expect(200).to_string();
    assert!(!told.contains("Photoshop") && !told.contains("editor"), "{told}");

    // The profile's picture, copied.
    let told = operator.form(Method::POST, &records, evidence()).await.expect(201).to_string();
    assert!(!told.contains("Photoshop") && !told.contains("editor"), "{told}");
    let found = check_newest_record(&world, &id).await;
    assert_eq!(found, ("warn".to_owned(), json!({"front": "Photoshop", "back": null})));
    // The front is replaced by a clean one in the profile, and an edited back is sent.
    browser.form(Method::PATCH, &profiles, Form::new().part("document_front", clean())).await.expect(200);
    operator.form(Method::POST, &records, evidence().part("document_back", edited())).await.expect(201);
    let found = check_newest_record(&world, &id).await;
    assert_eq!(found, ("warn".to_owned(), json!({"front": null, "back": "Photoshop"})));
    let told = browser.get(&profiles).await.expect(200).to_string();
    assert!(!told.contains("Photoshop") && !told.contains("editor"), "{told}");

    // A reading is of the picture as sent.
    let form = Form::new().part("document_front", edited());
    let read = operator.form(Method::POST, "/api/ollama/document-analysis", form).await.expect(200);
    let findings = read["data"]["findings"].as_array().unwrap();
    let found = findings.iter().find(|found| found["code"] == "edited").unwrap();
    assert_eq!((&found["outcome"], &found["evidence"]), (&json!("warn"), &json!({"front": "Photoshop"})));
}

/// PocketBase's files may come from another program, which keeps what it was sent.
#[tokio::test(flavor = "multi_thread")]
async fn s52_picture_that_another_program_stored_is_rebuilt_when_it_is_copied() {
    let world =
        World::on(std::sync::Arc::new(Ground::pocketbase().await), &[], identivia::clock::Clock::default()).await;
    let Ground::PocketBase(service) = &*world.ground else { panic!("a PocketBase was asked for") };
    let (id, _) = world.person("one").await;
    let front = jpeg_with_metadata(&picture("id-front.jpg"), "GIMP 2.10");
    let place = async |front: Vec<u8>| {
        let form = Form::new()
            .part("document_front", file(front, "f.jpg"))
            .part("facial_photo", file(small_picture(1), "p.png"));
        let url = format!("{}/api/collections/profiles/records/{id}", service.url);
        let token = service.superuser_token().await;
        let placed = reqwest::Client::new().patch(url).header("authorization", token).multipart(form).send().await;
        assert_eq!(placed.unwrap().status(), 200);
    };
    let records = format!("/api/verification_history/{id}");
    let form = || {
        let fields = [("liveness_session_id", "s"), ("liveness_confidence", "95"), ("liveness_status", "live")];
        texts(&fields).text("document_type", "passport")
    };
    place(front.clone()).await;
    let made = world.operator().form(Method::POST, &records, form()).await.expect(201);
    let (record, name) = (made["data"]["id"].as_str().unwrap(), made["data"]["document_front"].as_str().unwrap());
    let path = format!("/api/files/verification_history/{record}/{name}");
    assert_rebuilt(&world.operator(), &path, &front).await;
    let (outcome, found) = check_newest_record(&world, &id).await;
    assert!(outcome == "warn" && found.to_string().contains("GIMP"), "{outcome} {found}");

    place(front[..front.len() / 2].to_vec()).await;
    let refused = world.operator().form(Method::POST, &records, form()).await.expect(400);
    assert_eq!(
        refused["fields"],
        json!({"document_front": "of the profile is damaged or cut off: it does not decode; send it again"})
    );
}
