//! Objects without named properties in the OpenAPI document: says that they hold any keys, which generators do not assume.

use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Components, Object, Schema, SchemaType, Type};
use utoipa::openapi::{OpenApi, RefOr};

/// Marks every object schema without properties as open.
pub(super) fn mark_free_objects(document: &mut OpenApi) {
    let Some(Components { schemas, .. }) = &mut document.components else { return };
    schemas.values_mut().for_each(mark_schema);
}

fn mark_schema(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => mark_object(object),
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                mark_schema(items);
            }
        }
        Schema::OneOf(choices) => choices.items.iter_mut().for_each(mark_schema),
        Schema::AllOf(parts) => parts.items.iter_mut().for_each(mark_schema),
        Schema::AnyOf(choices) => choices.items.iter_mut().for_each(mark_schema),
        _ => {}
    }
}

fn mark_object(object: &mut Object) {
    object.properties.values_mut().for_each(mark_schema);
    let is_object = match &object.schema_type {
        SchemaType::Type(kind) => *kind == Type::Object,
        SchemaType::Array(kinds) => kinds.contains(&Type::Object),
        SchemaType::AnyValue => false,
    };
    if is_object && object.properties.is_empty() && object.additional_properties.is_none() {
        object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(true)));
    }
}
