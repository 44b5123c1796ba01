//! The local liveness check behind the API: who follows the steps is live; replayed, reordered and still frames are not.

use serde_json::{Value, json};

use super::{encode_jpeg, frames_of_steps};
use crate::frames::{create_session, frames_form, read_results, send_frames};
use crate::world::{World, picture};

const STEPS: [&str; 4] = ["look_straight", "turn_left", "turn_right", "move_closer"];

/// The same frames as another camera would write them: they look the same and have other bytes.
fn recompress_frames(frames: Vec<Vec<u8>>, quality: u8) -> Vec<Vec<u8>> {
    let again = |frame: Vec<u8>| {
        let picture = image::load_from_memory(&frame).unwrap().into_rgb8();
        let mut bytes = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality);
        picture.write_with_encoder(encoder).unwrap();
        bytes
    };
    frames.into_iter().map(again).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn person_who_follows_the_steps_is_live_and_replayed_frames_are_not() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let made = create_session(&browser).await;
    send_frames(&browser, &made, frames_form(&made, &frames_of_steps(&made))).await.expect(200);
    let result = read_results(&browser, &made).await;
    assert_eq!((&result["status"], &result["isLive"]), (&json!("SUCCEEDED"), &json!(true)), "{}", result["feedback"]);
    assert!(result["confidenceScore"].as_f64().unwrap() >= 80.0);
    assert_eq!(result["challenge"], json!({"Type": "FaceMovementChallenge", "Version": "identivia-1"}));
    assert_eq!(result["auditImages"].as_array().unwrap().len(), 4);
    let face = &result["referenceImage"]["boundingBox"];
    assert!(face["Width"].as_f64().unwrap() > 0.1 && face["Left"].as_f64().unwrap() > 0.0, "{face}");
    assert_eq!(result["imageFiles"].as_array().unwrap().len(), 5);
    world.await_stored_files(5).await;

    // The same bytes again, for whomever: a replay, and told no more than that it did not do.
    let (_, other) = world.person("two").await;
    for browser in [&browser, &other] {
        let replayed = create_session(browser).await;
        send_frames(browser, &replayed, frames_form(&replayed, &frames_of_steps(&replayed))).await.expect(200);
        let result = read_results(browser, &replayed).await;
        assert_eq!((&result["isLive"], &result["confidenceScore"]), (&json!(false), &json!(0.0)));
        assert_eq!(result["feedback"][0]["Code"], "LIVENESS_NOT_SHOWN");
    }

    // Nor does it help to write something around the pixels.
    let (_, third) = world.person("three").await;
    let remarked = create_session(&third).await;
    let frames: Vec<_> = frames_of_steps(&remarked)
        .into_iter()
        .map(|frame| [&frame[..2], b"\xFF\xFE\x00\x06new!", &frame[2..]].concat())
        .collect();
    send_frames(&third, &remarked, frames_form(&remarked, &frames)).await.expect(200);
    assert_eq!(read_results(&third, &remarked).await["isLive"], false);

    let record = browser.get(&format!("/api/profiles/{id}")).await.expect(200);
    assert_eq!(record["data"]["verification_status"], "unverified", "no engine decides about a person");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_in_another_order_are_not_live() {
    let world = World::new().await;
    let (_, browser) = world.person("one").await;
    let wrong = create_session(&browser).await;
    let mut frames = frames_of_steps(&wrong);
    frames.rotate_left(3);
    send_frames(&browser, &wrong, frames_form(&wrong, &frames)).await.expect(200);
    assert_eq!(read_results(&browser, &wrong).await["isLive"], false);
}

/// The frames that someone makes of what a session asks for.
type Following = fn(&Value) -> Vec<Vec<u8>>;

