//! A record's fields by name. Stores exchange records in this form.

mod field_serializer;

use std::borrow::Cow;
use std::fmt;
use std::ops::Index;

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use self::field_serializer::FieldSerializer;

/// A field's name. Names of this program's own fields are not copied.
type FieldName = Cow<'static, str>;

/// A record's fields by name, as JSON, in the order of the record's description.
// A list: a record has at most some dozens of fields, and is made and read much more often than it is searched.
#[derive(Clone, Default)]
pub struct FieldMap(Vec<(FieldName, Value)>);

impl FieldMap {
    /// No fields.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The fields of a value that is an object in JSON.
    ///
    /// # Errors
    /// When it is none, or one of its fields has no form in JSON.
    pub fn of_object(object: &impl Serialize) -> serde_json::Result<Self> {
        object.serialize(FieldSerializer).map(Self)
    }

    /// Reads a value from its fields.
    ///
    /// # Errors
    /// When a field is missing or has another form.
    pub fn into_object<T: DeserializeOwned>(self) -> serde_json::Result<T> {
        T::deserialize(MapDeserializer::new(self.into_iter()))
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// The value of a field, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// Says whether there is a field of that name.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets a field.
    pub fn insert(&mut self, name: impl Into<FieldName>, value: Value) {
        let name = name.into();
        match self.get_mut(&name) {
            Some(own) => *own = value,
            None => self.0.push((name, value)),
        }
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let place = self.0.iter().position(|(own, _)| own == name)?;
        Some(self.0.remove(place).1)
    }

    /// Leaves only the fields whose names are wanted.
    pub fn retain_names(&mut self, is_wanted: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| is_wanted(name));
    }

    /// The names of the fields.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }

    /// The fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// The values of these fields, one after the other. Names in the order of the fields are found without a search.
    pub fn values_of<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> impl Iterator<Item = Option<&Value>> {
        let mut next = 0;
        names.into_iter().map(move |name| {
            let is_named = |place: &usize| self.0.get(*place).is_some_and(|(own, _)| own == name);
            let place = Some(next).filter(is_named).or_else(|| self.0.iter().position(|(own, _)| own == name))?;
            next = place + 1;
            self.0.get(place).map(|(_, value)| value)
        })
    }
}

impl Index<&str> for FieldMap {
    type Output = Value;

    /// The value of a field; null where there is none.
    fn index(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&Value::Null)
    }
}

impl PartialEq for FieldMap {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl fmt::Debug for FieldMap {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map().entries(self.iter()).finish()
    }
}

impl IntoIterator for FieldMap {
    type Item = (FieldName, Value);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<N: Into<FieldName>> Extend<(N, Value)> for FieldMap {
    fn extend<T: IntoIterator<Item = (N, Value)>>(&mut self, fields: T) {
        fields.into_iter().for_each(|(name, value)| self.insert(name, value));
    }
}

impl<N: Into<FieldName>> FromIterator<(N, Value)> for FieldMap {
    fn from_iter<T: IntoIterator<Item = (N, Value)>>(fields: T) -> Self {
        let mut map = Self::new();
        map.extend(fields);
        map
    }
}

impl<const N: usize> From<[(&'static str, Value); N]> for FieldMap {
    fn from(fields: [(&'static str, Value); N]) -> Self {
        Self::from_iter(fields)
    }
}

impl Serialize for FieldMap {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for FieldMap {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_map(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = FieldMap;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object of fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<FieldMap, A::Error> {
        let mut fields = FieldMap::new();
        while let Some((name, value)) = entries.next_entry::<String, Value>()? {
            fields.insert(name, value);
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Example {
        name: String,
        count: Option<u32>,
    }

    #[test]
    fn objects_become_fields_and_fields_objects() {
        let example = Example { name: "n".to_owned(), count: None };
        let mut fields = FieldMap::of_object(&example).unwrap();
        assert_eq!(fields, FieldMap::from([("count", Value::Null), ("name", json!("n"))]));
        assert_eq!(serde_json::to_value(&fields).unwrap(), json!({"name": "n", "count": null}));
        fields.insert("count", json!(2));
        assert_eq!(fields.clone().into_object::<Example>().unwrap(), Example { name: "n".to_owned(), count: Some(2) });
        fields.insert("count", json!("two"));
        assert!(fields.into_object::<Example>().is_err());
    }

    #[test]
    fn what_is_no_object_has_no_fields() {
        for value in [json!([1]), json!("x"), json!(1), Value::Null] {
            assert!(FieldMap::of_object(&value).is_err(), "{value}");
        }
        assert_eq!(FieldMap::of_object(&json!({"a": 1})).unwrap(), FieldMap::from([("a", json!(1))]));
    }

    #[test]
    fn a_name_is_there_once() {
        let mut fields: FieldMap = serde_json::from_str(r#"{"a": 1, "b": 2, "a": 3}"#).unwrap();
        assert_eq!(fields, FieldMap::from([("a", json!(3)), ("b", json!(2))]));
        fields.extend([("b", json!(4)), ("c", json!(5))]);
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(fields.remove("a"), Some(json!(3)));
        assert!(!fields.contains_key("a") && fields.get("b") == Some(&json!(4)));
    }

    #[test]
    fn values_are_found_in_any_order() {
        let fields = FieldMap::from([("a", json!(1)), ("b", json!(2)), ("c", json!(3))]);
        let of = |names: &[&str]| {
            fields.values_of(names.iter().copied()).map(|value| value.and_then(Value::as_i64)).collect::<Vec<_>>()
        };
        assert_eq!(of(&["a", "b", "c"]), [Some(1), Some(2), Some(3)]);
        assert_eq!(of(&["c", "x", "a", "b", "b"]), [Some(3), None, Some(1), Some(2), Some(2)]);
    }
}
