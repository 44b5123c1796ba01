//! E-mail to the staff, against a real SMTP server: what arrives, and every way in which it does not.

use std::time::Duration;

use identivia::config::{MailSettings, SmtpEncryption};
use identivia::domain::staff_mail::MailText;
use identivia::jobs::overdue_reviews::OverdueReviews;
use identivia::providers::mail::Mailer;
use identivia::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use serde_json::{Value, json};

use crate::reviews::submit;
use crate::services::receiver::{Receiver, Reply};
use crate::services::smtp::Smtp;
use crate::world::World;

fn text() -> MailText {
    MailText {
        subject: "Prüfungen überfällig".to_owned(),
        body: "Grüße,\n\n.\nhttps://verify.example/console/#x\n".to_owned(),
    }
}

async fn send(settings: &MailSettings, to: &str) -> Result<(), String> {
    Mailer::open(settings).unwrap().send(to, text()).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn message_arrives_as_it_was_written() {
    let smtp = Smtp::start().await;
    send(&smtp.settings(SmtpEncryption::Loopback), "ada@example.com").await.unwrap();
    let [message] = &smtp.messages()[..] else { panic!("{:?}", smtp.messages()) };
    assert_eq!(message["to"], serde_json::json!(["ada@example.com"]));
    assert_eq!(message["headers"]["from"], "identivia@example.com");
    assert_eq!(message["headers"]["subject"], "Prüfungen überfällig");
    assert_eq!(message["headers"]["auto-submitted"], "auto-generated");
    // Lines end in the protocol's way, and it adds a line break at the end.
    assert_eq!(message["text"].as_str().unwrap().trim_end().replace("\r\n", "\n"), text().body.trim_end());
    assert_eq!(message["encrypted"], false);
}

#[tokio::test]
async fn starttls_and_sign_in_are_used_where_the_settings_say_so() {
    let smtp = Smtp::start().await;
    let mut settings = smtp.settings(SmtpEncryption::StartTls);
    settings.server.login = Some(smtp.login());
    send(&settings, "ada@example.com").await.unwrap();
    let messages = smtp.messages();
    assert_eq!((&messages[0]["encrypted"], &messages[0]["signed_in"]), (&true.into(), &true.into()));
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_that_proves_nothing() {
    let smtp = Smtp::start().await;
    let unknown_authority = MailSettings { ca_file: None, ..smtp.settings(SmtpEncryption::StartTls) };
    let mut other_name = smtp.settings(SmtpEncryption::StartTls);
    other_name.server.host = "127.0.0.2".to_owned();
    let no_tls_from_the_start = smtp.settings(SmtpEncryption::Implicit);
    for settings in [unknown_authority, other_name, no_tls_from_the_start] {
        assert!(send(&settings, "ada@example.com").await.is_err());
    }
    assert!(smtp.messages().is_empty());
}

#[tokio::test]
async fn refusals_are_errors_that_quote_no_address() {
    let smtp = Smtp::start().await;
    let settings = smtp.settings(SmtpEncryption::Loopback);
    assert_eq!(send(&settings, "refused@example.com").await, Err("it answers 550".to_owned()));
    assert_eq!(send(&settings, "later@example.com").await, Err("it answers 451".to_owned()));
    let injected = send(&settings, "ada@example.com\r\nBcc: eve@example.com").await;
    assert_eq!(injected, Err("the address cannot receive e-mail".to_owned()));
    let mut wrong_password = smtp.settings(SmtpEncryption::StartTls);
    wrong_password.server.login = Some((smtp.login().0, "wrong".to_owned()));
    assert_eq!(send(&wrong_password, "ada@example.com").await, Err("it answers 535".to_owned()));
    assert!(smtp.messages().is_empty());
}

#[tokio::test]
async fn silent_or_absent_server_is_an_error_in_time() {
    let smtp = Smtp::start().await;
    let settings = smtp.settings(SmtpEncryption::Loopback);
    smtp.pause();
    let started = std::time::Instant::now();
    assert_eq!(send(&settings, "ada@example.com").await, Err("it does not answer in time".to_owned()));
    assert!(started.elapsed().as_secs() < 12);
    let mut absent = settings;
    absent.server.port = 1;
    assert_eq!(send(&absent, "ada@example.com").await, Err("it cannot be reached".to_owned()));
}

/// Waits, boundedly, until the server has accepted that many messages.
async fn wait_for_messages(smtp: &Smtp, count: usize) -> Vec<Value> {
    for _ in 0..200 {
        let messages = smtp.messages();
        if messages.len() >= count {
            return messages;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{:?}", smtp.messages());
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_endpoint_is_told_to_those_who_can_enable_it() {
    let smtp = Smtp::start().await;
    let receiver = Receiver::start().await;
    let (url, from) = smtp.flags();
    let flags = [
        "--webhooks-allow-nets",
        "127.0.0.0/8",
        "--webhooks-allow-http",
        "true",
        "--smtp-url",
        &url,
        "--mail-from",
        &from,
    ];
    let world = World::with(&flags, false).await;
    let own_texts =
        json!({"endpoint_disabled": {"en": {"subject": "{platform}: {endpoint}", "text": "Look at {link}"}}});
    let operator = world.operator();
    operator.put("/api/settings/mail_templates", json!({"value": own_texts})).await.expect(200);
    operator.put("/api/settings/branding", json!({"value": {"name": "Acme"}, "public": true})).await.expect(200);
    let refused = operator.put("/api/settings/mail_templates", json!({"value": {"birthday": {}}})).await.expect(400);
    assert!(refused["fields"]["value"].as_str().unwrap().starts_with("birthday: is no kind of e-mail"));
    let of_team = |language: &str, role, teams: Option<&[&str]>| ConsoleUser {
        language: language.to_owned(),
        ..world.new_console_user(role, teams)
    };
    let german = world.sign_in_user(of_team("de", ConsoleRole::Admin, Some(&["red"]))).await.user;
    let english = world.sign_in_user(of_team("en", ConsoleRole::SuperAdmin, None)).await.user;
    world.sign_in_user(of_team("en", ConsoleRole::Admin, Some(&["blue"]))).await;
    world.sign_in_user(of_team("en", ConsoleRole::Reviewer, None)).await;

    let red = world.team("red");
    let made = red.post("/api/webhooks", json!({"url": receiver.url})).await.expect(201);
    let endpoint = made["data"]["id"].as_str().unwrap();
    receiver.reply(Reply::of(410));
    red.post("/api/profiles/create", json!({"userID": "one"})).await.expect(201);

    let mut messages = wait_for_messages(&smtp, 2).await;
    messages.sort_by_key(|message| message["headers"]["subject"].as_str().unwrap().to_owned());
    let [own, ours] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!((&own["to"], &ours["to"]), (&json!([english.email]), &json!([german.email])));
    assert_eq!(own["headers"]["subject"], format!("Acme: {endpoint}"));
    let link = format!("{}/console/settings/webhooks", world.app.public_url);
    assert_eq!(own["text"].as_str().unwrap().trim_end(), format!("Look at {link}"));
    assert_eq!(ours["headers"]["subject"], "Ein Webhook-Endpunkt ist abgeschaltet");
    assert!(ours["text"].as_str().unwrap().contains(&link), "{ours}");
}

#[tokio::test(flavor = "multi_thread")]
async fn invitation_is_sent_and_answered_whether_or_not_the_mail_arrives() {
    let smtp = Smtp::start().await;
    let (url, from) = smtp.flags();
    let world = World::with(&["--smtp-url", &url, "--mail-from", &from], false).await;
    let admin = world.console(ConsoleRole::SuperAdmin).await;
    let invite = |email: &'static str| admin.post("/api/console/users", json!({"email": email, "role": "reviewer"}));
    let invited = invite("ama@example.com").await.expect(201);
    assert_eq!(invited["mail"], "sent");
    let [message] = &smtp.messages()[..] else { panic!("{:?}", smtp.messages()) };
    assert_eq!(message["to"], json!(["ama@example.com"]));
    let (text, link) = (message["text"].as_str().unwrap(), invited["invitation_url"].as_str().unwrap());
    assert!(text.contains(link) && text.contains("Hello ama@example.com,") && text.contains("72 hours"), "{text}");

    let refused = invite("refused@example.com").await.expect(201);
    assert_eq!(refused["mail"], "failed");
    assert!(refused["invitation_url"].as_str().unwrap().contains("/console/invitation#token="));
    let without = World::new().await;
    let admin = without.console(ConsoleRole::SuperAdmin).await;
    let invited = admin.post("/api/console/users", json!({"email": "ama@example.com", "role": "auditor"})).await;
    assert_eq!(invited.expect(201)["mail"], "off");
}

/// The job of one server.
fn overdue_job(world: &World) -> OverdueReviews {
    OverdueReviews {
        store: world.app.store.clone(),
        console: world.app.console.clone(),
        mail: world.app.staff_mail.clone(),
        clock: world.clock.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn overdue_reviews_are_told_once_an_hour_to_those_who_may_decide_them() {
    let smtp = Smtp::start().await;
    let (url, from) = smtp.flags();
    let world = World::with(&["--smtp-url", &url, "--mail-from", &from], true).await;
    submit(&world, "one", Some("red")).await;
    let ann = world.sign_in(ConsoleRole::Reviewer, Some(&["red"])).await.user;
    world.sign_in(ConsoleRole::Reviewer, Some(&["blue"])).await;
    world.sign_in(ConsoleRole::Auditor, None).await;
    let muted = ConsoleUser { mutes_overdue: true, ..world.new_console_user(ConsoleRole::Admin, None) };
    world.sign_in_user(muted).await;
    let send = async || {
        // Two servers look at the same time.
        let jobs = [overdue_job(&world), overdue_job(&world)];
        let (one, other) = tokio::join!(jobs[0].send_messages(), jobs[1].send_messages());
        one.unwrap() + other.unwrap()
    };
    assert_eq!(send().await, 0, "it is not due yet");
    world.clock.advance(24 * 3_600 + 1);
    assert_eq!(send().await, 1);
    let [message] = &smtp.messages()[..] else { panic!("{:?}", smtp.messages()) };
    assert_eq!(message["to"], json!([ann.email]));
    let text = message["text"].as_str().unwrap();
    assert!(text.contains("decide: 1") && text.contains("/console/queue?due=late"), "{text}");
    assert!(!message.to_string().contains("Canary") && !message.to_string().contains("CANARY"), "{message}");

    submit(&world, "two", Some("red")).await;
    world.clock.advance(3_601);
    assert_eq!(send().await, 0, "none became due since then");
    world.clock.advance(24 * 3_600);
    assert_eq!(send().await, 1);
    assert!(smtp.messages()[1]["text"].as_str().unwrap().contains("decide: 2"));
    world.clock.advance(3_600);
    assert_eq!(send().await, 0, "the same two are overdue");
}

#[tokio::test(flavor = "multi_thread")]
async fn review_that_becomes_due_within_the_hour_waits_for_its_end() {
    let smtp = Smtp::start().await;
    let (url, from) = smtp.flags();
    let world = World::with(&["--smtp-url", &url, "--mail-from", &from], true).await;
    let ann = world.sign_in(ConsoleRole::Reviewer, None).await.user;
    let disabled =
        ConsoleUser { status: ConsoleUserStatus::Disabled, ..world.new_console_user(ConsoleRole::SuperAdmin, None) };
    world.sign_in_user(disabled).await;
    submit(&world, "one", None).await;
    world.clock.advance(600);
    submit(&world, "two", None).await;
    let send = async || overdue_job(&world).send_messages().await.unwrap();
    world.clock.advance(24 * 3_600 - 599);
    assert_eq!(send().await, 1, "the first is due");
    world.clock.advance(600);
    assert_eq!(send().await, 0, "the second is due, and the hour has not passed");
    world.clock.advance(3_000);
    assert_eq!(send().await, 1);
    let told: Vec<_> = smtp.messages().iter().map(|message| message["to"].clone()).collect();
    assert_eq!(told, [json!([ann.email]), json!([ann.email])], "nobody who is disabled");
    assert!(smtp.messages()[1]["text"].as_str().unwrap().contains("decide: 2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn user_switches_the_message_off_and_admins_send_themselves_an_example() {
    let smtp = Smtp::start().await;
    let (url, from) = smtp.flags();
    let world = World::with(&["--smtp-url", &url, "--mail-from", &from], false).await;
    let admin = world.sign_in(ConsoleRole::Admin, None).await;
    assert_eq!(admin.browser.get("/api/console/me").await.expect(200)["data"]["overdue_mail"], true);
    let changed = admin.browser.patch("/api/console/me", json!({"overdue_mail": false})).await.expect(200);
    assert_eq!(changed["data"]["overdue_mail"], false);
    assert!(world.app.console.user(admin.user.id).await.unwrap().unwrap().mutes_overdue);

    let kinds = admin.browser.get("/api/console/mail_kinds").await.expect(200)["data"].clone();
    assert_eq!((kinds.as_array().unwrap().len(), kinds[0]["texts"].as_array().unwrap().len()), (4, 4));
    let own = json!({"reviews_overdue": {"de": {"subject": "{count} offen", "text": "Siehe {link}"}}});
    world.operator().put("/api/settings/mail_templates", json!({"value": own})).await.expect(200);
    let path = "/api/console/mail_kinds/example";
    let sent = admin.browser.post(path, json!({"kind": "reviews_overdue", "language": "de"})).await.expect(200);
    assert_eq!(sent["mail"], "sent");
    let [message] = &smtp.messages()[..] else { panic!("{:?}", smtp.messages()) };
    assert_eq!((&message["to"], &message["headers"]["subject"]), (&json!([admin.user.email]), &json!("3 offen")));
    let early = admin.browser.post(path, json!({"kind": "invitation", "language": "en"})).await;
    assert_eq!((early.status, &early.body["error"]), (429, &json!("An example was sent just now")));
    for (body, field) in [
        (json!({"kind": "birthday", "language": "en"}), "kind"),
        (json!({"kind": "invitation", "language": "it"}), "language"),
    ] {
        assert!(admin.browser.post(path, body).await.expect(400)["fields"][field].is_string());
    }
    let reviewer = world.console(ConsoleRole::Reviewer).await;
    reviewer.post(path, json!({"kind": "invitation", "language": "en"})).await.expect(403);
    reviewer.get("/api/console/mail_kinds").await.expect(403);
}
