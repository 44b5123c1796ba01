//! The frame of the OpenAPI document, and what is the same for every operation: the refusals it may answer with.

mod free_objects;
mod operation_links;
mod refusal_examples;
mod response_headers;
mod webhook_events;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::encoding::EncodingBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::{
    AnyOfBuilder, ArrayBuilder, Components, ComponentsBuilder, Object, ObjectBuilder, Ref, Schema, SchemaType, Type,
};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, ClientCredentials, Flow, Http, HttpAuthScheme, OAuth2, Scopes, SecurityScheme,
};
use utoipa::openapi::server::ServerBuilder;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, RefOr, Required, ResponseBuilder,
};
use utoipa::{PartialSchema as _, ToSchema};

use crate::domain::LINE;
use crate::domain::managed_client::MAX_ADDRESSES;
use crate::domain::outbox::API_VERSION;
use crate::domain::profile::FileField;
use crate::domain::scope::Scope;
use crate::http::error::ErrorBody;
use crate::http::guard::authenticate::CONSOLE_PATHS;
use crate::store::Collection;

const DESCRIPTION: &str = "\
Verify a person: a company's server gets a machine token, creates a profile and sends the person the link in the \
answer; the person photographs a document and shows their face; the company reads the outcome and its evidence.

**Machine tokens** (`POST /api/auth/token`) are a trusted server's: what they say is taken as said, within their team. \
**Flow tokens** (the `token` of the link) are a person's browser's: they reach one profile, and what they say of \
liveness or status is a claim.

Errors are `{\"error\", \"message\"}`, with `required` (what is missing) or `fields` (what is wrong, field by field). \
Every answer carries `X-Request-Id`. Times are UTC.";

/// Where machine tokens come from.
const TOKEN_URL: &str = "/api/auth/token";

const REPOSITORY: &str = "https://github.com/identivia/identivia";

const FORM: &str = "multipart/form-data";

const SERVER_DESCRIPTION: &str = "The server that this document came from: `PUBLIC_URL`.";

/// The groups of operations.
const TAGS: [(&str, &str); 18] = [
    ("Tokens", "Machine tokens: issued, revoked, and where OAuth libraries find both."),
    ("Profiles", "People to verify, and the links that are sent to them."),
    ("Flow", "What the person's page alone needs."),
    ("Status history", "Changes of status: appended, never changed."),
    ("Verification history", "The evidence of each attempt."),
    ("Files", "Stored pictures and videos."),
    ("Events", "What has happened, in order."),
    ("Webhooks", "The same, sent to your server."),
    ("Face liveness", "Liveness sessions and their results."),
    ("Documents", "Reading identity documents."),
    ("Reviews", "Verification records that people look at, and decide."),
    ("Settings", "Settings of a team, and defaults of all teams."),
    ("Clients", "Machine clients, for operators."),
    ("Audit", "Who has done what."),
    ("Analytics", "Statistics of verifications."),
    ("Console", "Signing in to the console, and its users."),
    ("Health", "Whether the server is well."),
    ("Documentation", "This description."),
];

/// Operations that need a store with transactions.
const REVIEW_PATHS: &str = "/api/reviews";
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

/// A machine token, by the client-credentials flow (RFC 6749 §4.4).
fn machine_scheme() -> SecurityScheme {
    let scopes = Scopes::from_iter(Scope::MACHINE.map(|scope| (scope.name(), scope.description())));
    let flow = Flow::ClientCredentials(ClientCredentials::new(TOKEN_URL, scopes));
    SecurityScheme::OAuth2(OAuth2::with_description([flow], "A machine token with the scope that the operation names."))
}

/// A flow token, which the link in the answer of `createProfile` holds.
fn flow_scheme() -> SecurityScheme {
    let mut http = Http::new(HttpAuthScheme::Bearer);
    http.bearer_format = Some("JWT".to_owned());
    http.description = Some("A flow token: the browser's, for one profile.".to_owned());
    SecurityScheme::Http(http)
}

/// The cookie of a person who is signed in to the console, with the permission that the operation names.
fn console_scheme() -> SecurityScheme {
    let description = "The cookie of a person who is signed in to the console. On http its name is `identivia`. Changes need \
        `X-Identivia-Console: 1` and come from a page of this server.";
    SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description("__Host-identivia", description)))
}

