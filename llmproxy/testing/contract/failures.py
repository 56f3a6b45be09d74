"""What goes wrong upstream: told apart, told rightly, and never taken for an answer."""

import email.utils
import time

from llmproxy.core.errors import ProviderError
from llmproxy.testing.contract.bench import Bench, NotApplicable, must
from llmproxy.testing.faults.statuses import BAD_RETRY_AFTERS

_NO_ANSWERS = ("html_answer", "empty_answer", "no_json_answer", "null_answer", "no_content", "not_modified")
_WORDS = "words-of-the-upstream"


def passes_on_what_the_client_did_wrong(bench: Bench) -> None:
    """400, 404, 413 and 422 are the client's to put right: it gets the same status."""
    _maps(bench, {status: (status, "upstream_rejected") for status in (400, 404, 413, 422)})


def keeps_trouble_with_its_token_to_itself(bench: Bench) -> None:
    """401 and 403 are between the upstream and us: the client gets a 502, and none of the upstream's words."""
    _maps(bench, dict.fromkeys((401, 403), (502, "upstream_auth_failed")))
    must(_WORDS not in bench.ask().failure().message, "the upstream's words about our token were passed on")


def tells_rate_limit_from_overload(bench: Bench) -> None:
    """429 is a rate limit, 503 and 529 are an overload: both are safe to try again, elsewhere at once."""
    limited, overloaded = (429, "upstream_rate_limited"), (503, "upstream_overloaded")
    _maps(bench, {429: limited, 503: overloaded, 529: overloaded})


def tells_failures_from_timeouts(bench: Bench) -> None:
    """500 and 502 are failures of the upstream's, 408 and 504 are timeouts."""
    failed, late = (502, "upstream_error"), (504, "upstream_timeout")
    _maps(bench, {500: failed, 502: failed, 408: late, 504: late})


def keeps_retry_after(bench: Bench) -> None:
    """When the upstream says when to come back, that is kept, in seconds or as a date; nonsense is no time."""
    bench.needs_upstream()
    date = email.utils.formatdate(time.time() + 30, usegmt=True)
    for status in (429, 503):
        for said, least, most in (("7", 7, 7), (date, 25, 31)):
            bench.upstream.play("status", code=status, retry_after=said)
            wait = bench.ask().failure().retry_after
            must(wait is not None and least <= wait <= most, f"{status} with Retry-After: {said} became {wait}")
    for said in BAD_RETRY_AFTERS:
        bench.upstream.play("status", code=429, retry_after=said)
        must(bench.ask().failure().retry_after is None, f"Retry-After: {said} was taken for a time")


def takes_nothing_else_for_an_answer(bench: Bench) -> None:
    """A page of HTML, an empty body, no JSON, null, 204 and 304 are failures of the upstream's."""
    bench.needs_upstream()
    for fault in _NO_ANSWERS:
        error = bench.upstream.play(fault) and bench.ask().failure()
        must(isinstance(error, ProviderError) and error.status == 502, f"{fault}: {error!r} is no failure upstream")


def hears_an_error_in_a_stream(bench: Bench) -> None:
    """An error event, as the first of a stream or later, is an error; what follows is no regular end."""
    if not bench.streamed.error_event("server_error", _WORDS):
        raise NotApplicable("its upstream is not known to say errors in a stream: give `error_event` in its words")
    for fault in ("error_event_first", "error_event_midway"):
        bench.upstream.play(fault)
        error = bench.ask(bench.request(stream=True)).failure()
        must(isinstance(error, ProviderError), f"{fault}: {error!r} is no failure upstream")


def _maps(bench: Bench, expected: dict[int, tuple[int, str]]) -> None:
    bench.needs_upstream()
    for status, (ours, code) in expected.items():
        bench.upstream.play("status", code=status, message=_WORDS)
        for form, outcome in bench.ask_both():
            error = outcome.failure()
            said = error.status, error.code
            must(said == (ours, code), f"{form}: {status} of the upstream's became {said}")
