//! JSON forms of record values that differ from the values' form in this program.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// A text that may be unknown: `None` here, `""` in JSON, as the reference writes it.
pub mod unknown_as_empty {
    use serde::{Deserialize as _, Deserializer, Serializer};

    /// Writes an unknown text as `""`.
    ///
    /// # Errors
    /// When the output does.
    pub fn serialize<S: Serializer, T: AsRef<str>>(text: &Option<T>, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(text.as_ref().map_or("", AsRef::as_ref))
    }

    /// Reads `""` and `null` as unknown.
    ///
    /// # Errors
    /// When the value is neither of these nor a text of that form.
    pub fn deserialize<'de, D: Deserializer<'de>, T: TryFrom<String>>(value: D) -> Result<Option<T>, D::Error> {
        let text = Option::<String>::deserialize(value)?.filter(|text| !text.is_empty());
        text.map(|text| T::try_from(text).map_err(|_| serde::de::Error::custom("a text of another form"))).transpose()
    }
}

/// Reads what another program may have written: a value of another form counts as nothing.
///
/// # Errors
/// When it is no JSON.
pub fn null_if_malformed<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(value: D) -> Result<T, D::Error> {
    let value = Value::deserialize(value)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// Reads a JSON array without parsing its elements; anything else counts as nothing.
///
/// # Errors
/// When it is no JSON.
pub fn raw_array_or_null<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Box<RawValue>>, D::Error> {
    let value = Option::<Box<RawValue>>::deserialize(value)?;
    Ok(value.filter(|json| json.get().starts_with('[')))
}
