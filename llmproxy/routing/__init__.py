"""Which llm answers, and by which name of the model."""
