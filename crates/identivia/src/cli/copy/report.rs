//! What came of a copy: counts of every kind, and a line for each record that is not on both sides the same.

use std::collections::HashSet;

use indicatif::{HumanBytes, HumanCount};

use crate::records::RecordKind;

/// Lines shown of each kind; the rest is counted.
const MOST_LINES: usize = 50;

/// Counts, and what is not the same on both sides.
#[derive(Default)]
pub struct CopyReport {
    /// In the order in which the kinds are copied.
    tallies: Vec<(RecordKind, Tally)>,
    same_files: usize,
    same_bytes: u64,
    other_files: usize,
    notes: Vec<String>,
}

/// The counts of one kind.
#[derive(Default)]
pub struct Tally {
    pub source: usize,
    pub target: usize,
    pub copied: usize,
    /// Those that were there before.
    pub there: usize,
    pub only_there: usize,
    different: usize,
    /// Records of which a line tells already.
    reported: HashSet<String>,
    lines: Vec<String>,
}

impl Tally {
    fn add_line(&mut self, kind: RecordKind, id: &str, what: &str) {
        self.different += 1;
        self.reported.insert(id.to_owned());
        if self.lines.len() < MOST_LINES {
            self.lines.push(format!("{} {id}: {what}", kind.name()));
        }
    }

    fn lines(&self, kind: RecordKind) -> Vec<String> {
        let mut lines = self.lines.clone();
        if self.different > lines.len() {
            lines.push(format!("{}: {} more", kind.name(), self.different - lines.len()));
        }
        if self.only_there > 0 {
            lines.push(format!("{}: {} on the target alone", kind.name(), self.only_there));
        }
        lines
    }
}

impl CopyReport {
    /// The counts of a kind.
    pub fn tally(&mut self, kind: RecordKind) -> &mut Tally {
        let index = self.tallies.iter().position(|(own, _)| *own == kind).unwrap_or_else(|| {
            self.tallies.push((kind, Tally::default()));
            self.tallies.len() - 1
        });
        &mut self.tallies[index].1
    }

    pub(super) fn note_refused(&mut self, kind: RecordKind, id: &str, why: &str) {
        self.tally(kind).add_line(kind, id, &format!("not copied: {why}"));
    }

    pub(super) fn note_missing(&mut self, kind: RecordKind, id: &str) {
        if !self.tally(kind).reported.contains(id) {
            self.tally(kind).add_line(kind, id, "not on the target");
        }
    }

    pub(super) fn note_differences(&mut self, kind: RecordKind, id: &str, differing: &[&str]) {
        if !differing.is_empty() && !self.tally(kind).reported.contains(id) {
            self.tally(kind).add_line(kind, id, &format!("different: {}", differing.join(", ")));
        }
    }

    pub(super) fn count_same_file(&mut self, bytes: u64) {
        self.same_files += 1;
        self.same_bytes += bytes;
    }

    pub(super) fn count_missing_files(&mut self, count: usize) {
        self.other_files += count;
    }

    pub(super) fn note_self_set_fields(&mut self, kind: RecordKind, columns: &[&str]) {
        if !columns.is_empty() {
            let columns = columns.join(", ");
            self.notes.push(format!(
                "note: {}: PocketBase sets {columns} by itself (autodate fields), so they are not the source's",
                kind.name()
            ));
        }
    }

    pub(super) fn note_left_behind(&mut self, kind: RecordKind, count: usize) {
        if count > 0 {
            self.notes
                .push(format!("note: {}: {count} stay on the source, because PocketBase keeps none", kind.name()));
        }
    }

    /// What is to be printed: what is not the same, then a table.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.notes.clone();
        lines.extend(self.tallies.iter().flat_map(|(kind, tally)| tally.lines(*kind)));
        lines.push(table_row("", ["source", "target", "copied", "already there", "different"].map(str::to_owned)));
        for (kind, tally) in &self.tallies {
            let counts = [tally.source, tally.target, tally.copied, tally.there, tally.different];
            lines.push(table_row(kind.name(), counts.map(|count| HumanCount(count as u64).to_string())));
        }
        lines.push(format!(
            "files: {} with the same SHA-256 on both sides ({}), {} missing or different",
            HumanCount(self.same_files as u64),
            HumanBytes(self.same_bytes),
            HumanCount(self.other_files as u64)
        ));
        lines
    }

    /// How it ended, if both sides hold the same; else what is in the way of that.
    ///
    /// # Errors
    /// A line that counts what differs.
    pub fn verdict(&self) -> Result<String, String> {
        let sum = |count: fn(&Tally) -> usize| self.tallies.iter().map(|(_, tally)| count(tally)).sum::<usize>();
        let (different, only_there) = (sum(|tally| tally.different), sum(|tally| tally.only_there));
        if different + only_there + self.other_files > 0 {
            return Err(format!(
                "the two sides are not the same: {different} records and {} files are missing or different, {only_there} \
                 records are on the target alone",
                self.other_files
            ));
        }
        Ok(format!("Both sides hold the same {} records and {} files.", sum(|tally| tally.source), self.same_files))
    }
}

fn table_row(name: &str, cells: [String; 5]) -> String {
    let [source, target, copied, there, different] = cells;
    format!("{name:<20} {source:>11} {target:>11} {copied:>11} {there:>14} {different:>11}")
}