/// Another session's frames, mirrored for a session that asks for the other side.
fn mirrored_frames(session: &Value) -> Vec<Vec<u8>> {
    let swapped = session["challenge"]["steps"].as_array().unwrap().iter().map(|step| match step.as_str().unwrap() {
        "turn_left" => json!("turn_right"),
        "turn_right" => json!("turn_left"),
        other => json!(other),
    });
    let frames = frames_of_steps(&json!({"challenge": {"steps": swapped.collect::<Vec<_>>()}}));
    let mirror = |frame: Vec<u8>| {
        encode_jpeg(&image::imageops::flip_horizontal(&image::load_from_memory(&frame).unwrap().into_rgb8()))
    };
    frames.into_iter().map(mirror).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_another_session_are_not_live_when_recompressed_or_mirrored() {
    // Each of these is live where its frames are seen for the first time: the replay is what fails it below.
    let forms: [(&str, Following); 3] = [
        ("as they were", |session| frames_of_steps(session)),
        ("compressed anew", |session| recompress_frames(frames_of_steps(session), 70)),
        ("mirrored", mirrored_frames),
    ];
    for (how, frames) in &forms {
        let world = World::new().await;
        let (_, browser) = world.person("one").await;
        let made = create_session(&browser).await;
        send_frames(&browser, &made, frames_form(&made, &frames(&made))).await.expect(200);
        assert_eq!(read_results(&browser, &made).await["isLive"], true, "{how}");
        for (again, frames) in &forms {
            let (_, other) = world.person(&format!("of {again}")).await;
            let replayed = create_session(&other).await;
            send_frames(&other, &replayed, frames_form(&replayed, &frames(&replayed))).await.expect(200);
            let result = read_results(&other, &replayed).await;
            assert_eq!((&result["isLive"], &result["confidenceScore"]), (&json!(false), &json!(0.0)), "{how}, {again}");
            assert_eq!(result["feedback"][0]["Code"], "LIVENESS_NOT_SHOWN");
        }
    }
}

/// Each of four earlier sessions had a quarter of the frames, too few for it to be taken for one of them again.
#[tokio::test(flavor = "multi_thread")]
async fn frames_picked_from_several_earlier_sessions_are_not_live() {
    let world = World::new().await;
    let all = frames_of_steps(&json!({"challenge": {"steps": STEPS}}));
    for quarter in 0..4 {
        let (_, browser) = world.person(&format!("quarter {quarter}")).await;
        let made = create_session(&browser).await;
        let blank = |at: usize| {
            encode_jpeg(&image::RgbImage::from_pixel(640, 480, image::Rgb([90, 120, (quarter * 12 + at) as u8])))
        };
        let frames = all.iter().enumerate();
        let frames: Vec<_> =
            frames.map(|(at, frame)| if at % 4 == quarter { frame.clone() } else { blank(at) }).collect();
        send_frames(&browser, &made, frames_form(&made, &frames)).await.expect(200);
    }
    let (_, browser) = world.person("one").await;
    let made = create_session(&browser).await;
    send_frames(&browser, &made, frames_form(&made, &recompress_frames(frames_of_steps(&made), 70))).await.expect(200);
    assert_eq!(read_results(&browser, &made).await["confidenceScore"], 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn photograph_is_not_live_and_its_feedback_does_not_say_why() {
    let world = World::new().await;
    let (_, browser) = world.person("one").await;
    let made = create_session(&browser).await;
    let still = |quality: u8| recompress_frames(vec![picture("session/look_straight_1.jpg")], quality).remove(0);
    let frames: Vec<_> = (0..12).map(|number| still(70 + number * 2)).collect();
    send_frames(&browser, &made, frames_form(&made, &frames)).await.expect(200);
    let result = read_results(&browser, &made).await;
    assert_eq!(result["isLive"], false);
    let codes: Vec<_> =
        result["feedback"].as_array().unwrap().iter().map(|said| said["Code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"POSE_TURN_LEFT") && codes.contains(&"LIVENESS_NOT_SHOWN"), "{codes:?}");
    let told = |code: &&str| code.starts_with("POSE_") || *code == "LIVENESS_NOT_SHOWN";
    assert!(codes.iter().all(told), "{codes:?}");
}
