"""Verifies AWS signatures of version 4, as AWS does: it signs the request once more and compares. The secret of an
access key id X is `secret-of-X` and its session token `token-of-X`, unless STS has issued it here."""

import hashlib
import hmac
import re
import secrets
import time
from collections import namedtuple
from datetime import UTC, datetime

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"
AUTHORIZATION = re.compile(
    ALGORITHM + r" Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request,\s*"
    r"SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})"
)
TIMESTAMP = "%Y%m%dT%H%M%SZ"
TOLERANCE = 5 * 60
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)

Refusal = namedtuple("Refusal", "kind message")
Claim = namedtuple("Claim", "access_key date region service signed_headers signature")
Issued = namedtuple("Issued", "secret token expires issuer")

issued_credentials = {}


class Verifier(SigV4Auth):
    """Signs the headers that the caller has signed; by itself, SigV4Auth would choose."""

    def headers_to_sign(self, request):
        headers = HTTPHeaders()
        for name in request.context["signed_headers"]:
            headers[name] = request.headers[name] or ""
        return headers


def claim(request):
    match = AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    return match and Claim(*match.groups())


def namespace_key(request):
    """What is done with issued credentials belongs to whom they were issued."""
    found = claim(request)
    if not found:
        return ""
    issued = issued_credentials.get(found.access_key)
    return issued.issuer if issued else found.access_key


def is_temporary(request):
    return claim(request).access_key.startswith("ASIA") or "x-amz-security-token" in request.headers


def issue(issuer, expires):
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    access_key = "ASIA" + "".join(secrets.choice(letters) for _ in range(16))
    issued_credentials[access_key] = Issued(secrets.token_urlsafe(30), secrets.token_urlsafe(300), expires, issuer)
    return access_key, issued_credentials[access_key]


def refusal(request, service, now):
    """Tells why AWS would not take the request for the caller's, or nothing."""
    if "authorization" not in request.headers:
        return Refusal("missing", "Missing Authentication Token")
    claimed = claim(request)
    if not claimed:
        return Refusal("incomplete", "Authorization header requires Credential, SignedHeaders and Signature.")
    return (
        _unsigned(request, claimed)
        or _scope(request, claimed, service)
        or _credentials(request, claimed, now)
        or _time(request, now)
        or _signature(request, claimed)
    )


def _unsigned(request, claimed):
    signed = claimed.signed_headers.split(";")
    for name in ("host", "x-amz-date", "x-amz-target", "x-amz-security-token"):
        must = name in request.headers or name in ("host", "x-amz-date")
        if must and (name not in signed or name not in request.headers):
            return Refusal("incomplete", f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")


def _scope(request, claimed, service):
    if claimed.service != service:
        return Refusal("mismatch", f"Credential should be scoped to correct service: '{service}'.")
    if claimed.date != request.headers["x-amz-date"][:8]:
        return Refusal("mismatch", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date.")


def _credentials(request, claimed, now):
    token = request.headers.get("x-amz-security-token")
    issued = issued_credentials.get(claimed.access_key)
    expected = issued.token if issued else f"token-of-{claimed.access_key}"
    required = issued or claimed.access_key.startswith("ASIA")
    if token != expected and (token is not None or required):
        return Refusal("unrecognized", "The security token included in the request is invalid.")
    if issued and now > issued.expires:
        return Refusal("expired", "The security token included in the request is expired")


def _time(request, now):
    try:
        signed_at = datetime.strptime(request.headers["x-amz-date"], TIMESTAMP).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return Refusal("incomplete", "Date must be in ISO-8601 'basic format'.")
    if abs(now - signed_at) > TOLERANCE:
        return Refusal("mismatch", skew_message(signed_at, now))


def _signature(request, claimed):
    stated = request.headers.get("x-amz-content-sha256")
    if stated and stated != hashlib.sha256(request.body).hexdigest():
        return Refusal("mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
    issued = issued_credentials.get(claimed.access_key)
    secret = issued.secret if issued else f"secret-of-{claimed.access_key}"
    url = f"http://{request.headers['host']}{request.target}"
    again = AWSRequest(request.method, url, request.headers, request.body)
    again.context["signed_headers"] = claimed.signed_headers.split(";")
    again.context["timestamp"] = request.headers["x-amz-date"]
    verifier = Verifier(Credentials(claimed.access_key, secret), claimed.service, claimed.region)
    expected = verifier.signature(verifier.string_to_sign(again, verifier.canonical_request(again)), again)
    if not hmac.compare_digest(expected, claimed.signature):
        return Refusal("mismatch", MISMATCH)


def skew_message(signed_at, now):
    signed, here = _stamp(signed_at), _stamp(now)
    if signed_at < now:
        return f"Signature expired: {signed} is now earlier than {_stamp(now - TOLERANCE)} ({here} - 5 min.)"
    return f"Signature not yet current: {signed} is still later than {_stamp(now + TOLERANCE)} ({here} + 5 min.)"


def always_skewed():
    """Is said by a server whose `Date` agrees with the caller all the same."""
    now = time.time()
    return skew_message(now, now + 2 * TOLERANCE)


def set_clock_ahead(namespace):
    """Tells what the server says when it notices; from then on its clock is ahead, also in its `Date`."""
    namespace.clock_ahead = 2 * TOLERANCE
    return skew_message(time.time(), namespace.now())


def _stamp(moment):
    return datetime.fromtimestamp(moment, UTC).strftime(TIMESTAMP)
