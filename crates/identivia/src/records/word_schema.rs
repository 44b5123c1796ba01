//! The OpenAPI schema of a closed list of words: a named enum, for which generated clients have a type.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// The schema of a text that is one of these words.
pub fn word_schema(description: &str, words: impl IntoIterator<Item = &'static str>) -> RefOr<Schema> {
    let schema = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    Schema::Object(schema.enum_values(Some(words)).build()).into()
}

/// Describes a type as a named enum of those words, where its words are not the names of its variants.
macro_rules! describe_words {
    ($kind:ty, $name:literal, $description:literal, $words:expr) => {
        impl utoipa::PartialSchema for $kind {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::records::word_schema::word_schema($description, $words)
            }
        }

        impl utoipa::ToSchema for $kind {
            fn name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
        }
    };
}

pub(crate) use describe_words;
