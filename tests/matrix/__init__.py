"""RELIABILITY's fault matrix as a test suite: a test for each row, named after its number."""

ROWS_TO_COME = {
    "F7": "a disk that is full, locked or slow, once there is a ledger on it",
    "F9": "a Redis that is down or slow, once workers share counters there",
}

REST_TO_COME = {
    "E2": "an estimate of the tokens of a stream that was left before its usage: with the ledger",
    "G1": "keys that have expired or were revoked: with `llmproxy keys`",
    "G3": "parameters of statements: with the first one",
    "G14": "limits by key, which no forged address changes: with limits",
    "G16": "admin and metrics: with those paths; the test takes every path there is",
    "G18": "pinned hashes: with the first release",
}
"""Rows that are tested as far as there is something to test."""
