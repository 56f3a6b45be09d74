"""One server for all that is asked of its worker: few threads and short limits, so that what holds one is noticed."""

import pytest
from processes import served

from llmproxy.testing import FaultUpstream

THREADS = 4
WRITE_SECS = 1
HEAD_SECS = 1.5
CONFIG = """
[server]
threads = {threads}
write_secs = {write_secs}
max_body_mb = 1

[llm.hose]
provider = "openai"
base_url = "{up}/@firehose/v1"
token_env = "UP_KEY"

[llm.long]
provider = "openai"
base_url = "{up}/@drip/v1"
token_env = "UP_KEY"

[client.tester]
token_env = "TESTER_KEY"

[plugins]
paths = ["plugins"]
"""
# Runs in the worker; nobody wants to wait half a minute.
SHORTER = f"""
import llmproxy.server.connection
import llmproxy.server.worker

llmproxy.server.connection.HEAD_SECS = llmproxy.server.worker.HEAD_SECS = {HEAD_SECS}
"""
KEY = {"Authorization": "Bearer tester-key"}


@pytest.fixture(scope="session")
def upstream():
    with FaultUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def server(upstream, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "shorter.py").write_text(SHORTER, encoding="utf-8")
    config = CONFIG.format(threads=THREADS, write_secs=WRITE_SECS, up=upstream.origin)
    with served(folder, config, env_file="UP_KEY=up-token\nTESTER_KEY=tester-key\n") as server:
        yield server
    assert "Traceback" not in server.said
