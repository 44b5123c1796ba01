//! Tests of the breakdown.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::reason::{ReasonClass, find_reason};
use crate::records::checks::{Assurance, Finding};
use crate::records::finding_code::FINDING_CODES;
use crate::records::id::RecordId;

const KINDS: [CheckKind; 4] =
    [CheckKind::Document, CheckKind::FaceMatch, CheckKind::Liveness, CheckKind::DataAgreement];
const OUTCOMES: [Outcome; 4] = [Outcome::Pass, Outcome::Fail, Outcome::Warn, Outcome::NotApplicable];

fn record() -> VerificationRecord {
    let id = RecordId::random();
    serde_json::from_value(json!({"id": id, "profile": id, "document_type": "passport",
        "created": "2026-03-21 00:00:00.000Z", "updated": "2026-03-21 00:00:00.000Z"}))
    .unwrap()
}

fn check(kind: CheckKind, outcome: Outcome, findings: Vec<Finding>) -> Check {
    Check {
        check: kind,
        outcome,
        score: Some(0.41),
        threshold: Some(0.5),
        engine: "e".to_owned(),
        weights: Vec::new(),
        assurance: Assurance::Model,
        message: String::new(),
        findings,
        readings: Vec::new(),
        eyes: Vec::new(),
    }
}

fn finding(code: &str, outcome: Outcome) -> Finding {
    Finding::new(code, outcome, "", [])
}

fn compared(code: &str, outcome: Outcome) -> Finding {
    Finding::new(code, outcome, "", [("similarity", json!(0.4))])
}

fn tree(checks: Vec<Check>) -> Vec<BreakdownNode> {
    break_down(&record(), &KnownChecks::Done(checks)).unwrap()
}

fn find<'a>(nodes: &'a [BreakdownNode], name: &str) -> &'a BreakdownNode {
    fn search<'a>(nodes: &'a [BreakdownNode], name: &str) -> Option<&'a BreakdownNode> {
        nodes.iter().find_map(|node| if node.node == name { Some(node) } else { search(&node.children, name) })
    }
    search(nodes, name).unwrap_or_else(|| panic!("no node {name}"))
}

#[test]
fn finding_leads_to_its_leaf_reason_and_class() {
    let nodes = tree(vec![check(
        CheckKind::Document,
        Outcome::Warn,
        vec![finding("glare", Outcome::Warn), finding("mrz_check_digits", Outcome::Pass)],
    )]);
    let leaf = find(&nodes, "document.integrity.image_quality");
    assert_eq!((leaf.result, leaf.class), (NodeResult::Warn, ReasonClass::Retry));
    assert_eq!((leaf.reasons.as_slice(), leaf.from.as_slice()), (&["glare_on_photo"][..], &[CheckKind::Document][..]));
    let document = find(&nodes, "document");
    assert_eq!(
        (document.result, document.class, document.reasons.as_slice()),
        (leaf.result, leaf.class, &["glare_on_photo"][..])
    );
    let digits = find(&nodes, "document.data.mrz_checksums");
    assert_eq!((digits.result, digits.assurance), (NodeResult::Pass, Some(Assurance::Model)));
}

#[test]
fn parent_takes_the_worst_class_of_its_children() {
    let suspect = check(
        CheckKind::Document,
        Outcome::Fail,
        vec![
            finding("glare", Outcome::Warn),
            finding("expired", Outcome::Fail),
            finding("screen", Outcome::Warn),
            finding("mrz_check_digits", Outcome::Fail),
        ],
    );
    let nodes = tree(vec![suspect]);
    let class = |name: &str| find(&nodes, name).class;
    assert_eq!(class("document.integrity"), ReasonClass::Retry);
    assert_eq!(class("document.authenticity"), ReasonClass::Caution);
    assert_eq!(class("document.data"), ReasonClass::Suspect);
    assert_eq!(class("document"), ReasonClass::Suspect);
}

#[test]
fn picture_without_traces_of_a_screen_is_no_proof_of_an_original() {
    let nodes = tree(vec![check(
        CheckKind::Document,
        Outcome::Pass,
        vec![finding("screen", Outcome::Pass), finding("edited", Outcome::Pass)],
    )]);
    assert_eq!(find(&nodes, "document.authenticity").result, NodeResult::NotApplicable);
    assert_eq!(find(&nodes, "document").result, NodeResult::NotApplicable, "no leaf was measured");
}

