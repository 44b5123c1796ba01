"""Compares values with the shapes of an AWS service as botocore publishes them."""

import base64
import binascii
import functools
import re

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

UNICODE_CLASSES = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": r"\s"}


def service(name):
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def violations(value, shape):
    """botocore's own check knows types, required and unknown members, and minima; the rest is checked here."""
    report = ParamValidator().validate(value, shape).generate_report()
    return report.splitlines() + list(_finer(value, shape, "input"))


def _finer(value, shape, where):
    match shape.type_name:
        case "structure" if isinstance(value, dict):
            for name, member in shape.members.items():
                if name in value:
                    yield from _finer(value[name], member, f"{where}.{name}")
        case "list" if isinstance(value, list):
            yield from _too_much(len(value), shape, f"the length of {where}")
            for index, each in enumerate(value):
                yield from _finer(each, shape.member, f"{where}[{index}]")
        case "string" if isinstance(value, str):
            yield from _string(value, shape, where)
        case "blob":
            yield from _blob(value, shape, where)
        case "integer" | "long" | "float" | "double":
            if isinstance(value, bool):
                yield f"{where} is a boolean, not a number"
            elif isinstance(value, int | float):
                yield from _too_much(value, shape, where)


def _too_much(number, shape, what):
    if "max" in shape.metadata and number > shape.metadata["max"]:
        yield f"{what} is {number}, more than {shape.metadata['max']}"


def _string(value, shape, where):
    yield from _too_much(len(value), shape, f"the length of {where}")
    if "enum" in shape.metadata and value not in shape.metadata["enum"]:
        yield f"{where} is {value!r}, not one of {shape.metadata['enum']}"
    if "pattern" in shape.metadata and not _pattern(shape.metadata["pattern"]).fullmatch(value):
        yield f"{where} is {value!r}, which does not match {shape.metadata['pattern']}"


@functools.cache
def _pattern(text):
    """The models' patterns are Java's: there, `\\w` and `\\d` are ASCII, and `\\p{..}` names classes of Unicode."""
    flags = 0 if r"\p{" in text else re.ASCII
    for theirs, ours in UNICODE_CLASSES.items():
        text = text.replace(theirs, ours)
    return re.compile(text, flags)


def _blob(value, shape, where):
    try:
        size = len(base64.b64decode(value, validate=True))
    except (binascii.Error, TypeError, ValueError):
        yield f"{where} is not base64"
        return
    yield from _too_much(size, shape, f"the size of {where}")
    if size < shape.metadata.get("min", 0):
        yield f"the size of {where} is {size}, less than {shape.metadata['min']}"
