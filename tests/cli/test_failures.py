from llmproxy.cli.failures import told
from llmproxy.core.errors import ModelNotFound, ProviderUnreachable, TokenError


def test_an_error_without_more_is_its_message():
    assert told(ModelNotFound("No such model.")) == "No such model."


def test_what_clients_are_not_told_is_told_here():
    assert told(TokenError(detail="UP_KEY is not set")).endswith("(UP_KEY is not set)")


def test_the_systems_own_words_stand_for_a_long_chain_of_exceptions():
    try:
        try:
            raise ConnectionRefusedError(111, "Connection refused")
        except OSError as error:
            raise RuntimeError("Max retries exceeded with <object at 0x7f>") from error
    except RuntimeError as error:
        failure = ProviderUnreachable(detail=f"RuntimeError: {error}")
        failure.__cause__ = error

    assert told(failure) == "The provider could not be reached. (Connection refused)"


def test_an_error_is_one_line_that_cannot_steer_a_terminal():
    assert told(ModelNotFound("two\nlines \x1b[2J")) == "two lines ?[2J"
