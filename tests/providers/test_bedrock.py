import json
import sys

import pytest
from eventstreams import chunk, message

from llmproxy.config.models import ProviderConfig
from llmproxy.core.errors import ConfigError, UnsupportedFeature
from llmproxy.core.tokens import Environment
from llmproxy.providers.bedrock import BedrockProvider

pytest.importorskip("botocore", reason="botocore comes with the bedrock extra")

HOST = "https://bedrock-runtime.us-east-1.amazonaws.com"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-secret"}
CLAUDE = "anthropic.claude-v2:1"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f"
NOVA = "amazon.nova-micro-v1:0"

USAGE = {"inputTokens": 5, "outputTokens": 7, "totalTokens": 12}
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
    "stopReason": "end_turn",
    "usage": USAGE,
}
STREAM = b"".join([
    message("messageStart", {"role": "assistant"}),
    message("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "hi"}}),
    message("messageStop", {"stopReason": "end_turn"}),
    message("metadata", {"usage": USAGE}),
])  # fmt: skip
EVENTSTREAM = "application/vnd.amazon.eventstream"


@pytest.fixture
def client(make_app, monkeypatch, tmp_path):
    """Calls an application whose only llm is Bedrock; nothing of this machine's own AWS configuration is seen."""
    for variable in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def make(env=None, **keys):
        llm = {"provider": "bedrock", "region": "us-east-1", **keys}
        return make_app({"llm": {"up": llm}}, KEYS if env is None else env).test_client()

    return make


def provider(env=None, **keys):
    known = {"options": {name: keys.pop(name) for name in ("region", "profile") if name in keys}}
    return BedrockProvider.from_config(
        ProviderConfig(name="up", environment=Environment(environ=KEYS if env is None else env), **known, **keys)
    )


def test_a_chat_is_asked_by_converse_and_signed(client, ask, up):
    up.post(f"{HOST}/model/amazon.nova-micro-v1%3A0/converse", json=ANSWER)
    answer = ask(client(), model=f"up/{NOVA}").get_json()
    request = up.calls[0].request
    assert (answer["choices"][0]["message"]["content"], answer["usage"]["prompt_tokens"]) == ("hi", 5)
    assert json.loads(request.body) == {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}
    assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/us-east-1/bedrock/aws4_request" in request.headers["Authorization"]


def test_a_stream_is_asked_at_a_path_of_its_own(client, ask, up):
    up.post(f"{HOST}/model/amazon.nova-micro-v1%3A0/converse-stream", body=STREAM, content_type=EVENTSTREAM)
    answer = ask(client(), model=f"up/{NOVA}", stream=True, stream_options={"include_usage": True})
    assert '"content":"hi"' in answer.get_data(as_text=True)
    assert '"prompt_tokens":5' in answer.get_data(as_text=True)


def test_a_stream_without_its_metadata_has_come_to_its_end(client, ask, up):
    whole = STREAM[: STREAM.index(message("metadata", {"usage": USAGE}))]
    up.post(f"{HOST}/model/amazon.nova-micro-v1%3A0/converse-stream", body=whole, content_type=EVENTSTREAM)
    assert ask(client(), model=f"up/{NOVA}", stream=True).get_data(as_text=True).endswith("data: [DONE]\n\n")


def test_a_cut_stream_is_an_error(client, ask, up):
    up.post(f"{HOST}/model/amazon.nova-micro-v1%3A0/converse-stream", body=STREAM[:200], content_type=EVENTSTREAM)
    answer = ask(client(), model=f"up/{NOVA}", stream=True).get_data(as_text=True)
    assert '"code":"upstream_stream_truncated"' in answer
    assert "[DONE]" not in answer


def test_an_exception_that_comes_first_has_its_status(client, ask, up):
    body = message("throttlingException", {"message": "slow"}, kind="exception")
    up.post(f"{HOST}/model/amazon.nova-micro-v1%3A0/converse-stream", body=body, content_type=EVENTSTREAM)
    assert ask(client(), model=f"up/{NOVA}", stream=True).status_code == 429


def test_an_arn_is_one_segment_of_the_path_encoded_once(client, ask, up):
    encoded = PROFILE.replace(":", "%3A").replace("/", "%2F")
    up.post(f"{HOST}/model/{encoded}/converse", json=ANSWER)
    assert ask(client(), model=f"up/{PROFILE}").status_code == 200
    assert up.calls[0].request.url == f"{HOST}/model/{encoded}/converse"


@pytest.mark.parametrize("model", [CLAUDE, PROFILE, "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "a b/c?d#é"])
def test_the_path_is_the_one_that_botocore_asks(model, parse):
    session = pytest.importorskip("botocore.session").Session()
    operation = session.get_service_model("bedrock-runtime").operation_model("Converse")
    serializer = pytest.importorskip("botocore.serialize").create_serializer("rest-json")
    theirs = serializer.serialize_to_request({"modelId": model, "messages": []}, operation)["url_path"]
    up = provider(region="us-east-1")
    assert up.url(up.call(parse(model=model))) == HOST + theirs


def test_errors_are_told_apart_by_bedrocks_own_header(client, ask, up):
    headers = {"x-amzn-errortype": "ServiceQuotaExceededException:http://x"}
    up.post(f"{HOST}/model/amazon.nova-micro-v1%3A0/converse", json={"message": "x"}, status=400, headers=headers)
    answer = ask(client(), model=f"up/{NOVA}")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "upstream_quota_exhausted")


# Claude, for clients of Anthropic's.

MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-2.1",
    "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn", "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 7},
}  # fmt: skip
EVENTS = [
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 5}},
]


