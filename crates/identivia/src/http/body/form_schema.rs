//! The OpenAPI schema of a form, made from the struct that its texts are parsed into and from the files that it takes. So a
//! form is described where it is read.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::profile::FileField;

/// What a form may contain: the texts are the fields of the type itself, the files are listed.
pub(crate) trait FormFields: DeserializeOwned + ToSchema {
    /// The form's name in the OpenAPI document.
    const FORM_NAME: &'static str;
    /// The texts that are numbers.
    const NUMBERS: &'static [&'static str] = &[];
    /// The text that may be a whole liveness result, images included.
    const LIVENESS_RESULT: Option<&'static str> = None;
    /// The files that are received; others are skipped.
    const FILES: &'static [FileField];
    /// Those of them that are required.
    const REQUIRED_FILES: &'static [FileField] = &[];

    /// The names of all file parts, each with whether it is required.
    fn file_parts() -> Vec<(String, bool)> {
        let part = |field: &FileField| (field.name().to_owned(), Self::REQUIRED_FILES.contains(field));
        Self::FILES.iter().map(part).collect()
    }
}

/// The schema of a form with these fields.
pub(crate) struct Form<F>(PhantomData<F>);

impl<F: FormFields> ToSchema for Form<F> {
    fn name() -> Cow<'static, str> {
        F::FORM_NAME.into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        F::schemas(schemas);
    }
}

impl<F: FormFields> PartialSchema for Form<F> {
    fn schema() -> RefOr<Schema> {
        let RefOr::T(Schema::Object(mut form)) = F::schema() else { return F::schema() };
        for field in form.properties.values_mut() {
            *field = to_text_part(std::mem::take(field));
        }
        for (name, is_required) in F::file_parts() {
            if is_required {
                form.required.push(name.clone());
            }
            let schema = file_schema(&name);
            form.properties.insert(name, schema.into());
        }
        Schema::Object(form).into()
    }
}

/// The schema of a field as a text part: a form has no `null`.
fn to_text_part(schema: RefOr<Schema>) -> RefOr<Schema> {
    let is_null = |choice: &RefOr<Schema>| matches!(choice, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null));
    match schema {
        RefOr::T(Schema::Object(object)) => Schema::Object(drop_null(object)).into(),
        RefOr::T(Schema::OneOf(mut choices)) => {
            choices.items.retain(|choice| !is_null(choice));
            match choices.items.as_mut_slice() {
                [only] => std::mem::take(only),
                _ => Schema::OneOf(choices).into(),
            }
        }
        other => other,
    }
}

fn drop_null(mut object: Object) -> Object {
    if let SchemaType::Array(types) = &mut object.schema_type {
        types.retain(|kind| *kind != Type::Null);
        if let [only] = types.as_slice() {
            object.schema_type = SchemaType::Type(only.clone());
        }
    }
    object
}

fn file_schema(name: &str) -> Schema {
    let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
    let description = match name {
        "document_front" => Some("Front of the identity document."),
        "document_back" => Some("Back of the identity document."),
        "facial_photo" => Some("Photo of the face."),
        "facial_video" => Some("Video of the face."),
        _ => None,
    };
    ObjectBuilder::new().schema_type(Type::String).format(Some(format)).description(description).into()
}
