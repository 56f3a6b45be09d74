import json

CONFIG = """
    [llm.parrot]
    provider = "echo"
    models = ["polly", "poll-*"]

    [llm.claude]
    provider = "anthropic"

    [model.smart]
    targets = ["parrot/polly"]

    [model.later]
    targets = ["claude/opus"]
"""


def test_models_are_listed_with_their_llm_and_provider(run, write):
    write(CONFIG)

    listed = json.loads(run("models", "--json").stdout)

    assert listed == [
        {"id": "smart", "llm": "parrot", "provider": "echo"},
        {"id": "later", "llm": "claude", "provider": "anthropic"},
        {"id": "polly", "llm": "parrot", "provider": "echo"},
        {"id": "echo", "llm": "echo", "provider": "echo"},
    ]


def test_models_are_a_table_unless_json_is_asked_for(run):
    assert run("models").stdout.splitlines() == ["MODEL  LLM   PROVIDER", "echo   echo  echo"]
