"""Stands in for AWS STS, by its published model: the Query protocol, a form with a reply in XML."""

import json
import urllib.parse
import uuid
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import shapes
import signature
from faults import ANY_PROVIDER, always, changed
from wire import Answer

VERSION = "2011-06-15"
NAMESPACE = f"https://sts.amazonaws.com/doc/{VERSION}/"
ACCOUNT = "123456789012"
USER = f"arn:aws:iam::{ACCOUNT}:user/identivia"
LONGEST_POLICY = 2048
LONGEST_CHAINED = 3600

SERVICE = shapes.service("sts")

namespace_key = signature.namespace_key


# --- what is asked ----------------------------------------------------------------------------------------------------


def examine(call):
    form = dict(urllib.parse.parse_qsl(call.request.body.decode(errors="replace"), keep_blank_values=True))
    call.operation, call.body = form.pop("Action", ""), form
    if call.operation not in OPERATIONS or form.pop("Version", None) != VERSION:
        call.problems.append(f"there is no action {call.operation!r} of version {VERSION}")
        call.refusal = error(400, "InvalidAction", f"Could not find operation {call.operation} for version {VERSION}")
        return
    if not call.request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        call.problems.append("the content type is not application/x-www-form-urlencoded")
    shape = SERVICE.operation_model(call.operation).input_shape
    taken = set()
    call.body = unflattened(form, shape, "", taken)
    call.problems += [f"there is no parameter {name}" for name in form if name not in taken]
    call.problems += shapes.violations(call.body, shape)
    # The model does not limit the policy of AssumeRole; the documentation does.
    if len(call.body.get("Policy", "")) > LONGEST_POLICY:
        call.problems.append(f"the policy is longer than {LONGEST_POLICY} characters")
    if call.problems:
        message = f"{len(call.problems)} validation error detected: {'; '.join(call.problems)}"
        call.refusal = error(400, "ValidationError", message)
    elif "Policy" in call.body and not is_policy(call.body["Policy"]):
        call.problems.append("the policy is no policy document")
        call.refusal = error(400, "MalformedPolicyDocument", "This policy contains invalid Json")
    refused = signature.refusal(call.request, "sts", call.namespace.now())
    if refused:
        call.problems.append(refused.message)
        call.refusal = error(*REFUSALS[refused.kind], refused.message)


def unflattened(form, shape, prefix, taken):
    """Makes a structure of `Tags.member.1.Key=...`, and notes in `taken` what has a place in it."""
    match shape.type_name:
        case "structure":
            names = [(name, f"{prefix}.{name}".lstrip(".")) for name in shape.members]
            return {
                name: unflattened(form, shape.members[name], path, taken)
                for name, path in names
                if any(key == path or key.startswith(f"{path}.") for key in form)
            }
        case "list":
            found = []
            while any(f"{key}.".startswith(f"{prefix}.member.{len(found) + 1}.") for key in form):
                found.append(unflattened(form, shape.member, f"{prefix}.member.{len(found) + 1}", taken))
            return found
    taken.add(prefix)
    text = form.get(prefix, "")
    return int(text) if shape.type_name == "integer" and text.isascii() and text.isdigit() else text


def is_policy(text):
    try:
        policy = json.loads(text)
    except ValueError:
        return False
    return isinstance(policy, dict) and {"Version", "Statement"} <= policy.keys()


# --- what is answered -------------------------------------------------------------------------------------------------


def answer(call):
    return OPERATIONS[call.operation](call)


def get_federation_token(call):
    if signature.is_temporary(call.request):
        return error(403, "AccessDenied", "Cannot call GetFederationToken with session credentials")
    name = call.body["Name"]
    return result(call, {
        "Credentials": credentials(call, 43200),
        "FederatedUser": {
            "FederatedUserId": f"{ACCOUNT}:{name}",
            "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/{name}",
        },
        "PackedPolicySize": packed_size(call),
    })


def assume_role(call):
    kind, _, role = call.body["RoleArn"].rpartition(":")[2].partition("/")
    if kind != "role" or not role:
        return error(400, "ValidationError", f"{call.body['RoleArn']} is invalid")
    if signature.is_temporary(call.request) and call.body.get("DurationSeconds", 0) > LONGEST_CHAINED:
        message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        return error(400, "ValidationError", message)
    session = call.body["RoleSessionName"]
    return result(call, {
        "Credentials": credentials(call, 3600),
        "AssumedRoleUser": {
            "AssumedRoleId": f"AROAIDENTIVIAIDENTIVI:{session}",
            "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/{session}",
        },
        "PackedPolicySize": packed_size(call),
    })


def get_caller_identity(call):
    if signature.claim(call.request).access_key.startswith("ASIA"):
        arn, user = f"arn:aws:sts::{ACCOUNT}:assumed-role/identivia/session", "AROAIDENTIVIAIDENTIVI:session"
    else:
        arn, user = USER, "AIDAIDENTIVIAIDENTIVI"
    return result(call, {"Arn": arn, "UserId": user, "Account": ACCOUNT})


