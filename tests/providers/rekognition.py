"""Stands in for Amazon Rekognition's Face Liveness, by its published model: AWS JSON 1.1."""

import json
import time
import uuid
from dataclasses import dataclass, replace

import shapes
import signature
from faults import ANY_PROVIDER, always, changed
from wire import json_answer

MEDIA_TYPE = "application/x-amz-json-1.1"
LIFETIME = 3 * 60
USUAL = ["FaceMovementAndLightChallenge"]
CALLER = "arn:aws:iam::123456789012:user/identivia"

SERVICE = shapes.service("rekognition")

namespace_key = signature.namespace_key


def shape(operation, direction):
    return getattr(SERVICE.operation_model(operation), direction)


def reply(status, value):
    return json_answer(status, value, MEDIA_TYPE, x_amzn_RequestId=str(uuid.uuid4()))


def error(code, message, status=400):
    return reply(status, {"__type": code, "Message": message})


REFUSALS = {
    "missing": "MissingAuthenticationTokenException",
    "incomplete": "IncompleteSignatureException",
    "mismatch": "InvalidSignatureException",
    "unrecognized": "UnrecognizedClientException",
    "expired": "ExpiredTokenException",
}


# --- what is asked ----------------------------------------------------------------------------------------------------


def examine(call):
    service, _, call.operation = call.request.headers.get("x-amz-target", "").partition(".")
    if service != "RekognitionService" or call.operation not in OPERATIONS:
        call.problems.append(f"there is no operation {service}.{call.operation}")
        call.refusal = error("UnknownOperationException", "")
        return
    if call.request.headers.get("content-type") != MEDIA_TYPE:
        call.problems.append(f"the content type is not {MEDIA_TYPE}")
    call.problems += _body_problems(call)
    if call.problems:
        call.refusal = error("InvalidParameterException", "Request has invalid parameters: " + "; ".join(call.problems))
    refused = signature.refusal(call.request, "rekognition", call.namespace.now())
    if refused:
        call.problems.append(refused.message)
        call.refusal = error(REFUSALS[refused.kind], refused.message)


def _body_problems(call):
    try:
        call.body = json.loads(call.request.body)
    except ValueError as reason:
        return [f"the body is not JSON: {reason}"]
    return shapes.violations(call.body, shape(call.operation, "input_shape"))


# --- what is answered -------------------------------------------------------------------------------------------------


def answer(call):
    return OPERATIONS[call.operation](call)


def create(call):
    space, token = call.namespace, call.body.get("ClientRequestToken")
    with space.lock:
        session = space.sessions_by_token.get(token)
        if session not in space.sessions or space.sessions[session].is_over():
            session = str(uuid.uuid4())
            tell_session(space, session, {}, challenges(call.body))
            if token:
                space.sessions_by_token[token] = session
    return checked(call, {"SessionId": session})


def challenges(body):
    preferences = body.get("Settings", {}).get("ChallengePreferences", [])
    return [each["Type"] for each in preferences] or USUAL


def results(call):
    session = call.namespace.sessions.get(call.body["SessionId"])
    if session is None or session.is_over():
        return NOT_FOUND
    return checked(call, session.results)


def checked(call, value):
    problems = shapes.violations(value, shape(call.operation, "output_shape"))
    if problems:
        raise ValueError("; ".join(problems))
    return reply(200, value)


@dataclass(frozen=True)
class Session:
    results: dict
    ends: float
    challenges: list

    def is_over(self):
        return time.time() > self.ends


def tell_session(namespace, session, told, challenges=USUAL):
    """Returns what is wrong with what was told; then nothing has changed."""
    results = {"SessionId": session, "Status": "CREATED", **told}
    gone = results.pop("gone", False)
    problems = shapes.violations(results, shape("GetFaceLivenessSessionResults", "output_shape"))
    if not problems:
        with namespace.lock:
            known = namespace.sessions.get(session)
            ends = 0 if gone else known.ends if known else time.time() + LIFETIME
            namespace.sessions[session] = Session(results, ends, known.challenges if known else challenges)
    return problems


OPERATIONS = {"CreateFaceLivenessSession": create, "GetFaceLivenessSessionResults": results}


# --- faults -----------------------------------------------------------------------------------------------------------


def access_denied(call, truth):
    action = f"rekognition:{call.operation}"
    return error(
        "AccessDeniedException",
        f"User: {CALLER} is not authorized to perform: {action} because no identity-based policy allows the {action} "
        "action",
    )


def clock_skew(call, truth):
    return error(REFUSALS["mismatch"], signature.set_clock_ahead(call.namespace))


def clock_skew_forever(call, truth):
    return error(REFUSALS["mismatch"], signature.always_skewed())


def another_session(session):
    return lambda real: replace(real, body=json.dumps({**json.loads(real.body), "SessionId": session}).encode())


NOT_FOUND = error("SessionNotFoundException", "No Face Liveness session was found for the given session ID.")
SLOW_DOWN = "Slow down; sudden increase in rate of requests."

FAULTS = ANY_PROVIDER | {
    "throttled": always(error("ThrottlingException", SLOW_DOWN)),
    "throttled_500": always(error("ThrottlingException", SLOW_DOWN, 500)),
    "provisioned_throughput": always(error("ProvisionedThroughputExceededException", "Provisioned rate exceeded.")),
    "access_denied": access_denied,
    "unrecognized_client": always(
        error("UnrecognizedClientException", "The security token included in the request is invalid.")
    ),
    "expired_token": always(error("ExpiredTokenException", "The security token included in the request is expired")),
    "invalid_parameter": always(error("InvalidParameterException", "Request has invalid parameters")),
    "session_not_found": always(NOT_FOUND),
    "internal": always(error("InternalServerError", "Internal server error", 500)),
    "namespaced_error": always(error("com.amazonaws.rekognition#ThrottlingException", SLOW_DOWN)),
    "unknown_error": always(error("SomethingNewException", "This error is in no model yet.")),
    "invalid_signature": always(error("InvalidSignatureException", signature.MISMATCH)),
    "clock_skew": clock_skew,
    "clock_skew_forever": clock_skew_forever,
    "other_session": changed(another_session("00000000-0000-4000-8000-000000000000")),
    "bad_session_id": changed(another_session("../../etc/passwd?a=b#c")),
}
