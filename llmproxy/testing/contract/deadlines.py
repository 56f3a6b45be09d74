"""How long is waited, in each phase."""

from llmproxy.core.errors import ClientGone
from llmproxy.testing.contract.bench import GIVE_UP_SECS, Bench, NotApplicable, must

_LIMIT = 0.1


def keeps_the_connect_deadline(bench: Bench) -> None:
    """An upstream that takes no connection is given up after `connect_secs`."""
    bench.needs_upstream()
    bench.upstream.play("full_backlog")
    _gives_up(bench, connect_secs=_LIMIT)


def keeps_the_first_event_deadline(bench: Bench) -> None:
    """An upstream that says nothing is given up after `first_event_secs`."""
    bench.needs_upstream()
    bench.upstream.play("slow_headers", seconds=60)
    _gives_up(bench, first_event_secs=_LIMIT)
    must(bench.released(), "the upstream was not let go")


def keeps_the_idle_deadline(bench: Bench) -> None:
    """A stream in which not a byte comes any more is given up after `idle_secs`."""
    bench.needs_stream()
    bench.upstream.play("stall_midway")
    _gives_up(bench, idle_secs=_LIMIT)
    must(bench.released(), "the upstream was not let go")


def keeps_the_progress_deadline(bench: Bench) -> None:
    """A stream in which only pings come any more is given up after `progress_secs`."""
    if not bench.streamed.ping:
        raise NotApplicable("its upstream is not known to send pings: give `ping` in its words")
    bench.upstream.play("pings_midway")
    _gives_up(bench, progress_secs=_LIMIT)
    must(bench.released(), "the upstream was not let go")


def keeps_the_total_deadline(bench: Bench) -> None:
    """A stream that comes drop by drop is given up after `total_secs`."""
    bench.needs_stream()
    bench.upstream.play("drip", pause=0.02)
    _gives_up(bench, total_secs=2 * _LIMIT)
    must(bench.released(), "the upstream was not let go")


def _gives_up(bench: Bench, **timeouts: float) -> None:
    (name, secs), *_ = timeouts.items()
    outcome = bench.impatiently(**timeouts)
    error = outcome.failure()
    waited = f"{name} is {secs:g}, and after {outcome.seconds:.1f} s"
    must(not isinstance(error, ClientGone) and outcome.seconds < GIVE_UP_SECS, f"{waited} it was still waiting")
    must(error.status == 504, f"{waited} there was another failure: {error.code}")