def credentials(call, default_duration):
    expires = int(call.namespace.now()) + call.body.get("DurationSeconds", default_duration)
    access_key, issued = signature.issue(namespace_key(call.request), expires)
    return {
        "AccessKeyId": access_key,
        "SecretAccessKey": issued.secret,
        "SessionToken": issued.token,
        "Expiration": datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def packed_size(call):
    return len(call.body.get("Policy", "")) * 100 // LONGEST_POLICY


OPERATIONS = {
    "GetFederationToken": get_federation_token,
    "AssumeRole": assume_role,
    "GetCallerIdentity": get_caller_identity,
}


# --- XML --------------------------------------------------------------------------------------------------------------


def element(name, value):
    if isinstance(value, dict):
        inner = "".join(element(each, value[each]) for each in value)
    else:
        inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"


def document(status, root, request_id, parts):
    content = "".join(element(name, value) for name, value in parts.items())
    text = f'<{root} xmlns="{NAMESPACE}">{content}</{root}>'
    return Answer(status, text.encode(), {"Content-Type": "text/xml", "x-amzn-RequestId": request_id})


def result(call, value):
    problems = shapes.violations(value, SERVICE.operation_model(call.operation).output_shape)
    if problems:
        raise ValueError("; ".join(problems))
    request_id = str(uuid.uuid4())
    parts = {f"{call.operation}Result": value, "ResponseMetadata": {"RequestId": request_id}}
    return document(200, f"{call.operation}Response", request_id, parts)


def error(status, code, message):
    request_id = str(uuid.uuid4())
    fault = {"Type": "Sender" if status < 500 else "Receiver", "Code": code, "Message": message}
    return document(status, "ErrorResponse", request_id, {"Error": fault, "RequestId": request_id})


REFUSALS = {
    "missing": (403, "MissingAuthenticationToken"),
    "incomplete": (400, "IncompleteSignature"),
    "mismatch": (403, "SignatureDoesNotMatch"),
    "unrecognized": (403, "InvalidClientTokenId"),
    "expired": (403, "ExpiredToken"),
}


# --- faults -----------------------------------------------------------------------------------------------------------


def access_denied(call, truth):
    target = call.body.get("RoleArn") or f"arn:aws:sts::{ACCOUNT}:federated-user/{call.body.get('Name')}"
    message = f"User: {USER} is not authorized to perform: sts:{call.operation} on resource: {target}"
    return error(403, "AccessDenied", message)


def clock_skew(call, truth):
    return error(*REFUSALS["mismatch"], signature.set_clock_ahead(call.namespace))


def clock_skew_forever(call, truth):
    return error(*REFUSALS["mismatch"], signature.always_skewed())


def edited(edit):
    return changed(lambda real: Answer(real.status, edit(real.body.decode()).encode(), real.headers))


def between(text, tag, other):
    start, opening, rest = text.partition(f"<{tag}>")
    _, closing, end = rest.partition(f"</{tag}>")
    return start + opening + other + closing + end


def with_entities(text):
    """A parser that expands entities makes gigabytes of it."""
    entities = "".join(f'<!ENTITY e{level + 1} "{f"&e{level};" * 10}">' for level in range(10))
    return f'<!DOCTYPE d [<!ENTITY e0 "x">{entities}]>' + between(text, "SessionToken", "&e10;")


FAULTS = ANY_PROVIDER | {
    "throttled": always(error(400, "Throttling", "Rate exceeded")),
    "throttled_500": always(error(500, "ThrottlingException", "Rate exceeded")),
    "access_denied": access_denied,
    "unrecognized_client": always(
        error(*REFUSALS["unrecognized"], "The security token included in the request is invalid.")
    ),
    "expired_token": always(error(*REFUSALS["expired"], "The security token included in the request is expired")),
    "invalid_parameter": always(error(400, "ValidationError", "1 validation error detected: Value is not valid")),
    "malformed_policy": always(error(400, "MalformedPolicyDocument", "Syntax errors in policy.")),
    "packed_policy": always(
        error(400, "PackedPolicyTooLarge", "Serialized token too large for session, packed size 190% of the limit.")
    ),
    "region_disabled": always(
        error(403, "RegionDisabledException", "STS is not activated in this region for account:123456789012.")
    ),
    "internal": always(error(500, "InternalFailure", "An internal error has occurred")),
    "unknown_error": always(error(400, "SomethingNew", "This error is in no model yet.")),
    "invalid_signature": always(error(*REFUSALS["mismatch"], signature.MISMATCH)),
    "clock_skew": clock_skew,
    "clock_skew_forever": clock_skew_forever,
    "no_credentials": edited(lambda text: between(text, "Credentials", "")),
    "expired_credentials": edited(lambda text: between(text, "Expiration", "2001-02-03T04:05:06Z")),
    "bad_expiration": edited(lambda text: between(text, "Expiration", "soon")),
    "xml_entities": edited(with_entities),
}
