//! The frame of the OpenAPI document, and what is the same for every operation: the refusals it may answer with.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::encoding::EncodingBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::{
    AnyOfBuilder, ArrayBuilder, ComponentsBuilder, ObjectBuilder, Ref, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, RefOr, Required, ResponseBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::domain::managed_client::MAX_ADDRESSES;
use crate::domain::outbox::API_VERSION;
use crate::domain::profile::FileField;
use crate::domain::scope::Scope;
use crate::domain::{JSON_BYTES, LINE};
use crate::http::error::ErrorBody;

const DESCRIPTION: &str = "\
Verify a person: a company's server gets a machine token, creates a profile and sends the person the link in the \
answer; the person photographs a document and shows their face; the company reads the outcome and its evidence.

**Machine tokens** (`POST /api/auth/token`) are a trusted server's: what they say is taken as said, within their team. \
**Flow tokens** (the `token` of the link) are a person's browser's: they reach one profile, and what they say of \
liveness or status is a claim.

Errors are `{\"error\", \"message\"}`, with `required` (what is missing) or `fields` (what is wrong, field by field). \
Every answer carries `X-Request-Id`. Times are UTC.";

/// The name of the parameter that operations with an idempotency key share.
const KEY_PARAMETER: &str = "IdempotencyKey";

fn idempotency_key_parameter() -> Parameter {
    // A key may also be written as a structured field's string, in quotes.
    let key = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!#-~]([ -~]{0,253}[!-~])?$"));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Your own name of this request, such as a UUID: 1 to 255 printable ASCII characters, with or without quotes. A \
             repetition with the same key within 24 hours gets the first answer, with `Idempotency-Replayed: true`, and \
             changes nothing.",
        ))
        .schema(Some(key))
        .build()
}

/// Title, licence, tags and the two kinds of token.
pub(super) fn document_frame() -> OpenApi {
    let bearer = |description: &str| {
        let mut http = Http::new(HttpAuthScheme::Bearer);
        http.bearer_format = Some("JWT".to_owned());
        http.description = Some(description.to_owned());
        SecurityScheme::Http(http)
    };
    let components = ComponentsBuilder::new()
        .security_scheme("machine", bearer("A machine token with the scope that the operation names."))
        .security_scheme("flow", bearer("A flow token: the browser's, for one profile."))
        .schema(ErrorBody::name(), ErrorBody::schema())
        .parameter(KEY_PARAMETER, idempotency_key_parameter())
        .build();
    let tags = [
        "Tokens",
        "Profiles",
        "Flow",
        "Status history",
        "Verification history",
        "Files",
        "Events",
        "Webhooks",
        "Face liveness",
        "Documents",
        "Settings",
        "Clients",
        "Health",
        "Documentation",
    ];
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Identivia")
                .version(API_VERSION)
                .description(Some(DESCRIPTION))
                .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
                .build(),
        )
        .components(Some(components))
        .tags(Some(tags.map(|name| TagBuilder::new().name(name).build())))
        .build()
}

/// Schema of an e-mail address, empty text or `null`.
pub(super) fn email_or_null() -> Schema {
    AnyOfBuilder::new().item(text_schema("email")).item(empty_schema()).item(null_schema()).into()
}

/// Schema of an IPv4 or IPv6 address, or empty text.
pub(super) fn ip_address() -> Schema {
    AnyOfBuilder::new().item(text_schema("ipv4")).item(text_schema("ipv6")).item(empty_schema()).into()
}

/// The same, or `null`.
pub(super) fn ip_address_or_null() -> Schema {
    AnyOfBuilder::new()
        .item(text_schema("ipv4"))
        .item(text_schema("ipv6"))
        .item(empty_schema())
        .item(null_schema())
        .into()
}

/// Schema of a date, with or without a time, or empty text.
pub(super) fn date() -> Schema {
    AnyOfBuilder::new().item(text_schema("date")).item(text_schema("date-time")).item(empty_schema()).into()
}

/// The same, or `null`.
pub(super) fn date_or_null() -> Schema {
    AnyOfBuilder::new()
        .item(text_schema("date"))
        .item(text_schema("date-time"))
        .item(empty_schema())
        .item(null_schema())
        .into()
}

/// Schema of a liveness result: an object, text that is not taken for one, or `null`.
pub(super) fn liveness_result_or_null() -> Schema {
    let object = ObjectBuilder::new().schema_type(Type::Object);
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(JSON_BYTES / 4))
        .pattern(Some("^([^\\u0000{][^\\u0000]*)?$"));
    AnyOfBuilder::new()
        .item(object)
        .item(text)
        .item(null_schema())
        .description(Some(
            "An object, its JSON text, or other text. A whole result has at most 2 MiB. The bytes of its images are not \
             kept; what is left has at most 64 KiB and 16 levels.",
        ))
        .into()
}

/// Schema of any JSON but `null`.
pub(super) fn not_null() -> Schema {
    let types = [Type::String, Type::Number, Type::Boolean, Type::Object, Type::Array];
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter(types))
        .description(Some("Any JSON but `null`, at most 64 KiB."))
        .into()
}

/// Schema of a client's scopes.
pub(super) fn scope_list() -> Schema {
    let scope = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Scope::ALL.map(Scope::name)));
    ArrayBuilder::new().items(scope).min_items(Some(1)).into()
}

