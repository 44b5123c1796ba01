//! The totals of each day of a year, of all teams and of each: with as many names as a busy server counts.

use identivia::records::time::Millis;
use serde_json::{Map, Value};

/// How many teams there are.
pub(crate) const TEAMS: u64 = 20;
const DAYS: i64 = 366;
const DAY: i64 = 86_400_000;
const COUNTRIES: u64 = 200;
const REVIEWERS: u64 = 50;

pub(crate) fn list_day_totals(now: Millis) -> Vec<String> {
    let today = now.0 - now.0.rem_euclid(DAY);
    let body = |share: u64| {
        Value::Object(Map::from_iter([
            ("counts".to_owned(), count_day(share)),
            ("updated".to_owned(), now.to_string().into()),
        ]))
    };
    let (all, one) = (body(TEAMS).to_string(), body(1).to_string());
    let teams =
        std::iter::once(("null".to_owned(), &all)).chain((0..TEAMS).map(|team| (format!("'team-{team}'"), &one)));
    let insert = |day: i64, number: usize, team: &str, body: &str| {
        format!(
            "insert into analytics_days (id, day, team, body) values ('d{day:09}{number:05}', {}, {team}, '{body}')",
            today - day * DAY
        )
    };
    let teams: Vec<_> = teams.enumerate().collect();
    (0..DAYS).flat_map(|day| teams.iter().map(move |(number, (team, body))| insert(day, *number, team, body))).collect()
}

/// What is counted on a day, by its name (src/domain/analytics/count_names.rs).
fn count_day(share: u64) -> Value {
    let mut counts = Map::new();
    let mut add = |name: String, count: u64| counts.insert(name, (count * share).into());
    for step in ["created", "opened", "consent", "document", "face", "sent", "decided", "verified"] {
        add(format!("cohort/{step}"), 130);
    }
    for name in [
        "records",
        "verified",
        "rejected",
        "first_pass",
        "decisions",
        "decided_by/reviewer",
        "reopened",
        "resubmissions",
        "second_looks",
    ] {
        add(name.to_owned(), 60);
    }
    for number in 0..COUNTRIES {
        let letter = |place: u64| {
            char::from(b'A' + u8::try_from(number / 26_u64.pow(u32::try_from(place).unwrap_or(0)) % 26).unwrap_or(0))
        };
        for name in ["created", "verified", "rejected", "records"] {
            add(format!("group/country/X{}{}/{name}", letter(1), letter(0)), 2);
        }
    }
    for kind in ["passport", "national_id", "driving_license"] {
        for name in ["created", "verified", "rejected", "records"] {
            add(format!("group/document_type/{kind}/{name}"), 20);
        }
    }
    for bucket in 0..60 {
        for name in ["decision_time", "waiting_time", "handling_time"] {
            add(format!("{name}/{bucket}"), 3);
        }
    }
    for number in 0..40 {
        add(format!("reason/reason_{number}"), 1);
        add(format!("finding/finding_{number}"), 1);
    }
    for reviewer in 0..REVIEWERS {
        for name in ["claimed", "decided", "late", "second"] {
            add(format!("reviewer/user{reviewer:011}/{name}"), 3);
        }
    }
    Value::Object(counts)
}