def test_claude_is_asked_in_anthropics_own_words_where_the_client_speaks_them(client, ask, up):
    up.post(f"{HOST}/model/anthropic.claude-v2%3A1/invoke", json=MESSAGE)
    headers = {"anthropic-version": "2023-06-01", "anthropic-beta": "context-1m-2025-08-07,claude-code-20250219"}
    answer = ask(client(), "/v1/messages", headers, model=f"up/{CLAUDE}", max_tokens=9, metadata={"user_id": "u"})
    request = up.calls[0].request
    assert answer.get_json() == MESSAGE
    assert json.loads(request.body) == {
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": ["context-1m-2025-08-07"],
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 9,
    }
    assert not any(name.lower().startswith("anthropic") for name in request.headers)
    assert answer.headers["x-llmproxy-dropped"] == "metadata"


def test_claudes_events_reach_anthropics_clients_as_they_are(client, ask, up):
    body = b"".join(map(chunk, EVENTS))
    up.post(f"{HOST}/model/anthropic.claude-v2%3A1/invoke-with-response-stream", body=body, content_type=EVENTSTREAM)
    answer = ask(client(), "/v1/messages", model=f"up/{CLAUDE}", max_tokens=9, stream=True)
    expected = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in EVENTS]
    assert answer.get_data(as_text=True) == "".join(expected)


def test_any_other_model_is_asked_by_converse(client, ask, up):
    up.post(f"{HOST}/model/amazon.nova-micro-v1%3A0/converse", json=ANSWER)
    answer = ask(client(), "/v1/messages", model=f"up/{NOVA}", max_tokens=9)
    assert answer.get_json()["content"] == [{"type": "text", "text": "hi"}]


@pytest.mark.parametrize(
    ("model", "dialect"),
    [("amazon.titan-embed-text-v2:0", "bedrock.titan_embed"), ("cohere.embed-english-v3", "bedrock.cohere_embed")],
)
def test_embeddings_are_asked_in_the_words_of_their_model(model, dialect, parse):
    up = provider(region="us-east-1")
    call = up.call(parse("openai.embeddings", model=model, input="x"))
    assert (call.dialect.name, up.url(call).rpartition("/")[2]) == (dialect, "invoke")