/// The same, or `null`.
pub(super) fn scope_list_or_null() -> Schema {
    let scope = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Scope::ALL.map(Scope::name)));
    ArrayBuilder::new().schema_type(list_or_null()).items(scope).min_items(Some(1)).into()
}

fn list_or_null() -> SchemaType {
    SchemaType::from_iter([Type::Array, Type::Null])
}

/// Schema of the addresses and networks from which a client may call, or `null`.
pub(super) fn network_list_or_null() -> Schema {
    let network = ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(LINE))
        .pattern(Some("^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"));
    ArrayBuilder::new()
        .schema_type(list_or_null())
        .items(network)
        .max_items(Some(MAX_ADDRESSES))
        .description(Some("IPv4 and IPv6 addresses, and networks such as `203.0.113.0/24`."))
        .into()
}

/// Schema of types of event, groups of them, or `null`.
pub(super) fn event_patterns_or_null() -> Schema {
    let pattern = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^([a-z_]+\\.([a-z_]+|\\*)|\\*)$"));
    ArrayBuilder::new().schema_type(list_or_null()).items(pattern).min_items(Some(1)).max_items(Some(20)).into()
}

/// Schema of headers with their values, or `null`.
pub(super) fn header_map_or_null() -> Schema {
    let value = ObjectBuilder::new().schema_type(Type::String).max_length(Some(1_024)).pattern(Some("^[ -~]*$"));
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .additional_properties(Some(Schema::from(value)))
        .description(Some("Names and values of HTTP headers, at most 10."))
        .into()
}

fn text_schema(format: &str) -> ObjectBuilder {
    let format = SchemaFormat::Custom(format.to_owned());
    ObjectBuilder::new().schema_type(Type::String).format(Some(format)).max_length(Some(LINE))
}

fn empty_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).max_length(Some(0))
}

fn null_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Null)
}

/// Adds to each operation the refusals that follow from its kind.
pub(super) fn complete_document(mut document: OpenApi) -> OpenApi {
    for (path, item) in &mut document.paths.paths {
        let names_a_record = path.contains('{');
        for operation in [&mut item.post, &mut item.patch].into_iter().flatten() {
            add_idempotency_key(operation);
        }
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            add_refusals(operation, names_a_record);
            operation.operation_id = operation.operation_id.take().map(|name| camel_case(&name));
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                describe_files(body);
                body.required = Some(if body.description.is_some() { Required::False } else { Required::True });
            }
        }
    }
    document
}

/// Says which kinds of file a form's file fields take.
fn describe_files(body: &mut RequestBody) {
    let Some(RefOr::T(form)) = body.content.get_mut("multipart/form-data") else { return };
    for field in FileField::ALL {
        let kinds = if field.is_video() {
            "video/webm, video/mp4, video/quicktime"
        } else {
            "image/jpeg, image/png, image/webp"
        };
        let encoding = EncodingBuilder::new().content_type(Some(kinds)).build();
        form.encoding.insert(field.name().to_owned(), encoding);
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

/// Says whether the operation takes callers without a token.
fn is_open(operation: &Operation) -> bool {
    let choices = operation.security.as_ref().and_then(|choices| serde_json::to_value(choices).ok());
    choices.is_some_and(|choices| choices == serde_json::json!([{}]))
}

/// Adds the header that makes an operation safe to repeat, and what it may be refused with.
fn add_idempotency_key(operation: &mut Operation) {
    if is_open(operation) {
        return;
    }
    operation
        .parameters
        .get_or_insert_default()
        .push(RefOr::Ref(Ref::new(format!("#/components/parameters/{KEY_PARAMETER}"))));
    add_responses(
        operation,
        &[
            ("409", "The first request with this `Idempotency-Key` is still running; see `Retry-After`", true),
            ("422", "This `Idempotency-Key` was sent with another request", true),
            ("429", "Too many `Idempotency-Key`s; see `Retry-After`", true),
        ],
    );
}

fn add_refusals(operation: &mut Operation, names_a_record: bool) {
    let open = is_open(operation);
    let takes_input = operation.request_body.is_some();
    let refusals = [
        ("400", "Something is missing or wrong; `required` or `fields` say what", takes_input || !open),
        ("401", "No usable token", !open),
        ("403", "The token may not do this", !open),
        ("404", "Not there, or not within the token's reach", names_a_record),
        ("408", "The body arrived too slowly", takes_input),
        ("413", "The body is too large", takes_input),
        ("415", "The body is of another kind", takes_input),
        ("431", "The token is too large", !open),
        ("500", "The server failed; report it with the `X-Request-Id`", true),
        ("503", "Try again after `Retry-After` seconds", true),
    ];
    add_responses(operation, &refusals);
}

/// Adds the refusals that apply, except where the operation describes one itself.
fn add_responses(operation: &mut Operation, refusals: &[(&str, &'static str, bool)]) {
    for (status, description, _) in refusals.iter().filter(|(.., applies)| *applies) {
        operation.responses.responses.entry((*status).to_owned()).or_insert_with(|| refusal_response(description));
    }
}

fn refusal_response(description: &str) -> RefOr<utoipa::openapi::Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorBody::name()))).build();
    ResponseBuilder::new().description(description).content("application/json", content).build().into()
}
