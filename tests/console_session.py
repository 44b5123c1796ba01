"""Makes the first user of the console by the link that the server has printed, and prints the cookie of their session, with a
second factor shown just now, and on further lines their recovery codes.
   usage: console_session.py <URL of the server> <link>"""

import base64
import hashlib
import hmac
import json
import struct
import sys
import time
import urllib.request

PASSWORD = "gravel-lantern-otter-31"


def totp(secret: str) -> str:
    """The code of this moment (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start:start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class Console:
    """The console's page in a browser that keeps its cookie."""

    def __init__(self, url: str) -> None:
        self.url, self.cookie = url, ""

    def post(self, path: str, body: dict) -> dict:
        headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin", "X-Identivia-Console": "1"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            set_cookie = answer.headers.get("Set-Cookie")
            if set_cookie:
                self.cookie = set_cookie.split(";")[0]
            return json.load(answer)["data"]


def main() -> None:
    url, link = sys.argv[1:]
    console = Console(url)
    token = link.split("#token=")[1]
    console.post(
        "/api/console/setup",
        {"token": token, "name": "Test", "email": "test@example.com", "password": PASSWORD},
    )
    secret = console.post("/api/console/me/totp", {})["secret"]
    confirmed = console.post("/api/console/me/totp/confirm", {"code": totp(secret)})
    print(console.cookie, *confirmed["recovery_codes"], sep="\n")


main()