/// Title, licence, tags, the two kinds of token and the console's cookie.
pub(super) fn document_frame() -> OpenApi {
    let components = ComponentsBuilder::new()
        .security_scheme("machine", machine_scheme())
        .security_scheme("flow", flow_scheme())
        .security_scheme("consoleSession", console_scheme())
        .schema(ErrorBody::name(), ErrorBody::schema())
        .schema(<Scope as ToSchema>::name(), Scope::schema())
        // Parameters alone name it.
        .schema(<Collection as ToSchema>::name(), Collection::schema())
        .parameter(KEY_PARAMETER, idempotency_key_parameter());
    let headers = response_headers::describe_headers();
    let components = headers.fold(components, |components, (name, header)| components.header(name, header)).build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Identivia")
                .version(API_VERSION)
                .description(Some(DESCRIPTION))
                .contact(Some(ContactBuilder::new().name(Some("Identivia")).url(Some(REPOSITORY)).build()))
                .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
                .build(),
        )
        .servers(Some([ServerBuilder::new().url("/").description(Some(SERVER_DESCRIPTION)).build()]))
        .components(Some(components))
        .tags(Some(TAGS.map(|(name, description)| TagBuilder::new().name(name).description(Some(description)).build())))
        .build()
}

/// Schema of any JSON but `null`.
pub(super) fn not_null() -> Schema {
    let of_type = |kind: Type| ObjectBuilder::new().schema_type(kind);
    let anything = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
    AnyOfBuilder::new()
        .item(of_type(Type::String))
        .item(of_type(Type::Number))
        .item(of_type(Type::Boolean))
        .item(of_type(Type::Object))
        .item(ArrayBuilder::new().items(anything))
        .description(Some("Any JSON but `null`, at most 64 KiB."))
        .into()
}

fn scope_reference() -> Ref {
    Ref::from_schema_name(<Scope as ToSchema>::name())
}

/// Schema of a client's scopes.
pub(super) fn scope_list() -> Schema {
    ArrayBuilder::new().items(scope_reference()).min_items(Some(1)).into()
}

/// The same, or `null`.
pub(super) fn scope_list_or_null() -> Schema {
    ArrayBuilder::new().schema_type(list_or_null()).items(scope_reference()).min_items(Some(1)).into()
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

/// Adds to each operation the refusals that follow from its kind.
pub(super) fn complete_document(mut document: OpenApi) -> OpenApi {
    let components = document.components.take().unwrap_or_default();
    for (path, item) in &mut document.paths.paths {
        let names_a_record = path.contains('{');
        if !path.starts_with(CONSOLE_PATHS) {
            for operation in [&mut item.post, &mut item.patch].into_iter().flatten() {
                add_idempotency_key(operation);
            }
        }
        let is_polled = path.starts_with("/api/");
        let operations = [
            (&mut item.get, is_polled),
            (&mut item.post, false),
            (&mut item.put, false),
            (&mut item.patch, false),
            (&mut item.delete, false),
        ];
        for (operation, is_polled) in
            operations.into_iter().filter_map(|(operation, polled)| Some((operation.as_mut()?, polled)))
        {
            add_refusals(operation, names_a_record);
            if path.starts_with(REVIEW_PATHS) {
                add_responses(operation, &[("501", "The records are in a PocketBase whose batch API is off", true)]);
            }
            add_refusal_examples(operation, &components);
            response_headers::add_response_headers(operation, is_polled);
            operation.operation_id = operation.operation_id.take().map(|name| camel_case(&name));
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                describe_files(body, &components);
                body.required = Some(if body.description.is_some() { Required::False } else { Required::True });
            }
        }
    }
    document.components = Some(components);
    webhook_events::describe_webhooks(&mut document);
    free_objects::mark_free_objects(&mut document);
    operation_links::add_operation_links(&mut document);
    document
}

/// The schema that a body of that type refers to.
fn find_body_schema<'a>(body: &RequestBody, kind: &str, components: &'a Components) -> Option<&'a Object> {
    let Some(RefOr::T(content)) = body.content.get(kind) else { return None };
    let Some(RefOr::Ref(reference)) = &content.schema else { return None };
    let name = reference.ref_location.rsplit('/').next()?;
    match components.schemas.get(name) {
        Some(RefOr::T(Schema::Object(object))) => Some(object),
        _ => None,
    }
}

/// Says which kinds of file a form's file fields take.
fn describe_files(body: &mut RequestBody, components: &Components) {
    let Some(schema) = find_body_schema(body, FORM, components) else { return };
    let Some(RefOr::T(form)) = body.content.get_mut(FORM) else { return };
    for field in FileField::ALL.into_iter().filter(|field| schema.properties.contains_key(field.name())) {
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

/// Shows the usual body of each refusal that the operation does not show itself.
fn add_refusal_examples(operation: &mut Operation, components: &Components) {
    let body = operation.request_body.as_ref().and_then(|body| match body {
        RefOr::T(body) => {
            find_body_schema(body, "application/json", components).or(find_body_schema(body, FORM, components))
        }
        RefOr::Ref(_) => None,
    });
    let required = body.map(|schema| schema.required.clone()).unwrap_or_default();
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if let Some(RefOr::T(content)) =
            response.content.get_mut("application/json").filter(|_| !status.starts_with('2'))
        {
            content.example = content.example.take().or_else(|| refusal_examples::refusal_example(status, &required));
        }
    }
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
