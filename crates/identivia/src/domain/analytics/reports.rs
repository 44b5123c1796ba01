//! Reports: the rows that are made of a window's counts. docs/analytics.md defines each number.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;

use super::count_names::{
    DECIDED_BY, DECISION_TIME, DECISIONS, FINDING, FIRST_PASS, FUNNEL, GROUP, HANDLING_TIME, OF_COHORT, REASON,
    RECORDS, REJECTED, REOPENED, RESUBMISSION_REASON, RESUBMISSION_STEP, RESUBMISSIONS, REVIEWER,
    SECOND_LOOK_DISAGREEMENTS, SECOND_LOOKS, VERIFIED, WAITING_TIME,
};
use super::histogram::quantile;
use super::wilson_interval::Rate;
use crate::domain::csv_text::csv_row;

/// The smallest group whose numbers are shown: those of a smaller one could tell of single persons.
const SMALLEST_GROUP: u64 = 10;
/// What is shown of a smaller one.
const FEW: &str = "< 10";
/// Who decides without being a human: what a decision is made by otherwise counts as a human's.
const AUTOMATIC: [&str; 3] = ["client", "rules", "system"];

/// One number of a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = AnalyticsRow, example = json!({
    "name": "sent", "group": null, "count": 120, "shown": "120",
    "rate": {"value": 0.8, "low": 0.728, "high": 0.857, "of": 150}, "median_seconds": null, "p90_seconds": null,
}))]
pub struct ReportRow {
    /// What it is a number of: a step, a rate, a duration, a reason's code.
    pub name: String,
    /// The country, the kind of document or the day that it is about.
    #[schema(required = true)]
    pub group: Option<String>,
    /// The name of the person at the console whom the group is about; left out elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub label: Option<String>,
    /// `null` where the row has none, or the group is too small to show it.
    #[schema(required = true)]
    pub count: Option<u64>,
    /// The count as a text: `< 10` where it is too small.
    #[schema(required = true)]
    pub shown: Option<String>,
    #[schema(required = true)]
    pub rate: Option<Rate>,
    #[schema(required = true)]
    pub median_seconds: Option<f64>,
    #[schema(required = true)]
    pub p90_seconds: Option<f64>,
}

impl ReportRow {
    const COLUMNS: [&str; 10] =
        ["name", "group", "label", "count", "value", "low", "high", "of", "median_seconds", "p90_seconds"];

    fn with_count(name: impl Into<String>, count: u64) -> Self {
        Self { name: name.into(), count: Some(count), shown: Some(count.to_string()), ..Self::default() }
    }

    fn with_rate(self, of: u64) -> Self {
        Self { rate: Some(Rate::new(self.count.unwrap_or(0), of)), ..self }
    }

    fn in_group(self, group: &str) -> Self {
        Self { group: Some(group.to_owned()), ..self }
    }

    /// The head of a report as CSV.
    #[must_use]
    pub fn csv_head() -> String {
        csv_row(Self::COLUMNS)
    }

    /// The row as CSV.
    #[must_use]
    pub fn to_csv_row(&self) -> String {
        let real = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
        let rate = self.rate.unwrap_or(Rate { value: None, low: None, high: None, of: 0 });
        let of = self.rate.map(|rate| rate.of.to_string()).unwrap_or_default();
        let (value, low, high) = (real(rate.value), real(rate.low), real(rate.high));
        let (median, p90) = (real(self.median_seconds), real(self.p90_seconds));
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (group, label, shown) = (text(&self.group), text(&self.label), text(&self.shown));
        csv_row([&*self.name, &*group, &*label, &*shown, &value, &low, &high, &of, &median, &p90])
    }
}

/// The counts of a window, by name.
#[derive(Clone, Debug, Default)]
pub struct WindowCounts(BTreeMap<String, u64>);

impl WindowCounts {
    /// Adds other counts.
    pub fn add(&mut self, other: &Self) {
        self.add_day(&other.0);
    }

    /// Adds the counts of a day.
    pub fn add_day(&mut self, counts: &BTreeMap<String, u64>) {
        for (name, count) in counts {
            *self.0.entry(name.clone()).or_insert(0) += count;
        }
    }

