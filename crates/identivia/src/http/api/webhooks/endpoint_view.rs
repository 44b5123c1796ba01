//! A webhook endpoint and its deliveries as the API shows them: without secrets.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::body::list_query::ListEntry;
use crate::http::guard::authority::RestrictedView;
use crate::records::id::RecordId;
use crate::records::outbox_event::EventId;
use crate::records::time::Millis;
use crate::records::webhook_delivery::{
    DeliveryProgress, DeliveryState, DeliveryTrigger, WebhookAttempt, WebhookDelivery,
};
use crate::records::webhook_endpoint::{DisabledBecause, SealedKey, SignatureScheme, WebhookEndpoint};

/// Shown in place of a signature.
const MASKED_SIGNATURE: &str = "v1,***";

/// A webhook endpoint. Its secret is shown once, when it is made or rotated.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
#[schema(example = json!({
    "id": "abc123def456ghi", "team": "acme", "url": "https://shop.example/webhooks", "events": ["profile.*"],
    "description": "Orders", "signature": "v1", "ordered": false, "include_user_id": true, "header_names": [],
    "keys": [{"id": "abc123def456ghi", "public_key": "whpk_gR1mDM4d3z1G2JtlxkLIcQ3mHOFxJK5v5tGMR1xDP5k=",
        "created": "2026-03-21 00:00:00.000Z", "expires": null}],
    "enabled": true, "disabled_at": null, "disabled_because": null, "failing_since": null, "failures": 0,
    "created": "2026-03-21 00:00:00.000Z", "updated": "2026-03-21 00:00:00.000Z",
}))]
pub(crate) struct WebhookView {
    id: RecordId,
    /// `null` for an operator's endpoint, which gets the events of every team.
    #[schema(required = true)]
    team: Option<String>,
    url: String,
    /// Types of event, groups such as `profile.*`, or `*`.
    events: Vec<String>,
    #[schema(required = true)]
    description: Option<String>,
    signature: SignatureScheme,
    /// Whether the events of one profile are sent one after the other.
    ordered: bool,
    /// Whether events carry `user_id`.
    include_user_id: bool,
    /// Names of the headers that are sent too. Their values are not shown.
    header_names: Vec<String>,
    /// The keys that sign, the newest first.
    keys: Vec<WebhookKeyView>,
    enabled: bool,
    #[schema(required = true)]
    disabled_at: Option<Millis>,
    #[schema(required = true)]
    disabled_because: Option<DisabledBecause>,
    /// The first failure since the last delivery that succeeded.
    #[schema(required = true)]
    failing_since: Option<Millis>,
    /// Tries that failed in a row.
    failures: u32,
    created: Millis,
    updated: Millis,
}

/// A key that signs deliveries, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookKey)]
pub(crate) struct WebhookKeyView {
    id: RecordId,
    /// Verifies `v1a` signatures (Ed25519).
    public_key: String,
    created: Millis,
    /// `null` for the newest.
    #[schema(required = true)]
    expires: Option<Millis>,
}

/// An event that an endpoint gets.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
#[schema(example = json!({
    "id": "abc123def456ghi", "event_id": "evt_abc123def456ghijkl789mno12", "event_type": "profile.verified",
    "profile_id": "abc123def456xyz", "state": "due", "trigger": "schedule", "attempts": 1,
    "due_at": "2026-03-21 00:00:05.000Z", "last_status": 503, "last_error": "the receiver answered 503",
    "created": "2026-03-21 00:00:00.000Z", "finished": null,
}))]
pub(crate) struct DeliveryView {
    id: RecordId,
    event_id: EventId,
    event_type: String,
    #[schema(required = true)]
    profile_id: Option<RecordId>,
    state: DeliveryState,
    trigger: DeliveryTrigger,
    attempts: u32,
    /// When the next try is due.
    #[schema(required = true)]
    due_at: Option<Millis>,
    #[schema(required = true)]
    last_status: Option<u16>,
    #[schema(required = true)]
    last_error: Option<String>,
    created: Millis,
    #[schema(required = true)]
    finished: Option<Millis>,
}

/// One try of a delivery.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookAttempt)]
pub(crate) struct AttemptView {
    number: u32,
    trigger: DeliveryTrigger,
    at: Millis,
    #[schema(required = true)]
    status: Option<u16>,
    duration_ms: u32,
    /// Why it failed.
    #[schema(required = true)]
    error: Option<String>,
    /// The first 2 KiB of the receiver's answer.
    response: String,
    /// Headers that were sent, with the signature masked.
    headers: BTreeMap<&'static str, String>,
}

