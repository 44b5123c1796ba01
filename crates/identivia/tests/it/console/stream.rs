//! The console's stream of events: what it says, whose events it carries, what ends it, and how many there may be.

use std::time::Duration;

use futures_util::StreamExt as _;
use identivia::records::console_user::{ConsoleRole, ConsoleUserStatus};
use identivia::store::console::UserWrite;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::SignedIn;
use crate::reviews::{act, list, submit};
use crate::world::{Caller, GIVEN_UP_WITHIN, World};

/// How long a test waits for what must not come.
const SILENCE: Duration = Duration::from_secs(2);

/// A stream of events, read in parts.
struct Stream {
    answer: Response,
    text: String,
}

impl Stream {
    /// Opens a stream that begins with the next event.
    async fn open(person: &Caller<'_>) -> Self {
        let answer = send(person).await;
        assert_eq!(answer.status(), 200);
        Self { answer, text: String::new() }
    }

    /// Reads until it holds that text and the end of its message; gives what came until then.
    async fn read_until(&mut self, wanted: &str) -> String {
        let read = async {
            while !(self.text.contains(wanted) && self.text.ends_with("\n\n")) {
                let part = self.answer.chunk().await.unwrap().expect("the stream goes on");
                self.text.push_str(&String::from_utf8_lossy(&part));
            }
        };
        timeout(GIVEN_UP_WITHIN, read).await.unwrap_or_else(|_| panic!("{wanted}: {}", self.text));
        std::mem::take(&mut self.text)
    }

    /// Reads for a while and gives what came.
    async fn read_for(&mut self, time: Duration) -> String {
        let _ = timeout(time, async {
            while let Some(part) = self.answer.chunk().await.unwrap() {
                self.text.push_str(&String::from_utf8_lossy(&part));
            }
        })
        .await;
        std::mem::take(&mut self.text)
    }

    /// Waits until the server ends it.
    async fn wait_for_end(self, case: &str) {
        let mut parts = self.answer.bytes_stream();
        timeout(GIVEN_UP_WITHIN, async { while parts.next().await.is_some() {} })
            .await
            .unwrap_or_else(|_| panic!("the stream goes on: {case}"));
    }
}

async fn send(person: &Caller<'_>) -> Response {
    let request = person.request(Method::GET, "/api/events?after=latest").header("accept", "text/event-stream");
    request.send().await.unwrap()
}

