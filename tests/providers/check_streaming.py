"""Checks the stream: by bytes that the SDK for JavaScript has signed, by the browser component's own client, and by one
that does wrong on purpose."""

import base64
import contextlib
import json
import shutil
import subprocess
import time
import urllib.parse
import uuid
from pathlib import Path

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import event_stream
import harness
import streaming
from harness import POLICY, REGION, aws, calls, check, new_key, problems, raises, script, tell
from wire import Request

WEB = Path(__file__).parents[2] / "web"
LIGHT, MOVEMENT = "FaceMovementAndLightChallenge", "FaceMovementChallenge"
VERSIONS = f"{LIGHT}_2.0.0,{MOVEMENT}_1.0.0"
PATH = "/start-face-liveness-session-websocket"
WEBM = b"\x1a\x45\xdf\xa3" + bytes(7)
BOX = {"Width": 0.2, "Height": 0.3, "Left": 0.4, "Top": 0.3}

# Signed by @aws-sdk/client-rekognitionstreaming 3.1111.0 as the component uses it.
VECTOR_QUERY = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "ASIATESTTESTTESTTEST/20261122/us-east-1/rekognition/aws4_request",
    "X-Amz-Date": "20261122T204012Z",
    "X-Amz-Expires": "299",
    "X-Amz-Security-Token": "tok+/=en==",
    "X-Amz-SignedHeaders": "host",
    "attempt-count": "1",
    "challenge-versions": VERSIONS,
    "precheck-view-enabled": "1",
    "session-id": "11111111-2222-4333-8444-555555555555",
    "video-height": "480",
    "video-width": "640",
    "x-amz-user-agent": "aws-sdk-js/3.1111.0 aws-amplify/6.22.1-framework/100-ui-react-liveness/3.6.8",
}
VECTOR_SIGNATURE = "a8f45e02ba13afaf4c851b13606bfbd7670564c8cba77cf2cd04d99bf2924fa3"
VECTOR_FRAME = bytes.fromhex(
    "000000f000000043c2c39f1e053a6461746508000001a204fce796103a6368756e6b2d7369676e617475726506002094c5344d5cd903d3"
    "4cecb49236ad6d5fdb56539d33a53f34375ab645afdaaa9b0000009d0000005027df6d3c0b3a6576656e742d7479706507000a56696465"
    "6f4576656e740d3a6d6573736167652d747970650700056576656e740d3a636f6e74656e742d747970650700106170706c69636174696f"
    "6e2f6a736f6e7b22566964656f4368756e6b223a22476b58666f77454341773d3d222c2254696d657374616d704d696c6c6973223a3137"
    "39353338303031323934387df5bd7cd4446ee6bd"
)


@check
def stream_signatures_are_those_of_the_sdk():
    target = f"{PATH}?{urllib.parse.urlencode(VECTOR_QUERY)}"
    key = event_stream.signing_key("sekret+/=x", "20261122", "us-east-1", "rekognition")
    assert key.hex() == "dfba78a9e7aa0fb00c9d13b7e63cf21dcae202f8d573d1c9f9477d7b9d09943e"
    assert streaming.presigned(Request("GET", target, {}, b""), key, "localhost") == VECTOR_SIGNATURE
    chain = event_stream.Chain(key, "20261122/us-east-1/rekognition/aws4_request", VECTOR_SIGNATURE)
    headers, payload = event_stream.decode(chain.verified(VECTOR_FRAME))
    assert headers == {":event-type": "VideoEvent", ":message-type": "event", ":content-type": "application/json"}
    assert json.loads(payload) == {"VideoChunk": "GkXfowECAw==", "TimestampMillis": 1795380012948}
    assert chain.signature.startswith("94c5344d") and chain.verified(VECTOR_FRAME) is None
    for index in range(len(VECTOR_FRAME)):
        broken = bytearray(VECTOR_FRAME)
        broken[index] ^= 1
        with raises(event_stream.Unreadable):
            event_stream.decode(bytes(broken))


@check
def stream_serves_the_components_own_client():
    node = shutil.which("node")
    if not node or not (WEB / "node_modules").exists():
        print("  (not with the component's own client: `make web` installs it)")
        return
    for challenge in (LIGHT, MOVEMENT):
        key, session, issued = prepared(challenge)
        command = [node, "--experimental-websocket", Path(__file__).with_name("stream_client.mjs"), WEB, harness.base]
        ran = subprocess.run([*command, session, *issued], capture_output=True, text=True, timeout=60)
        came = "ChallengeEvent ServerSessionInformationEvent DisconnectionEvent"
        assert ran.stdout.strip() in (came, came.partition(" ")[2]), (ran.stdout, ran.stderr, problems(key))
        found = results(key, session)
        assert found["Status"] == "SUCCEEDED" and found["Challenge"]["Type"] == challenge, found
        ran = subprocess.run([*command, session, *issued], capture_output=True, text=True, timeout=60)
        assert ran.stdout.strip() == "ValidationException", ran
        other = [issued[0], "another", issued[2]]
        ran = subprocess.run([*command, str(uuid.uuid4()), *other], capture_output=True, text=True, timeout=60)
        assert ran.stdout.strip() == "InvalidSignatureException", ran


