//! The local engines behind the API: a document is read and a record is checked, all on this machine.

mod liveness;

use identivia::jobs::claim::ClaimOutcome;
use identivia::jobs::queue::JobKind as _;
use identivia::jobs::record_checks::RecordChecks;
use identivia::records::finding_code::FINDING_CODES;
use identivia::records::verification_record::VerificationRecord;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::frames::{create_session, frames_form, send_frames};
use crate::world::{Caller, World, file, picture, small_picture, texts};

/// The frames of a person who has done the steps of a session.
fn frames_of_steps(session: &Value) -> Vec<Vec<u8>> {
    let steps = session["challenge"]["steps"].as_array().unwrap();
    let of = |step: &Value| {
        let step = step.as_str().unwrap().to_owned();
        (1..=3).map(move |number| picture(&format!("session/{step}_{number}.jpg")))
    };
    steps.iter().flat_map(of).collect()
}

async fn analyse_document(caller: &Caller<'_>, form: Form) -> Value {
    caller.form(Method::POST, "/api/ollama/document-analysis", form).await.expect(200)["data"].take()
}

fn outcome_of<'a>(findings: &'a Value, code: &str) -> &'a str {
    let findings = findings.as_array().unwrap();
    for finding in findings {
        let code = finding["code"].as_str().unwrap();
        assert!(FINDING_CODES.contains(&code), "{code} is in no list of codes");
    }
    let found = findings.iter().find(|finding| finding["code"] == code);
    found.unwrap_or_else(|| panic!("{code}: {findings:?}"))["outcome"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn passport_reading_has_fields_and_findings() {
    let world = World::new().await;
    let operator = world.operator();
    let form = Form::new().part("document_front", file(picture("passport.jpg"), "passport.jpg"));
    let read = analyse_document(&operator, form).await;
    assert!(read["model"].as_str().unwrap().starts_with("identivia-vision "));
    assert_eq!(read["usage"], json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}));
    assert_eq!(
        read["analysis_json"],
        json!({
            "name": "JANE MARIE SPECIMEN", "document_number": "A12345678", "country": "UTO", "document_type": "passport",
            "address": "", "gender": "female", "date_of_birth": "1990-01-15 00:00:00.000Z",
            "authenticity": "authentic",
        })
    );
    assert_eq!(read["verification_history_fields"]["date_of_birth"], "1990-01-15");
    let analysis: Value = serde_json::from_str(read["analysis"].as_str().unwrap()).unwrap();
    assert_eq!(analysis["source"], "machine_readable_zone");
    let findings = &read["findings"];
    for code in ["mrz_check_digits", "mrz_matches_print", "portrait_present", "dates_plausible", "expired"] {
        assert_eq!(outcome_of(findings, code), "pass", "{code}: {findings}");
    }
    assert_eq!(outcome_of(findings, "specimen"), "warn", "Utopia's documents are specimens");
    for finding in findings.as_array().unwrap() {
        assert!(finding["message"].as_str().unwrap().len() > 10 && finding["evidence"].is_object(), "{finding}");
    }
    assert!(world.stored_files().await.is_empty(), "a picture to be read is not kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_of_a_card_are_read_together() {
    let world = World::new().await;
    let operator = world.operator();
    let card = || {
        Form::new()
            .part("document_front", file(picture("id-front.jpg"), "front.jpg"))
            .part("document_back", file(picture("id-back.jpg"), "back.jpg"))
    };
    let read = analyse_document(&operator, card()).await;
    let fields = &read["analysis_json"];
    assert_eq!(
        (&fields["document_number"], &fields["authenticity"]),
        (&json!("D98765431"), &json!("authentic")),
        "{read}"
    );
    assert_eq!(outcome_of(&read["findings"], "mrz_check_digits"), "pass");

    let front_alone = Form::new().part("document_front", file(picture("id-front.jpg"), "front.jpg"));
    let read = analyse_document(&operator, front_alone).await;
    assert_eq!(read["analysis_json"]["authenticity"], "unknown", "print alone proves nothing");

    let of_two = Form::new()
        .part("document_front", file(picture("passport.jpg"), "front.jpg"))
        .part("document_back", file(picture("id-back.jpg"), "back.jpg"));
    let read = analyse_document(&operator, of_two).await;
    assert_eq!(read["analysis_json"]["authenticity"], "suspicious", "{}", read["findings"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn picture_without_a_document_has_unknown_authenticity() {
    let world = World::new().await;
    let (_, browser) = world.person("one").await;
    let read = async |bytes: Vec<u8>| {
        analyse_document(&browser, Form::new().part("document_front", file(bytes, "p.png"))).await
    };
    for bytes in [small_picture(3), picture("portrait.jpg")] {
        let read = read(bytes).await;
        assert_eq!(read["analysis_json"]["authenticity"], "unknown");
        assert_eq!(read["verification_history_fields"]["document_number"], Value::Null);
    }
}

/// The passport with its portraits painted over.
fn faceless_passport() -> image::RgbImage {
    let mut page = image::load_from_memory(&picture("passport.jpg")).unwrap().into_rgb8();
    for (left, top, right, bottom) in [(60, 160, 480, 692), (1_170, 190, 1_350, 430)] {
        for (x, y) in (left..right).flat_map(|x| (top..bottom).map(move |y| (x, y))) {
            page.put_pixel(x, y, image::Rgb([230, 235, 240]));
        }
    }
    page
}

fn encode_jpeg(picture: &image::RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90)).unwrap();
    bytes
}

pub(crate) fn stranger_picture() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../vision/tests/pictures/grace_hopper.jpg")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn own_picture_beside_a_foreign_document_is_not_its_portrait() {
    let world = World::new().await;
    let operator = world.operator();
    // As the back of a page whose portrait is covered.
    let as_back = Form::new()
        .part("document_front", file(encode_jpeg(&faceless_passport()), "front.jpg"))
        .part("document_back", file(stranger_picture(), "back.jpg"));
    let read = analyse_document(&operator, as_back).await;
    assert_eq!(outcome_of(&read["findings"], "portrait_present"), "fail");
    assert_ne!(read["analysis_json"]["authenticity"], "authentic");

    // Beside the page, and larger than its portrait.
    let page = image::load_from_memory(&picture("passport.jpg")).unwrap().into_rgb8();
    let own = image::load_from_memory(&stranger_picture()).unwrap().resize(
        1_000,
        1_000,
        image::imageops::FilterType::Triangle,
    );
    let mut table = image::RgbImage::from_pixel(2_500, 1_050, image::Rgb([120, 110, 100]));
    image::imageops::replace(&mut table, &page, 1_040, 20);
    image::imageops::replace(&mut table, &own.into_rgb8(), 20, 20);
    let beside = Form::new().part("document_front", file(encode_jpeg(&table), "front.jpg"));
    let read = analyse_document(&operator, beside).await;
    assert_eq!(read["analysis_json"]["document_number"], "A12345678", "the page was read");
    assert_eq!(outcome_of(&read["findings"], "portrait_present"), "fail");
    assert_ne!(read["analysis_json"]["authenticity"], "authentic");
}

