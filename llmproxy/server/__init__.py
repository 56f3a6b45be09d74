"""gunicorn's settings, for `llmproxy serve` and for `gunicorn.conf.py`."""
