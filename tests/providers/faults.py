"""Has the faults that any provider may show, by name. A fault is given the call, and a function that finds the true
answer: one that does not ask for it leaves the provider as if the request had never arrived."""

import json
import re
from dataclasses import replace

from wire import Answer, json_answer

HUGE = 10_000_000
PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Welcome to the network</h1></body></html>"
BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
METADATA_SERVICE = "http://169.254.169.254/latest/meta-data/iam/"


def always(answer):
    return lambda call, truth: answer


def changed(change):
    return lambda call, truth: change(truth())


def is_xml(answer):
    return "xml" in answer.media_type


def truncated(answer):
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def padded(answer):
    if is_xml(answer):
        start, tag, end = answer.body.rpartition(b"</")
        return replace(answer, body=start + b"<!--" + b"x" * HUGE + b"-->" + tag + end)
    return replace(answer, body=answer.body[:-1] + b', "padding": "' + b"x" * HUGE + b'"}')


def swapped(value):
    match value:
        case dict():
            return {name: swapped(each) for name, each in value.items()}
        case list():
            return [swapped(each) for each in value]
        case str():
            return 7
        case None:
            return {}
        case _:
            return json.dumps(value)


def wrong_types(answer):
    if is_xml(answer):
        other = re.sub(rb">([^<>]+)<", lambda text: b">seven<" if text[1].isdigit() else b">7<", answer.body)
        return replace(answer, body=other)
    return replace(answer, body=json.dumps(swapped(json.loads(answer.body))).encode())


def not_utf8(answer):
    before_text = rb"(>)(?=[^<>]+<)" if is_xml(answer) else rb'(: ")'
    return replace(answer, body=re.sub(before_text, b"\\1\xff\xfe", answer.body, count=1))


def redirect_here(call, truth):
    trap = f"http://{call.request.headers.get('host')}/_/trap?from={call.provider}"
    return Answer(307, headers={"Location": trap})


def scripted(call, truth):
    return json_answer(200, call.scripted_answer)


ANY_PROVIDER = {
    "hang": always(Answer(sending="hang")),
    "reset": always(Answer(sending="reset")),
    "reset_mid_body": changed(lambda answer: replace(answer, sending="reset_mid_body")),
    "slow_body": changed(lambda answer: replace(answer, sending="slow")),
    "http_500": always(Answer(500)),
    "http_503": always(Answer(503)),
    "http_502_html": always(Answer(502, BAD_GATEWAY, {"Content-Type": "text/html"})),
    "html": always(Answer(200, PAGE, {"Content-Type": "text/html; charset=utf-8"})),
    "empty": changed(lambda answer: replace(answer, status=200, body=b"")),
    "empty_object": always(json_answer(200, {})),
    "truncated_json": changed(truncated),
    "not_utf8": changed(not_utf8),
    "huge": changed(padded),
    "huge_chunked": changed(lambda answer: replace(padded(answer), sending="chunked")),
    "wrong_types": changed(wrong_types),
    "wrong_json": always(json_answer(200, ["unexpected", 7, None])),
    "redirect": always(Answer(302, headers={"Location": METADATA_SERVICE})),
    "redirect_307": redirect_here,
    "answer": scripted,
}
