"""One verification with the client of openapi-python-client."""

import json
import os
import time
from pathlib import Path

from identivia_client import AuthenticatedClient, Client
from identivia_client.api.files import get_file
from identivia_client.api.profiles import create_profile, get_profile, list_profiles, update_profile
from identivia_client.api.tokens import issue_token
from identivia_client.api.verification_history import create_verification_record, list_verification_records
from identivia_client.models import (
    ApiError,
    CheckKind,
    CheckOutcome,
    ChecksStatus,
    CreateProfile,
    FileCollection,
    FindingCode,
    Gender,
    TokenRequest,
    UpdateProfileForm,
    VerificationForm,
)
from identivia_client.types import File

BASE_URL = os.environ["IDENTIVIA_URL"]
PICTURES = Path(os.environ["IDENTIVIA_PICTURES"])
# The longest wait for the checks on a record, in seconds: a busy machine takes several times what they need.
CHECKS_TIMEOUT = 120


def open_picture(name):
    return File(payload=(PICTURES / name).open("rb"), file_name=name, mime_type="image/jpeg")


def authenticate():
    credentials = TokenRequest(os.environ["IDENTIVIA_CLIENT_ID"], os.environ["IDENTIVIA_CLIENT_SECRET"])
    token = issue_token.sync(client=Client(base_url=BASE_URL), body=credentials)
    assert token.token_type == "Bearer", token
    return AuthenticatedClient(base_url=BASE_URL, token=token.access_token)


def wait_for_checks(client, profile):
    deadline = time.monotonic() + CHECKS_TIMEOUT
    while time.monotonic() < deadline:
        record = get_profile.sync(profile, client=client).data.verification_history
        if record and record.checks_status != ChecksStatus.PENDING:
            return record
        time.sleep(0.5)
    raise AssertionError("the checks on the record have not ended in time")


def main():
    client = authenticate()
    person = CreateProfile("python", name="JANE MARIE SPECIMEN", document_type="passport", gender=Gender.FEMALE)
    created = create_profile.sync_detailed(client=client, body=person)
    assert created.status_code == 201, created
    profile = created.parsed.id
    assert len(profile) == 15, profile

    changes = UpdateProfileForm(
        document_front=open_picture("passport.jpg"), document_name="Jane", face_liveness_result='{"isLive":true}'
    )
    updated = update_profile.sync(profile, client=client, body=changes)
    assert updated.data.document_name == "Jane", updated
    assert updated.data.document_front.endswith(".jpg"), updated

    evidence = VerificationForm(
        liveness_session_id="python-session",
        liveness_confidence=95.5,
        liveness_status="live",
        document_type="passport",
        name="JANE MARIE SPECIMEN",
        fingerprint=json.dumps({"visitorId": "visitor"}),
        facial_photo=open_picture("portrait.jpg"),
    )
    recorded = create_verification_record.sync(profile, client=client, body=evidence)
    assert recorded.data.profile == profile and recorded.data.liveness_confidence == 95.5, recorded

    record = wait_for_checks(client, profile)
    assert record.checks_status == ChecksStatus.DONE, record
    kinds = [CheckKind.DOCUMENT, CheckKind.FACE_MATCH, CheckKind.LIVENESS, CheckKind.DATA_AGREEMENT]
    assert [check.check for check in record.checks] == kinds, record.checks
    outcomes = {finding.code: finding.outcome for finding in record.checks[0].findings}
    assert outcomes[FindingCode.SPECIMEN] == CheckOutcome.WARN, outcomes

    listed = list_profiles.sync(client=client, user_id="python")
    assert [entry.id for entry in listed.data] == [profile] and listed.next_cursor is None, listed
    records = list_verification_records.sync(profile, client=client)
    front = records.data[0].document_front
    picture = get_file.sync(FileCollection.VERIFICATION_HISTORY, record.id, front, client=client).payload.read()
    assert picture.startswith(b"\xff\xd8\xff") and len(picture) > 10_000, len(picture)

    missing = get_profile.sync("abc123def456ghi", client=client)
    assert isinstance(missing, ApiError) and missing.error == "Identivia record not found", missing
    print("openapi-python-client: one verification")


main()
