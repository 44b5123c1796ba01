"""Checks Rekognition and STS with boto3, and with requests that boto3 would not send."""

import base64
import json
import uuid
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from botocore.exceptions import ClientError

from harness import PICTURE, POLICY, ask, ask_aws, ask_rekognition, ask_sts, aws, calls, check, new_key, problems
from harness import raises, refused, script, tell

ROLE = "arn:aws:iam::123456789012:role/identivia"
BOX = {"Width": 0.45, "Height": 0.6, "Left": -0.015625, "Top": 1.25}


# --- Rekognition ------------------------------------------------------------------------------------------------------


@check
def rekognition_creates_a_session_for_each_token():
    key = new_key()
    client = aws("rekognition", key)
    everything = {
        "KmsKeyId": "alias/identivia",
        "ClientRequestToken": "token-1",
        "Settings": {
            "OutputConfig": {"S3Bucket": "a-bucket", "S3KeyPrefix": "faces/"},
            "AuditImagesLimit": 4,
            "ChallengePreferences": [
                {"Type": "FaceMovementChallenge", "Versions": {"Minimum": "1.0.0", "Maximum": "2.10.999"}},
                {"Type": "FaceMovementAndLightChallenge"},
            ],
        },
    }
    first = client.create_face_liveness_session(**everything)
    assert str(uuid.UUID(first["SessionId"])) == first["SessionId"]
    assert first["ResponseMetadata"]["RequestId"] and "date" in first["ResponseMetadata"]["HTTPHeaders"]
    assert client.create_face_liveness_session(**everything)["SessionId"] == first["SessionId"]
    assert client.create_face_liveness_session(ClientRequestToken="token-2")["SessionId"] != first["SessionId"]
    assert client.create_face_liveness_session()["SessionId"] != client.create_face_liveness_session()["SessionId"]
    assert client.get_face_liveness_session_results(SessionId=first["SessionId"])["Status"] == "CREATED"
    assert calls(key)[0]["body"] == everything and not any(call["problems"] for call in calls(key))


@check
def rekognition_gives_what_was_told():
    key, session = new_key(), str(uuid.uuid4())
    image = {"Bytes": base64.b64encode(PICTURE).decode(), "BoundingBox": BOX}
    told = {
        "Status": "SUCCEEDED",
        "Confidence": 95.5,
        "ReferenceImage": image,
        "AuditImages": [image, {"BoundingBox": BOX}],
        "Challenge": {"Type": "FaceMovementAndLightChallenge", "Version": "2.0.0"},
        "Feedback": [{"Code": "LOW_LIGHTING_DETECTED", "Message": "It is dark."}],
    }
    tell(f"sessions/{session}", key, **told)
    found = aws("rekognition", key).get_face_liveness_session_results(SessionId=session)
    del found["ResponseMetadata"]
    image["Bytes"] = PICTURE
    assert found == {"SessionId": session, **told}
    body = ask_rekognition(key, "GetFaceLivenessSessionResults", {"SessionId": session})[2]
    assert b'"Confidence": 95.5' in body and b'"Height": 0.6' in body


@check
def rekognition_knows_no_other_session():
    key = new_key()
    client = aws("rekognition", key)
    missing = client.exceptions.SessionNotFoundException
    with raises(missing):
        client.get_face_liveness_session_results(SessionId=str(uuid.uuid4()))
    session = client.create_face_liveness_session()["SessionId"]
    with raises(missing):
        aws("rekognition", new_key()).get_face_liveness_session_results(SessionId=session)
    tell(f"sessions/{session}", key, gone=True)
    with raises(missing):
        client.get_face_liveness_session_results(SessionId=session)


@check
def rekognition_fails_as_scripted():
    key = new_key()
    client = aws("rekognition", key)
    faults = "throttled", "ok", "access_denied"
    script(key, "rekognition", *faults, then="internal", operation="CreateFaceLivenessSession")
    with raises(client.exceptions.ThrottlingException):
        client.create_face_liveness_session()
    session = client.create_face_liveness_session()["SessionId"]
    with raises(client.exceptions.AccessDeniedException, "not authorized to perform: rekognition:CreateFaceLiveness"):
        client.create_face_liveness_session()
    for _ in range(2):
        with raises(client.exceptions.InternalServerError):
            client.create_face_liveness_session()
    assert client.get_face_liveness_session_results(SessionId=session)["Status"] == "CREATED"
    assert [call["fault"] for call in calls(key)] == ["throttled", "ok", "access_denied", "internal", "internal", "ok"]
    for fault, code, status in (
        ("throttled_500", "ThrottlingException", 500),
        ("provisioned_throughput", "ProvisionedThroughputExceededException", 400),
        ("unrecognized_client", "UnrecognizedClientException", 400),
        ("expired_token", "ExpiredTokenException", 400),
        ("invalid_parameter", "InvalidParameterException", 400),
        ("namespaced_error", "ThrottlingException", 400),
        ("clock_skew_forever", "InvalidSignatureException", 400),
    ):
        script(key, "rekognition", fault)
        with refused(code, status):
            client.create_face_liveness_session()


