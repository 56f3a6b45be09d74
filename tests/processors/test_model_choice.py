"""What processors of a route may make of a model's name, and what they may not, through a whole application."""

import json
import textwrap

import pytest
from fakes import CHAT_URL, completion

KEY = {"Authorization": "Bearer ci-key"}
SWITCH = """
    from llmproxy import Processor

    class Switch(Processor):
        def process(self, request):
            return request.with_model("up/cheap")
"""


@pytest.fixture
def limited(make_app, folder):
    """Calls an application whose client may use `up/dear`, with processors that ask a model or choose another."""
    (folder / "own_switch.py").write_text(textwrap.dedent(SWITCH))
    config = {
        "client": {"ci": {"token_env": "CI_KEY", "models": ["up/dear"]}},
        "processor": {
            "improve": {"type": "llm", "target": "up/helper", "prompt": "Rewrite it."},
            "switch": {"type": "own_switch:Switch"},
        },
        "route": [
            {"path_prefix": "/improved", "processors": ["improve"]},
            {"path_prefix": "/switched", "processors": ["switch"]},
        ],
    }
    return make_app(config, {"CI_KEY": "ci-key"}).test_client()


def test_nothing_is_spent_on_a_model_the_client_may_not_use(limited, ask, up):
    response = ask(limited, "/improved/v1/chat/completions", headers=KEY, model="up/other")
    assert (response.status_code, response.json["error"]["code"]) == (404, "model_not_found")
    assert not up.calls


def test_a_processor_may_lead_to_a_model_the_client_could_not_ask_for(limited, ask, up):
    up.post(CHAT_URL, json=completion())
    assert ask(limited, "/switched/v1/chat/completions", headers=KEY, model="up/dear").status_code == 200
    assert json.loads(up.calls[0].request.body)["model"] == "cheap"


def test_a_processor_does_not_open_a_model_to_a_client_that_may_not_use_it(limited, ask, up):
    response = ask(limited, "/switched/v1/chat/completions", headers=KEY, model="up/cheap")
    assert response.status_code == 404
    assert not up.calls
