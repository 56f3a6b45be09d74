"""The only place that touches requests and urllib3."""