@check
def stream_gives_results_to_those_who_asked_for_the_session():
    for challenge in (LIGHT, MOVEMENT):
        key, session, issued = prepared(challenge)
        stream = Stream(issued, session)
        assert stream.kind == challenge and results(key, session)["Status"] == "IN_PROGRESS"
        stream.finish()
        name, _ = stream.receive()
        assert name == "DisconnectionEvent" and stream.closed() == 1000
        found = results(key, session)
        assert found["Status"] == "SUCCEEDED" and found["Confidence"] == 97.5, found
        assert found["ReferenceImage"]["Bytes"].startswith(b"\xff\xd8") and found["Challenge"]["Type"] == challenge
        again = Stream(issued, session)
        assert again.refused == ("ValidationException", "The session has been used already."), again.refused
        assert again.closed() == 1000


@check
def stream_refuses_who_signs_wrongly():
    key, session, issued = prepared()
    access, secret, token = issued
    assert Stream((access, "another", token), session).refused[0] == "InvalidSignatureException"
    assert Stream((access, secret, "another"), session).refused[0] == "UnrecognizedClientException"
    assert Stream(issued, session, service="sts").refused[0] == "InvalidSignatureException"
    assert "valid region" in Stream(issued, session, region="eu-west-1").refused[1]
    assert Stream(issued, session, more="&attempt-count=2").refused[0] == "InvalidSignatureException"
    assert Stream(issued, str(uuid.uuid4())).refused[0] == "SessionNotFoundException"
    assert Stream(issued, session, versions="FaceMovementChallenge_9.0.0").refused[0] == "ValidationException"
    assert results(key, session)["Status"] == "FAILED"


@check
def stream_refuses_events_that_are_signed_wrongly_or_out_of_turn():
    def altered(stream):
        data = bytearray(stream.signed("VideoEvent", video(WEBM)))
        stream.socket.send(bytes(data[:-1]) + bytes([data[-1] ^ 1]))

    def with_another_key(stream):
        stream.chain.key = b"another"
        stream.send("VideoEvent", video(WEBM))

    def sent_twice(stream):
        data = stream.signed("VideoEvent", video(WEBM))
        stream.socket.send(data)
        stream.socket.send(data)

    def left_out(stream):
        stream.signed("VideoEvent", video(WEBM))
        stream.send("VideoEvent", video(WEBM))

    def without_colors(stream):
        stream.begin()
        stream.end()

    def colors_out_of_order(stream):
        stream.begin()
        stream.color(1)

    def other_colors(stream):
        stream.begin()
        stream.colors[0] = [1, 2, 3]
        stream.color(0)

    def elsewhere(stream):
        stream.begin()
        stream.show_colors()
        stream.end(Left=0.9)

    def no_video(stream):
        stream.send("VideoEvent", video(b"GIF89a"))

    def start_before_video(stream):
        stream.tell(VideoStartTimestamp=now(), InitialFace={"BoundingBox": BOX, "InitialFaceDetectedTimestamp": now()})

    def no_end(stream):
        stream.begin()
        stream.send("VideoEvent", video(b""))

    for wrong, code in (
        (altered, "ValidationException"),
        (with_another_key, "InvalidSignatureException"),
        (sent_twice, "InvalidSignatureException"),
        (left_out, "InvalidSignatureException"),
        (without_colors, "ValidationException"),
        (colors_out_of_order, "ValidationException"),
        (other_colors, "ValidationException"),
        (elsewhere, "ValidationException"),
        (no_video, "ValidationException"),
        (start_before_video, "ValidationException"),
        (no_end, "ValidationException"),
    ):
        key, session, issued = prepared()
        stream = Stream(issued, session)
        wrong(stream)
        name, told = stream.receive()
        assert (name, told["Code"]) == (code, code), (wrong.__name__, name, told)
        assert stream.closed() == 1000 and results(key, session)["Status"] == "FAILED", wrong.__name__


@check
def stream_fails_as_scripted():
    key, session, issued = prepared()
    script(key, "streaming", *streaming.EXCEPTIONS)
    for code, message in streaming.EXCEPTIONS.values():
        assert Stream(issued, session).refused == (code, message)
    assert results(key, session)["Status"] == "CREATED"
    script(key, "streaming", "fails_at_the_end")
    stream = Stream(issued, session)
    stream.finish()
    assert stream.receive()[0] == "InternalServerException"
    key, session, issued = prepared()
    script(key, "streaming", "breaks_off")
    assert Stream(issued, session).closed() == 4000
    key, session, issued = prepared()
    script(key, "streaming", "answer", answer={"Confidence": 12.5})
    stream = Stream(issued, session)
    stream.finish()
    assert stream.receive()[0] == "DisconnectionEvent" and results(key, session)["Confidence"] == 12.5
    events = streams(key)[-1]["body"]["events"]
    assert events[0] == "VideoEvent" and len(events) == 12, events


