//! The requests that webhooks send, in the OpenAPI document: one for each type of event, with its own schema.

use serde_json::json;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItemBuilder, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{KnownFormat, OpenApi, Ref, RefOr, Required, ResponseBuilder, Schema};

use crate::domain::outbox::{API_VERSION, EventType};

/// What a field of an event's `data` holds.
#[derive(Clone, Copy)]
enum DataField {
    /// An id of 15 characters.
    Id,
    Text,
    TextOrNull,
    /// A time (RFC 3339), or `null`.
    TimeOrNull,
    Number,
    Flag,
    Texts,
}

use DataField::{Flag, Id, Number, Text, TextOrNull, Texts, TimeOrNull};

/// What every event about a profile says, and what every event about an endpoint says.
const OF_PROFILE: [(&str, DataField); 4] =
    [("id", Id), ("user_id", TextOrNull), ("team", TextOrNull), ("version", Number)];
const OF_ENDPOINT: [(&str, DataField); 2] = [("endpoint_id", Id), ("team", TextOrNull)];

/// What a type of event says beyond that.
const fn more_fields(event_type: EventType) -> &'static [(&'static str, DataField)] {
    match event_type {
        EventType::ProfileCreated => &[("status", Text)],
        EventType::ProfileStarted => &[],
        EventType::ProfileSubmitted => &[("verification_id", Id), ("attempt", Number)],
        EventType::VerificationChecked => &[("verification_id", Id), ("outcome", Text), ("codes", Texts)],
        EventType::ProfileStatusChanged => {
            &[("previous_status", Text), ("new_status", Text), ("reasons", Texts), ("decided_by", Text)]
        }
        EventType::ProfileVerified | EventType::ProfileRejected => &[("reasons", Texts)],
        EventType::ProfileResubmissionRequested => &[("reasons", Texts), ("steps", Texts)],
        EventType::ConsentWithdrawn => &[("consent_id", Id)],
        EventType::EndpointFailing => &[("since", TimeOrNull), ("disabled_from", TimeOrNull)],
        EventType::EndpointDisabled => &[("since", TimeOrNull), ("reason", Text)],
        EventType::WebhookTest => &[("test", Flag)],
    }
}

/// Adds a webhook for each type of event.
pub(super) fn describe_webhooks(document: &mut OpenApi) {
    let Some(components) = &mut document.components else { return };
    let mut webhooks = PathsBuilder::new();
    for event_type in EventType::ALL {
        let name = schema_name(event_type);
        components.schemas.insert(name.clone(), describe_event(event_type).into());
        webhooks = webhooks.path(event_type.word(), describe_request(event_type, &name));
    }
    document.webhooks = Some(webhooks.build());
}

fn describe_request(event_type: EventType, schema: &str) -> utoipa::openapi::PathItem {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
    let body = RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build();
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let headers = [
        ("webhook-id", "The event's id: the same on every try."),
        ("webhook-timestamp", "Seconds since 1970 of this try."),
        ("webhook-signature", "`v1,<base64>` or `v1a,<base64>` for each key in use, with spaces between."),
    ];
    let mut operation = OperationBuilder::new()
        .operation_id(Some(format!("on{schema}")))
        .tag("Webhooks")
        .summary(Some(format!("Sent for {}", event_type.word())))
        .security(utoipa::openapi::SecurityRequirement::default())
        .request_body(Some(body))
        .response("204", ResponseBuilder::new().description("Taken: any 2xx within 15 seconds").build())
        .response("410", ResponseBuilder::new().description("No more events: the webhook is disabled").build());
    for (name, description) in headers {
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).required(Required::True);
        operation = operation.parameter(parameter.description(Some(description)).schema(Some(text())).build());
    }
    PathItemBuilder::new().operation(HttpMethod::Post, operation.build()).build()
}

/// `profile.status_changed` is `ProfileStatusChangedEvent`.
fn schema_name(event_type: EventType) -> String {
    let words = event_type.word().split(['.', '_']);
    let name: String = words.map(|word| word[..1].to_uppercase() + &word[1..]).collect();
    name + "Event"
}

fn describe_event(event_type: EventType) -> Schema {
    let word = event_type.word();
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let time = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    let event = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("type", text().enum_values(Some([word])))
        .property("timestamp", time)
        .property("id", text().pattern(Some("^evt_[a-z0-9]{26}$")))
        .property("api_version", text().examples([json!(API_VERSION)]))
        .property("livemode", ObjectBuilder::new().schema_type(Type::Boolean))
        .property("data", describe_data(event_type));
    ["type", "timestamp", "id", "api_version", "livemode", "data"]
        .into_iter()
        .fold(event, ObjectBuilder::required)
        .into()
}

fn describe_data(event_type: EventType) -> Schema {
    let common: &[(&str, DataField)] = if is_about_endpoint(event_type) { &OF_ENDPOINT } else { &OF_PROFILE };
    let data = ObjectBuilder::new().schema_type(Type::Object);
    let fields = common.iter().chain(more_fields(event_type));
    fields.fold(data, |data, (name, field)| data.property(*name, field.describe()).required(*name)).into()
}

const fn is_about_endpoint(event_type: EventType) -> bool {
    matches!(event_type, EventType::EndpointFailing | EventType::EndpointDisabled | EventType::WebhookTest)
}

impl DataField {
    fn describe(self) -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let or_null = || SchemaType::from_iter([Type::String, Type::Null]);
        match self {
            Self::Id => text().pattern(Some("^[a-z0-9]{15}$")).into(),
            Self::Text => text().into(),
            Self::TextOrNull => ObjectBuilder::new().schema_type(or_null()).into(),
            Self::TimeOrNull => {
                let time = ObjectBuilder::new().schema_type(or_null());
                time.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).into()
            }
            Self::Number => ObjectBuilder::new().schema_type(Type::Integer).into(),
            Self::Flag => ObjectBuilder::new().schema_type(Type::Boolean).into(),
            Self::Texts => ArrayBuilder::new().items(text()).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::id::RecordId;
    use crate::records::outbox_event::OutboxEvent;
    use crate::records::time::Millis;

    #[test]
    fn each_type_says_what_its_schema_says() {
        for event_type in EventType::ALL {
            let sample = OutboxEvent::sample(event_type, "acme", RecordId::random(), Millis(0));
            let schema = serde_json::to_value(describe_data(event_type)).unwrap();
            let described: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
            // Samples of other types say that they are a test; what is only known of a real endpoint is not in a sample.
            let said: Vec<&String> =
                sample.data.keys().filter(|name| event_type == EventType::WebhookTest || *name != "test").collect();
            if is_about_endpoint(event_type) && event_type != EventType::WebhookTest {
                assert!(said.iter().all(|name| described.contains(name)), "{}", event_type.word());
            } else {
                let mut sorted = (described, said);
                sorted.0.sort();
                sorted.1.sort();
                assert_eq!(sorted.0, sorted.1, "{}", event_type.word());
            }
        }
        assert_eq!(schema_name(EventType::ProfileStatusChanged), "ProfileStatusChangedEvent");
    }
}
