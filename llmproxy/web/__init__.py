"""The web face: a Flask blueprint."""
