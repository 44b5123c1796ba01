"""Lets the tests tell the providers how to behave, and ask what they were asked."""

import importlib
import json
import threading
import urllib.parse

from namespaces import Script
from wire import json_answer

MODULES = {"rekognition": "rekognition", "sts": "sts", "openai": "openai_api", "fingerprint": "fingerprint_api"}
# Is no provider of answers: it is in no list of those that any caller may go through.
STREAMING = {"streaming": "streaming"}
SCRIPT = {"provider", "operation", "faults", "then", "answer"}

trap_lock = threading.Lock()
trap_hits = 0


def provider(name):
    """The providers' models take a moment to load."""
    return importlib.import_module((MODULES | STREAMING)[name])


def load_all():
    for name in MODULES | STREAMING:
        provider(name)


def answer(request, namespaces):
    path = request.path.removeprefix("/_/")
    if path == "trap":
        return json_answer(200, trap_hits)
    if path == "ready":
        load_all()
        return json_answer(200, True)
    if path == "faults":
        return json_answer(200, {name: sorted(provider(name).FAULTS) for name in MODULES})
    if "key" not in request.query:
        return json_answer(400, {"error": "the key is missing"})
    space = namespaces.of(request.query["key"])
    what, _, which = path.partition("/")
    try:
        result = ORDERS[request.method, what](space, json.loads(request.body or b"{}"), urllib.parse.unquote(which))
    except KeyError as name:
        result = f"there is no {name}"
    except (AttributeError, TypeError, ValueError) as reason:
        result = str(reason)
    # An order returns a text if it could not be carried out.
    if isinstance(result, str):
        return json_answer(400, {"error": result})
    return json_answer(200, result)


def calls(space, _told, _which):
    with space.lock:
        return [call.public() for call in space.calls]


def script(space, told, _which):
    """One for all operations takes the place of all scripts of the provider."""
    if more := told.keys() - SCRIPT:
        return f"a script has no {sorted(more)}"
    known = provider(told["provider"]).FAULTS.keys() | {"ok"}
    made = Script(list(told.get("faults", [])), told.get("then", "ok"), told.get("answer"))
    if unknown := {*made.faults, made.then} - known:
        return f"{told['provider']} has no fault {sorted(unknown)}"
    with space.lock:
        if "operation" not in told:
            space.scripts = {place: other for place, other in space.scripts.items() if place[0] != told["provider"]}
        space.scripts[told["provider"], told.get("operation")] = made
    return {}


def session(space, told, which):
    return "; ".join(provider("rekognition").tell_session(space, which, told)) or {}


def event(space, told, _which):
    provider("fingerprint").tell_event(space, told)
    return {}


ORDERS = {
    ("GET", "calls"): calls,
    ("POST", "script"): script,
    ("POST", "sessions"): session,
    ("POST", "events"): event,
}


def hit_trap():
    global trap_hits
    with trap_lock:
        trap_hits += 1
