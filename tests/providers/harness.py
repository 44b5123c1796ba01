"""Asks the server that is checked: with the providers' own clients, and without any."""

import base64
import contextlib
import http.client
import json
import urllib.parse
import uuid
from datetime import UTC, datetime, timedelta
from unittest import mock

import boto3
import fingerprint_server_sdk as fingerprint
import openai
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

REGION = "us-east-1"
POLICY = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["rekognition:StartFaceLivenessSession"], "Resource": "*"}],
})
PICTURE = bytes(range(256)) * 40
KNOWN_EVENT, KNOWN_VISITOR = "1708102555327.NLOjmg", "Ibk1527CUFmcnjLwIs4A"

checks = []
base = ""


def use(url):
    global base
    base = url


def check(function):
    checks.append(function)
    return function


def ask(method, path, body=None, headers=None, timeout=10):
    """Asks without any of the clients; returns the status, the headers and the body."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(base).netloc, timeout=timeout)
    with contextlib.closing(connection):
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def tell(path, key, **value):
    status, _, body = ask("POST", f"/_/{path}?key={key}", json.dumps(value))
    assert status == 200, body


def script(key, provider, *faults, **more):
    tell("script", key, provider=provider, faults=faults, **more)


def calls(key):
    return json.loads(ask("GET", f"/_/calls?key={key}")[2])


def problems(key):
    return " ".join(calls(key)[-1]["problems"])


def new_key(prefix="AKIA"):
    return prefix + uuid.uuid4().hex[:16].upper()


def aws(service, key, secret=None, token=None):
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=base,
        aws_access_key_id=key,
        aws_secret_access_key=secret or f"secret-of-{key}",
        aws_session_token=token or (f"token-of-{key}" if key.startswith("ASIA") else None),
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )


def ask_aws(service, key, body, clock=0, sent=None, **headers):
    """Signs with botocore and sends as it is, or what is `sent` instead: boto3 would not send what is in no model."""
    request = AWSRequest("POST", f"{base}/", {name.replace("_", "-"): text for name, text in headers.items()}, body)
    moment = datetime.now(UTC) + timedelta(seconds=clock)
    with mock.patch("botocore.auth.get_current_datetime", lambda: moment):
        SigV4Auth(Credentials(key, f"secret-of-{key}"), service, REGION).add_auth(request)
    return ask("POST", "/", sent or body, dict(request.headers.items()))


def ask_rekognition(key, operation, value, clock=0):
    named = {"Content_Type": "application/x-amz-json-1.1", "X_Amz_Target": f"RekognitionService.{operation}"}
    return ask_aws("rekognition", key, json.dumps(value), clock, **named)


def ask_sts(key, clock=0, **form):
    form = {"Version": "2011-06-15", **form}
    named = {"Content_Type": "application/x-www-form-urlencoded"}
    return ask_aws("sts", key, urllib.parse.urlencode(form), clock, **named)


def chat(key):
    return openai.OpenAI(api_key=key, base_url=f"{base}/v1", max_retries=0)


def complete(client, model="gpt-4o", text="Read this document.", url=None, **more):
    url = url or f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
    parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url, "detail": "high"}}]
    messages = [{"role": "system", "content": "Answer as JSON."}, {"role": "user", "content": parts}]
    return client.chat.completions.create(model=model, messages=messages, **more)


def strict(schema, name="document"):
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


def events(key):
    return fingerprint.FingerprintApi(fingerprint.Configuration(api_key=key, host=f"{base}/v4", retries=0))


@contextlib.contextmanager
def raises(kind, text="", **attributes):
    try:
        yield
    except kind as reason:
        assert text in str(reason), reason
        for name, value in attributes.items():
            assert getattr(reason, name) == value, (name, getattr(reason, name))
    else:
        raise AssertionError(f"{kind.__name__} was not raised")


@contextlib.contextmanager
def refused(code, status=400):
    try:
        yield
    except ClientError as reason:
        found = reason.response["Error"]["Code"], reason.response["ResponseMetadata"]["HTTPStatusCode"]
        assert found == (code, status), found
    else:
        raise AssertionError(f"{code} was not raised")


def raw_completion(key, body=None):
    body = body or {"model": "gpt-4o", "messages": [{"role": "user", "content": "Read."}]}
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    return ask("POST", "/v1/chat/completions", json.dumps(body), headers)


def ask_provider(name, key, timeout=10):
    if name == "rekognition":
        return ask_rekognition(key, "CreateFaceLivenessSession", {})
    if name == "sts":
        return ask_sts(key, Action="GetFederationToken", Name="identivia", Policy=POLICY)
    if name == "openai":
        return raw_completion(key)
    path, headers = f"/v4/events/{KNOWN_EVENT}", {"Authorization": f"Bearer {key}"}
    return ask("GET", path, headers=headers, timeout=timeout)


def known_faults():
    return json.loads(ask("GET", "/_/faults")[2])
