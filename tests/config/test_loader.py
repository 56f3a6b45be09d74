import os

import pytest

from llmproxy.config import Config, ServerConfig, load_config

OPENAI = '[llm.x]\nprovider = "openai"\n'


def test_nothing_at_all_is_a_config(load, folder):
    config = load()
    assert config.server == ServerConfig()
    assert (config.path, config.folder, config.no_effect, config.warnings) == (None, folder, (), ())


def test_an_empty_file_is_a_config(load, folder):
    assert load("").path == folder / "llmproxy.toml"


def test_a_config_is_returned_as_it_is(providers, processors, policies):
    config = Config()
    assert load_config(config, providers=providers, processors=processors, policies=policies) is config


def test_a_dict_is_a_config(load, folder):
    config = load(source={"server": {"port": 1}, "llm": {"x": {"provider": "echo"}}})
    assert (config.server.port, config.folder, config.llms["x"].provider) == (1, folder, "echo")


def test_mistakes_in_a_dict_have_no_line(problems):
    (problem,) = problems(source={"server": {"prt": 1}})
    assert problem == 'config: unknown key "prt" in [server]. Did you mean "port"?'


# Which file


def test_a_named_file_is_called_as_it_was_named(load, folder, problems):
    (folder / "etc").mkdir()
    (folder / "etc" / "a.toml").write_text("[server]\nprt = 1\n")
    for source in ("etc/a.toml", str(folder / "etc" / "a.toml")):
        assert problems(source=source)[0].startswith("etc/a.toml:2: unknown key")


def test_a_file_elsewhere_is_called_by_its_whole_path(problems, folder, monkeypatch):
    path = folder / "a.toml"
    path.write_text("x = 1")
    (folder / "b").mkdir()
    monkeypatch.chdir(folder / "b")
    assert problems(source=path)[0].startswith(f"{path}:1: ")


def test_the_environment_names_the_file(load, folder):
    (folder / "other.toml").write_text("[server]\nport = 1\n")
    assert load("[server]\nport = 2\n", env={"LLMPROXY_CONFIG": "other.toml"}).server.port == 1


def test_dotenv_names_the_file_as_well(load, folder):
    (folder / "other.toml").write_text("[server]\nport = 1\n")
    (folder / ".env").write_text("LLMPROXY_CONFIG=other.toml\n")
    assert load().server.port == 1


def test_a_named_file_must_exist(problems):
    assert problems(source="a.toml") == ("a.toml: there is no such file",)
    assert problems(env={"LLMPROXY_CONFIG": "a.toml"}) == (
        "a.toml: there is no such file, which LLMPROXY_CONFIG names",
    )


def test_a_folder_is_no_file(problems, folder):
    (folder / "etc").mkdir()
    assert problems(source="etc") == ("etc: cannot be read: Is a directory",)


def test_a_file_may_begin_with_a_byte_order_mark(load, folder):
    (folder / "llmproxy.toml").write_bytes(b"\xef\xbb\xbf[server]\r\nport = 1\r\n")
    assert load().server.port == 1


# What cannot be read


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[server]\nport 1\n", "llmproxy.toml:2: Expected '=' after a key in a key/value pair (column 6)"),
        ("[server]\n\nport = ", "llmproxy.toml:3: Invalid value (end of file)"),
        ("[a]\n[a]\n", "llmproxy.toml:2: Cannot declare ('a',) twice (column 3)"),
        ("a = " + "[" * 5000, "llmproxy.toml: lists or tables are nested too deeply"),
    ],
)
def test_a_mistake_in_the_toml_is_told_with_its_line(problems, text, problem):
    assert problems(text) == (problem,)


def test_a_file_must_be_utf_8(problems, folder):
    (folder / "llmproxy.toml").write_bytes(b"[server]\n# \xff\n")
    assert problems() == ("llmproxy.toml:2: is not UTF-8",)


# Mistakes, all at once


def test_an_unknown_key_is_told_with_what_was_meant(problems):
    text = "\n" * 19 + '# an upstream\n[llm.openai_chat]\nprovder = "openai"\n'
    (problem,) = problems("#" + text)
    assert problem == 'llmproxy.toml:22: unknown key "provder" in [llm.openai_chat]. Did you mean "provider"?'


