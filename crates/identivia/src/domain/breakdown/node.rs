//! A node of the breakdown, and how a parent follows from its children.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::reason::{ReasonClass, ReasonCode};
use crate::records::checks::{Assurance, Check, CheckKind, Outcome};

/// What a node says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = BreakdownResult)]
#[serde(rename_all = "snake_case")]
pub enum NodeResult {
    Pass,
    /// A reviewer should look.
    Warn,
    Fail,
    /// It was not asked for.
    NotApplicable,
    /// The check gave no result.
    Unknown,
}

impl NodeResult {
    /// The order in which results make up their parent's: the largest counts.
    const fn weight(self) -> u8 {
        match self {
            Self::NotApplicable => 0,
            Self::Pass => 1,
            Self::Unknown => 2,
            Self::Warn => 3,
            Self::Fail => 4,
        }
    }

    /// The worse of two results. Next to a pass, what was not asked for does not count.
    #[must_use]
    pub const fn worse(self, other: Self) -> Self {
        if other.weight() > self.weight() { other } else { self }
    }
}

impl From<Outcome> for NodeResult {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass => Self::Pass,
            Outcome::Warn => Self::Warn,
            Outcome::Fail => Self::Fail,
            Outcome::NotApplicable => Self::NotApplicable,
        }
    }
}

/// A node of the breakdown. Names are permanent; a new version of the API may add nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BreakdownNode {
    /// Such as `document.integrity.image_quality`.
    pub node: String,
    pub result: NodeResult,
    /// The worst of its children.
    pub class: ReasonClass,
    /// Codes of the catalogue that fit what was found. They are proposals.
    #[schema(value_type = Vec<ReasonCode>)]
    pub reasons: Vec<&'static str>,
    /// On the check's own scale, as a decimal number.
    #[schema(required = true)]
    pub score: Option<String>,
    /// From which score on the check passes.
    #[schema(required = true)]
    pub threshold: Option<String>,
    /// What a pass rests on: the weakest of the children that passed.
    #[schema(required = true)]
    pub assurance: Option<Assurance>,
    /// The checks that it comes from.
    pub from: Vec<CheckKind>,
    #[schema(no_recursion)]
    pub children: Vec<Self>,
}

impl BreakdownNode {
    /// A leaf that nothing has measured.
    pub(super) fn unmeasured(node: String, result: NodeResult) -> Self {
        let class = if result == NodeResult::Unknown { ReasonClass::Caution } else { ReasonClass::Clear };
        Self {
            node,
            result,
            class,
            reasons: Vec::new(),
            score: None,
            threshold: None,
            assurance: None,
            from: Vec::new(),
            children: Vec::new(),
        }
    }

    /// A parent that follows from its children.
    pub(super) fn group(node: &str, children: Vec<Self>) -> Self {
        let result = children.iter().map(|child| child.result).fold(NodeResult::NotApplicable, NodeResult::worse);
        let mut parent = Self::unmeasured(node.to_owned(), result);
        parent.class = children.iter().map(|child| child.class).max().unwrap_or_default();
        for child in &children {
            parent.add_sources(&child.from);
            parent.add_reasons(&child.reasons);
            parent.assurance = parent.assurance.max(child.assurance.filter(|_| result == NodeResult::Pass));
        }
        parent.children = children;
        parent
    }

    /// The same node, no better than the outcome of the check that it stands for. A check may doubt what none of its findings
    /// doubts, as where too little could be compared.
    pub(super) fn bounded_by(mut self, checks: Option<&[Check]>, kind: Option<CheckKind>) -> Self {
        let found = checks.into_iter().flatten().find(|check| Some(check.check) == kind);
        let Some(check) = found else { return self };
        let outcome = NodeResult::from(check.outcome);
        if outcome.weight() > self.result.weight() {
            let class = match check.outcome {
                Outcome::Fail => ReasonClass::Suspect,
                Outcome::Warn => ReasonClass::Caution,
                Outcome::Pass | Outcome::NotApplicable => ReasonClass::Clear,
            };
            // Findings that were not counted as a pass keep their group from becoming one.
            if outcome != NodeResult::Pass {
                self.result = outcome;
                self.class = self.class.max(class);
                self.add_sources(&[check.check]);
            }
        }
        if self.result != NodeResult::Pass {
            self.assurance = None;
        }
        self
    }

    pub(super) fn add_reasons(&mut self, reasons: &[&'static str]) {
        for reason in reasons {
            if !self.reasons.contains(reason) {
                self.reasons.push(reason);
            }
        }
    }

    fn add_sources(&mut self, kinds: &[CheckKind]) {
        for kind in kinds {
            if !self.from.contains(kind) {
                self.from.push(*kind);
            }
        }
    }
}
