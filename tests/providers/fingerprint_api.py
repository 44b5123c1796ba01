"""Stands in for the Server API of Fingerprint, version 4, by the models of Fingerprint's own package."""

import re
import time
import urllib.parse

from fingerprint_server_sdk.models import ErrorCode, ErrorResponse, Event

from faults import ANY_PROVIDER, always
from wire import json_answer

EVENT = re.compile(r"/v4/events/([^/]+)")
PARAMETERS = {"ruleset_id", "ii"}  # Fingerprint's clients tell who they are in `ii`.
KNOWN_EVENT, KNOWN_VISITOR = "1708102555327.NLOjmg", "Ibk1527CUFmcnjLwIs4A"
DAY = 24 * 60 * 60 * 1000
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36"


def namespace_key(request):
    return request.bearer()


def error(status, code, message, **headers):
    known = ErrorCode[code.upper()]
    answer = ErrorResponse.model_validate({"error": {"code": known, "message": message}})
    return json_answer(status, answer.model_dump(mode="json"), **headers)


# --- what is asked ----------------------------------------------------------------------------------------------------


def examine(call):
    match = EVENT.fullmatch(call.request.path)
    if call.request.method == "GET" and match:
        call.operation, call.body = "get_event", {"event_id": urllib.parse.unquote(match[1])}
        call.problems += [f"there is no parameter {name}" for name in call.request.query if name not in PARAMETERS]
    else:
        call.problems.append(f"there is no {call.request.method} {call.request.path}")
        call.refusal = error(404, "event_not_found", "event not found")
    if "auth-api-key" in call.request.headers:
        call.problems.append("auth-api-key is of version 3")
    key = namespace_key(call.request)
    if not key:
        call.refusal = error(403, "secret_api_key_required", "secret key is required")
    elif key.startswith("wrong"):
        call.refusal = error(403, "secret_api_key_not_found", "secret key is not found")


# --- what is answered -------------------------------------------------------------------------------------------------


def answer(call):
    event = found(call)
    return json_answer(200, validated(event)) if event else NOT_FOUND


def found(call):
    event_id = call.body["event_id"]
    return call.namespace.events.get(event_id) or (event_of(event_id) if event_id == KNOWN_EVENT else None)


def validated(event):
    Event.from_dict(event)
    return event


def event_of(event_id, visitor_id=KNOWN_VISITOR, timestamp=None, linked_id=None):
    now = int(time.time() * 1000) if timestamp is None else timestamp
    seen = {"first_seen_at": now - 30 * DAY, "last_seen_at": now - DAY}
    event = {
        "event_id": event_id,
        "timestamp": now,
        "source": "device",
        "environment_id": "ae_47abaca3db2c7c43",
        "suspect": False,
        "sdk": {"platform": "js", "version": "4.0.0"},
        "replayed": False,
        "identification": {
            "visitor_id": visitor_id,
            "confidence": {"score": 0.97, "version": "1.1"},
            "visitor_found": True,
            **seen,
        },
        "url": "https://example.com/verify",
        "ip_address": "198.51.100.7",
        "user_agent": USER_AGENT,
        "client_referrer": "",
        "browser_details": {
            "browser_name": "Chrome",
            "browser_major_version": "149",
            "browser_full_version": "149.0.0",
            "os": "Linux",
            "os_version": "",
            "device": "Other",
        },
        "bot": "not_detected",
        "developer_tools": False,
        "incognito": False,
        "privacy_settings": False,
        "proxy": False,
        "suspect_score": 0,
        "tampering": False,
        "virtual_machine": False,
        "vpn": False,
    }
    return event | ({"linked_id": linked_id} if linked_id is not None else {})


def tell_event(namespace, told):
    """Takes a whole event, or what one is made of."""
    event = validated(told["event"] if "event" in told else event_of(**told))
    with namespace.lock:
        namespace.events[event["event_id"]] = event


# --- faults -----------------------------------------------------------------------------------------------------------


def reworked(rework):
    """Makes of a change to the event a fault; a call that is refused, or asks for an unknown one, is answered truly."""
    def fault(call, truth):
        event = None if call.refusal else found(call)
        return json_answer(200, rework(event)) if event else truth()
    return fault


def changed(**changes):
    return reworked(lambda event: event | changes)


def identified(**changes):
    return reworked(lambda event: event | {"identification": event["identification"] | changes})


def aged(milliseconds):
    return reworked(lambda event: event | {"timestamp": int(time.time() * 1000) - milliseconds})


def without(*names):
    return reworked(lambda event: {name: value for name, value in event.items() if name not in names})


NOT_FOUND = error(404, "event_not_found", "event not found")

FAULTS = ANY_PROVIDER | {
    "not_found": always(NOT_FOUND),
    "forbidden": always(error(403, "secret_api_key_not_found", "secret key is not found")),
    "subscription_not_active": always(error(403, "subscription_not_active", "subscription is not active")),
    "wrong_region": always(error(403, "wrong_region", "wrong region")),
    "bad_request": always(error(400, "request_cannot_be_parsed", "request cannot be parsed")),
    "too_many_requests": always(error(429, "too_many_requests", "too many requests", retry_after="1")),
    "too_many_requests_long": always(error(429, "too_many_requests", "too many requests", retry_after="600")),
    "internal": always(error(500, "failed", "internal server error")),
    "unavailable": always(error(503, "service_unavailable", "service unavailable")),
    "other_event": changed(event_id="1708102555327.Another"),
    "other_visitor": identified(visitor_id="AnotherVisitor123456"),
    "other_linked_id": changed(linked_id="another"),
    "low_confidence": identified(confidence={"score": 0.12, "version": "1.1"}),
    "old_event": aged(2 * DAY),
    "future_event": aged(-2 * DAY),
    "replayed": changed(replayed=True),
    "bot": changed(bot="bad", bot_type="headless_chrome"),
    "suspicious": changed(vpn=True, proxy=True, tampering=True, incognito=True, suspect_score=42),
    "edge_event": without("identification", "sdk", "browser_details"),
    "no_visitor": changed(identification=None),
    "no_timestamp": without("timestamp"),
}
