import os
import signal
import subprocess
import sys

import pytest
from fakes import STREAM, chunk, completion, http, sse

SLOW_ECHO = '[llm.slow]\nprovider = "echo"\ndelay_ms = 500'


@pytest.fixture
def upstream(server, write):
    """An upstream of this machine's, by the name of `up`."""
    write(f'[llm.up]\nprovider = "openai"\nbase_url = "{server.url}"\ntoken_env = "UP_KEY"')
    return server


def test_the_answer_goes_to_standard_output_and_ends_with_a_newline(run):
    assert run("chat", "echo", "hello there").stdout == "hello there\n"


def test_a_newline_is_not_doubled(run):
    assert run("chat", "echo", "hello\n").stdout == "hello\n"


def test_without_a_text_standard_input_is_asked(run):
    assert run("chat", "echo", stdin="from a pipe\n").stdout == "from a pipe\n"


def test_a_whole_answer_can_be_asked_for(run, upstream):
    upstream.answers(http(b'{"choices": [{"index": 0, "message": {"content": "all at once"}}]}'))

    result = run("chat", "up/m", "hi", "--no-stream", env={"UP_KEY": "k"})

    assert result.stdout == "all at once\n"
    assert b'"stream"' not in upstream.requests[0]["body"]


def test_a_streamed_answer_is_joined(run, upstream):
    upstream.answers(http(STREAM, content_type="text/event-stream"))

    assert run("chat", "up/m", "hi", env={"UP_KEY": "k"}).stdout == "one two\n"


def test_text_arrives_word_by_word(write):
    write(SLOW_ECHO)
    command = [sys.executable, "-m", "llmproxy", "chat", "slow/m", "one two three four five six"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asked:
        first = os.read(asked.stdout.fileno(), 1000)
        asked.kill()

    assert first == b"one"


def test_an_interrupt_ends_it_quietly(write):
    write(SLOW_ECHO)
    command = [sys.executable, "-m", "llmproxy", "chat", "slow/m", "one two three four five six"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asked:
        asked.stdout.read(1)
        asked.send_signal(signal.SIGINT)
        _, told = asked.communicate()

    assert (asked.returncode, told) == (130, b"")


def test_an_unknown_model_is_told_in_one_line(run):
    result = run("chat", "gpt-99", "hi")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert '"gpt-99" does not exist' in result.stderr


def test_a_missing_token_is_told_by_its_variable(run, upstream):
    result = run("chat", "up/m", "hi")

    assert result.exit_code == 1
    assert "UP_KEY is not set" in result.stderr


def test_a_refusal_of_the_upstream_is_told(run, upstream):
    upstream.answers(http(b'{"error": {"message": "Too hot.", "type": "x"}}', "400 Bad Request"))

    result = run("chat", "up/m", "hi", env={"UP_KEY": "k"})

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Too hot. (upstream status 400")


def test_a_stream_that_breaks_keeps_what_was_said_and_tells_the_rest(run, upstream):
    body = sse(chunk({"content": "one"}), {"error": {"message": "Out of words.", "type": "server_error"}})
    upstream.answers(http(body, content_type="text/event-stream"))

    result = run("chat", "up/m", "hi", env={"UP_KEY": "k"})

    assert result.exit_code == 1
    assert result.stdout == "one\n"
    assert result.stderr.startswith("Error: The provider failed to answer.")
    assert result.stderr.count("\n") == 1


def test_nothing_to_ask_is_an_error(run):
    result = run("chat", "echo", stdin="")

    assert result.exit_code == 1
    assert "nothing to ask" in result.stderr


def test_half_a_surrogate_pair_does_not_end_the_answer(run, upstream):
    upstream.answers(http(completion("a\ud83d b").__repr__().replace("'", '"').encode("ascii", "backslashreplace")))

    assert run("chat", "up/m", "hi", "--no-stream", env={"UP_KEY": "k"}).stdout == "a? b\n"


def test_no_token_is_ever_printed(run, upstream):
    upstream.answers(http(b'{"error": {"message": "Bad key: up-secret-token"}}', "400 Bad Request"))

    assert "up-secret-token" not in run("chat", "up/m", "hi", env={"UP_KEY": "up-secret-token"}).output
