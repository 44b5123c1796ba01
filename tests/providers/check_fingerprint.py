"""Checks the events with Fingerprint's own package."""

import json
import time

import fingerprint_server_sdk as fingerprint

from harness import KNOWN_EVENT, KNOWN_VISITOR, ask, calls, check, events, new_key, problems, raises, script, tell


@check
def fingerprint_tells_events():
    key = new_key("fp")
    found = events(key).get_event(KNOWN_EVENT)
    assert found.identification.visitor_id == KNOWN_VISITOR and found.bot == "not_detected"
    assert abs(found.timestamp / 1000 - time.time()) < 10
    short = {"event_id": "1.a/b", "visitor_id": "v" * 20, "timestamp": 1, "linked_id": "user-1"}
    tell("events", key, **short)
    found = events(key).get_event("1.a/b")
    assert (found.identification.visitor_id, found.timestamp, found.linked_id) == ("v" * 20, 1, "user-1")
    tell("events", key, event={"event_id": "2.whole", "timestamp": 2, "bot": "bad"})
    found = events(key).get_event("2.whole")
    assert found.identification is None and found.bot == "bad"
    assert not any(call["problems"] for call in calls(key))
    for wrong in ({"event": {"event_id": "3"}}, {"event_id": 3, "visitor_id": "v"}, {"timestamp": 3}, {"bogus": 1}):
        assert ask("POST", f"/_/events?key={key}", json.dumps(wrong))[0] == 400


@check
def fingerprint_fails_as_scripted():
    key = new_key("fp")
    client = events(key)
    with raises(fingerprint.NotFoundException, "event_not_found"):
        client.get_event("no.such")
    with raises(fingerprint.ForbiddenException, "secret_api_key_not_found"):
        events("wrong-key").get_event(KNOWN_EVENT)
    with raises(fingerprint.ForbiddenException, "secret_api_key_required"):
        events("").get_event(KNOWN_EVENT)
    for fault, kind, code in (
        ("not_found", fingerprint.NotFoundException, "event_not_found"),
        ("forbidden", fingerprint.ForbiddenException, "secret_api_key_not_found"),
        ("too_many_requests", fingerprint.TooManyRequestsException, "too_many_requests"),
        ("bad_request", fingerprint.BadRequestException, "request_cannot_be_parsed"),
        ("internal", fingerprint.ServiceException, "failed"),
    ):
        script(key, "fingerprint", fault)
        with raises(kind, code):
            client.get_event(KNOWN_EVENT)


@check
def fingerprint_changes_events_as_scripted():
    key = new_key("fp")

    def event(fault):
        script(key, "fingerprint", fault)
        return events(key).get_event(KNOWN_EVENT)

    assert event("other_visitor").identification.visitor_id == "AnotherVisitor123456"
    assert 47 < (time.time() - event("old_event").timestamp / 1000) / 3600 < 49
    assert event("future_event").timestamp / 1000 > time.time()
    assert event("bot").bot == "bad" and event("replayed").replayed
    assert event("low_confidence").identification.confidence.score == 0.12
    assert event("edge_event").identification is None and event("no_visitor").identification is None
    assert event("other_linked_id").linked_id == "another" and event("other_event").event_id == "1708102555327.Another"
    with raises(ValueError):
        event("no_timestamp")
    ask("GET", f"/v4/events/{KNOWN_EVENT}?bogus=1", headers={"Authorization": f"Bearer {key}"})
    assert "bogus" in problems(key)
