//! Values of SQL placeholders, and their conversion from the JSON form of a field.

use std::borrow::Cow;

use serde_json::Value;

use super::table::Column;
use crate::records::FieldType;
use crate::records::time::Millis;
use crate::store::{Result, StoreError};

/// A value that is bound to a placeholder. PostgreSQL wants to know the type of a null.
#[derive(Clone, Debug, PartialEq)]
pub enum SqlValue<'a> {
    Text(Cow<'a, str>),
    NullText,
    Number(i64),
    NullNumber,
}

impl SqlValue<'static> {
    /// An owned text.
    pub(super) fn from_text(text: impl Into<String>) -> Self {
        Self::Text(Cow::Owned(text.into()))
    }

    /// A text that may be null.
    pub(super) fn from_known_text(text: Option<String>) -> Self {
        text.map_or(Self::NullText, Self::from_text)
    }
}

/// Says whether the JSON form of a field is that of an unknown value.
pub(super) fn is_unknown(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

impl Column {
    /// The column's value for the JSON form of its field.
    pub(super) fn to_sql_value(&self, value: &Value) -> Result<SqlValue<'static>> {
        match value {
            _ if is_unknown(value) => Ok(self.unknown_value()),
            Value::String(time) if self.is_time() => match Millis::parse(time) {
                Some(Millis(millis)) => Ok(SqlValue::Number(millis)),
                None => Err(self.misfit_error("is no time")),
            },
            Value::Number(number) if self.field.holds == FieldType::Count => match number.as_i64() {
                Some(count) => Ok(SqlValue::Number(count)),
                None => Err(self.misfit_error("is no whole number")),
            },
            Value::String(text) if !self.is_number() => Ok(SqlValue::from_text(text.as_str())),
            _ => Err(self.misfit_error("has a value of another type")),
        }
    }

    /// What the column holds where the field is unknown.
    pub(super) fn unknown_value(&self) -> SqlValue<'static> {
        if self.is_number() {
            SqlValue::NullNumber
        } else if self.is_never_null() {
            SqlValue::Text(Cow::Borrowed(""))
        } else {
            SqlValue::NullText
        }
    }

    fn misfit_error(&self, problem: &str) -> StoreError {
        StoreError::Failed(format!("the field {} {problem}", self.field.name))
    }
}
