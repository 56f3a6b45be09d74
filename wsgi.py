"""The WSGI application of a checkout: `gunicorn wsgi:app`."""

from llmproxy import create_app

app = create_app()
