"""Holds both halves of an exchange: what was asked, and what is to be answered and in which way it is sent."""

import json
import urllib.parse
from dataclasses import dataclass, field


@dataclass
class Request:
    method: str
    target: str
    headers: dict
    body: bytes

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def query(self):
        return dict(urllib.parse.parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    def bearer(self):
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


@dataclass(frozen=True)
class Answer:
    """`sending` names one of the ways of serve.py: whole, chunked, slow, hang, reset or reset_mid_body."""

    status: int = 200
    body: bytes = b""
    headers: dict = field(default_factory=dict)
    sending: str = "whole"

    @property
    def media_type(self):
        return self.headers.get("Content-Type", "")


def json_answer(status, value, media_type="application/json", **headers):
    """Takes further headers by name, with `_` for `-`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, json.dumps(value).encode(), {"Content-Type": media_type, **named})
