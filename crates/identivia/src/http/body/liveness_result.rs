//! A liveness result as clients send it, read without its images: base64 or bytes of up to 2 MiB are never kept in memory.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use crate::domain::JSON_BYTES;

/// The field that holds such a result.
pub(crate) const LIVENESS_RESULT: &str = "face_liveness_result";
/// The largest result with its images, in bytes.
pub(crate) const LIVENESS_RESULT_BYTES: usize = 2 * 1024 * 1024;

/// What is left of a result without its images.
#[derive(Debug, PartialEq)]
pub(crate) enum SentResult {
    Kept(Value),
    /// More is left than is kept beside a record.
    TooLarge,
    /// Text that begins like an object and is no JSON.
    Malformed,
}

impl SentResult {
    /// Reads a result that was sent as text: the JSON text of an object, or any other text.
    pub(crate) fn parse_text(text: &str) -> Self {
        if !text.trim_start().starts_with('{') {
            return if text.len() > JSON_BYTES { Self::TooLarge } else { Self::Kept(text.into()) };
        }
        let reading = ResultReading::default();
        let mut json = serde_json::Deserializer::from_str(text);
        let read = reading.seed(Place::Elsewhere).deserialize(&mut json);
        match read.and_then(|value| json.end().map(|()| value)) {
            Err(_) => Self::Malformed,
            // Text without images stays as it was sent, to the letter.
            Ok(_) if !reading.has_dropped.get() && text.len() <= JSON_BYTES => Self::Kept(text.into()),
            Ok(value) => reading.finish(value),
        }
    }
}

impl<'de> Deserialize<'de> for SentResult {
    fn deserialize<D: Deserializer<'de>>(result: D) -> Result<Self, D::Error> {
        let reading = ResultReading::default();
        let value = reading.seed(Place::Top).deserialize(result)?;
        Ok(reading.finish(value))
    }
}

/// The bytes of a JSON body without its liveness result. `None` where the body is not such an object.
pub(crate) fn size_without_result(body: &str) -> Option<usize> {
    #[derive(Deserialize)]
    struct LargeField<'a> {
        #[serde(borrow, default)]
        face_liveness_result: Option<&'a RawValue>,
    }
    let large: LargeField<'_> = serde_json::from_str(body).ok()?;
    Some(body.len() - large.face_liveness_result.map_or(0, |result| result.get().len()))
}

/// What has been read of a result so far.
#[derive(Default)]
struct ResultReading {
    /// At least so many bytes will be kept.
    kept_bytes: Cell<usize>,
    has_dropped: Cell<bool>,
    /// The result, where it was sent as text.
    text: Cell<Option<SentResult>>,
}

/// Where in a result a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The result itself, which may be text.
    Top,
    /// The value of a key that names images: text is an image.
    Image,
    /// In a list of images: numbers are the bytes of one.
    ImageList,
    Elsewhere,
}

impl ResultReading {
    /// Counts bytes that are kept. Beyond the limit nothing more is kept.
    fn keep(&self, bytes: usize) -> bool {
        self.kept_bytes.set(self.kept_bytes.get().saturating_add(bytes));
        self.kept_bytes.get() <= JSON_BYTES
    }

    fn drop_value(&self) -> Option<Value> {
        self.has_dropped.set(true);
        None
    }

    fn seed(&self, place: Place) -> ValueSeed<'_> {
        ValueSeed { reading: self, place }
    }

    fn finish(&self, value: Option<Value>) -> SentResult {
        if let Some(text) = self.text.take() {
            text
        } else if self.kept_bytes.get() > JSON_BYTES {
            SentResult::TooLarge
        } else {
            SentResult::Kept(value.unwrap_or_default())
        }
    }
}

/// The letters of a key that count: clients write `auditImages`, `AuditImages` and `audit_images`.
fn simplify_key(key: &str) -> String {
    key.chars().filter(|letter| *letter != '_').flat_map(char::to_lowercase).collect()
}

/// Says whether a key names images themselves, or objects that hold one.
fn names_images(key: &str) -> bool {
    ["referenceimage", "auditimages", "auditimage"].contains(&key)
}

/// Says whether a key holds the bytes of an image. Inside an image, `data` and numbers do as well: that is how JavaScript
/// writes a `Buffer` and a `Uint8Array`.
fn holds_bytes(key: &str, is_in_image: bool) -> bool {
    key == "bytes" || (is_in_image && (key == "data" || key.bytes().all(|byte| byte.is_ascii_digit())))
}

/// Reads a value without the images in it; `None` where nothing of it is kept.
#[derive(Clone, Copy)]
struct ValueSeed<'r> {
    reading: &'r ResultReading,
    place: Place,
}

