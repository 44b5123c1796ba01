"""Checks that requests and answers of the reference fit the description: a client's generator takes the description at its word.

usage: check_examples.py <openapi.json>
"""

import json
import sys

import jsonschema

LIVENESS_RESULT = {
    "sessionId": "session-uuid-here",
    "confidenceScore": 95.5,
    "isLive": True,
    "referenceImage": {
        "bytes": "base64-encoded-image",
        "boundingBox": {"Width": 0.5, "Height": 0.6, "Left": 0.2, "Top": 0.1},
    },
    "auditImages": [],
}
VISITOR = {"visitorId": "X7fh2Hg9LkMn3pQr", "requestId": "1700000000000.a1B2c3", "confidence": {"score": 0.99}}

# Every request of the reference: its examples to the letter, and where it has a table alone, each field of the table. Objects
# are JSON text in a form.
REQUESTS = {
    "issueToken": [
        {"client_id": "postman", "client_secret": "replace-me", "scope": "profiles:read health:read"},
        {"client_id": "postman", "client_secret": "replace-me"},
    ],
    "createProfile": [
        {
            "userID": "user-12345",
            "name": "John Doe",
            "documentType": "passport",
            "documentNumber": "A12345678",
            "country": "US",
            "email": "john@example.com",
            "securityLevel": "high",
        },
        {
            "userID": "user-12345",
            "phoneNumber": "+1 555 0100",
            "gender": "unknown",
            "ipAddress": "2001:db8::7",
            "language": "en",
            "team": "team-1",
        },
    ],
    "updateProfile": [
        {
            "verification_status": "pending",
            "document_type": "passport",
            "document_number": "A12345678",
            "document_name": "John Doe",
            "country": "US",
            "face_liveness_session_id": "session-xyz",
            "face_liveness_confidence": 95.5,
            "face_liveness_status": "live",
            "face_liveness_result": json.dumps(LIVENESS_RESULT),
            "document_front": "bytes",
            "document_back": "bytes",
            "facial_photo": "bytes",
            "facial_video": "bytes",
        },
        {"face_liveness_result": json.dumps({"note": "x" * 65_000})},
    ],
    "createLivenessSession": [{}],
    "analyzeDocument": [
        {"document_front": "bytes"},
        {
            "document_front": "bytes",
            "document_type_hint": "passport",
            "document_number_hint": "A12345678",
            "full_name_hint": "John Doe",
        },
    ],
    "createStatusRecord": [
        {"previous_status": "unverified", "new_status": "pending", "notes": "Verification submitted"},
        {
            "previous_status": "pending",
            "new_status": "in_review",
            "notes": "Second look",
            "verification": "vh23def456ghi78",
        },
    ],
    "createVerificationRecord": [
        {
            "liveness_session_id": "session-xyz",
            "liveness_confidence": 95.5,
            "document_type": "passport",
            "liveness_status": "live",
        },
        {
            "liveness_session_id": "session-xyz",
            "liveness_confidence": 95.5,
            "document_type": "national_id",
            "liveness_status": "not_live",
            "document_number": "A12345678",
            "country": "US",
            "name": "John Doe",
            "address": "",
            "gender": "male",
            "date_of_birth": "1990-01-15 00:00:00.000Z",
            "fingerprint": json.dumps(VISITOR),
            "ip_address": "203.0.113.7",
            "facial_photo": "bytes",
            "document_front": "bytes",
            "document_back": "bytes",
        },
        {
            "liveness_session_id": "session-xyz",
            "liveness_confidence": 0,
            "document_type": "passport",
            "liveness_status": "live",
            "fingerprint": json.dumps({"visitorId": "x" * 65_000}),
        },
    ],
}
# What the document must not take for good: else these checks would pass whatever it says.
WRONG = {
    "issueToken": {"client_id": "postman"},
    "createProfile": {"userID": "user-12345", "gender": "other"},
    "updateProfile": {"verification_status": "in_review"},
    "createLivenessSession": {"challengeType": "Smile"},
    "analyzeDocument": {"document_type_hint": "passport"},
    "createStatusRecord": {"previous_status": "unverified", "new_status": "In review", "notes": "x"},
    "createVerificationRecord": {"liveness_session_id": "session-xyz"},
}
METHODS = {"get", "post", "put", "patch", "delete"}


def list_operations(document):
    for item in document["paths"].values():
        for method, operation in item.items():
            if method in METHODS:
                yield operation


def check_requests(document):
    operations = {operation["operationId"]: operation for operation in list_operations(document)}
    for name, bodies in REQUESTS.items():
        content = operations[name]["requestBody"]["content"]
        assert len(content) == 1, f"{name} describes {len(content)} kinds of body"
        [media_type] = content.values()
        validator = jsonschema.Draft202012Validator({**document, **media_type["schema"]})
        for body in bodies:
            for problem in validator.iter_errors(body):
                raise AssertionError(f"{name} refuses the reference's request: {problem.json_path}: {problem.message[:200]}")
        assert not validator.is_valid(WRONG[name]), f"{name} takes {WRONG[name]}"


def check_form_of_names(document):
    """Names that clash with types of a language, or say nothing, make clients that do not compile or cannot be read."""
    clashing = {"Error", "Event", "Image", "Client", "Object", "String", "Date", "Map", "List", "File", "Response", "Request"}
    assert not clashing & set(document["components"]["schemas"]), "a schema is called like a type of a language"
    for operation in list_operations(document):
        bodies = operation.get("requestBody", {}).get("content", {})
        assert len(bodies) <= 1, f"{operation['operationId']} describes several kinds of body"
    for name, schema in document["components"]["schemas"].items():
        check_schema(name, schema)


def check_schema(name, schema):
    if "array" in schema.get("type", ""):
        assert "items" in schema, f"{name} does not say what its entries are"
        assert "properties" not in schema["items"], f"the entries of {name} have no name"
    if schema.get("type") == "object" and not schema.get("properties"):
        assert "additionalProperties" in schema, f"{name} does not say that it holds any keys"
    for choice in ("anyOf", "oneOf"):
        texts = [entry for entry in schema.get(choice, []) if entry.get("type") == "string"]
        assert len(texts) <= 1, f"{name} is one of several texts"
    for key, value in schema.get("properties", {}).items():
        check_schema(f"{name}.{key}", value)


def main():
    with open(sys.argv[1]) as file:
        document = json.load(file)
    check_requests(document)
    check_form_of_names(document)
    print(f"the reference's requests to {len(REQUESTS)} operations fit the description")


main()