    /// How often that was counted.
    #[must_use]
    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// What follows a name's beginning, with the counts.
    fn counts_below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
        let names = self.0.range(prefix.to_owned()..);
        names.map_while(move |(name, count)| Some((name.strip_prefix(prefix)?, *count)))
    }

    /// Verification records that were made.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.of(RECORDS)
    }

    /// Verified of all that were decided, by first final status.
    #[must_use]
    pub fn success_rate(&self) -> Rate {
        let verified = self.of(VERIFIED);
        Rate::new(verified, verified + self.of(REJECTED))
    }

    /// Which part of the profiles that were created is not decided yet. `None` when none was.
    #[must_use]
    pub fn open_share(&self) -> Option<f64> {
        let step = |name: &str| self.of(&format!("{OF_COHORT}{name}"));
        let created = step("created");
        Rate::new(created.saturating_sub(step("decided")), created).value
    }

    /// How many profiles reached each step, and which part of all that is.
    #[must_use]
    pub fn funnel(&self) -> Vec<ReportRow> {
        let count = |step: &str| self.of(&format!("{OF_COHORT}{step}"));
        let created = count("created");
        FUNNEL.into_iter().map(|step| ReportRow::with_count(step, count(step)).with_rate(created)).collect()
    }

    /// The rates of the window.
    #[must_use]
    pub fn rates(&self) -> Vec<ReportRow> {
        let (verified, decided) = (self.of(VERIFIED), self.of(VERIFIED) + self.of(REJECTED));
        let automatic = AUTOMATIC.map(|word| self.of(&format!("{DECIDED_BY}{word}"))).into_iter().sum();
        let row = |name: &str, part: u64, of: u64| ReportRow::with_count(name, part).with_rate(of);
        vec![
            row("success", verified, decided),
            row("automation", automatic, self.of(DECISIONS)),
            row("first_time_pass", self.of(FIRST_PASS), verified),
            row("resubmissions", self.of(RESUBMISSIONS), self.of(RECORDS)),
            row("overturned", self.of(REOPENED), self.of(DECISIONS)),
            row("second_look_disagreements", self.of(SECOND_LOOK_DISAGREEMENTS), self.of(SECOND_LOOKS)),
        ]
    }

    /// How long a decision takes, without and with waiting for the person, and how long reviewers hold a review.
    #[must_use]
    pub fn times(&self) -> Vec<ReportRow> {
        vec![
            self.duration("time_to_decision", DECISION_TIME),
            self.duration("waiting_for_person", WAITING_TIME),
            self.duration("handling_time", HANDLING_TIME),
        ]
    }

    /// Why profiles were rejected or asked for another try, and what stood out in checks. The most frequent come first.
    #[must_use]
    pub fn reasons(&self) -> Vec<ReportRow> {
        let parts = [
            ("rejection", REASON, self.of(REJECTED)),
            ("resubmission", RESUBMISSION_REASON, self.of(RESUBMISSIONS)),
            ("resubmission_step", RESUBMISSION_STEP, self.of(RESUBMISSIONS)),
            ("finding", FINDING, self.of(RECORDS)),
        ];
        let mut rows = Vec::new();
        for (group, prefix, of) in parts {
            let counted = self.counts_below(prefix).map(|(code, count)| (count, code));
            let sorted: BTreeSet<(u64, &str)> = counted.collect();
            let row = |(count, code): (u64, &str)| ReportRow::with_count(code, count).with_rate(of).in_group(group);
            rows.extend(sorted.into_iter().rev().map(row));
        }
        rows
    }

    /// Records, success and first-time pass of each group. Of a group with fewer than ten records only that is said.
    #[must_use]
    pub fn breakdown(&self, by: &str) -> Vec<ReportRow> {
        let prefix = format!("{GROUP}{by}/");
        let groups: BTreeSet<&str> =
            self.counts_below(&prefix).filter_map(|(rest, _)| Some(rest.split_once('/')?.0)).collect();
        let mut rows = Vec::new();
        for group in groups {
            let count = |name: &str| self.of(&format!("{prefix}{group}/{name}"));
            let records = count(RECORDS);
            if records.max(count(VERIFIED) + count(REJECTED)) < SMALLEST_GROUP {
                let few = ReportRow { name: "records".to_owned(), shown: Some(FEW.to_owned()), ..ReportRow::default() };
                rows.push(few.in_group(group));
                continue;
            }
            let decided = count(VERIFIED) + count(REJECTED);
            let of_group = [
                ReportRow::with_count("records", records),
                ReportRow::with_count("success", count(VERIFIED)).with_rate(decided),
                ReportRow::with_count("first_time_pass", count(FIRST_PASS)).with_rate(count(VERIFIED)),
            ];
            rows.extend(of_group.map(|row| row.in_group(group)));
        }
        rows
    }
}

