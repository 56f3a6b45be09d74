"""The official `openai` SDK sees through the proxy what it sees when it talks to the upstream itself."""

import pytest

from wire.conftest import queue
from wire.recordings import ENDINGS, OURS, WIRE, body_of, records

openai = pytest.importorskip("openai", reason="the openai SDK comes with the dev extra")
pytestmark = [
    pytest.mark.skipif(not records(), reason=f"the recorded exchanges are not at {WIRE}"),
    # The SDK reads what its types do not foresee (Mistral's lists of content) and warns when it writes it again.
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
]

CALLS = {
    "chat/completions": lambda client: client.chat.completions,
    "completions": lambda client: client.completions,
    "embeddings": lambda client: client.embeddings,
    "responses": lambda client: client.responses,
}
# What the SDK's methods take besides the body.
POSITIONAL = {
    "chat/completions": ("model", "messages"),
    "completions": ("model", "prompt"),
    "embeddings": ("model", "input"),
    "responses": ("model", "input"),
}


def of(*, ok):
    """The records of one form, each with a name for its test."""
    return [
        pytest.param(name, record, id=f"{name}-{record['id']}")
        for name, record in records()
        if (record["response"]["status"] == 200) == ok
    ]


def call(base_url, record):
    """What the SDK makes of an answer: a list of events, or one object, as plain JSON."""
    body = body_of(record)
    named = {name: body.pop(name) for name in POSITIONAL[record["endpoint"]] if name in body}
    stream = body.pop("stream", False)
    http = openai.DefaultHttpxClient(verify=False)  # reading the machine's certificates takes longer than the call
    with openai.OpenAI(base_url=base_url, api_key="client-key", max_retries=0, timeout=20, http_client=http) as client:
        create = CALLS[record["endpoint"]](client).create
        answer = create(**named, **({"stream": True} if stream else {}), extra_body=body)
        if stream:
            return [event.to_dict(mode="json") for event in answer]
        return answer.to_dict(mode="json")


def outcome(base_url, record):
    """The same, or the error that the SDK raises."""
    try:
        return call(base_url, record)
    except openai.APIError as error:
        return type(error).__name__, getattr(error, "status_code", None), error.code, error.message


def shown(seen, record):
    """What the proxy shows of it: nothing after the end, and no usage in a stream to those who did not ask for it."""
    ends = [number for number, event in enumerate(seen) if isinstance(event, dict) and event.get("type") in ENDINGS]
    if isinstance(seen, list) and ends:
        return seen[: ends[0] + 1]
    asked = (body_of(record).get("stream_options") or {}).get("include_usage")
    if not isinstance(seen, list) or asked or record["endpoint"] == "responses":
        return seen
    return [chunk for chunk in seen if chunk.get("choices") != [] or not chunk.get("usage")]


@pytest.mark.parametrize(("name", "record"), of(ok=True))
def test_the_sdk_reads_the_same_answer_through_the_proxy(name, record, proxy, replays):
    queue(replays["event"], record["id"])
    direct = outcome(f"{replays['event']}/v1", record)
    queue(replays["event"], record["id"])
    through = outcome(f"http://127.0.0.1:{proxy}/event/{name}/v1", record)
    if isinstance(direct, dict) and direct.get("error") and "output" not in direct:
        assert through[1] >= 400  # a 200 that holds an error becomes one
    else:
        assert through == shown(direct, record)


@pytest.mark.parametrize(("name", "record"), of(ok=False))
def test_the_sdk_raises_what_the_status_stands_for(name, record, proxy, replays):
    queue(replays["event"], record["id"])
    direct = outcome(f"{replays['event']}/v1", record)
    queue(replays["event"], record["id"])
    through = outcome(f"http://127.0.0.1:{proxy}/event/{name}/v1", record)
    if record["response"]["status"] in OURS:
        assert through[1:3] == OURS[record["response"]["status"]]
    else:
        assert through[:3] == direct[:3]
