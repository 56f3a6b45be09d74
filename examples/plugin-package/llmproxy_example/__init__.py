"""One plug-in of each kind for llmproxy. `setup.cfg` gives them their names."""