def test_every_mistake_is_told_at_once_in_the_order_of_the_file(problems):
    assert problems(
        """
        prot = 1
        [serve]
        [server]
        port = "3000"
        log_level = "loud"
        [llm.a]
        provider = "opnai"
        timout_secs = 1
        [llm.a.timeouts]
        idle = 1
        [llm.b]
        provider = "openai"
        organisation = "x"
        modles = ["x"]
        dialects = "chat"
        max_retries = -1
        [model.smart]
        targets = ["c/gpt", "nowhere", { llm = "d", model = 1, wieght = 2 }]
        policy = "falback"
        [processor.p]
        type = "tokn_limit"
        [[route]]
        path_prefix = "v1"
        target_llm = "smrt"
        processors = ["q"]
        [client.x]
        models = "x"
        """
    ) == (
        'llmproxy.toml:1: unknown key "prot" outside of any table. Did you mean "port" in [server]?',
        "llmproxy.toml:2: unknown table [serve]. Did you mean [server]?",
        "llmproxy.toml:4: port in [server] must be a whole number from 0 to 65535",
        'llmproxy.toml:5: log_level in [server] must be "DEBUG" or "INFO" or "WARNING" or "ERROR" or "CRITICAL"',
        'llmproxy.toml:7: unknown provider "opnai" in [llm.a]. Did you mean "openai"?',
        'llmproxy.toml:8: unknown key "timout_secs" in [llm.a]. Did you mean "timeout_secs"?',
        'llmproxy.toml:10: unknown key "idle" in [llm.a.timeouts]. Did you mean "idle_secs"?',
        'llmproxy.toml:13: unknown key "organisation" in [llm.b]. Did you mean "organization"?',
        'llmproxy.toml:14: unknown key "modles" in [llm.b]. Did you mean "models"?',
        "llmproxy.toml:15: dialects in [llm.b]: Not a valid list.",
        "llmproxy.toml:16: max_retries in [llm.b] must be a whole number, 0 or more",
        'llmproxy.toml:18: unknown llm "c" in [model.smart]',
        'llmproxy.toml:18: unknown llm "d" in [model.smart.targets]',
        'llmproxy.toml:18: targets in [model.smart] must be "llm/model" or a table { llm = ..., model = ... }',
        "llmproxy.toml:18: model in [model.smart.targets] must be a text in quotes, and not empty",
        'llmproxy.toml:18: unknown key "wieght" in [model.smart.targets]. Did you mean "weight"?',
        'llmproxy.toml:19: unknown policy "falback" in [model.smart]. Did you mean "fallback"?',
        'llmproxy.toml:21: unknown processor "tokn_limit" in [processor.p]. Did you mean "token_limit"?',
        'llmproxy.toml:23: path_prefix in [[route]] must start with "/"',
        'llmproxy.toml:24: unknown llm or model "smrt" in [[route]]. Did you mean "smart"?',
        'llmproxy.toml:25: unknown processor "q" in [[route]]',
        "llmproxy.toml:26: token_env in [client.x] is missing",
        "llmproxy.toml:27: models in [client.x] must be a list of texts",
    )


