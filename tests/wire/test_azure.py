"""Azure's recorded exchanges through its own provider: sent where they were sent, and answered as they were."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from wire.recordings import INVENTED, OURS, WIRE, body_of, events_of, expected_events, records

RECORDS = [record for name, record in records() if name == "azure"]
pytestmark = pytest.mark.skipif(not RECORDS, reason=f"the recorded exchanges are not at {WIRE}")
EACH = pytest.mark.parametrize("record", [pytest.param(record, id=record["id"]) for record in RECORDS])


def tables_of(url):
    """The tables of the resource that a request was sent to, the model `m` deployed there by the name in the path."""
    parts = urlsplit(url)
    keys = {"base_url": f"{parts.scheme}://{parts.netloc}{'/models' if parts.path.startswith('/models') else ''}"}
    if version := parse_qs(parts.query).get("api-version"):
        keys["api_version"] = version[0]
    if deployment := re.search("/deployments/([^/]+)/", parts.path):
        keys["deployments"] = {"m": deployment[1]}
    return {"llm": {"az": {"provider": "azure_openai", "token_env": "AZ_KEY", **keys}}}


@pytest.fixture
def exchange(make_app, up):
    """Has a recording served at the URL where it was recorded, and asks for it; gives the response."""

    def send(record):
        url = record["request"]["url"] if record["request"] else f"https://r.example/openai/v1/{record['endpoint']}"
        recorded = record["response"]
        kind = recorded["headers"].get("content-type", "application/json")
        head = {name: value for name, value in recorded["headers"].items() if name.startswith(("x-", "retry"))}
        up.post(url, body=recorded["body_text"], status=recorded["status"], content_type=kind, headers=head)
        client = make_app(tables_of(url), {"AZ_KEY": "az-key"}).test_client()
        body = {**INVENTED[record["endpoint"]], **body_of(record), "model": "az/m"}
        with client.post(f"/v1/{record['endpoint']}", json=body) as response:
            response.get_data()
            return response

    return send


@EACH
def test_an_exchange_is_repeated_at_the_same_url_with_the_same_outcome(record, exchange):
    response, recorded = exchange(record), record["response"]
    if recorded["is_stream"]:
        assert events_of(response.get_data(as_text=True)) == expected_events(record)
        return
    said = json.loads(recorded["body_text"])
    if recorded["status"] in OURS:
        assert (response.status_code, response.json["error"]["code"]) == OURS[recorded["status"]]
    elif said.get("error"):  # a refused prompt says 200 of itself, and its error 400
        assert response.status_code == said["error"].get("status", recorded["status"])
        assert response.json["error"]["code"] == said["error"]["code"]
    else:
        assert (response.status_code, response.json) == (200, said)
