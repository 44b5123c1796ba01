//! What PocketBase's answers mean: done, refused with a reason, unavailable.

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::store::{Result, StoreError};

/// The largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// The error text of a larger answer.
const ANSWER_TOO_LARGE: &str = "PocketBase's answer is larger than 4 MiB";
/// The error text of a refusal without a reason.
const WITHOUT_REASON: &str = "PocketBase refused without a reason: is its disk full?";
/// PocketBase's code for a value that another record has already.
const TAKEN_CODE: &str = "validation_not_unique";

/// PocketBase's answer to a call.
#[derive(Debug)]
pub(super) enum CallAnswer {
    Done(Value),
    /// One request of the call was refused, and nothing was done.
    Refused {
        /// Its number in a batch; 0 when it was sent alone.
        request: usize,
        reason: RefusalReason,
    },
    /// The batch API is off.
    BatchOff,
}

/// Why PocketBase refused a request.
#[derive(Debug)]
pub(super) enum RefusalReason {
    /// No such record, or none that this account may see.
    Missing,
    /// Some fields are invalid: their names, and PocketBase's code for each fault.
    Invalid(Vec<(String, String)>),
}

impl RefusalReason {
    /// Says whether a value exists in another record already, where it must be unique.
    pub(super) fn is_taken(&self) -> bool {
        matches!(self, Self::Invalid(faults) if faults.iter().any(|(_, code)| code == TAKEN_CODE))
    }
}

impl CallAnswer {
    /// The record that was read or written; `None` when there is none.
    pub(super) fn into_record(self) -> Result<Option<Value>> {
        match self {
            Self::Done(record) => Ok(Some(record)),
            Self::Refused { reason: RefusalReason::Missing, .. } => Ok(None),
            Self::Refused { reason: RefusalReason::Invalid(faults), .. } => {
                let faults: Vec<String> = faults.iter().map(|(field, code)| format!("{field}: {code}")).collect();
                Err(StoreError::Refused(format!("PocketBase refuses it ({})", faults.join(", "))))
            }
            Self::BatchOff => Err(unexpected_answer()),
        }
    }
}

/// Says whether an answer was refused because it is larger than this program reads.
pub(super) fn is_too_large(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(text) if text == ANSWER_TOO_LARGE)
}

/// Says whether PocketBase refused without a reason, as it does with a filter that it cannot parse.
pub(super) fn is_without_reason(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(text) if text == WITHOUT_REASON)
}

/// An HTTP answer, read to its end.
pub(super) struct PocketBaseAnswer {
    pub(super) status: StatusCode,
    /// `None` when it is no JSON: PocketBase cuts some error texts off.
    pub(super) body: Option<Value>,
    is_batch: bool,
}