def check(problems, text, *expected, **arguments):
    assert problems(text, **arguments) == tuple(f"llmproxy.toml:{line}" for line in expected)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("llm = 1", "1: llm must be a table: [llm]"),
        ("[llm]\nx = 1", '2: "x" in [llm] must be a table: [llm.x]'),
        ("[route]", "1: route must be a list of tables: [[route]]"),
        ("[llm.x]", "1: provider in [llm.x] is missing"),
        ('[llm."a/b"]\nprovider = "echo"', '1: the name of [llm."a/b"] must hold no "/"'),
        ('[llm."a\\nb"]\nprovider = "echo"', '1: the name of [llm."a\\nb"] must be a text that can be printed'),
        ("[price.x]\ninput = 1", '1: the name of [price.x] must be "llm/model"'),
        ('[price."opnai/x"]\ninput = 1', '1: unknown llm "opnai" in [price."opnai/x"]. Did you mean "openai"?'),
        ("[server]\nkeepalive_secs = -1", "2: keepalive_secs in [server] must be a number, 0 or more"),
        ("[server]\nwrite_secs = inf", "2: write_secs in [server] must be a number above 0"),
        ("[server]\nstrict = 1", "2: strict in [server] must be true or false"),
        ('[server]\nshared = "stat"', '2: shared in [server] must be "state", "memory" or a redis:// URL'),
        ('[server]\nhost = ""', "2: host in [server] must be a text in quotes, and not empty"),
        ("[model.m]\ntargets = []", "2: targets in [model.m] must hold at least one target"),
        ('[model.m]\ntargets = "echo/x"', "2: targets in [model.m] must be a list of targets"),
        ('[processor.p]\ntype = "token_limit"\nwhen = 1', "3: when in [processor.p] must be a table"),
        (
            '[processor.p]\ntype = "token_limit"\nwhen = { model = [] }',
            '3: unknown key "model" in [processor.p.when]. Did you mean "models"?',
        ),
        (
            '[processor.p]\ntype = "token_limit"\nmax_token = 1',
            '3: unknown key "max_token" in [processor.p]. Did you mean "max_tokens"?',
        ),
        (
            '[model.m]\ntargets = ["echo/x"]\nparams = { day = 2020-01-01 }',
            "3: params in [model.m] must hold what JSON can say: no dates, no infinity",
        ),
        (
            '[client.c]\ntoken_env = "X"\nbudget = { usd = 1, period = "year" }',
            '3: period in [client.c.budget] must be "day" or "week" or "month"',
        ),
    ],
)
def test_a_value_that_cannot_be_meant_is_told_with_its_line(problems, text, problem):
    check(problems, text, problem)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('base_url = "gpu.lan"', "base_url in [llm.x] must be a URL that starts with http:// or https://"),
        (
            'base_url = "http://gpu.lan"',
            "base_url in [llm.x] is plain http to another machine, where anybody between can read the token. "
            "allow_http = true allows it",
        ),
        ('proxy = "nowhere"', "proxy in [llm.x] must be a URL such as http://proxy.example:3128"),
        ('paths = { "openai.chat" = "chat" }', 'openai.chat in [llm.x.paths] must start with "/"'),
        ('headers = { "x\\ny" = "1" }', '"x\\ny" in [llm.x.headers] is no name of a header'),
        ('headers = { "x y" = "1" }', "x y in [llm.x.headers] is no name of a header"),
        ('headers = { "x" = "a\\nb" }', "x in [llm.x.headers] holds characters that no header can carry"),
        ("timeouts = { idle_secs = 0 }", "idle_secs in [llm.x.timeouts] must be a number above 0"),
        ("models = [1]", "models in [llm.x] must be a text in quotes, and not empty"),
    ],
)
def test_a_key_of_an_llm_that_cannot_be_meant_is_told(problems, line, problem):
    check(problems, OPENAI + line, f"3: {problem}")


def test_an_llm_and_a_model_cannot_share_a_name(problems):
    check(problems, OPENAI + '[model.x]\ntargets = ["x/y"]', "3: the name of [model.x] is that of [llm.x] already")


@pytest.mark.parametrize("path", ["/a b", "/a?b", "/a#b", "/<tenant>/a", "/a>"])
def test_a_prefix_is_a_plain_path(problems, path):
    problem = "2: path_prefix in [[route]] must be a path without ?, #, <, > or white space"
    check(problems, f'[[route]]\npath_prefix = "{path}"', problem)


def test_two_routes_cannot_share_a_prefix(problems):
    text = '[[route]]\npath_prefix = "/a"\n[[route]]\npath_prefix = "/a/"'
    check(problems, text, "4: path_prefix in [[route]] is there already, in line 2")


def test_two_clients_cannot_share_a_secret(problems):
    text = '[client.a]\ntoken_env = "X"\n[client.b]\ntoken_env = "X"'
    check(problems, text, "4: token_env in [client.b] is that of [client.a] already")


