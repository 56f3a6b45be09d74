"""RELIABILITY's fault matrix as a test suite: a test for each row, named after its number."""

ROWS_TO_COME = {
    "A3": "a resolver that changes its mind cannot be put under the real command; tests/transport has the age of pools",
    "B4": "tokens in turn, other targets, and the cooldown that all threads share",
    "B9": "the retry of what was refused, within its budget",
}
