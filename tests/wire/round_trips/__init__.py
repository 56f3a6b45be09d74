"""One module for each dialect that has both halves: which recordings are its own, and how what is written may differ
from what was read. Each difference is a sentence and a function that makes both sides alike; the sentences are
published in docs/dialects.md."""
