"""Teaches schemathesis what files the API takes: real pictures and videos of the kinds that the description names; and
what texts of its formats are. A cursor cannot be made up: each store has its own. An idempotency key belongs to one request,
so none is made up: another request with the same key is refused, however good it is."""

import atexit
import json
import os

import console_credentials
import schemathesis
from hypothesis import strategies
from schemathesis.core.file_samples import MEDIA_TYPE_FILE_SAMPLES

WEBM = bytes.fromhex("1a45dfa3 87 4282 84 7765626d 18538067 01ffffffffffffff")
MP4 = bytes.fromhex("00000010 66747970 69736f6d 00000200 00000008 66726565")
QUICKTIME = bytes.fromhex("00000014 66747970 71742020 00000200 71742020 00000008 77696465")

for media_type in ("image/jpeg", "image/png", "image/webp"):
    schemathesis.openapi.media_type(media_type, strategies.just(MEDIA_TYPE_FILE_SAMPLES[media_type]))
for media_type, video in (("video/webm", WEBM), ("video/mp4", MP4), ("video/quicktime", QUICKTIME)):
    schemathesis.openapi.media_type(media_type, strategies.just(video))

KEY = "#/components/parameters/IdempotencyKey"
CURSOR = str(1774051200000 << 80) if os.environ.get("POCKETBASE_URL") else "1"
schemathesis.openapi.format("cursor", strategies.just(CURSOR))
schemathesis.openapi.format("ip", strategies.ip_addresses().map(str))
schemathesis.openapi.format("iso-date", strategies.dates().map(str))
schemathesis.openapi.format("iso-time", strategies.just("2099-03-21T00:00:00Z"))
JSON_VALUES = strategies.none() | strategies.booleans() | strategies.integers() | strategies.text(max_size=20)
OBJECTS = strategies.dictionaries(strategies.text(max_size=20), JSON_VALUES, max_size=5)
schemathesis.openapi.format("json", OBJECTS.map(json.dumps))

# Here an empty text counts as not sent. Clients need not know, so the description does not say it; made-up wrong values are
# often empty.
EMPTY_ALLOWED = [
    ("CreateProfile", "email"),
    ("CreateProfile", "gender"),
    ("PutDetails", "gender"),
    ("UpdateProfileForm", "verification"),
    ("UpdateProfileForm", "verification_status"),
]


def allow_empty_texts(schemas):
    for name, field in EMPTY_ALLOWED:
        fields = schemas[name]["properties"]
        fields[field] = {"anyOf": [fields[field], {"type": "string", "maxLength": 0}]}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    allow_empty_texts(raw_schema["components"]["schemas"])
    for path in raw_schema["paths"].values():
        for operation in path.values():
            if "parameters" in operation:
                parameters = operation["parameters"]
                operation["parameters"] = [known for known in parameters if known.get("$ref") != KEY]
    if os.environ.get("CONSOLE_COOKIE"):
        # The run sends its cookie with every request, so a request without it cannot be made up.
        for path in raw_schema["paths"].values():
            for operation in path.values():
                operation["security"] = []


# Records that have no review, and what to expect of a machine's review: the first of each is made, the next is a conflict.
REVIEWABLE = os.environ.get("REVIEWABLE_RECORDS", "").split()


# The operations that have answered a request with success.
SUCCEEDED = set()


def is_good(case):
    """Whether schemathesis has made up a request that the description allows."""
    return case.meta is not None and case.meta.generation.mode == schemathesis.GenerationMode.POSITIVE


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.operation.label == "POST /api/reviews" and REVIEWABLE and is_good(case):
        REVIEWABLE.append(REVIEWABLE.pop(0))
        case.body = {"verification": REVIEWABLE[-1]}
    if console_credentials.is_in_use():
        console_credentials.refresh(case, is_good(case))


@schemathesis.hook
def after_call(context, case, response):
    if 200 <= response.status_code < 300:
        SUCCEEDED.add(case.operation.label)
    if console_credentials.is_in_use():
        console_credentials.note_answer(response)


@atexit.register
def write_succeeded():
    if os.environ.get("SUCCEEDED_OPERATIONS"):
        with open(os.environ["SUCCEEDED_OPERATIONS"], "w", encoding="utf-8") as file:
            file.writelines(f"{label}\n" for label in sorted(SUCCEEDED))
