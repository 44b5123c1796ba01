//! Frames of the local liveness check: who may send them, in which form, and how often. What they are worth is judged by the
//! engines' own tests, and end to end in `local`.

use std::io::Cursor;

use futures_util::future::join_all;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::world::{Answer, Caller, World, file, small_picture};

/// A small JPEG, unlike those of other shades.
pub(crate) fn frame_of_shade(shade: u8) -> Vec<u8> {
    let image = image::RgbImage::from_pixel(32, 32, image::Rgb([shade, 255 - shade, 0]));
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// A session and what it asks for.
pub(crate) async fn create_session(browser: &Caller<'_>) -> Value {
    browser.post("/api/face-liveness/session", json!({})).await.expect(200)
}

/// Frames as a browser sends them, the steps shared out evenly among them.
pub(crate) fn frames_form(session: &Value, frames: &[Vec<u8>]) -> Form {
    let steps = session["challenge"]["steps"].as_array().unwrap();
    let notes: Vec<Value> = (0..frames.len())
        .map(|place| json!({"step": steps[place * steps.len() / frames.len()], "time": place * 700}))
        .collect();
    let form = Form::new()
        .text("nonce", session["challenge"]["nonce"].as_str().unwrap().to_owned())
        .text("frames", Value::Array(notes).to_string());
    frames
        .iter()
        .enumerate()
        .fold(form, |form, (place, bytes)| form.part(format!("frame_{}", place + 1), file(bytes.clone(), "frame.jpg")))
}

pub(crate) fn frames_path(session: &Value) -> String {
    format!("/api/face-liveness/session/{}/frames", session["sessionId"].as_str().unwrap())
}

pub(crate) async fn send_frames(browser: &Caller<'_>, session: &Value, form: Form) -> Answer {
    browser.form(Method::POST, &frames_path(session), form).await
}

pub(crate) async fn read_results(caller: &Caller<'_>, session: &Value) -> Value {
    let path = format!("/api/face-liveness/results/{}", session["sessionId"].as_str().unwrap());
    caller.get(&path).await.expect(200)["data"].take()
}

fn new_frames(count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|number| frame_of_shade(number * 9)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn local_session_asks_for_every_step_once_and_has_its_own_nonce() {
    let world = World::new().await;
    let (_, browser) = world.person("one").await;
    let made = create_session(&browser).await;
    assert_eq!(made["challengeType"], "FaceMovementChallenge");
    let mut steps: Vec<_> =
        made["challenge"]["steps"].as_array().unwrap().iter().map(|step| step.as_str().unwrap().to_owned()).collect();
    steps.sort();
    assert_eq!(steps, ["look_straight", "move_closer", "turn_left", "turn_right"]);
    assert_eq!(made["challenge"]["nonce"].as_str().unwrap().len(), 24);
    let expires = made["challenge"]["expiration"].as_str().unwrap();
    let left = identivia::records::time::Millis::parse(expires).unwrap().0 - world.clock.now().0;
    assert!((170_000..=180_000).contains(&left), "{expires}");
    assert_ne!(create_session(&browser).await["challenge"]["nonce"], made["challenge"]["nonce"]);
    let waiting = read_results(&browser, &made).await;
    assert_eq!((&waiting["status"], &waiting["confidenceScore"]), (&json!("CREATED"), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_frames_are_400_and_leave_the_session_usable() {
    let world = World::new().await;
    let (_, browser) = world.person("one").await;
    let made = create_session(&browser).await;
    let wrong = async |form: Form| {
        let answer = send_frames(&browser, &made, form).await.expect(400);
        (answer["required"].clone(), answer["fields"].clone())
    };
    let (required, fields) = wrong(Form::new().text("hello", "x")).await;
    assert_eq!(required, json!(["nonce"]));
    assert_eq!(fields, Value::Null);
    let nonce = || Form::new().text("nonce", made["challenge"]["nonce"].as_str().unwrap().to_owned());
    insta::assert_json_snapshot!(json!([
        wrong(nonce()).await.1,
        wrong(frames_form(&made, &new_frames(7))).await.1,
        wrong(frames_form(&made, &new_frames(17))).await.1,
        wrong(nonce().text("frames", "[{\"step\": \"smile\", \"time\": 0}]")).await.1,
        wrong(frames_form(&made, &new_frames(8)).part("frame_12", file(frame_of_shade(200), "f.jpg"))).await.1,
        wrong(frames_form(&made, &new_frames(8)).part("frame_9", file(small_picture(3), "f.jpg"))).await.1,
        wrong(frames_form(
            &json!({"challenge": {"nonce": "another", "steps": made["challenge"]["steps"]}}),
            &new_frames(8)
        ))
        .await
        .1,
    ]));
    let large = frames_form(&made, &new_frames(8)).part("frame_9", file(vec![0xFF; 1024 * 1024 + 1], "f.jpg"));
    send_frames(&browser, &made, large).await.expect(413);
    let judged = send_frames(&browser, &made, frames_form(&made, &new_frames(8))).await.expect(200);
    assert_eq!(judged["status"], "SUCCEEDED", "nothing of that has used the session up");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_are_accepted_once_and_without_a_face_are_not_live() {
    let world = World::new().await;
    let (_, browser) = world.person("one").await;
    let made = create_session(&browser).await;
    let answers = join_all((0..6).map(|_| send_frames(&browser, &made, frames_form(&made, &new_frames(8))))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200, "{statuses:?}");
    assert!(statuses[1..].iter().all(|status| matches!(status, 409 | 429)), "{statuses:?}");
    send_frames(&browser, &made, frames_form(&made, &new_frames(8))).await.expect(409);

    let result = read_results(&browser, &made).await;
    assert_eq!((&result["status"], &result["isLive"]), (&json!("SUCCEEDED"), &json!(false)));
    assert!(result["confidenceScore"].as_f64().unwrap() < 50.0);
    assert_eq!(result["referenceImage"], Value::Null, "there is no face to show");
    assert!(!result["feedback"].as_array().unwrap().is_empty());
    let kinds: Vec<_> = world.events().await.into_iter().map(|(kind, ..)| kind).collect();
    for kind in ["liveness_session.begun", "liveness_session.finished"] {
        assert_eq!(kinds.iter().filter(|found| *found == kind).count(), 1, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_another_profile_or_too_late_are_404() {
    let world = World::new().await;
    let (_, browser) = world.person("one").await;
    let (_, other) = world.person("two").await;
    let made = create_session(&browser).await;
    let foreign = send_frames(&other, &made, frames_form(&made, &new_frames(8))).await;
    let unknown = json!({"sessionId": "unknown", "challenge": made["challenge"]});
    let nothing = send_frames(&other, &unknown, frames_form(&unknown, &new_frames(8))).await;
    assert_eq!((foreign.status, &foreign.body), (404, &nothing.body));
    send_frames(&world.operator(), &made, frames_form(&made, &new_frames(8))).await.expect(403);
    world.clock.advance(181);
    send_frames(&browser, &made, frames_form(&made, &new_frames(8))).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_for_a_session_of_another_provider_are_409() {
    let world = World::with_liveness().await;
    let (_, browser) = world.person("one").await;
    let made = create_session(&browser).await;
    assert!(made.get("challenge").is_none());
    let asked = json!({"sessionId": made["sessionId"], "challenge": {"nonce": "n", "steps": ["look_straight"]}});
    send_frames(&browser, &asked, frames_form(&asked, &new_frames(8))).await.expect(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_failed_liveness_checks_pause_the_profile() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let (_, other) = world.person("two").await;
    for number in 0..5 {
        let made = create_session(&browser).await;
        let frames: Vec<_> = (0..8).map(|shade| frame_of_shade(number * 8 + shade)).collect();
        send_frames(&browser, &made, frames_form(&made, &frames)).await.expect(200);
    }
    let refused = browser.post("/api/face-liveness/session", json!({})).await;
    assert_eq!(refused.status, 429);
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((1_700..=1_800).contains(&wait), "{wait}");
    assert_eq!(refused.body["error"], "Too many failed liveness checks");
    world.operator().post("/api/face-liveness/session", json!({"profile": id})).await.expect(429);
    create_session(&other).await;
    world.clock.advance(wait + 1);
    let (_, again) = world.person("one-again").await;
    create_session(&again).await;
    let link = world.operator().post("/api/profiles/create", json!({"userID": "one"})).await.expect(200);
    let fresh = world.bearing(Some(link["flow_token"].as_str().unwrap().to_owned()));
    create_session(&fresh).await;
}