@check
def rekognition_names_what_is_in_no_model():
    key = new_key()
    client = aws("rekognition", key)
    version = {"Type": "FaceMovementChallenge", "Versions": {"Minimum": "1.0.0000"}}
    for settings, words in (
        ({"AuditImagesLimit": 9}, "AuditImagesLimit is 9, more than 4"),
        ({"AuditImagesLimit": -1}, "-1"),
        ({"ChallengePreferences": [{"Type": "Blinking"}]}, "'Blinking', not one of"),
        ({"ChallengePreferences": [version]}, "1.0.0000"),
        ({"OutputConfig": {"S3KeyPrefix": "x"}}, "S3Bucket"),
        ({"OutputConfig": {"S3Bucket": "a bucket"}}, "a bucket"),
    ):
        with raises(client.exceptions.InvalidParameterException):
            client.create_face_liveness_session(Settings=settings)
        assert words in problems(key), problems(key)
    with raises(client.exceptions.InvalidParameterException):
        client.create_face_liveness_session(ClientRequestToken="x" * 65)
    for unknown in ({"Bogus": 1}, {"Settings": {"Bogus": 1}}, {"Settings": {"AuditImagesLimit": "4"}}, []):
        assert ask_rekognition(key, "CreateFaceLivenessSession", unknown)[0] == 400
        assert problems(key), unknown
    assert ask_rekognition(key, "GetFaceLivenessSessionResults", {"SessionId": str(uuid.uuid4()).upper()})[0] == 400
    assert "does not match" in problems(key)


@check
def rekognition_refuses_to_be_told_nonsense():
    dark = {"Code": "DARK", "Message": "It is dark."}
    for told in ({"Confidence": 101}, {"Status": "FINE"}, {"Feedback": [dark]}, {"Bogus": 1}):
        status, _, body = ask("POST", f"/_/sessions/{uuid.uuid4()}?key=x", json.dumps(told))
        assert status == 400 and json.loads(body)["error"], body
    for order in ({"faults": ["sulks"]}, {"then": "sulks"}, {"fault": "hang"}):
        assert ask("POST", "/_/script?key=x", json.dumps({"provider": "rekognition", **order}))[0] == 400


@check
def aws_signatures_are_verified():
    key = new_key()
    with refused("InvalidSignatureException"):
        aws("rekognition", key, secret="another").create_face_liveness_session()
    with refused("UnrecognizedClientException"):
        aws("rekognition", key, token="another").create_face_liveness_session()
    with refused("UnrecognizedClientException"):
        aws("rekognition", new_key("ASIA"), token="another").create_face_liveness_session()
    aws("rekognition", new_key("ASIA")).create_face_liveness_session()
    with refused("SignatureDoesNotMatch", 403):
        aws("sts", key, secret="another").get_caller_identity()
    with refused("InvalidClientTokenId", 403):
        aws("sts", key, token="another").get_caller_identity()
    form = "Action=GetCallerIdentity&Version=2011-06-15"
    named = {"Content_Type": "application/x-www-form-urlencoded"}
    assert ask_aws("sts", key, form, **named)[0] == 200
    assert ask_aws("sts", key, form, sent=f"{form}&", **named)[0] == 403
    assert ask_aws("sts", key, "{}", X_Amz_Target="RekognitionService.CreateFaceLivenessSession")[0] == 400
    assert "scoped to correct service: 'rekognition'" in problems(key)
    status, _, body = ask("POST", "/", "{}", {"X-Amz-Target": "RekognitionService.CreateFaceLivenessSession"})
    assert status == 400 and b"MissingAuthenticationTokenException" in body


@check
def aws_clocks_are_compared():
    key = new_key()
    for clock, words in ((-400, b"Signature expired: "), (400, b"Signature not yet current: ")):
        status, _, body = ask_rekognition(key, "CreateFaceLivenessSession", {}, clock)
        assert status == 400 and b"InvalidSignatureException" in body and words in body, body
        status, _, body = ask_sts(key, clock, Action="GetCallerIdentity")
        assert status == 403 and b"SignatureDoesNotMatch" in body and words in body, body
    script(key, "rekognition", "clock_skew")
    status, headers, body = ask_rekognition(key, "CreateFaceLivenessSession", {})
    assert status == 400 and b"Signature expired" in body and 590 < ahead(headers) < 610
    assert ask_rekognition(key, "CreateFaceLivenessSession", {})[0] == 400
    status, headers, _ = ask_rekognition(key, "CreateFaceLivenessSession", {}, ahead(headers))
    assert status == 200 and 590 < ahead(headers) < 610
    other = new_key()
    script(other, "sts", then="clock_skew_forever")
    for _ in range(2):
        status, headers, body = ask_sts(other, Action="GetCallerIdentity")
        assert status == 403 and b"Signature expired" in body and abs(ahead(headers)) < 10