@pytest.mark.parametrize("origins", [["*"], ["https://app.example"], ["http://localhost:5173", "null-app://x"]])
def test_origins_are_accepted(load, origins):
    assert load(f"[server]\ncors_allowed_origins = {origins}").server.cors_allowed_origins == tuple(origins)


@pytest.mark.parametrize("origin", ["app.example", "https://app.example/", "https://u@app.example", "https://a b"])
def test_what_is_no_origin_is_refused(problems, origin):
    (problem,) = problems(f'[server]\ncors_allowed_origins = ["*", "{origin}"]')
    assert problem.startswith('llmproxy.toml:2: cors_allowed_origins in [server] must be "*" or an origin')


def test_an_unknown_provider_without_a_likely_name_is_told_what_there_is(problems):
    check(
        problems,
        '[llm.x]\nprovider = "zzz"',
        '2: unknown provider "zzz" in [llm.x]. There are: echo, groq, homeless, openai, rainforest.',
    )


def test_a_missing_option_of_a_provider_is_told(problems):
    text = '[llm.x]\nprovider = "rainforest"'
    check(problems, text, "1: project in [llm.x] is missing")


def test_mistakes_deep_in_the_options_of_a_class_are_told_where_they_are(problems):
    text = '[processor.p]\ntype = "deep"\nset = { value = "x" }\nrules = [\n  { word = "a" },\n  { wrd = "b" },\n]'
    check(
        problems,
        text,
        "3: value in [processor.p.set]: Not a valid integer.",
        '6: unknown key "wrd" in [processor.p.rules]. Did you mean "word"?',
    )


def test_a_provider_without_a_schema_of_its_own_has_no_further_keys(problems):
    text = '[llm.x]\nprovider = "groq"\ndialects = []'
    check(problems, text, '3: unknown key "dialects" in [llm.x]')


def test_what_points_to_a_detected_or_switched_off_llm_is_fine(load):
    text = '[model.m]\ntargets = ["groq/x"]\n[[route]]\npath_prefix = "/"\ntarget_llm = "echo"\n'
    assert load(text).routes[0].path_prefix == "/"
    assert load(text, env={"GROQ_API_KEY": "x"}).models["m"].targets[0].llm == "groq"


# Processors without a schema


def test_keyword_arguments_are_the_keys_of_a_processor_without_a_schema(load):
    config = load('[processor.p]\ntype = "plain"\nlimit = 3\nmode = "hard"')
    assert config.processors["p"].options == {"limit": 3, "mode": "hard"}


def test_wrong_keyword_arguments_are_told(problems):
    text = '[processor.p]\ntype = "plain"\nlimt = 3\n[processor.q]\ntype = "plain"'
    check(
        problems,
        text,
        '3: unknown key "limt" in [processor.p]. Did you mean "limit"?',
        "4: limit in [processor.q] is missing",
    )


def test_what_a_processor_is_handed_is_no_key(load, problems):
    assert load('[processor.p]\ntype = "asking"\ntarget = "x"\nmood = 1').processors["p"].options["mood"] == 1
    check(problems, '[processor.p]\ntype = "asking"', "1: target in [processor.p] is missing")


# Precedence


def test_the_command_line_wins_over_the_environment_dotenv_the_file_and_defaults(load, folder):
    text = "[server]\nport = 4\nworkers = 4\nthreads = 4\nmax_body_mb = 4\n"
    (folder / ".env").write_text("LLMPROXY_PORT=3\nLLMPROXY_WORKERS=3\nLLMPROXY_THREADS=3\n")
    env = {"LLMPROXY_PORT": "2", "LLMPROXY_WORKERS": "2"}
    server = load(text, env=env, overrides={"port": 1, "workers": None}).server
    assert (server.port, server.workers, server.threads, server.max_body_mb) == (1, 2, 3, 4)
    assert server.trusted_proxies == 0