#[test]
fn faces_that_could_not_be_compared_are_unknown_and_their_score_is_a_decimal_text() {
    let nodes = tree(vec![check(
        CheckKind::FaceMatch,
        Outcome::Warn,
        vec![finding("selfie_and_document", Outcome::Warn), compared("liveness_and_selfie", Outcome::Pass)],
    )]);
    let (detected, matched) = (find(&nodes, "face.detected"), find(&nodes, "face.match"));
    assert_eq!((detected.result, detected.reasons.as_slice()), (NodeResult::Warn, &["face_not_detected"][..]));
    assert_eq!(
        (matched.result, matched.score.as_deref(), matched.threshold.as_deref()),
        (NodeResult::Unknown, Some("0.41"), Some("0.5"))
    );
    assert_eq!(find(&nodes, "face").result, NodeResult::Warn);
    let nodes =
        tree(vec![check(CheckKind::FaceMatch, Outcome::Fail, vec![compared("selfie_and_document", Outcome::Fail)])]);
    let matched = find(&nodes, "face.match");
    assert_eq!((matched.class, matched.reasons.as_slice()), (ReasonClass::Caution, &["face_mismatch"][..]));
}

#[test]
fn check_that_doubts_more_than_its_findings_bounds_its_group() {
    let nodes = tree(vec![check(CheckKind::DataAgreement, Outcome::Warn, vec![finding("name", Outcome::Pass)])]);
    let group = find(&nodes, "document.agreement");
    assert_eq!((group.result, group.class, group.assurance), (NodeResult::Warn, ReasonClass::Caution, None));
    assert_eq!(find(&nodes, "document.agreement.name").result, NodeResult::Pass);
}

#[test]
fn failed_checks_are_unknown_and_pending_ones_have_no_tree() {
    let nodes = break_down(&record(), &KnownChecks::Failed).unwrap();
    for name in ["document", "face.match", "liveness", "document.agreement.name"] {
        let node = find(&nodes, name);
        assert_eq!((node.result, node.class), (NodeResult::Unknown, ReasonClass::Caution), "{name}");
    }
    assert_eq!(find(&nodes, "screening").result, NodeResult::NotApplicable);
    assert!(break_down(&record(), &KnownChecks::None).is_none());
    let mut malformed = record();
    malformed.checks_status = Some(ChecksStatus::Done);
    malformed.checks = serde_json::value::RawValue::from_string("[{\"check\":\"new_kind\"}]".to_owned()).ok();
    assert!(matches!(KnownChecks::of_record(&malformed), KnownChecks::Failed));
}

#[test]
fn worst_codes_come_first_and_once() {
    let checks = KnownChecks::Done(vec![
        check(
            CheckKind::Document,
            Outcome::Fail,
            vec![finding("glare", Outcome::Warn), finding("light", Outcome::Pass), finding("screen", Outcome::Fail)],
        ),
        check(
            CheckKind::Liveness,
            Outcome::Warn,
            vec![finding("glare", Outcome::Warn), finding("timing", Outcome::Warn)],
        ),
    ]);
    assert_eq!(checks.worst_codes(5), ["screen", "glare", "timing"]);
    assert_eq!(checks.worst_codes(1), ["screen"]);
}

fn any_finding() -> impl Strategy<Value = Finding> {
    (0..FINDING_CODES.len(), 0..4_usize, any::<bool>()).prop_map(|(code, outcome, is_compared)| {
        let make = if is_compared { compared } else { finding };
        make(FINDING_CODES[code], OUTCOMES[outcome])
    })
}

fn any_checks() -> impl Strategy<Value = Vec<Check>> {
    let one = (0..4_usize, 0..4_usize, proptest::collection::vec(any_finding(), 0..12));
    proptest::collection::vec(one.prop_map(|(kind, outcome, found)| check(KINDS[kind], OUTCOMES[outcome], found)), 0..5)
}

fn assert_sound(node: &BreakdownNode) {
    let children = &node.children;
    for child in children {
        assert_sound(child);
        assert!(child.node.starts_with(&format!("{}.", node.node)), "{}", child.node);
        assert!(node.class >= child.class, "{} is milder than {}", node.node, child.node);
    }
    let has = |result| children.iter().any(|child| child.result == result);
    if node.result == NodeResult::Pass && !children.is_empty() {
        assert!(has(NodeResult::Pass), "{} passes without a child that does", node.node);
        assert!(![NodeResult::Warn, NodeResult::Fail, NodeResult::Unknown].into_iter().any(has), "{}", node.node);
    }
    if node.result == NodeResult::Unknown {
        assert_ne!(node.class, ReasonClass::Clear, "{}", node.node);
    }
    assert!(node.assurance.is_none() || node.result == NodeResult::Pass, "{}", node.node);
    assert!(node.reasons.iter().all(|code| find_reason(code).is_some()), "{}", node.node);
    let weakest = children.iter().filter_map(|child| child.assurance).max();
    assert!(node.assurance.is_none() || children.is_empty() || node.assurance == weakest, "{}", node.node);
}

proptest! {
    #[test]
    fn unknown_and_unasked_are_never_pass_and_parents_are_no_milder(checks in any_checks()) {
        for node in tree(checks) {
            assert_sound(&node);
        }
    }
}
