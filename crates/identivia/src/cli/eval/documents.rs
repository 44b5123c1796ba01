//! `identivia eval document`: measures how many fields of documents the reader reads correctly.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use vision::document::{Authenticity, DocumentEngines, DocumentReading, is_same_name, read_document};
use vision::intake::Photo;
use vision::mrz::Sex;

use super::statistics::MeasuredRate;
use super::{EvalContext, ReportLines, list_entries, read_cpu_seconds, read_picture};
use crate::clock::Clock;
use crate::providers::documents::kept_readings::to_utc_date;

/// The fields that a file may name, in the order of the report.
const FIELDS: [&str; 13] = [
    "name",
    "surname",
    "given_names",
    "document_number",
    "document_type",
    "issuing_state",
    "nationality",
    "sex",
    "date_of_birth",
    "expiry",
    "issued",
    "address",
    "authenticity",
];

/// A document of the set: its pictures and what is printed on it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedDocument {
    front: PathBuf,
    back: Option<PathBuf>,
    /// The text of each field; empty if the document does not have it.
    fields: BTreeMap<String, String>,
}

/// How often a field was read correctly, wrongly and not at all.
#[derive(Clone, Copy, Default)]
struct FieldCounts {
    correct: usize,
    wrong: usize,
    missing: usize,
}

/// Reads the documents of a folder and the folders below it. A JSON file describes each.
///
/// # Errors
/// When the folder has no such file, or a file or a picture cannot be read.
pub(super) fn eval_documents(context: &EvalContext, folder: &Path) -> anyhow::Result<ReportLines> {
    let files = list_descriptions_below(folder)?;
    ensure!(!files.is_empty(), "there is no JSON file of a document in {}", folder.display());
    context.progress.begin_step("Reading documents", files.len());
    let mut counts: BTreeMap<&str, FieldCounts> = BTreeMap::new();
    let mut lines = ReportLines::new();
    let (mut pictures, mut seconds, mut longest) = (0, 0.0, 0.0_f64);
    for path in &files {
        let expected = read_description(path)?;
        let (front, back) = read_pictures(path, &expected)?;
        let before = read_cpu_seconds();
        let engines = DocumentEngines { text: &context.engines.text, faces: &context.engines.faces };
        let read = read_document(&engines, &front, back.as_ref(), to_utc_date(Clock::default().now()))?;
        let taken = read_cpu_seconds() - before;
        let sides = 1 + usize::from(back.is_some());
        (pictures, seconds, longest) = (pictures + sides, seconds + taken, longest.max(taken / sides as f64));
        let name = path.strip_prefix(folder).unwrap_or(path).display().to_string();
        for field in FIELDS {
            let Some(text) = expected.fields.get(field) else { continue };
            lines.extend(count_field(
                counts.entry(field).or_default(),
                (&name, field),
                text,
                &read_field(&read, field),
            ));
        }
        context.progress.add_records(1);
    }
    context.progress.clear_bar();
    lines.extend(FIELDS.iter().filter_map(|field| Some(report_field(field, *counts.get(field)?))).flatten());
    lines.push(format!("{:.2} s of CPU a picture, {longest:.2} s at most", seconds / pictures.max(1) as f64));
    Ok(lines)
}

fn list_descriptions_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in list_entries(folder)? {
        if path.is_dir() {
            found.extend(list_descriptions_below(&path)?);
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            found.push(path);
        }
    }
    Ok(found)
}

fn read_description(path: &Path) -> anyhow::Result<ExpectedDocument> {
    let text = std::fs::read(path).with_context(|| path.display().to_string())?;
    let expected: ExpectedDocument = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
    let unknown = expected.fields.keys().find(|field| !FIELDS.contains(&field.as_str()));
    ensure!(unknown.is_none(), "{}: unknown field {}", path.display(), unknown.map_or("", String::as_str));
    Ok(expected)
}

/// The pictures of a document, by paths from the folder of its file.
fn read_pictures(path: &Path, expected: &ExpectedDocument) -> anyhow::Result<(Photo, Option<Photo>)> {
    let read = |name: &PathBuf| {
        let picture = path.with_file_name(name);
        read_picture(&picture)?.with_context(|| format!("{} is no readable picture", picture.display()))
    };
    Ok((read(&expected.front)?, expected.back.as_ref().map(read).transpose()?))
}

fn read_field(read: &DocumentReading, field: &str) -> String {
    let fields = &read.fields;
    let date = |date: Option<vision::document::Date>| date.map(|date| date.to_string()).unwrap_or_default();
    match field {
        "name" => fields.name.clone(),
        "surname" => fields.surname.clone(),
        "given_names" => fields.given_names.clone(),
        "document_number" => fields.document_number.clone(),
        "document_type" => fields.document_type.clone(),
        "issuing_state" => fields.issuing_state.clone(),
        "nationality" => fields.nationality.clone(),
        "address" => fields.address.clone(),
        "date_of_birth" => date(fields.date_of_birth),
        "expiry" => date(fields.expiry),
        "issued" => date(fields.issued),
        "sex" => match fields.sex {
            Some(Sex::Male) => "M".to_owned(),
            Some(Sex::Female) => "F".to_owned(),
            Some(Sex::Unspecified) => "X".to_owned(),
            None => String::new(),
        },
        _ => match read.authenticity {
            Authenticity::Authentic => "authentic".to_owned(),
            Authenticity::Suspicious => "suspicious".to_owned(),
            Authenticity::Unknown => "unknown".to_owned(),
        },
    }
}

/// Counts a field and returns the line that reports a wrong or missing one.
fn count_field(counts: &mut FieldCounts, (name, field): (&str, &str), expected: &str, read: &str) -> Option<String> {
    if is_same_value(field, expected, read) {
        counts.correct += 1;
        return None;
    }
    if read.is_empty() {
        counts.missing += 1;
        return Some(format!("{name}: {field} was not read"));
    }
    counts.wrong += 1;
    Some(format!("{name}: {field} differs from the file"))
}

/// Compares letters and digits; of names each word, in any order and spelling.
fn is_same_value(field: &str, expected: &str, read: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_uppercase).collect()
    };
    let is_name = matches!(field, "name" | "surname" | "given_names");
    plain(expected) == plain(read) || is_name && is_same_name(expected, read)
}

fn report_field(field: &str, counts: FieldCounts) -> [String; 3] {
    let total = counts.correct + counts.wrong + counts.missing;
    let rate = |count| MeasuredRate { count, total };
    [
        format!("{field} correct: {}", rate(counts.correct)),
        format!("{field} wrong:   {}", rate(counts.wrong)),
        format!("{field} missing: {}", rate(counts.missing)),
    ]
}
