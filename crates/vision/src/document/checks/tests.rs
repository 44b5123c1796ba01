use super::*;
use crate::document::tests::{face, found, license, passport_zone, today};

fn claims(lines: &[&str]) -> SourceClaims {
    let found = found(lines, 0.99);
    SourceClaims::from_zone(&found.zone, found.confidence, today())
}

fn passport() -> SourceClaims {
    claims(&passport_zone())
}

fn claimed(text: &str) -> Option<ClaimedDate> {
    let mut parts = text.split('-').map(|part| part.parse().unwrap());
    let mut next = || parts.next().unwrap();
    let (year, month, day): (u16, u16, u16) = (next(), next(), next());
    let part = |part: u16| u8::try_from(part).ok().filter(|part| *part > 0);
    Some(ClaimedDate { year, month: part(month), day: part(day), full_year: true })
}

fn dates(birth: &str, expiry: &str, issued: &str, proven: bool) -> DocumentDates {
    DocumentDates {
        has_no_expiry: false,
        birth: claimed(birth),
        expiry: claimed(expiry),
        issued: claimed(issued),
        proven,
        issued_proven: proven,
    }
}

#[test]
fn wrong_digits_fail_only_when_read_with_certainty() {
    let [first, second] = passport_zone();
    let changed = second.replace("7408122", "7408123");
    let lines = [first, changed.as_str()];
    assert_eq!(check_zone_digits(Some(&found(&passport_zone(), 0.7)), true).outcome, Outcome::Pass);
    let wrong = check_zone_digits(Some(&found(&lines, 0.95)), true);
    assert_eq!(wrong.outcome, Outcome::Fail);
    assert_eq!(wrong.evidence[0], ("wrong", serde_json::json!(["date_of_birth", "composite"])));
    assert_eq!(check_zone_digits(Some(&found(&lines, 0.8)), true).outcome, Outcome::Warn);
    assert_eq!(check_zone_digits(None, true).outcome, Outcome::Warn);
    assert_eq!(check_zone_digits(None, false).outcome, Outcome::NotApplicable);
}

#[test]
fn document_is_valid_to_the_end_of_its_last_day() {
    let outcome =
        |expiry: &str, proven| check_expiry(&dates("1974-08-12", expiry, "2005-01-01", proven), today()).outcome;
    assert_eq!(outcome("2010-06-15", true), Outcome::Pass);
    assert_eq!(outcome("2010-06-14", true), Outcome::Fail);
    assert_eq!(outcome("2010-06-14", false), Outcome::Warn);
    assert_eq!(outcome("2010-06-0", true), Outcome::Pass);
    assert_eq!(outcome("2010-05-0", true), Outcome::Fail);
    assert_eq!(check_expiry(&DocumentDates::default(), today()).outcome, Outcome::NotApplicable);
}

