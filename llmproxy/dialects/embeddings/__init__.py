"""Embeddings as vendors other than OpenAI have them: one question, one answer, and never a stream."""
