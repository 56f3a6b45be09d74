"""How tests run the contract: deadlines side by side, and with a small crowd unless they want the whole one."""

from concurrent.futures import ThreadPoolExecutor

from llmproxy.testing.contract import CHECKS
from llmproxy.testing.contract.bench import Bench
from llmproxy.testing.contract.promises import result_of
from llmproxy.testing.contract.subject import MODEL, TokenHeader

FEW = (8, 4)
BEARER = TokenHeader("Authorization", "Bearer test-token")
BODY = {"model": MODEL, "messages": [{"role": "user", "content": "what-is-asked"}], "stream": False}
"""What the plainest question is in OpenAI's chat."""


def results_of(subject, verdict, checks=CHECKS, crowd=FEW):
    """What is seen of the promises of this verdict."""

    def result(check):
        with Bench(subject, crowd) as bench:
            return result_of(check, bench)

    patient = [check for check in checks if check.__module__.endswith(".deadlines")]
    with ThreadPoolExecutor() as waiting:  # for deadlines one can wait side by side
        found = [*waiting.map(result, patient), *(result(check) for check in checks if check not in patient)]
    return {each.name: each.why for each in found if each.result == verdict}