/// What the report about reviewers counts of each.
const OF_REVIEWERS: [&str; 7] =
    ["claims", "decisions", "approvals", "rejections", "resubmission_requests", "second_looks", "undone"];

impl WindowCounts {
    /// What each reviewer has done, or one of them alone, and how long they held a review.
    #[must_use]
    pub fn reviewers(&self, only: Option<&str>) -> Vec<ReportRow> {
        let users: BTreeSet<&str> =
            self.counts_below(REVIEWER).filter_map(|(rest, _)| Some(rest.split_once('/')?.0)).collect();
        let mut rows = Vec::new();
        for user in users.into_iter().filter(|user| only.is_none_or(|only| only == *user)) {
            let prefix = format!("{REVIEWER}{user}/");
            let count = |what: &str| ReportRow::with_count(what, self.of(&format!("{prefix}{what}"))).in_group(user);
            rows.extend(OF_REVIEWERS.map(count));
            rows.push(self.duration("handling_time", &format!("{prefix}{HANDLING_TIME}")).in_group(user));
        }
        rows
    }

    /// A duration that is counted in buckets.
    fn duration(&self, name: &str, prefix: &str) -> ReportRow {
        let parsed = self.counts_below(prefix).filter_map(|(bucket, count)| Some((bucket.parse().ok()?, count)));
        let buckets: Vec<(u64, u64)> = parsed.collect();
        let all = buckets.iter().map(|(_, count)| count).sum();
        let (median_seconds, p90_seconds) = (quantile(&buckets, 0.5), quantile(&buckets, 0.9));
        ReportRow { median_seconds, p90_seconds, ..ReportRow::with_count(name, all) }
    }
}

/// The rates of each day.
#[must_use]
pub fn rates_by_day(days: &[(String, WindowCounts)]) -> Vec<ReportRow> {
    days.iter().flat_map(|(day, counts)| counts.rates().into_iter().map(|row| row.in_group(day))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(counts: &[(&str, u64)]) -> WindowCounts {
        let mut window = WindowCounts::default();
        window.add_day(&counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect());
        window
    }

    #[test]
    fn small_groups_show_no_numbers() {
        let counts = window(&[
            ("group/country/UTO/records", 9),
            ("group/country/UTO/verified", 9),
            ("group/country/SE/records", 10),
            ("group/country/SE/verified", 6),
            ("group/country/SE/rejected", 2),
            ("group/country/SE/first_pass", 3),
            ("group/countrywide/x/records", 99),
        ]);
        let rows = counts.breakdown("country");
        let said: Vec<_> =
            rows.iter().map(|row| (row.name.as_str(), row.group.as_deref().unwrap(), row.count)).collect();
        let expected = [
            ("records", "SE", Some(10)),
            ("success", "SE", Some(6)),
            ("first_time_pass", "SE", Some(3)),
            ("records", "UTO", None),
        ];
        assert_eq!(said, expected);
        assert_eq!((rows[1].rate.unwrap().of, rows[2].rate.unwrap().of), (8, 6));
        assert_eq!((rows[3].shown.as_deref(), rows[3].rate), (Some("< 10"), None));
        assert_eq!(rows[3].to_csv_row(), "records,UTO,,< 10,,,,,,\r\n");
    }

    #[test]
    fn rates_follow_from_their_counts() {
        let counts = window(&[
            (VERIFIED, 8),
            (REJECTED, 2),
            (DECISIONS, 12),
            ("decided_by/client", 6),
            ("decided_by/rules", 3),
            ("decided_by/reviewer", 3),
            (FIRST_PASS, 4),
            (RECORDS, 20),
            (RESUBMISSIONS, 5),
            (REOPENED, 1),
            ("cohort/created", 50),
            ("cohort/decided", 40),
        ]);
        let values: Vec<_> = counts.rates().into_iter().filter_map(|row| Some((row.name, row.rate?.value?))).collect();
        let expected = [
            ("success", 0.8),
            ("automation", 0.75),
            ("first_time_pass", 0.5),
            ("resubmissions", 0.25),
            ("overturned", 1.0 / 12.0),
        ];
        assert_eq!(values, expected.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(counts.open_share(), Some(0.2));
        assert_eq!(window(&[]).open_share(), None);
    }
}