/// The messages of a stream as their JSON.
fn messages(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|json| serde_json::from_str(json).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_by_one_shows_in_the_stream_of_another_of_the_same_team() {
    let world = World::with_liveness().await;
    let (profile, _) = submit(&world, "one", Some("red")).await;
    let ann = world.sign_in(ConsoleRole::Reviewer, Some(&["red"])).await.browser;
    let bob = world.sign_in(ConsoleRole::Reviewer, Some(&["red", "green"])).await.browser;
    let other = world.sign_in(ConsoleRole::Admin, Some(&["blue"])).await.browser;
    let (mut of_bob, mut of_other) = (Stream::open(&bob).await, Stream::open(&other).await);
    of_bob.read_until("reviews.changed").await;
    of_other.read_until("reviews.changed").await;

    let review = list(&ann, "open").await.remove(0);
    act(&ann, &review, "claim", json!({"version": 1})).await.expect(200);
    let text = of_bob.read_until("review.changed").await;
    let named = json!({"type": "review.changed", "data": {"id": profile, "review_id": review["id"]}});
    assert_eq!(messages(&text), [named]);
    let case = bob.get(&format!("/api/reviews/{}", review["id"].as_str().unwrap())).await.expect(200)["data"].clone();
    assert_eq!(case["state"], "claimed");
    // A claim that is renewed is no news.
    let mine = ann.get(&format!("/api/reviews/{}", review["id"].as_str().unwrap())).await.expect(200)["data"].clone();
    act(&ann, &review, "renew", json!({"claim_id": mine["claim_id"]})).await.expect(200);
    assert!(!of_bob.read_for(SILENCE).await.contains("review"));
    act(&ann, &review, "release", json!({"claim_id": mine["claim_id"]})).await.expect(200);
    of_bob.read_until("review.changed").await;
    submit(&world, "two", Some("red")).await;
    of_bob.read_until("review.changed").await;
    let text = of_other.read_for(SILENCE).await;
    assert_eq!(messages(&text), [Value::Null; 0], "another team's: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_and_list_name_ids_and_types_and_nothing_of_the_person() {
    let world = World::new().await;
    let operator = world.operator();
    let person = world.sign_in(ConsoleRole::SuperAdmin, None).await.browser;
    let mut stream = Stream::open(&person).await;
    let made = operator.post("/api/profiles/create", json!({"userID": "canary-user", "team": "red"})).await.expect(201);
    let step = json!({"previous_status": "unverified", "new_status": "canary_status", "notes": "canary note"});
    let path = format!("/api/status_history/{}", made["id"].as_str().unwrap());
    operator.post(&path, step).await.expect(201);
    let streamed = messages(&stream.read_until("profile.status_changed").await);
    let listed = person.get("/api/events").await.expect(200)["data"].clone();
    let told: Vec<Value> = streamed.into_iter().filter(|message| message["data"] != json!({})).collect();
    assert_eq!(json!(told), listed);
    for (number, event) in listed.as_array().unwrap().iter().enumerate() {
        assert_eq!(event["data"], json!({"id": made["id"], "version": number + 1}));
    }
    assert!(!listed.to_string().contains("canary"), "{listed}");
    let whole = operator.get("/api/events").await.expect(200);
    assert_eq!(whole["data"][0]["data"]["user_id"], "canary-user", "a server reads everything");
    let blue = world.sign_in(ConsoleRole::SuperAdmin, Some(&["blue"])).await.browser;
    assert_eq!(blue.get("/api/events").await.expect(200)["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_continues_behind_the_last_event_that_was_seen() {
    let world = World::new().await;
    let person = world.console(ConsoleRole::Auditor).await;
    let mut stream = Stream::open(&person).await;
    let (first, _) = world.person("one").await;
    let text = stream.read_until(&first).await;
    let id = text.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap().to_owned();
    drop(stream);
    let (second, _) = world.person("two").await;
    let request = person.request(Method::GET, "/api/events?after=latest").header("accept", "text/event-stream");
    let answer = request.header("last-event-id", id).send().await.unwrap();
    let text = Stream { answer, text: String::new() }.read_until(&second).await;
    assert!(!text.contains(&first), "{text}");
}

/// Changes a stored user.
async fn change_user(
    world: &World,
    person: &SignedIn<'_>,
    change: impl Fn(&mut identivia::records::console_user::ConsoleUser),
) {
    let before = world.app.console.user(person.user.id).await.unwrap().unwrap();
    let mut after = before.clone();
    change(&mut after);
    world.app.console.replace_user(&before, after, &UserWrite::default(), before.updated, &[]).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_ends_with_its_session() {
    let world = World::new().await;
    let admin = world.sign_in(ConsoleRole::SuperAdmin, None).await;
    let signed_out = world.sign_in(ConsoleRole::Reviewer, None).await;
    let demoted = world.sign_in(ConsoleRole::Admin, None).await;
    let disabled = world.sign_in(ConsoleRole::Reviewer, None).await;
    let idle = world.sign_in(ConsoleRole::Reviewer, None).await;
    let mut streams = Vec::new();
    for person in [&signed_out, &demoted, &disabled] {
        streams.push(Stream::open(&person.browser).await);
    }
    let (of_idle, mut of_admin) = (Stream::open(&idle.browser).await, Stream::open(&admin.browser).await);
    signed_out.browser.post("/api/console/logout", json!({})).await.expect(200);
    let path = format!("/api/console/users/{}", demoted.user.id);
    admin.browser.patch(&path, json!({"role": "reviewer"})).await.expect(200);
    change_user(&world, &disabled, |user| user.status = ConsoleUserStatus::Disabled).await;
    for (stream, case) in streams.into_iter().zip(["signed out", "demoted", "disabled"]) {
        stream.wait_for_end(case).await;
    }
    for person in [&signed_out, &demoted, &disabled] {
        assert_eq!(send(&person.browser).await.status(), 401);
    }

    // One goes on working, the other has only its stream.
    world.clock.advance(29 * 60);
    admin.browser.get("/api/settings").await.expect(200);
    world.clock.advance(2 * 60);
    of_idle.wait_for_end("idle").await;
    let (id, _) = world.person("later").await;
    of_admin.read_until(&id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_the_stream_keeps_no_session_alive() {
    let world = World::new().await;
    let person = world.console(ConsoleRole::Reviewer).await;
    for _ in 0..5 {
        world.clock.advance(5 * 60);
        drop(Stream::open(&person).await);
        person.get("/api/events").await.expect(200);
    }
    world.clock.advance(5 * 60 + 1);
    assert_eq!(send(&person).await.status(), 401, "it is idle for half an hour");
}

#[tokio::test(flavor = "multi_thread")]
async fn person_has_six_streams_at_most_and_takes_none_of_the_servers_places() {
    let world = World::new().await;
    let (ann, bob) = (world.console(ConsoleRole::Reviewer).await, world.console(ConsoleRole::Reviewer).await);
    let mut open = Vec::new();
    for _ in 0..6 {
        open.push(Stream::open(&ann).await);
    }
    let refused = ann.get("/api/events?after=latest&wait=1").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "5"));
    assert_eq!(send(&ann).await.status(), 429);
    ann.get("/api/events").await.expect(200);
    drop(Stream::open(&bob).await);
    world.operator().get("/api/events?after=latest&wait=1").await.expect(200);
    drop(open);
    for _ in 0..500 {
        if send(&ann).await.status() == 200 {
            return;
        }
    }
    panic!("the places of closed streams stay taken");
}
