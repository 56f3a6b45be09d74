"""Who may call, and what they may use."""
