//! Answers without what differs from run to run, for comparisons and snapshots.

use identivia::records::id::RecordId;
use identivia::records::time::Millis;
use serde_json::Value;

/// Replaces what differs from run to run: ids, times, tokens, marks of stored names.
pub(crate) fn redact(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(redact_text(text)),
        Value::Array(items) => items.iter().map(redact).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), redact(value))).collect(),
        other => other.clone(),
    }
}

fn redact_text(text: &str) -> String {
    if RecordId::parse(text).is_some() {
        "[id]".to_owned()
    } else if text.starts_with("eyJ") {
        "[token]".to_owned()
    } else if let Some((url, _)) = text.split_once("?token=") {
        let base = url.rsplit_once('/').map_or(url, |(base, _)| base);
        format!("{base}/[id]?token=[token]")
    } else if text.len() == 24 && text.ends_with('Z') && Millis::parse(text).is_some() {
        if text.contains('T') { "[time]T".to_owned() } else { "[time]".to_owned() }
    } else if let Some((stem, extension)) = stem_of_stored_name(text) {
        format!("{stem}_[mark].{extension}")
    } else {
        text.to_owned()
    }
}

/// What a person sees of a stored name: its stem and extension. Between them stands our mark, or two of PocketBase's.
fn stem_of_stored_name(text: &str) -> Option<(&str, &str)> {
    let (name, extension) = text.rsplit_once('.')?;
    let (stem, mark) = name.rsplit_once('_').filter(|(_, mark)| mark.len() >= 10)?;
    let twice = stem.rsplit_once('_').filter(|(_, first)| mark.len() == 10 && first.len() == 10);
    Some((twice.map_or(stem, |(stem, _)| stem), extension))
}