impl PocketBaseAnswer {
    /// Says whether a guest could get this answer.
    pub(super) fn is_guest_like(&self) -> bool {
        let body = self.body.as_ref();
        match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => true,
            StatusCode::FORBIDDEN => !self.is_batch,
            StatusCode::OK => body.is_some_and(|body| body["items"].as_array().is_some_and(Vec::is_empty)),
            StatusCode::BAD_REQUEST => match self.refused_request() {
                Some((_, response)) => response["status"] == 403 || has_no_reason(response),
                None => body.is_none_or(has_no_reason),
            },
            _ => false,
        }
    }

    /// Says whether PocketBase itself refused: proxies and other programs have other bodies.
    pub(super) fn is_from_pocketbase(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body["status"] == self.status.as_u16())
    }

    /// The number of the request that made a batch fail, and the answer to it.
    fn refused_request(&self) -> Option<(usize, &Value)> {
        let (number, item) = self.body.as_ref()?["data"]["requests"].as_object()?.iter().next()?;
        let response = Some(&item["response"]).filter(|response| response.is_object())?;
        Some((number.parse().ok()?, response))
    }

    pub(super) fn into_call_answer(self) -> Result<CallAnswer> {
        let unavailable = |text: String| Err(StoreError::Unavailable(text));
        match self.status {
            status if status.is_success() => Ok(CallAnswer::Done(self.body.unwrap_or_default())),
            StatusCode::NOT_FOUND if self.is_from_pocketbase() => missing_record(0, self.body.as_ref()),
            StatusCode::FORBIDDEN if self.is_batch && self.is_from_pocketbase() => Ok(CallAnswer::BatchOff),
            StatusCode::BAD_REQUEST => self.to_refusal(),
            StatusCode::PAYLOAD_TOO_LARGE => {
                let fault = ("body".to_owned(), "is larger than PocketBase takes".to_owned());
                Ok(CallAnswer::Refused { request: 0, reason: RefusalReason::Invalid(vec![fault]) })
            }
            status if status.is_redirection() => unavailable(format!(
                "PocketBase's address answers with a redirection ({status}): set POCKETBASE_URL to where it leads"
            )),
            StatusCode::NOT_FOUND => {
                unavailable("what answers 404 is not PocketBase: is POCKETBASE_URL its address?".to_owned())
            }
            StatusCode::FORBIDDEN => unavailable(
                "PocketBase's rules keep this user out; run: identivia pocketbase init --service-user EMAIL".to_owned(),
            ),
            status => unavailable(format!("PocketBase answered {status}")),
        }
    }

    /// The meaning of status 400.
    fn to_refusal(&self) -> Result<CallAnswer> {
        let refused = self.refused_request().or_else(|| self.body.as_ref().map(|body| (0, body)));
        match refused {
            Some((request, refused)) if refused["status"] == 404 => missing_record(request, Some(refused)),
            Some((request, refused)) if !has_no_reason(refused) => {
                Ok(CallAnswer::Refused { request, reason: RefusalReason::Invalid(field_faults(refused)) })
            }
            // PocketBase answers so with a full disk, after a batch that took too long, and when a rule says no.
            _ => Err(StoreError::Unavailable(WITHOUT_REASON.to_owned())),
        }
    }
}

/// The answer for a missing record; an error where the whole collection is missing.
fn missing_record(request: usize, refused: Option<&Value>) -> Result<CallAnswer> {
    let message = refused.and_then(|refused| refused["message"].as_str()).unwrap_or_default();
    if message.starts_with("Missing") && message.contains("collection") {
        let text = "PocketBase lacks a collection; make it with: identivia pocketbase init";
        return Err(StoreError::Unavailable(text.to_owned()));
    }
    Ok(CallAnswer::Refused { request, reason: RefusalReason::Missing })
}

fn has_no_reason(refused: &Value) -> bool {
    refused["data"].as_object().is_none_or(serde_json::Map::is_empty)
}

/// The invalid fields of a refusal, with PocketBase's code for each. Its messages may quote what was sent.
fn field_faults(refused: &Value) -> Vec<(String, String)> {
    let fields = refused["data"].as_object().into_iter().flatten();
    fields.map(|(name, fault)| (name.clone(), fault["code"].as_str().unwrap_or("invalid").to_owned())).collect()
}

pub(super) async fn send_request(request: RequestBuilder) -> Result<PocketBaseAnswer> {
    read_answer(request.send().await.map_err(|error| unreachable_error(&error))?).await
}

pub(super) async fn read_answer(mut response: Response) -> Result<PocketBaseAnswer> {
    let status = response.status();
    let is_batch = response.url().path().ends_with("/api/batch");
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| unreachable_error(&error))? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_ANSWER_BYTES {
            return Err(StoreError::Unavailable(ANSWER_TOO_LARGE.to_owned()));
        }
    }
    let body = serde_json::from_slice(&bytes).ok();
    if status.is_success() && body.is_none() && !bytes.is_empty() {
        return Err(StoreError::Unavailable(
            "PocketBase's answer is no JSON: is POCKETBASE_URL its address?".to_owned(),
        ));
    }
    Ok(PocketBaseAnswer { status, body, is_batch })
}

/// Says why there was no answer. The library's own text may hold the URL, and with it the search text.
pub(super) fn unreachable_error(error: &reqwest::Error) -> StoreError {
    let what = if error.is_timeout() {
        "PocketBase did not answer in time"
    } else if error.is_connect() {
        "PocketBase cannot be reached"
    } else {
        "the connection to PocketBase broke off"
    };
    StoreError::Unavailable(what.to_owned())
}

/// The error for an answer that this program does not know.
pub(super) fn unexpected_answer() -> StoreError {
    StoreError::Unavailable("PocketBase's answer is none that we know: is its schema ours?".to_owned())
}
