"""Keeps what the tests have told and what was asked, apart for each key: tests run in parallel against one process."""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field

from wire import Answer, Request


@dataclass
class Script:
    faults: list
    then: str = "ok"
    answer: object = None

    def next(self):
        return self.faults.pop(0) if self.faults else self.then


class Namespace:
    def __init__(self):
        self.lock = threading.RLock()
        self.calls = []
        self.scripts = {}
        self.sessions = {}
        self.sessions_by_token = {}
        self.events = {}
        self.clock_ahead = 0

    def now(self):
        return time.time() + self.clock_ahead

    def next_fault(self, provider, operation):
        """Asks the script of the operation first; one that is over, with nothing to follow, leaves it to the other."""
        with self.lock:
            for place in ((provider, operation), (provider, None)):
                script = self.scripts.get(place)
                if script and (script.faults or script.then != "ok"):
                    return script.next(), script.answer
        return "ok", None


@dataclass
class Call:
    """`refusal` is what the provider says to a request it does not accept; without one, the request was right."""

    provider: str
    request: Request
    namespace: Namespace
    operation: str = ""
    body: object = None
    problems: list = field(default_factory=list)
    refusal: Answer | None = None
    fault: str = "ok"
    scripted_answer: object = None
    at: float = field(default_factory=time.time)

    def public(self):
        return {
            "provider": self.provider,
            "operation": self.operation,
            "method": self.request.method,
            "path": self.request.target,
            "headers": self.request.headers,
            "body": self.body,
            "problems": self.problems,
            "fault": self.fault,
            "at": self.at,
        }


class Namespaces:
    def __init__(self):
        self._lock = threading.Lock()
        self._all = defaultdict(Namespace)

    def of(self, key):
        with self._lock:
            return self._all[key]

    def all(self):
        with self._lock:
            return list(self._all.values())
