from llmproxy.dialects.bedrock_invoke_anthropic.request import write_body

BODY = {"model": "m", "stream": True, "max_tokens": 5, "messages": []}
WRITTEN = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 5, "messages": []}


def test_a_body_has_its_version_and_neither_model_nor_stream():
    assert write_body(BODY, "") == WRITTEN


def test_what_is_about_anthropics_own_service_is_left_out():
    assert write_body({**BODY, "metadata": {"user_id": "u"}, "service_tier": "auto"}, "") == WRITTEN


def test_the_betas_that_bedrock_knows_stand_in_the_body():
    betas = "context-1m-2025-08-07, claude-code-20250219,effort-2025-11-24"
    known = ["context-1m-2025-08-07", "effort-2025-11-24"]
    assert write_body(BODY, betas) == {**WRITTEN, "anthropic_beta": known}


def test_betas_that_bedrock_would_refuse_are_left_out():
    assert write_body(BODY, "claude-code-20250219") == WRITTEN


def test_a_version_of_the_clients_own_counts():
    assert write_body({**BODY, "anthropic_version": "bedrock-2024"}, "")["anthropic_version"] == "bedrock-2024"
