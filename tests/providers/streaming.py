"""Stands in for the endpoint to which a browser streams a Face Liveness check: StartFaceLivenessSession over WebSocket.

Built from the published model RekognitionStreaming 2022-05-30, as @aws-sdk/client-rekognitionstreaming 3.1112.0 has it;
rekognitionstreaming.json holds its shapes in botocore's form, because botocore leaves this service out. What no model
says is taken from the clients: that a browser asks with GET at this path, in which order its events come, and what they
make of ours.

It looks at signatures, order, colours and the kind of video. It does not look at the face: who gets this far is live.
"""

import base64
import hashlib
import hmac
import json
import random
import re
import time
import urllib.parse
from collections import namedtuple
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path

from botocore.model import ServiceModel

import event_stream
import rekognition
import shapes
import signature
from namespaces import Call
from websocket import Gone, WebSocket

OPERATION = "StartFaceLivenessSession"
REGION = "us-east-1"
LARGEST_VIDEO = 10 * 1024 * 1024
LIGHT, MOVEMENT = "FaceMovementAndLightChallenge", "FaceMovementChallenge"
VERSIONS = {LIGHT: "2.0.0", MOVEMENT: "1.0.0"}
SHAPES = Path(__file__).with_name("rekognitionstreaming.json")
MODEL = ServiceModel(json.loads(SHAPES.read_text()), "rekognitionstreaming")
PORTRAIT = Path(__file__).parents[1] / "data" / "portrait.jpg"
FACE = {"Width": 0.5, "Height": 0.56, "Left": 0.25, "Top": 0.2}
NOTHING = hashlib.sha256(b"").hexdigest()

# As a service of 2024 has sent them: zero or absent would be an error for the clients, but for the two that are unused.
CONFIG = {
    "BlazeFaceDetectionThreshold": 0.75,
    "FaceDistanceThreshold": 0.32,
    "FaceDistanceThresholdMax": 0.0,
    "FaceDistanceThresholdMin": 0.32,
    "FaceIouHeightThreshold": 0.15,
    "FaceIouWidthThreshold": 0.15,
    "OvalFitTimeout": 30_000,
    "OvalHeightWidthRatio": 1.618,
    "OvalIouHeightThreshold": 0.25,
    "OvalIouThreshold": 0.55,
    "OvalIouWidthThreshold": 0.25,
}
COLORS = [(0, 255, 0), (255, 0, 255), (0, 0, 255), (255, 0, 0), (0, 255, 255), (255, 255, 0), (255, 255, 255)]

Claim = namedtuple("Claim", "access_key date region service")


