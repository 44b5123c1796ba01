"""Reads and writes AWS's event stream messages, and verifies the signatures that a client chains through its own.

https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html has both formats.
"""

import hashlib
import hmac
import struct
from binascii import crc32
from datetime import UTC, datetime

from botocore.eventstream import EventStreamBuffer, ParserError

STRING = 7
TIMESTAMP = 8


class Unreadable(Exception):
    pass


def encode(headers, payload):
    """Takes headers with texts, as a server sends them: they are not signed."""
    packed = b"".join(
        struct.pack(f">B{len(name)}sBH{len(text)}s", len(name), name.encode(), STRING, len(text), text.encode())
        for name, text in headers.items()
    )
    return framed(packed, payload)


def framed(headers, payload):
    """Takes the headers as bytes already."""
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return message + struct.pack(">I", crc32(message))


def decode(data):
    """Returns the headers and the payload of the one message that is there; botocore compares the checksums."""
    buffer = EventStreamBuffer()
    try:
        buffer.add_data(data)
        messages = list(buffer)
    except (ParserError, struct.error, KeyError, UnicodeDecodeError) as reason:
        raise Unreadable(f"An event stream message cannot be read: {reason}") from reason
    if len(messages) != 1 or len(data) != messages[0].prelude.total_length:
        raise Unreadable("A WebSocket message holds something else than one event stream message.")
    return messages[0].headers, messages[0].payload


def signing_key(secret, date, region, service):
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


class Chain:
    """Each signature covers the one before it, and the first one that of the URL: none can be left out or moved."""

    def __init__(self, key, scope, signature):
        self.key = key
        self.scope = scope
        self.signature = signature

    def verified(self, data):
        """Returns the payload of the message, which is a message itself, or nothing if its signature is another."""
        headers, payload = decode(data)
        date, signature = headers.get(":date"), headers.get(":chunk-signature")
        if not isinstance(date, int) or not isinstance(signature, bytes):
            raise Unreadable("An event has no :date or no :chunk-signature.")
        expected = self.sign(date, payload)
        if not hmac.compare_digest(expected, signature):
            return None
        self.signature = signature.hex()
        return payload

    def sign(self, date, payload):
        """Takes milliseconds: the header is signed with them, the line above it without."""
        header = b"\x05:date" + struct.pack(">Bq", TIMESTAMP, date)
        lines = [
            "AWS4-HMAC-SHA256-PAYLOAD",
            datetime.fromtimestamp(date // 1000, UTC).strftime("%Y%m%dT%H%M%SZ"),
            self.scope,
            self.signature,
            hashlib.sha256(header).hexdigest(),
            hashlib.sha256(payload).hexdigest(),
        ]
        return hmac.digest(self.key, "\n".join(lines).encode(), "sha256")