def ahead(headers):
    return (parsedate_to_datetime(headers["Date"]) - datetime.now(UTC)).total_seconds()


# --- STS --------------------------------------------------------------------------------------------------------------


@check
def sts_issues_credentials_that_sign():
    key = new_key()
    found = aws("sts", key).get_federation_token(Name="identivia", Policy=POLICY, DurationSeconds=900)
    given = found["Credentials"]
    assert given["AccessKeyId"].startswith("ASIA") and len(given["AccessKeyId"]) == 20
    assert len(given["SecretAccessKey"]) == 40 and given["SessionToken"]
    assert abs((given["Expiration"] - datetime.now(UTC)).total_seconds() - 900) < 10
    assert found["FederatedUser"]["Arn"] == "arn:aws:sts::123456789012:federated-user/identivia"
    issued = given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
    aws("rekognition", *issued).create_face_liveness_session()
    with refused("AccessDenied", 403):
        aws("sts", *issued).get_federation_token(Name="identivia", Policy=POLICY)
    with refused("UnrecognizedClientException"):
        aws("rekognition", *issued[:2], token="another").create_face_liveness_session()
    assert [call["operation"] for call in calls(key)][1] == "CreateFaceLivenessSession"


@check
def sts_assumes_a_role():
    key = new_key("ASIA")
    client = aws("sts", key)
    tags = [{"Key": "for", "Value": "é"}]
    found = client.assume_role(
        RoleArn=ROLE, RoleSessionName="identivia", Policy=POLICY, DurationSeconds=900, Tags=tags
    )
    assert found["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/identivia/identivia"
    assert found["Credentials"]["AccessKeyId"].startswith("ASIA")
    assert client.get_caller_identity()["Arn"] == "arn:aws:sts::123456789012:assumed-role/identivia/session"
    assert aws("sts", new_key()).get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/identivia"
    assert calls(key)[0]["body"]["DurationSeconds"] == 900 and not any(call["problems"] for call in calls(key))
    with refused("ValidationError"):
        client.assume_role(RoleArn=ROLE, RoleSessionName="identivia", DurationSeconds=7200)
    with refused("AccessDenied", 403):
        client.get_federation_token(Name="identivia")


@check
def sts_fails_as_scripted():
    key = new_key()
    client = aws("sts", key)
    for fault, code, status in (
        ("throttled", "Throttling", 400),
        ("access_denied", "AccessDenied", 403),
        ("unrecognized_client", "InvalidClientTokenId", 403),
        ("expired_token", "ExpiredToken", 403),
        ("malformed_policy", "MalformedPolicyDocument", 400),
        ("packed_policy", "PackedPolicyTooLarge", 400),
        ("region_disabled", "RegionDisabledException", 403),
        ("internal", "InternalFailure", 500),
    ):
        script(key, "sts", fault)
        with refused(code, status):
            client.get_federation_token(Name="identivia", Policy=POLICY)
    script(key, "sts", "malformed_policy")
    with raises(client.exceptions.MalformedPolicyDocumentException):
        client.get_federation_token(Name="identivia")
    script(key, "sts", "access_denied")
    with raises(ClientError, "not authorized to perform: sts:GetFederationToken on resource"):
        client.get_federation_token(Name="identivia")


@check
def sts_names_what_is_in_no_model():
    key = new_key()
    for form, words in (
        ({"DurationSeconds": "10"}, "10"),
        ({"DurationSeconds": "129601"}, "more than 129600"),
        ({"DurationSeconds": "soon"}, "DurationSeconds"),
        ({"Name": "a name"}, "a name"),
        ({"Name": "x" * 33}, "more than 32"),
        ({"Policy": "{"}, "no policy"),
        ({"Policy": "[]"}, "no policy"),
        ({"Policy": POLICY + " " * 2048}, "more than 2048"),
        ({"Bogus": "1"}, "Bogus"),
        ({"Tags.member.1.Key": "k"}, "Value"),
    ):
        assert ask_sts(key, **{"Action": "GetFederationToken", "Name": "identivia", **form})[0] == 400
        assert words in problems(key), (form, problems(key))
    long = {"RoleArn": ROLE, "RoleSessionName": "identivia", "Policy": POLICY + " " * 2048}
    assert ask_sts(key, Action="AssumeRole", **long)[0] == 400 and "longer than 2048" in problems(key)
    assert ask_sts(key, Action="GetSessionToken")[0] == 400 and problems(key)