class Refused(Exception):
    """Ends the stream with an exception frame."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def invalid(message):
    return Refused("ValidationException", message)


# What may be scripted: an exception instead of the challenge, or one of those that `converse` knows by name.
EXCEPTIONS = {
    "access_denied": ("AccessDeniedException", f"User is not authorized to perform: rekognition:{OPERATION}"),
    "clock_skew": ("InvalidSignatureException", signature.skew_message(0, 1_000)),
    "internal": ("InternalServerException", "Internal server error"),
    "service_quota": ("ServiceQuotaExceededException", "Too many sessions."),
    "session_not_found": ("SessionNotFoundException", "Session not found."),
    "throttled": ("ThrottlingException", rekognition.SLOW_DOWN),
    "unavailable": ("ServiceUnavailableException", "Service unavailable"),
    "validation": ("ValidationException", "The session has expired."),
    "wrong_region": ("InvalidSignatureException", "Credential should be scoped to a valid region."),
}
FAULTS = dict.fromkeys([*EXCEPTIONS, "answer", "breaks_off", "fails_at_the_end", "impatient", "silent"])


# --- one stream -------------------------------------------------------------------------------------------------------


def serve(connection, request, namespaces):
    space = namespaces.of(namespace_key(request))
    socket = WebSocket(connection, request, formatdate(space.now(), usegmt=True))
    call = Call("streaming", request, space, OPERATION, {"events": [], "video": 0, "closed": None})
    call.fault, call.scripted_answer = space.next_fault(call.provider, OPERATION)
    with space.lock:
        space.calls.append(call)
    code = 1000
    try:
        converse(socket, call)
    except Refused as reason:
        call.problems.append(str(reason))
        socket.send(exception_frame(reason.code, str(reason)))
    except Gone as reason:
        call.body["closed"] = reason.code
    except TimeoutError:
        call.problems.append("The session's three minutes were over.")
        code = 4003
    except BrokenOff:
        code = 4000
    except OSError as reason:
        call.problems.append(str(reason))
    socket.close(code)


class BrokenOff(Exception):
    pass


def converse(socket, call):
    key, scope = authenticate(call.request, call.namespace.now())
    asked = parameters(call.request)
    if call.fault in EXCEPTIONS:
        raise Refused(*EXCEPTIONS[call.fault])
    with claimed(call.namespace, asked["SessionId"]) as session:
        challenge = Challenge(chosen(session, asked), int(asked["VideoWidth"]), int(asked["VideoHeight"]))
        if call.fault == "impatient":
            challenge.config["OvalFitTimeout"] = 1
        if call.fault != "silent":
            socket.send(event_frame("ChallengeEvent", {"Type": challenge.type, "Version": challenge.version}))
            socket.send(event_frame("ServerSessionInformationEvent", challenge.information()))
        if call.fault == "breaks_off":
            raise BrokenOff
        check = Check(challenge)
        chain = event_stream.Chain(key, scope, call.request.query["X-Amz-Signature"])
        for data in socket.messages(session.ends):
            take(call, check, chain, data)
            if check.is_complete:
                break
        if call.fault == "fails_at_the_end":
            raise Refused(*EXCEPTIONS["internal"])
        session.results = check.results() | (call.scripted_answer if call.fault == "answer" else {})
    socket.send(event_frame("DisconnectionEvent", {"TimestampMillis": int(time.time() * 1000)}))


def take(call, check, chain, data):
    try:
        inner = chain.verified(data)
        if inner is None:
            raise Refused("InvalidSignatureException", signature.MISMATCH)
        headers, payload = event_stream.decode(inner)
        name, value = headers.get(":event-type"), json.loads(payload)
    except (event_stream.Unreadable, ValueError) as reason:
        raise invalid(str(reason)) from reason
    if headers.get(":message-type") != "event" or headers.get(":content-type") != "application/json":
        raise invalid(f"An event has the headers {headers}.")
    call.body["events"].append(name if name == "VideoEvent" else value)
    check.take(name, value)
    call.body["video"] = len(check.video)


def event_frame(name, value):
    if problems := shapes.violations(value, MODEL.shape_for(name)):
        raise ValueError("; ".join(problems))
    headers = {":message-type": "event", ":event-type": name, ":content-type": "application/json"}
    return event_stream.encode(headers, json.dumps(value).encode())


def exception_frame(code, message):
    headers = {":message-type": "exception", ":exception-type": code, ":content-type": "application/json"}
    return event_stream.encode(headers, json.dumps({"Message": message, "Code": code}).encode())


# --- who asks, and for what -------------------------------------------------------------------------------------------


def claim(request):
    parts = request.query.get("X-Amz-Credential", "").split("/")
    return Claim(*parts[:4]) if len(parts) == 5 and parts[4] == "aws4_request" else None


def namespace_key(request):
    found = claim(request)
    if not found:
        return ""
    issued = signature.issued_credentials.get(found.access_key)
    return issued.issuer if issued else found.access_key


def authenticate(request, now):
    """Returns the key and the scope with which the events are signed."""
    query, claimed = request.query, claim(request)
    if not claimed or query.get("X-Amz-Algorithm") != signature.ALGORITHM or query.get("X-Amz-SignedHeaders") != "host":
        raise Refused("IncompleteSignatureException", "The request is not signed by its URL.")
    if claimed.service != "rekognition" or claimed.date != query["X-Amz-Date"][:8]:
        raise Refused("InvalidSignatureException", "Credential should be scoped to correct service: 'rekognition'.")
    if claimed.region != REGION:
        raise Refused(*EXCEPTIONS["wrong_region"])
    issued = signature.issued_credentials.get(claimed.access_key)
    token = query.get("X-Amz-Security-Token")
    if token != (issued.token if issued else f"token-of-{claimed.access_key}"):
        raise Refused("UnrecognizedClientException", "The security token included in the request is invalid.")
    if issued and now > issued.expires:
        raise Refused("ExpiredTokenException", "The security token included in the request is expired")
    _check_time(query, now)
    secret = issued.secret if issued else f"secret-of-{claimed.access_key}"
    key = event_stream.signing_key(secret, *claimed[1:])
    host = request.headers.get("host", "")
    # The clients sign the name alone, and send it with its port.
    if not any(presigned(request, key, name) == query["X-Amz-Signature"] for name in (host, host.rpartition(":")[0])):
        raise Refused("InvalidSignatureException", signature.MISMATCH)
    return key, "/".join([*claimed[1:], "aws4_request"])


def _check_time(query, now):
    signed_at = datetime.strptime(query["X-Amz-Date"], signature.TIMESTAMP).replace(tzinfo=UTC).timestamp()
    lasts = int(query.get("X-Amz-Expires", "0"))
    if abs(now - signed_at) > signature.TOLERANCE or now > signed_at + lasts + signature.TOLERANCE:
        raise Refused("InvalidSignatureException", signature.skew_message(signed_at, now))


def presigned(request, key, host):
    """Returns the signature that the URL has if it was signed with this key for this host."""
    pairs = urllib.parse.parse_qsl(request.target.partition("?")[2], keep_blank_values=True)
    encoded = sorted((_encoded(name), _encoded(value)) for name, value in pairs if name != "X-Amz-Signature")
    query = "&".join(f"{name}={value}" for name, value in encoded)
    canonical = "\n".join(["GET", request.path, query, f"host:{host}\n", "host", NOTHING])
    moment, scope = request.query["X-Amz-Date"], request.query["X-Amz-Credential"].partition("/")[2]
    text = "\n".join([signature.ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    return hmac.digest(key, text.encode(), "sha256").hex()


def _encoded(text):
    return urllib.parse.quote(text, safe="-_.~")


def parameters(request):
    names = {"SessionId": "session-id", "VideoWidth": "video-width", "VideoHeight": "video-height"}
    names["ChallengeVersions"] = "challenge-versions"
    found = {name: request.query[key] for name, key in names.items() if key in request.query}
    if problems := shapes.violations(found, MODEL.shape_for("StartFaceLivenessSessionRequest")):
        raise invalid("; ".join(problems))
    return found


# --- the session ------------------------------------------------------------------------------------------------------


class claimed:
    """Takes a session for this one stream, and leaves it with results or failed."""

    def __init__(self, namespace, session):
        self.namespace, self.id, self.results = namespace, session, {"Status": "FAILED"}

    def __enter__(self):
        with self.namespace.lock:
            known = self.namespace.sessions.get(self.id)
            if known is None or known.is_over():
                raise Refused("SessionNotFoundException", "Session not found.")
            if known.results["Status"] != "CREATED":
                raise invalid("The session has been used already.")
            self.ends, self.challenges = known.ends, known.challenges
            self._tell({"Status": "IN_PROGRESS"})
        return self

    def __exit__(self, *_reason):
        self._tell(self.results)

    def _tell(self, results):
        if problems := rekognition.tell_session(self.namespace, self.id, results):
            raise ValueError("; ".join(problems))


def chosen(session, asked):
    """Picks the first challenge that the session may have and the client knows."""
    known = asked["ChallengeVersions"].split(",")
    for name in session.challenges:
        if f"{name}_{VERSIONS[name]}" in known:
            return name
    raise invalid(f"The client knows {known}, and the session may have {session.challenges}.")


class Challenge:
    """Is another one each time: the place of the oval, and the order of the colours."""

    def __init__(self, kind, width, height):
        self.type, self.version, self.config = kind, VERSIONS[kind], dict(CONFIG)
        self.video = width, height
        side = 0.8 * min(width, 0.75 * height if width >= height else width)
        self.oval = {
            "CenterX": width * random.uniform(0.48, 0.52),
            "CenterY": height * random.uniform(0.48, 0.52),
            "Width": side,
            "Height": side * self.config["OvalHeightWidthRatio"],
        }
        self.colors = [(0, 0, 0), *random.sample(COLORS, len(COLORS))] if kind == LIGHT else []

    def information(self):
        told = {"OvalParameters": self.oval, "ChallengeConfig": self.config}
        if self.type == LIGHT:
            told |= {"LightChallengeType": "SEQUENTIAL", "ColorSequences": [*self._sequences()]}
        return {"SessionInformation": {"Challenge": {self.type: told}}}

    def _sequences(self):
        for index, color in enumerate(self.colors):
            flat, scrolls = (75.0, 0.0) if index == 0 else (0.0, 475.0)
            yield {"FreshnessColor": {"RGB": list(color)}, "DownscrollDuration": scrolls, "FlatDisplayDuration": flat}

    def box(self):
        """Returns where the oval is, in parts of the video's sides."""
        width, height = self.video
        left, top = self.oval["CenterX"] - self.oval["Width"] / 2, self.oval["CenterY"] - self.oval["Height"] / 2
        sides = {"Width": self.oval["Width"] / width, "Height": self.oval["Height"] / height}
        return sides | {"Left": left / width, "Top": top / height}