/// A delivery with its tries.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDeliveryDetails)]
pub(crate) struct DeliveryDetails {
    #[serde(flatten)]
    delivery: DeliveryView,
    /// Oldest first; kept for 7 days.
    tries: Vec<AttemptView>,
}

/// An endpoint.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookResponse {
    pub(super) success: bool,
    pub(super) message: &'static str,
    pub(super) data: WebhookView,
}

/// An endpoint with its new secret, which is not shown again.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookSecretResponse {
    pub(super) success: bool,
    pub(super) message: &'static str,
    pub(super) data: WebhookView,
    /// Verifies `v1` signatures (HMAC-SHA256). Store it now.
    #[schema(pattern = "^whsec_[A-Za-z0-9+/]+=*$")]
    pub(super) secret: String,
}

/// A delivery with its tries.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDeliveryResponse)]
pub(crate) struct DeliveryResponse {
    pub(super) success: bool,
    pub(super) message: &'static str,
    pub(super) data: DeliveryDetails,
}

impl WebhookView {
    /// The view of an endpoint, with how it is doing.
    pub(super) fn new(endpoint: WebhookEndpoint, progress: Option<&DeliveryProgress>, now: Millis) -> Self {
        Self {
            keys: endpoint.active_keys(now).map(WebhookKeyView::from).collect(),
            id: endpoint.id,
            team: Some(endpoint.team).filter(|team| !team.is_empty()),
            url: endpoint.url,
            events: endpoint.events,
            description: endpoint.description,
            signature: endpoint.signature,
            ordered: endpoint.ordered,
            include_user_id: endpoint.include_user_id,
            header_names: endpoint.header_names.split_whitespace().map(str::to_owned).collect(),
            enabled: !endpoint.disabled,
            disabled_at: endpoint.disabled_at,
            disabled_because: endpoint.disabled_because,
            failing_since: progress.and_then(|progress| progress.failing_since),
            failures: progress.map_or(0, |progress| progress.failures),
            created: endpoint.created,
            updated: endpoint.updated,
        }
    }
}

impl From<&SealedKey> for WebhookKeyView {
    fn from(key: &SealedKey) -> Self {
        Self { id: key.id, public_key: key.public_key.clone(), created: key.created, expires: key.expires }
    }
}

impl From<WebhookDelivery> for DeliveryView {
    fn from(delivery: WebhookDelivery) -> Self {
        Self {
            id: delivery.id,
            event_id: delivery.event_id,
            event_type: delivery.event_type,
            profile_id: delivery.profile,
            state: delivery.state,
            trigger: delivery.trigger,
            attempts: delivery.attempts,
            due_at: delivery.due_at,
            last_status: delivery.last_status,
            last_error: delivery.last_error,
            created: delivery.created,
            finished: delivery.finished,
        }
    }
}

impl DeliveryDetails {
    pub(super) fn new(delivery: WebhookDelivery, attempts: Vec<WebhookAttempt>) -> Self {
        let event = delivery.event_id.clone();
        let tries = attempts.into_iter().map(|attempt| to_attempt_view(&event, attempt)).collect();
        Self { delivery: delivery.into(), tries }
    }
}

fn to_attempt_view(event: &EventId, attempt: WebhookAttempt) -> AttemptView {
    let headers = [
        ("webhook-id", event.to_string()),
        ("webhook-timestamp", attempt.at.seconds().to_string()),
        ("webhook-signature", MASKED_SIGNATURE.to_owned()),
    ];
    AttemptView {
        number: attempt.number,
        trigger: attempt.trigger,
        at: attempt.at,
        status: attempt.status,
        duration_ms: attempt.duration_ms,
        error: attempt.error,
        response: attempt.response,
        headers: headers.into(),
    }
}

impl ListEntry for WebhookView {
    const LIST_NAME: &'static str = "WebhookList";
}

impl ListEntry for DeliveryView {
    const LIST_NAME: &'static str = "WebhookDeliveryList";
}

/// Flow tokens reach no webhooks: there is nothing to hide from them.
impl RestrictedView for WebhookView {
    fn hide_from_flow(&mut self) {}

    fn mask_for_console(&mut self) {}
}

impl RestrictedView for DeliveryView {
    fn hide_from_flow(&mut self) {}

    fn mask_for_console(&mut self) {}
}