impl ValueSeed<'_> {
    fn is_image(self) -> bool {
        matches!(self.place, Place::Image | Place::ImageList)
    }

    fn keep_scalar(self, value: impl Into<Value>) -> Option<Value> {
        if self.place == Place::ImageList {
            return self.reading.drop_value();
        }
        Some(value.into()).filter(|_| self.reading.keep(1))
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Option<Value>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(self.keep_scalar(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(self.keep_scalar(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(self.keep_scalar(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(self.keep_scalar(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        // That an image is missing is worth keeping.
        Ok(Some(Value::Null).filter(|_| self.reading.keep(1)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if self.place == Place::Top {
            self.reading.text.set(Some(SentResult::parse_text(text)));
            return Ok(None);
        }
        if self.is_image() || text.starts_with("data:image/") {
            return Ok(self.reading.drop_value());
        }
        Ok(self.reading.keep(text.len()).then(|| text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let place = if self.is_image() { Place::ImageList } else { Place::Elsewhere };
        let mut kept = Vec::new();
        while let Some(item) = items.next_element_seed(self.reading.seed(place))? {
            kept.extend(item);
        }
        Ok(self.reading.keep(1).then_some(Value::Array(kept)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut kept = Map::new();
        while let Some(key) = entries.next_key::<Cow<'de, str>>()? {
            let name = simplify_key(&key);
            if !self.reading.keep(key.len()) {
                entries.next_value::<IgnoredAny>()?;
                continue;
            }
            let place = if names_images(&name) { Place::Image } else { Place::Elsewhere };
            let value = if holds_bytes(&name, self.is_image()) {
                entries.next_value::<IgnoredAny>()?;
                self.reading.drop_value()
            } else {
                entries.next_value_seed(self.reading.seed(place))?
            };
            if let Some(value) = value {
                kept.insert(key.into_owned(), value);
            }
        }
        Ok(self.reading.keep(1).then_some(Value::Object(kept)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kept(sent: Value) -> Value {
        match serde_json::from_value(sent).unwrap() {
            SentResult::Kept(value) => value,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn images_are_dropped_in_every_form_that_clients_send() {
        let bounds = json!({"Width": 0.5, "Height": 0.6, "Left": 0.2, "Top": 0.1});
        let image = "/9j/".repeat(300_000);
        let left = json!({"sessionId": "s", "confidenceScore": 95.5, "isLive": true,
            "referenceImage": {"boundingBox": bounds}, "auditImages": [{"boundingBox": bounds}]});
        for bytes in
            [json!(image), json!([255, 216, 255]), json!({"0": 255, "1": 216}), json!({"type": "Buffer", "data": [1]})]
        {
            let mut sent = left.clone();
            sent["referenceImage"]["bytes"] = bytes.clone();
            sent["auditImages"][0]["bytes"] = bytes;
            assert_eq!(kept(sent.clone()), left);
            let as_text = kept(json!(sent.to_string()));
            assert_eq!(as_text, left, "text becomes the object that is left");
        }
        assert_eq!(
            kept(
                json!({"ReferenceImage": {"Bytes": "x", "S3Object": {"Name": "n"}}, "audit_images": ["x", [1, 2], {"0": 1}]})
            ),
            json!({"ReferenceImage": {"S3Object": {"Name": "n"}}, "audit_images": [[], {}]})
        );
        assert_eq!(
            kept(json!({"response": {"data": {"referenceImage": "x", "n": 1}}})),
            json!({"response": {"data": {"n": 1}}})
        );
        assert_eq!(kept(json!({"photo": "data:image/jpeg;base64,x", "data": "kept"})), json!({"data": "kept"}));
    }

    #[test]
    fn result_without_images_stays_as_it_was_sent() {
        for sent in
            [json!({"a": [1, 2.5, null, true, "x"], "b": {}}), json!("{\"b\": 1,  \"a\": 2 }"), json!("live"), json!(7)]
        {
            assert_eq!(kept(sent.clone()), sent);
        }
        assert_eq!(SentResult::parse_text("{broken"), SentResult::Malformed);
        assert_eq!(SentResult::parse_text("{} {}"), SentResult::Malformed);
    }

    #[test]
    fn what_is_left_above_the_limit_is_too_large_however_it_is_made() {
        let text = "x".repeat(JSON_BYTES + 1);
        let numbers = vec![1; JSON_BYTES + 1];
        let keys: Map<String, Value> = (0..JSON_BYTES / 4).map(|n| (format!("k{n:06}"), json!(1))).collect();
        for sent in [json!({"note": text}), json!({"note": numbers}), json!(keys), json!(text)] {
            assert_eq!(SentResult::parse_text(&sent.to_string()), SentResult::TooLarge);
            assert_eq!(serde_json::from_value::<SentResult>(sent).unwrap(), SentResult::TooLarge);
        }
    }

    #[test]
    fn size_of_a_body_does_not_count_the_result() {
        let body = r#"{"a":1,"face_liveness_result":{"x":[1,2]}}"#;
        assert_eq!(size_without_result(body), Some(body.len() - r#"{"x":[1,2]}"#.len()));
        assert_eq!(size_without_result(r#"{"a":1}"#), Some(7));
        assert_eq!(size_without_result("["), None);
    }
}