def test_every_server_key_can_be_set_by_the_environment(load):
    values = {
        "host": ("::1", "::1"),
        "port": ("1", 1),
        "workers": ("2", 2),
        "threads": ("3", 3),
        "write_secs": ("0.5", 0.5),
        "trusted_proxies": ("1", 1),
        "log_level": ("debug", "DEBUG"),
        "log_format": ("json", "json"),
        "request_timeout_secs": ("1.5", 1.5),
        "max_body_mb": ("0.25", 0.25),
        "cors_allowed_origins": ("https://a.example, https://b.example", ("https://a.example", "https://b.example")),
        "auth": ("keys", "keys"),
        "strict": ("1", True),
        "state": ("memory", "memory"),
        "shared": ("redis://h", "redis://h"),
        "admin_token_env": ("MY_ADMIN", "MY_ADMIN"),
        "keepalive_secs": ("0", 0),
        "on_disconnect": ("finish", "finish"),
    }
    env = {f"LLMPROXY_{key.upper()}": text for key, (text, _) in values.items()}
    assert load(env=env).server == ServerConfig(**{key: value for key, (_, value) in values.items()})


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), ("1", True), ("0", False)])
def test_booleans_of_the_environment(load, text, value):
    assert load("[server]\nstrict = true", env={"LLMPROXY_STRICT": text}).server.strict is value


def test_a_bad_value_is_told_with_its_variable(problems, folder):
    (folder / ".env").write_text("A=1\nLLMPROXY_STRICT=perhaps\n")
    env = {"LLMPROXY_PORT": "many", "LLMPROXY_CORS_ALLOWED_ORIGINS": "*,x"}
    assert problems(env=env, overrides={"threads": 0}) == (
        "LLMPROXY_PORT must be a whole number from 0 to 65535",
        'LLMPROXY_CORS_ALLOWED_ORIGINS must be "*" or an origin such as https://app.example, without a path',
        ".env:2: LLMPROXY_STRICT must be true or false",
        "--threads must be a whole number, 1 or more",
    )


def test_other_variables_of_ours_and_empty_ones_are_ignored(load):
    env = {"LLMPROXY_WHATEVER": "1", "LLMPROXY_PROT": "1", "LLMPROXY_PORT": "", "LLMPROXY_ADMIN_TOKEN": "x"}
    assert load(env=env).server == ServerConfig()


def test_a_mistake_in_the_file_is_told_even_where_the_environment_wins(problems):
    check(
        problems,
        '[server]\nport = "x"',
        "2: port in [server] must be a whole number from 0 to 65535",
        env={"LLMPROXY_PORT": "1"},
    )


def test_a_setting_can_come_from_a_secret_file(load, folder):
    (folder / "state").write_text("postgresql://u:p@db/x\n")
    assert load(env={"LLMPROXY_STATE_FILE": str(folder / "state")}).server.state == "postgresql://u:p@db/x"


def test_the_environment_is_left_alone(load, folder, monkeypatch):
    (folder / ".env").write_text("GROQ_API_KEY=x\n")
    before = dict(os.environ)
    load(env=None)
    assert dict(os.environ) == before


def test_the_short_form_of_timeouts_gives_way_to_the_long_form(load):
    timeouts = load(OPENAI + "timeout_secs = 30\ntimeouts = { idle_secs = 300 }").llms["x"].timeouts
    assert (timeouts.connect_secs, timeouts.first_event_secs, timeouts.idle_secs) == (5, 30, 300)


def test_switching_verification_off_is_a_warning(load):
    (warning,) = load(OPENAI + "verify = false").warnings
    assert warning.startswith("llmproxy.toml:1: verify = false in [llm.x]")


# No effect yet


def test_only_what_was_written_is_said_to_have_no_effect_yet(load):
    env = {"LLMPROXY_ADMIN_TOKEN_ENV": "ADMIN"}
    config = load("[server]\nport = 1\nshared = 'memory'", env=env, overrides={"state": "memory"})
    assert config.no_effect == (
        "[server] shared: no effect yet",
        "[server] admin_token_env: no effect yet",
        "[server] state: no effect yet",
    )


def test_one_target_without_weight_has_its_effect(load):
    assert load('[model.m]\ntargets = [{ llm = "echo", model = "x" }]').no_effect == ()
