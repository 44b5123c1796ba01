"""The credentials of a run at the console as they change: each answer may set another cookie and draw other recovery codes.
Without the newest cookie the session would have ended, and without a code that is good POST /api/console/step_up is 401."""

import os

COOKIE = [os.environ.get("CONSOLE_COOKIE", "")]
CODES = os.environ.get("CONSOLE_RECOVERY_CODES", "").split()


def is_in_use():
    return bool(COOKIE[0])


def refresh(case, is_good):
    """Sends the newest cookie, and with a good request to step up a recovery code that has not been used."""
    case.headers = {**(case.headers or {}), "Cookie": COOKIE[0]}
    if case.operation.label == "POST /api/console/step_up" and is_good and CODES:
        case.body = {"code": CODES.pop()}


def note_answer(response):
    cookie = response.headers.get("set-cookie", [""])[0].split(";")[0]
    if response.status_code == 200 and cookie.split("=")[-1]:
        COOKIE[0] = cookie
    if response.status_code == 200 and b'"recovery_codes"' in response.content:
        CODES[:] = response.json()["data"]["recovery_codes"]
