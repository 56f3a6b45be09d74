"""Every fault by its name, in the order of the fault matrix."""

from llmproxy.testing.faults import answers, before, ok, statuses, streams
from llmproxy.testing.script import Faults

FAULTS = Faults({**ok.FAULTS, **before.FAULTS, **statuses.FAULTS, **answers.FAULTS, **streams.FAULTS})
"""Every fault there is, by its name; iterating gives them in the order of the fault matrix."""