class Check:
    """Holds what the client sends against what it was asked to show."""

    def __init__(self, challenge):
        self.challenge = challenge
        self.video, self.id, self.started, self.ended = b"", None, None, None
        self.shown, self.last_color = 0, 0
        self.is_complete = False

    def take(self, name, value):
        if name not in ("VideoEvent", "ClientSessionInformationEvent"):
            raise invalid(f"There is no event {name}.")
        if problems := shapes.violations(value, MODEL.shape_for(name)):
            raise invalid("; ".join(problems))
        if name == "VideoEvent":
            self._take_video(base64.b64decode(value["VideoChunk"]))
        else:
            [(kind, told)] = value["Challenge"].items()
            self._take_information(kind, told)

    def _take_video(self, chunk):
        if not chunk:
            if not self.ended:
                raise invalid("The video ended before the session's end was told.")
            self.is_complete = True
        elif self.ended:
            raise invalid("There was more video after the session's end.")
        self.video += chunk
        if len(self.video) > LARGEST_VIDEO:
            raise invalid("The video is larger than 10 MB.")
        if not re.match(rb"\x1a\x45\xdf\xa3|....ftyp", self.video, re.DOTALL):
            raise invalid("The video is neither WebM nor MP4.")

    def _take_information(self, kind, told):
        if kind != self.challenge.type or told["ChallengeId"] != (self.id or told["ChallengeId"]):
            raise invalid(f"An event belongs to another challenge: {kind} {told['ChallengeId']}")
        self.id = told["ChallengeId"]
        if "ColorDisplayed" in told:
            self._take_color(told["ColorDisplayed"])
        elif "VideoStartTimestamp" in told:
            self._take_start(told)
        else:
            self._take_end(told)

    def _take_start(self, told):
        if self.started or "InitialFace" not in told:
            raise invalid("The session's start was told twice, or without a face.")
        if not self.video:
            raise invalid("The session's start was told before there was any video.")
        self.started = told["VideoStartTimestamp"]

    def _take_color(self, told):
        expected = self.challenge.colors[self.shown : self.shown + 1]
        before = self.challenge.colors[max(0, self.shown - 1)]
        if not self.started or not expected or told["SequenceNumber"] != self.shown:
            raise invalid(f"Color {told['SequenceNumber']} was shown when it was the turn of {self.shown}.")
        if tuple(told["CurrentColor"]["RGB"]) != expected[0]:
            raise invalid(f"Color {self.shown} was {told['CurrentColor']['RGB']}, and not {expected[0]}.")
        if "PreviousColor" in told and tuple(told["PreviousColor"]["RGB"]) not in (before, expected[0]):
            raise invalid(f"The color before {self.shown} was {told['PreviousColor']['RGB']}.")
        if told["CurrentColorStartTimestamp"] < max(self.last_color, self.started):
            raise invalid(f"Color {self.shown} was shown before the one before it.")
        self.last_color = told["CurrentColorStartTimestamp"]
        self.shown += 1

    def _take_end(self, told):
        if not self.started or self.ended or "VideoEndTimestamp" not in told or "TargetFace" not in told:
            raise invalid("The session's end was told too early, twice, or without a face.")
        if self.shown != len(self.challenge.colors):
            raise invalid(f"Only {self.shown} of {len(self.challenge.colors)} colors were shown.")
        box = self.challenge.box()
        if any(abs(told["TargetFace"]["BoundingBox"][name] - side) > 0.01 for name, side in box.items()):
            raise invalid(f"The face was to be at {box}, and was at {told['TargetFace']['BoundingBox']}.")
        if told["VideoEndTimestamp"] < max(self.started, self.last_color):
            raise invalid("The video ended before it began.")
        self.ended = told["VideoEndTimestamp"]

    def results(self):
        return {
            "Status": "SUCCEEDED",
            "Confidence": 97.5,
            "ReferenceImage": {"Bytes": base64.b64encode(PORTRAIT.read_bytes()).decode(), "BoundingBox": FACE},
            "AuditImages": [],
            "Challenge": {"Type": self.challenge.type, "Version": self.challenge.version},
            "Feedback": [],
        }