#[test]
fn impossible_dates_are_named() {
    let good = ("1974-08-12", "2012-04-15", "2002-04-15");
    let problems = |birth, expiry, issued| {
        let finding = check_plausible_dates(&dates(birth, expiry, issued, true), today());
        assert_eq!(finding.outcome == Outcome::Pass, finding.evidence[0].1 == serde_json::json!([]));
        finding.evidence[0]
            .1
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(problems(good.0, good.1, good.2), Vec::<String>::new());
    assert_eq!(problems("1974-02-30", good.1, good.2), ["birth_does_not_exist"]);
    assert_eq!(problems(good.0, "2012-13-01", good.2), ["expiry_does_not_exist"]);
    assert_eq!(problems("2011-01-01", good.1, "2010-01-01"), ["birth_in_the_future", "issue_before_birth"]);
    assert_eq!(problems("1880-01-01", good.1, good.2), ["holder_too_old"]);
    assert_eq!(problems("1890-01-01", good.1, good.2), Vec::<String>::new());
    assert_eq!(problems("2009-01-01", "2008-01-01", "2009-02-01"), ["expiry_before_birth", "expiry_before_issue"]);
    assert_eq!(problems(good.0, "2060-06-16", good.2), ["expiry_too_far_ahead"]);
    assert_eq!(problems(good.0, good.1, "2010-06-16"), ["issue_in_the_future"]);
    assert_eq!(problems(good.0, good.1, "1974-08-11"), ["issue_before_birth"]);
    let misread = check_plausible_dates(&dates("1974-02-30", good.1, good.2, false), today());
    assert_eq!(misread.outcome, Outcome::Warn);
    assert_eq!(check_plausible_dates(&DocumentDates::default(), today()).outcome, Outcome::NotApplicable);
}

#[test]
fn unknown_issuers_fail_only_with_unknown_nationality() {
    let outcome = |state: &str, nationality: &str, change: fn(&mut SourceClaims)| {
        let mut claims =
            SourceClaims { issuing_state: state.to_owned(), nationality: nationality.to_owned(), ..passport() };
        change(&mut claims);
        check_issuing_state(Some(&claims)).outcome
    };
    assert_eq!(outcome("D", "D", |_| {}), Outcome::Pass);
    assert_eq!(outcome("UTO", "UTO", |_| {}), Outcome::Pass, "`specimen` says what that is");
    assert_eq!(outcome("QQQ", "QQQ", |_| {}), Outcome::Fail);
    assert_eq!(outcome("LTA", "ITA", |_| {}), Outcome::Warn);
    assert_eq!(outcome("QQQ", "QQQ", |claims| claims.sure = false), Outcome::Warn);
    assert_eq!(outcome("QQQ", "QQQ", |claims| claims.proven = false), Outcome::Warn);
    assert_eq!(check_issuing_state(None).outcome, Outcome::NotApplicable);
}

#[test]
fn zone_and_barcode_of_two_people_contradict() {
    let zone = passport();
    let same = SourceClaims::from_license(&license("ERIKSSON", "ANNA MARIA", "L898902C3", (1974, 8, 12)));
    let outcome = |change: fn(&mut SourceClaims)| {
        let mut barcode = same.clone();
        change(&mut barcode);
        check_zone_and_barcode(Some(&zone), Some(&barcode)).outcome
    };
    assert_eq!(outcome(|_| {}), Outcome::Pass);
    assert_eq!(outcome(|barcode| barcode.document_number = "D1234567".to_owned()), Outcome::Warn);
    assert_eq!(outcome(|barcode| barcode.date_of_birth = claimed("1975-08-12")), Outcome::Fail);
    assert_eq!(
        outcome(|barcode| {
            barcode.surname = "SMITH".to_owned();
            barcode.given_names = "JOHN".to_owned();
        }),
        Outcome::Fail
    );
    let misread = SourceClaims { proven: false, ..zone.clone() };
    let other = SourceClaims { date_of_birth: claimed("1975-08-12"), ..same.clone() };
    assert_eq!(check_zone_and_barcode(Some(&misread), Some(&other)).outcome, Outcome::Warn);
    assert_eq!(check_zone_and_barcode(Some(&zone), None).outcome, Outcome::NotApplicable);
}

#[test]
fn faces_of_two_people_fail() {
    let outcome = |faces: &[SideFace], on_back| check_portrait(faces, on_back).outcome;
    assert_eq!(outcome(&[], false), Outcome::Fail);
    assert_eq!(outcome(&[face(200.0, false)], false), Outcome::Pass);
    assert_eq!(outcome(&[face(200.0, false), face(60.0, false)], false), Outcome::Pass);
    assert_eq!(outcome(&[face(200.0, false), face(180.0, true)], false), Outcome::Fail);
    assert_eq!(outcome(&[face(400.0, false), face(100.0, true)], false), Outcome::Fail, "however large one's own is");
    assert_eq!(outcome(&[face(200.0, false)], true), Outcome::Warn);
    assert_eq!(outcome(&[face(30.0, false)], false), Outcome::Warn);
}
