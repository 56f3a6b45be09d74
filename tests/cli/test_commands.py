import subprocess
import sys

import llmproxy
from llmproxy.cli import COMMANDS


def test_the_version_is_the_packages(run):
    assert run("--version").stdout == f"llmproxy {llmproxy.__version__}\n"


def test_help_lists_every_command(run):
    listed = run("--help").stdout

    assert all(f"  {name} " in listed for name in COMMANDS)


def test_every_command_takes_a_config_file(run):
    for name in COMMANDS:
        assert "-c, --config FILE" in run(name, "--help").stdout


def test_an_unknown_command_is_a_usage_error(run):
    result = run("surf")

    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_the_package_runs_as_a_module(folder):
    asked = subprocess.run([sys.executable, "-m", "llmproxy", "--version"], capture_output=True, text=True)

    assert (asked.returncode, asked.stdout) == (0, f"llmproxy {llmproxy.__version__}\n")


def test_what_is_wrong_with_a_configuration_is_told_line_by_line(run, write):
    write("""
        [server]
        prot = 1

        [llm.openai_chat]
        provder = "openai"
    """)

    result = run("models")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        'llmproxy.toml:2: unknown key "prot" in [server]. Did you mean "port"?',
        'llmproxy.toml:5: unknown key "provder" in [llm.openai_chat]. Did you mean "provider"?',
    ]


def test_a_config_file_that_is_not_there_is_named(run):
    result = run("models", "-c", "nowhere.toml")

    assert (result.exit_code, result.stderr) == (2, "nowhere.toml: there is no such file\n")


def test_the_config_file_may_be_named_by_a_variable(run, write):
    write('[llm.parrot]\nprovider = "echo"\nmodels = ["polly"]', "else/where.toml")

    assert "polly" in run("models", env={"LLMPROXY_CONFIG": "else/where.toml"}).stdout


def test_a_plug_in_that_cannot_be_built_is_no_traceback(run, write):
    write(
        """
        from llmproxy import Provider

        class Moody(Provider):
            def __init__(self, config):
                raise RuntimeError("not today")
        """,
        "moody.py",
    )
    write('[llm.m]\nprovider = "moody:Moody"')

    result = run("models")

    assert (result.exit_code, result.stderr) == (2, "[llm.m] cannot be built: RuntimeError: not today\n")