@check
def stream_notes_why_the_client_has_gone():
    key, session, issued = prepared()
    stream = Stream(issued, session)
    stream.socket.close(4001)
    wait_until(lambda: streams(key)[-1]["body"]["closed"] == 4001)
    assert results(key, session)["Status"] == "FAILED"
    tell(f"sessions/{session}", key, gone=True)
    assert Stream(issued, session).refused[0] == "SessionNotFoundException"


# --- a client ---------------------------------------------------------------------------------------------------------


def prepared(challenge=LIGHT):
    """Makes a session, and credentials that the browser would get for it."""
    key = new_key()
    wanted = {"ChallengePreferences": [{"Type": challenge}]}
    session = aws("rekognition", key).create_face_liveness_session(Settings=wanted)["SessionId"]
    given = aws("sts", key).get_federation_token(Name="identivia", Policy=POLICY)["Credentials"]
    return key, session, (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def results(key, session):
    return aws("rekognition", key).get_face_liveness_session_results(SessionId=session)


def streams(key):
    return [call for call in calls(key) if call["provider"] == "streaming"]


def wait_until(condition):
    for _ in range(250):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("It has not come about.")


def now():
    return int(time.time() * 1000)


def video(chunk):
    return {"VideoChunk": base64.b64encode(chunk).decode(), "TimestampMillis": now()}


class Stream:
    def __init__(self, issued, session, region=REGION, service="rekognition", versions=VERSIONS, more=""):
        query = {"session-id": session, "video-width": "640", "video-height": "480", "challenge-versions": versions}
        request = AWSRequest("GET", f"{harness.base}{PATH}?{urllib.parse.urlencode(query)}")
        SigV4QueryAuth(Credentials(*issued), service, region, expires=299).add_auth(request)
        url = request.prepare().url.replace("http:", "ws:") + more
        signed = dict(urllib.parse.parse_qsl(url))
        date = signed["X-Amz-Date"][:8]
        key = event_stream.signing_key(issued[1], date, region, service)
        self.chain = event_stream.Chain(key, f"{date}/{region}/{service}/aws4_request", signed["X-Amz-Signature"])
        self.socket = connect(url, compression="deflate", proxy=None)
        self.id, self.refused = str(uuid.uuid4()), None
        self.greet()

    def greet(self):
        with contextlib.suppress(ConnectionClosed):
            name, told = self.receive()
            if name != "ChallengeEvent":
                self.refused = name, told["Message"]
                return
            self.kind = told["Type"]
            [(kind, told)] = self.receive()[1]["SessionInformation"]["Challenge"].items()
            assert kind == self.kind
            self.oval = told["OvalParameters"]
            self.colors = [each["FreshnessColor"]["RGB"] for each in told.get("ColorSequences", [])]

    def receive(self):
        headers, payload = event_stream.decode(self.socket.recv(timeout=5))
        return headers.get(":event-type") or headers[":exception-type"], json.loads(payload)

    def closed(self):
        with contextlib.suppress(ConnectionClosed):
            self.socket.recv(timeout=5)
        return self.socket.close_code

    def signed(self, name, value):
        headers = {":event-type": name, ":message-type": "event", ":content-type": "application/json"}
        inner, date = event_stream.encode(headers, json.dumps(value).encode()), now()
        signature = self.chain.sign(date, inner)
        self.chain.signature = signature.hex()
        outer = b"\x05:date\x08" + date.to_bytes(8, "big") + b"\x10:chunk-signature\x06\x00\x20" + signature
        return event_stream.framed(outer, inner)

    def send(self, name, value):
        self.socket.send(self.signed(name, value))

    def tell(self, **told):
        self.send("ClientSessionInformationEvent", {"Challenge": {self.kind: {"ChallengeId": self.id, **told}}})

    def begin(self):
        self.send("VideoEvent", video(WEBM))
        self.tell(VideoStartTimestamp=now(), InitialFace={"BoundingBox": BOX, "InitialFaceDetectedTimestamp": now()})

    def color(self, index):
        color = {"RGB": self.colors[index]}
        self.tell(ColorDisplayed={"CurrentColor": color, "SequenceNumber": index, "CurrentColorStartTimestamp": now()})

    def show_colors(self):
        for index in range(len(self.colors)):
            self.color(index)

    def end(self, **moved):
        width, height = self.oval["Width"] / 640, self.oval["Height"] / 480
        place = {"Left": self.oval["CenterX"] / 640 - width / 2, "Top": self.oval["CenterY"] / 480 - height / 2}
        target = {
            "BoundingBox": {"Width": width, "Height": height, **place, **moved},
            "FaceDetectedInTargetPositionStartTimestamp": now(),
            "FaceDetectedInTargetPositionEndTimestamp": now(),
        }
        self.tell(VideoEndTimestamp=now(), TargetFace=target)

    def finish(self):
        self.begin()
        self.show_colors()
        self.end()
        self.send("VideoEvent", video(b""))
