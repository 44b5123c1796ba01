"""Checks the chat completions with OpenAI's own package."""

import json

import openai

import harness
from harness import ask, calls, chat, check, complete, new_key, problems, raises, raw_completion, script, strict

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "authenticity": {"type": ["string", "null"]}},
    "required": ["name", "authenticity"],
    "additionalProperties": False,
}


@check
def openai_completes():
    key = new_key("sk-")
    found = complete(chat(key), response_format=strict(SCHEMA), temperature=0, max_completion_tokens=900)
    assert json.loads(found.choices[0].message.content)["document_number"] == "A12345678"
    assert found.choices[0].finish_reason == "stop" and found.choices[0].message.refusal is None
    assert found.usage.total_tokens == 620 and found.model == "gpt-4o"
    complete(chat(key), response_format={"type": "json_object"}, seed=7, stop=["a"], max_tokens=900, stream=False)
    [first, second] = calls(key)
    assert not first["problems"] and not second["problems"], second["problems"]
    assert first["body"]["response_format"]["json_schema"]["schema"] == SCHEMA
    assert first["headers"]["authorization"] == f"Bearer {key}"


@check
def openai_lists_models():
    client = chat(new_key("sk-"))
    assert "gpt-4o" in [model.id for model in client.models.list()]
    assert client.models.retrieve("gpt-4o").id == "gpt-4o"
    with raises(openai.NotFoundError, code="model_not_found"):
        client.models.retrieve("no-such-model")
    with raises(openai.NotFoundError, code="model_not_found"):
        complete(client, model="no-such-model")


@check
def openai_answers_as_azure():
    key = new_key("azure")
    how = {"azure_endpoint": harness.base, "api_version": "2024-10-21", "max_retries": 0}
    client = openai.AzureOpenAI(api_key=key, **how)
    assert json.loads(complete(client, model="documents").choices[0].message.content)["name"] == "John Doe"
    [call] = calls(key)
    assert call["path"].startswith("/openai/deployments/documents/") and not call["problems"]
    with raises(openai.AuthenticationError):
        complete(openai.AzureOpenAI(api_key="wrong", **how))
    status, _, _ = ask("POST", "/openai/deployments/d/chat/completions", "{}", {"api-key": key})
    assert status == 400 and "api-version" in problems(key)


@check
def openai_fails_as_scripted():
    key = new_key("sk-")
    client = chat(key)
    for fault, kind, status, code in (
        ("rate_limit", openai.RateLimitError, 429, "rate_limit_exceeded"),
        ("insufficient_quota", openai.RateLimitError, 429, "insufficient_quota"),
        ("bad_key", openai.AuthenticationError, 401, "invalid_api_key"),
        ("forbidden", openai.PermissionDeniedError, 403, "unsupported_country_region_territory"),
        ("model_not_found", openai.NotFoundError, 404, "model_not_found"),
        ("bad_request", openai.BadRequestError, 400, None),
        ("internal", openai.InternalServerError, 500, None),
    ):
        script(key, "openai", fault)
        with raises(kind, status_code=status, code=code):
            complete(client)
    script(key, "openai", "echo_key")
    with raises(openai.AuthenticationError, key):
        complete(client)
    with raises(openai.AuthenticationError, code="invalid_api_key"):
        complete(chat("another-key"))
    for fault, seconds in (("rate_limit", "1"), ("rate_limit_long", "600")):
        script(key, "openai", fault)
        assert raw_completion(key)[1]["retry-after"] == seconds


@check
def openai_says_what_was_scripted():
    key = new_key("sk-")
    client = chat(key)

    def choice(fault, **more):
        script(key, "openai", fault, **more)
        return complete(client).choices[0]

    assert choice("refusal").message.refusal and choice("refusal").message.content is None
    assert choice("content_filter").finish_reason == "content_filter"
    cut = choice("length")
    assert cut.finish_reason == "length" and cut.message.content.startswith('{"name"')
    assert choice("null_content").message.content is None
    assert choice("fenced").message.content.startswith("```json\n{")
    assert json.loads(choice("unknown_keys").message.content)["verification_status"] == "verified"
    assert json.loads(choice("wrong_inner_types").message.content)["name"] == 7
    assert len(json.loads(choice("long_values").message.content)["name"]) == 100_000
    assert choice("answer", answer="as it is").message.content == "as it is"
    assert json.loads(choice("answer", answer={"name": "é"}).message.content) == {"name": "é"}
    script(key, "openai", "no_choices")
    assert complete(client).choices == []


@check
def openai_names_what_is_in_no_model():
    key = new_key("sk-")
    loose = SCHEMA | {"additionalProperties": True}
    nested = SCHEMA | {"properties": {"name": {"type": "array", "items": loose}, "authenticity": {"anyOf": [loose]}}}
    for more, words in (
        ({"extra_body": {"bogus": 1}}, "supplied: bogus"),
        ({"extra_body": {"response_format": {"type": "json_object", "strict": True}}}, "response_format.strict"),
        ({"temperature": "0"}, "temperature"),
        ({"service_tier": "best"}, "service_tier"),
        ({"url": "https://example.com/passport.png"}, "no data URL"),
        ({"url": "data:image/png;base64,%%%"}, "not base64"),
        ({"url": "data:application/pdf;base64,AAAA"}, "no data URL"),
        ({"response_format": strict(SCHEMA, "a name")}, "name of the schema"),
        ({"response_format": strict(loose)}, "schema: 'additionalProperties'"),
        ({"response_format": strict(SCHEMA | {"required": ["name"]})}, "'required'"),
        ({"response_format": strict(nested)}, "schema.name.items: 'additionalProperties'"),
        ({"response_format": strict(nested)}, "schema.authenticity.0: 'additionalProperties'"),
        ({"response_format": strict({"type": "array", "items": SCHEMA})}, "must be an object"),
        ({"response_format": strict(SCHEMA | {"allOf": []})}, "'allOf' is not permitted"),
        ({"model": "o3", "max_tokens": 900}, "'max_tokens' is not supported"),
    ):
        with raises(openai.BadRequestError):
            complete(chat(key), **more)
        assert words in problems(key), (more, problems(key))
    user = {"role": "user", "content": [{"type": "text", "text": "Read.", "bogus": 1}]}
    for messages, words in (
        ([user], "messages.0.content.0.bogus"),
        ([{"role": "reader", "content": "Read."}], "role"),
        ([{"role": "user", "content": [{"type": "image", "text": "Read."}]}], "type"),
        ("Read.", "messages"),
    ):
        assert raw_completion(key, {"model": "gpt-4o", "messages": messages})[0] == 400
        assert words in problems(key), (messages, problems(key))