/// What a browser records after its person's own check.
async fn record_verification(
    browser: &Caller<'_>,
    id: &str,
    session: &Value,
    claims: &[(&'static str, &str)],
) -> Value {
    let form = texts(&[
        ("liveness_session_id", session["sessionId"].as_str().unwrap()),
        ("liveness_confidence", "88.8"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
    ]);
    let form = claims.iter().fold(form, |form, (name, value)| form.text(*name, (*value).to_owned()));
    let form = form
        .part("facial_photo", file(picture("portrait.jpg"), "photo.jpg"))
        .part("document_front", file(picture("passport.jpg"), "front.jpg"));
    browser.form(Method::POST, &format!("/api/verification_history/{id}"), form).await.expect(201)["data"].take()
}

async fn read_newest_record(world: &World, id: &str) -> Value {
    let list = world.operator().get(&format!("/api/verification_history/{id}")).await.expect(200);
    list["data"][0].clone()
}

fn find_check<'a>(record: &'a Value, name: &str) -> &'a Value {
    record["checks"].as_array().unwrap().iter().find(|check| check["check"] == name).unwrap()
}

const TRUE_CLAIMS: &[(&str, &str)] = &[
    ("name", "Jane Specimen"),
    ("document_number", "A1234 5678"),
    ("country", "Utopia"),
    ("gender", "female"),
    ("date_of_birth", "1990-01-15"),
];

#[tokio::test(flavor = "multi_thread")]
async fn record_is_checked_after_the_answer() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let made = create_session(&browser).await;
    send_frames(&browser, &made, frames_form(&made, &frames_of_steps(&made))).await.expect(200);
    let written = record_verification(&browser, &id, &made, TRUE_CLAIMS).await;
    assert_eq!((&written["checks_status"], &written["checks"]), (&json!("pending"), &Value::Null));
    assert!(world.run_next_checks().await);
    assert!(!world.run_next_checks().await, "one record, one run");

    let done = read_newest_record(&world, &id).await;
    assert_eq!(done["checks_status"], "done");
    let outcomes: Vec<_> = done["checks"].as_array().unwrap().iter().map(|c| (&c["check"], &c["outcome"])).collect();
    // Utopia's passport agrees with itself, and is a specimen.
    let expected = [("document", "warn"), ("face_match", "pass"), ("liveness", "pass"), ("data_agreement", "pass")];
    let expected = expected.map(|(name, outcome)| (json!(name), json!(outcome)));
    assert_eq!(outcomes, expected.iter().map(|(a, b)| (a, b)).collect::<Vec<_>>(), "{done:#}");
    let faces = find_check(&done, "face_match");
    assert!(faces["score"].as_f64().unwrap() > faces["threshold"].as_f64().unwrap());
    assert_eq!(faces["assurance"], "model");
    assert_eq!(faces["findings"].as_array().unwrap().len(), 3, "the live face is held against both");
    let used: Vec<_> =
        faces["weights"].as_array().unwrap().iter().map(|used| used["model"].as_str().unwrap()).collect();
    assert!(used.contains(&"face-embed"), "{used:?}");
    assert_eq!(faces["weights"][0]["sha256"].as_str().unwrap().len(), 64);
    let document = find_check(&done, "document");
    assert_eq!(document["assurance"], "optical");
    let readings = document["readings"].as_array().unwrap();
    assert_eq!(readings.iter().map(|read| &read["source"]).collect::<Vec<_>>(), ["mrz", "print"], "{readings:?}");
    let zone = &readings[0]["fields"];
    assert_eq!(
        (&zone["document_number"], &zone["date_of_birth"]),
        (&json!("A12345678"), &json!("1990-01-15")),
        "{zone}"
    );
    assert!(readings[1]["fields"].as_object().unwrap().values().all(Value::is_string), "{readings:?}");
    // Upright faces that fill their picture, and the portrait on the left half of the page.
    let eyes = faces["eyes"].as_array().unwrap();
    let images: Vec<_> = eyes.iter().map(|each| each["image"].as_str().unwrap()).collect();
    assert_eq!(images, ["document_front", "facial_photo", "liveness_reference"]);
    for each in eyes {
        let at = |eye: &str, axis: &str| each[eye][axis].as_f64().unwrap();
        assert!(at("right", "x") + 0.02 < at("left", "x") && at("left", "x") < 1.0, "{each}");
        assert!((at("right", "y") - at("left", "y")).abs() < 0.1 && at("right", "y") > 0.0, "{each}");
    }
    assert!(eyes[0]["left"]["x"].as_f64().unwrap() < 0.5, "{eyes:?}");
    let live = find_check(&done, "liveness");
    assert_eq!((&live["assurance"], &live["threshold"]), (&json!("model"), &json!(75.0)));
    assert_eq!(outcome_of(&live["findings"], "claim_matches_result"), "warn", "88.8 was claimed");
    assert_eq!(find_check(&done, "data_agreement")["score"], 1.0);
    assert!(world.events().await.iter().any(|(kind, ..)| kind == "verification.checked"));

    let shown = world.operator().get(&format!("/api/profiles/{id}")).await.expect(200);
    assert_eq!(shown["data"]["verification_history"]["checks"], done["checks"]);
    assert_eq!(shown["data"]["verification_status"], "unverified", "checks decide nothing about a person");
    let browsers = browser.get(&format!("/api/profiles/{id}")).await.expect(200);
    let newest = &browsers["data"]["verification_history"];
    assert_eq!((&newest["checks_status"], &newest["checks"]), (&json!("done"), &Value::Null), "no scores to raise");
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_find_false_claims_and_a_foreign_face() {
    let world = World::new().await;
    let (id, _) = world.person("one").await;
    let form = texts(&[
        ("liveness_session_id", "elsewhere"),
        ("liveness_confidence", "40"),
        ("liveness_status", "not_live"),
        ("document_type", "passport"),
        ("name", "John Doe"),
        ("document_number", "A12345679"),
        ("date_of_birth", "1990-01-15"),
    ])
    .part("facial_photo", file(stranger_picture(), "photo.jpg"))
    .part("document_front", file(picture("passport.jpg"), "front.jpg"));
    world.operator().form(Method::POST, &format!("/api/verification_history/{id}"), form).await.expect(201);
    assert!(world.run_next_checks().await);
    let done = read_newest_record(&world, &id).await;
    assert_eq!(outcome_of(&find_check(&done, "document")["findings"], "mrz_matches_print"), "pass");
    let faces = find_check(&done, "face_match");
    assert_eq!(faces["outcome"], "fail", "{faces:#}");
    assert!(faces["score"].as_f64().unwrap() < faces["threshold"].as_f64().unwrap());
    let live = find_check(&done, "liveness");
    assert_eq!((&live["outcome"], &live["assurance"]), (&json!("fail"), &json!("asserted")));
    let said = find_check(&done, "data_agreement");
    assert_eq!(said["outcome"], "fail");
    for (code, expected) in [
        ("name", "fail"),
        ("document_number", "fail"),
        ("date_of_birth", "pass"),
        ("gender", "not_applicable"),
        ("document_type", "pass"),
    ] {
        assert_eq!(outcome_of(&said["findings"], code), expected, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn abandoned_checks_are_claimed_again_and_fail_after_five_attempts() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let made = create_session(&browser).await;
    send_frames(&browser, &made, frames_form(&made, &frames_of_steps(&made))).await.expect(200);
    record_verification(&browser, &id, &made, &[]).await;
    // Five servers claim them and die.
    for attempt in 1..=5 {
        let now = world.clock.now();
        let claim =
            RecordChecks::COLUMNS.claim_due_job::<VerificationRecord>(&*world.app.store, now, now.plus_seconds(120));
        let ClaimOutcome::Claimed(due) = claim.await.unwrap() else { panic!("the checks are due") };
        assert_eq!(due.attempt, attempt);
        assert!(!world.run_next_checks().await, "the lease of another server runs");
        world.clock.advance(121);
    }
    assert!(world.run_next_checks().await);
    let record = read_newest_record(&world, &id).await;
    assert_eq!((&record["checks_status"], &record["checks"]), (&json!("failed"), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn face_templates_are_stored_only_when_configured() {
    for (flags, is_kept) in [(&[][..], false), (&["--face-templates", "keep"][..], true)] {
        let world = World::with(flags, false).await;
        let (id, browser) = world.person("one").await;
        let made = create_session(&browser).await;
        send_frames(&browser, &made, frames_form(&made, &frames_of_steps(&made))).await.expect(200);
        record_verification(&browser, &id, &made, &[]).await;
        assert!(world.run_next_checks().await);
        let kept = world.ground.face_templates(&world.folder.path().join("data")).await;
        if is_kept {
            let kept: Value = serde_json::from_str(&kept[0]).unwrap();
            assert!(kept["document"].as_str().unwrap().len() > 500 && kept["liveness"].is_string(), "{kept}");
        } else {
            assert_eq!(kept, [""]);
        }
        let shown = read_newest_record(&world, &id).await.to_string();
        assert!(!shown.contains("template"), "no answer holds them");
    }
}
