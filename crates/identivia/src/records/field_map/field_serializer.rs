//! Turns a struct into its fields without a copy of their names. Everything that is no object is refused.

use std::borrow::Cow;

use serde::ser::{Error as _, Impossible, SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};
use serde_json::{Error, Value, to_value};

type Fields = Vec<(Cow<'static, str>, Value)>;

/// Makes the fields of one object.
pub(super) struct FieldSerializer;

/// The fields so far, and the name of the next one.
pub(super) struct FieldList {
    fields: Fields,
    next_name: Option<String>,
}

impl FieldList {
    fn with_capacity(count: usize) -> Self {
        Self { fields: Vec::with_capacity(count), next_name: None }
    }
}

impl SerializeStruct for FieldList {
    type Ok = Fields;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.fields.push((Cow::Borrowed(name), to_value(value)?));
        Ok(())
    }

    fn end(self) -> Result<Fields, Error> {
        Ok(self.fields)
    }
}

impl SerializeMap for FieldList {
    type Ok = Fields;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        let Value::String(name) = to_value(key)? else { return Err(refuse_value()) };
        self.next_name = Some(name);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let name = self.next_name.take().ok_or_else(refuse_value)?;
        self.fields.push((Cow::Owned(name), to_value(value)?));
        Ok(())
    }

    fn end(self) -> Result<Fields, Error> {
        Ok(self.fields)
    }
}

fn refuse_value() -> Error {
    Error::custom("a record is no JSON object")
}

/// Methods for values that are no object.
macro_rules! refuse_values {
    ($($method:ident($($name:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(fn $method(self, $($name: $type),*) -> Result<$answer, Error> {
            $(let _ = $name;)*
            Err(refuse_value())
        })*
    };
}

impl Serializer for FieldSerializer {
    type Ok = Fields;
    type Error = Error;
    type SerializeSeq = Impossible<Fields, Error>;
    type SerializeTuple = Impossible<Fields, Error>;
    type SerializeTupleStruct = Impossible<Fields, Error>;
    type SerializeTupleVariant = Impossible<Fields, Error>;
    type SerializeMap = FieldList;
    type SerializeStruct = FieldList;
    type SerializeStructVariant = Impossible<Fields, Error>;

    fn serialize_map(self, length: Option<usize>) -> Result<FieldList, Error> {
        Ok(FieldList::with_capacity(length.unwrap_or_default()))
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<FieldList, Error> {
        Ok(FieldList::with_capacity(length))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Fields, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Fields, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Fields, Error> {
        Err(refuse_value())
    }

    refuse_values! {
        serialize_bool(value: bool) -> Fields;
        serialize_i8(value: i8) -> Fields;
        serialize_i16(value: i16) -> Fields;
        serialize_i32(value: i32) -> Fields;
        serialize_i64(value: i64) -> Fields;
        serialize_u8(value: u8) -> Fields;
        serialize_u16(value: u16) -> Fields;
        serialize_u32(value: u32) -> Fields;
        serialize_u64(value: u64) -> Fields;
        serialize_f32(value: f32) -> Fields;
        serialize_f64(value: f64) -> Fields;
        serialize_char(value: char) -> Fields;
        serialize_str(value: &str) -> Fields;
        serialize_bytes(value: &[u8]) -> Fields;
        serialize_none() -> Fields;
        serialize_unit() -> Fields;
        serialize_unit_struct(name: &'static str) -> Fields;
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str) -> Fields;
        serialize_seq(length: Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(length: usize) -> Self::SerializeTuple;
        serialize_tuple_struct(name: &'static str, length: usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, length: usize) -> Self::SerializeTupleVariant;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, length: usize) -> Self::SerializeStructVariant;
    }
}