# Regions and credentials.


@pytest.mark.parametrize(
    ("keys", "env"),
    [
        ({"region": "eu-west-1"}, {"AWS_REGION": "us-west-2"}),
        ({}, {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"}),
        ({}, {"AWS_DEFAULT_REGION": "eu-west-1"}),
    ],
)
def test_the_region_is_the_options_or_the_environments(keys, env):
    up = provider({**KEYS, **env}, **keys)
    assert up.url_provider.get_url() == "https://bedrock-runtime.eu-west-1.amazonaws.com"


def test_the_region_may_be_the_profiles(monkeypatch, tmp_path):
    (tmp_path / "config").write_text("[profile team]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert provider({}, profile="team").url_provider.get_url() == "https://bedrock-runtime.eu-west-1.amazonaws.com"


def test_without_a_region_there_is_no_llm(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(ConfigError, match=r"\[llm.up\] needs a region"):
        provider()


@pytest.mark.parametrize(
    "url",
    [
        "https://bedrock-runtime.eu-west-1.amazonaws.com",
        "https://vpce-0a1b-2c3d.bedrock-runtime.eu-west-1.vpce.amazonaws.com",
        "https://bedrock-runtime-fips.eu-west-1.amazonaws.com/",
    ],
)
def test_a_base_url_of_amazons_says_its_region(url, parse):
    up = provider(base_url=url)
    request = up.prepare(up.call(parse(model=NOVA)))
    assert request.url == url.rstrip("/") + "/model/amazon.nova-micro-v1%3A0/converse"
    assert "/eu-west-1/bedrock/" in request.headers["Authorization"]


def test_an_unknown_region_is_refused_before_a_host_is_made_of_it():
    with pytest.raises(ConfigError, match="region"):
        provider(region="evil.example/")


@pytest.mark.parametrize(
    ("env", "keys"),
    [
        ({"AWS_BEARER_TOKEN_BEDROCK": "canary"}, {}),
        ({"MY_KEY": "canary", "AWS_BEARER_TOKEN_BEDROCK": "other"}, {"token_env": "MY_KEY"}),
    ],
)
def test_a_key_of_bedrocks_own_goes_as_a_bearer_token(env, keys, parse):
    up = provider({**KEYS, **env}, region="us-east-1", **keys)
    assert up.prepare(up.call(parse(model=NOVA))).headers["Authorization"] == "Bearer canary"


def test_a_profile_that_was_asked_for_goes_before_a_key(parse):
    up = provider({"AWS_BEARER_TOKEN_BEDROCK": "canary"}, region="us-east-1", profile="team")
    assert up.token_provider is None


def test_without_credentials_the_llm_is_not_configured(client, ask):
    answer = ask(client(env={}), model=f"up/{NOVA}")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "llm_not_configured")


def test_a_secret_that_the_upstream_repeats_goes_nowhere(client, ask, up, logged):
    said = {"message": "canary-token canary-secret"}
    up.post(f"{HOST}/model/amazon.nova-micro-v1%3A0/converse", json=said, status=403)
    answer = ask(client({**KEYS, "AWS_SESSION_TOKEN": "canary-token"}), model=f"up/{NOVA}")
    assert "canary" not in answer.get_data(as_text=True) + str(answer.headers) + logged.text


def test_without_botocore_a_key_is_enough_and_credentials_name_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "botocore", None)
    assert provider({"AWS_BEARER_TOKEN_BEDROCK": "k"}, region="us-east-1")
    with pytest.raises(ConfigError, match=r"pip install llmproxy\[bedrock\]"):
        provider(region="us-east-1")


def test_more_than_one_answer_is_refused(parse):
    up = provider(region="us-east-1")
    with pytest.raises(UnsupportedFeature):
        up.call(parse(model=NOVA, n=2))
