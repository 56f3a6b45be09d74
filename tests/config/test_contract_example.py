"""The whole example of the configuration guide is a valid file."""

import pytest

from llmproxy.config import Budget, Limits, PriceConfig, RouteConfig, TargetConfig, Timeouts, When

EXAMPLE = """\
[server]
host = "127.0.0.1"                  # anything but loopback refuses to start unless clients are configured
port = 3000
workers = 1
threads = 64
write_secs = 30                     # a client that reads nothing for so long is dropped
trusted_proxies = 0                 # how many X-Forwarded-* hops to believe
log_level = "INFO"
log_format = "text"                 # text | json
request_timeout_secs = 900          # whole exchange, all attempts; the smaller of this and total_secs wins
max_body_mb = 32
cors_allowed_origins = []
auth = "auto"                       # auto | keys | none
strict = false                      # true: 400 instead of dropping what the target cannot say
state = "sqlite:///llmproxy.db"     # any SQLAlchemy URL; "memory" keeps nothing
shared = "state"                    # counters shared by workers: state | redis://... | memory
admin_token_env = "LLMPROXY_ADMIN_TOKEN"
keepalive_secs = 15                 # comment or ping on silent streams; 0 = off
on_disconnect = "cancel"            # cancel | finish (reads on to the end for the ledger, bounded)

[llm.openai_chat]                   # an upstream
provider = "openai"                 # required: built-in name, entry point, or "module:Class"
base_url = "https://api.openai.com/v1"
token_env = "OPENAI_API_KEY"        # or a list: rotated, and cooled down one by one
models = ["gpt-*", "o*"]            # what a bare model name may reach, and what /v1/models lists
timeout_secs = 300                  # short form, no default
max_retries = 1
max_parallel = 64                   # default: none of its own; the process's limit holds
supports_streaming = true
headers = { "x-team" = "search" }   # added to every upstream request
paths = { "openai.chat" = "/chat" } # where this host differs from the dialect's own path
proxy = "http://proxy.example:3128" # default: none, whatever the environment says
ca_file = "ca.pem"
verify = true
allow_http = false                  # plain http beyond loopback
reuse_connections = true
retry_on_stale_reuse = false
max_response_mb = 32

[llm.openai_chat.timeouts]          # long form
connect_secs = 5
first_event_secs = 600              # a whole answer comes only when all of it is made
idle_secs = 300
progress_secs = 300                 # silence apart from pings
total_secs = 900                    # of one attempt

[llm.claude]
provider = "anthropic"
token_env = "ANTHROPIC_API_KEY"

[model.smart]                       # a name clients use
targets = ["openai_chat/gpt-5-mini", { llm = "claude", model = "claude-haiku", weight = 3 }]
policy = "fallback"                 # fallback | round_robin | weighted | least_busy | fastest
params = { temperature = 0.2 }      # defaults for what the client leaves out
fallback_on_ambiguous = false
fallback_on_context_length = "claude/claude-sonnet"

[processor.cap]
type = "token_limit"                # required: built-in name, entry point, or "module:Class"
max_tokens = 2000
when = { models = ["gpt-*"] }       # optional: only for these models / routes / clients

[[route]]                           # longest path_prefix wins; with no route, all standard paths are served at the root
path_prefix = "/team-a"             # /team-a/v1/chat/completions, ... ; or one whole path
target_llm = "smart"                # an llm or a model; left out: by the request's model name
processors = ["cap"]
allow_streaming = true
allow_non_streaming = true

[client.ci]                         # who may call; more are made with `llmproxy keys create`
token_env = "CI_PROXY_KEY"
models = ["smart", "echo"]
limits = { requests_per_minute = 60, tokens_per_minute = 100_000, parallel = 8 }
budget = { usd = 20.0, period = "month" }

[price."openai_chat/gpt-5-mini"]    # USD for a million tokens; wins over known prices
input = 0.25
output = 2.0

[plugins]
paths = ["./providers"]             # every *.py here is imported at start; a folder that does not exist is an error
"""

KEYS = {"OPENAI_API_KEY": "x", "ANTHROPIC_API_KEY": "x", "CI_PROXY_KEY": "x"}


@pytest.fixture(autouse=True)
def providers(providers):
    """Those of the other tests, and one more that the example names."""
    providers.add("anthropic", providers.get("groq"))
    return providers


@pytest.fixture
def example(load, folder):
    (folder / "providers").mkdir()
    return load(EXAMPLE, env=KEYS)


def test_it_has_no_warnings(example):
    assert example.warnings == ()


def test_its_values_are_those_of_the_defaults(example):
    assert example.server == type(example.server)()


def test_its_llm_is_complete(example):
    llm = example.llms["openai_chat"]
    assert llm.models == ("gpt-*", "o*")
    assert llm.headers == {"x-team": "search"}
    assert llm.paths == {"openai.chat": "/chat"}
    assert llm.timeouts == Timeouts(5, 600, 300, 300, 900)
    assert llm.options == {"dialects": ["chat"]}
    assert (llm.proxy, llm.ca_file, llm.max_parallel) == ("http://proxy.example:3128", "ca.pem", 64)


def test_its_second_llm_needs_little(example):
    assert example.llms["claude"].provider == "anthropic"
    assert example.llms["claude"].token_env == ("ANTHROPIC_API_KEY",)


def test_its_other_tables_are_complete(example, folder):
    smart = example.models["smart"]
    assert smart.targets == (TargetConfig("openai_chat", "gpt-5-mini"), TargetConfig("claude", "claude-haiku", 3))
    assert (smart.policy, smart.params) == ("fallback", {"temperature": 0.2})
    assert smart.fallback_on_context_length == "claude/claude-sonnet"
    assert example.processors["cap"].options == {"max_tokens": 2000}
    assert example.processors["cap"].when == When(models=("gpt-*",))
    assert example.routes == (RouteConfig("/team-a", "smart", ("cap",)),)
    assert example.clients["ci"].models == ("smart", "echo")
    assert example.clients["ci"].limits == Limits(60, 100_000, 8)
    assert example.clients["ci"].budget == Budget(20, "month")
    assert example.prices == {"openai_chat/gpt-5-mini": PriceConfig(0.25, 2)}
    assert example.plugins.paths == (folder / "providers",)
    assert (example.path, example.folder) == (folder / "llmproxy.toml", folder)


def test_what_has_no_effect_yet_is_listed(example):
    assert example.no_effect == tuple(
        f"{line}: no effect yet"
        for line in (
            "[server] state",
            "[server] shared",
            "[server] admin_token_env",
            "[client.ci] limits",
            "[client.ci] budget",
            '[price."openai_chat/gpt-5-mini"]',
        )
    )


def test_the_plugin_folder_must_exist(problems):
    assert problems(EXAMPLE, env=KEYS) == ("llmproxy.toml:81: paths in [plugins]: there is no folder './providers'",)
