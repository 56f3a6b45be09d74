import sys

import pytest

from llmproxy.core.registry import Registry

PLUGINS = '[plugins]\npaths = ["plugins"]\n'


@pytest.fixture
def plugin(folder):
    (folder / "plugins").mkdir()

    def write(name, text):
        (folder / "plugins" / name).write_text(text)

    return write


def test_a_class_beside_the_config_is_found(load, folder):
    (folder / "etc").mkdir()
    (folder / "etc" / "beside_the_config.py").write_text("class Shout:\n    pass\n")
    (folder / "etc" / "a.toml").write_text('[llm.shout]\nprovider = "beside_the_config:Shout"\n')
    config = load(source="etc/a.toml", providers=Registry("provider", object, None, {}))
    assert config.llms["shout"].provider == "beside_the_config:Shout"


def test_a_class_of_a_plugin_is_found(load, plugin):
    plugin("plugged_shout.py", "class Shout:\n    pass\n")
    text = PLUGINS + '[llm.shout]\nprovider = "plugged_shout:Shout"\n'
    assert "shout" in load(text, providers=Registry("provider", object, None, {})).llms


def test_nothing_is_put_on_the_path_without_a_config(load, folder):
    load()
    assert str(folder) not in sys.path


def test_the_folder_of_the_config_is_put_on_the_path_once(load, folder):
    load("[server]")
    load("[server]")
    assert sys.path.count(str(folder)) == 1


def test_a_class_that_cannot_be_imported_is_a_mistake(problems):
    (problem,) = problems('[llm.x]\nprovider = "no_such_module_here:X"')
    assert problem.startswith("llmproxy.toml:2: provider in [llm.x]: provider 'no_such_module_here:X' cannot be loaded")


def test_a_class_of_another_kind_is_a_mistake(problems):
    (problem,) = problems('[llm.x]\nprovider = "json:JSONDecoder"')
    assert problem.endswith("is not a subclass of FakeProvider")


def test_every_python_file_of_a_plugin_folder_is_imported_once(load, plugin, folder):
    plugin("plugged_a.py", "import plugged_b\nimport builtins\n")
    plugin("plugged_b.py", "count = globals().get('count', 0) + 1\n")
    plugin("__init__.py", "raise RuntimeError\n")
    plugin("notes.txt", "no Python")
    config = load(PLUGINS)
    module = sys.modules["plugged_b"]
    load(PLUGINS)
    assert config.warnings == ()
    assert sys.modules["plugged_b"] is module
    assert sys.modules["plugged_a"].__file__ == str(folder / "plugins" / "plugged_a.py")


def test_a_plugin_that_fails_is_named_in_one_line_and_the_rest_starts(load, plugin):
    plugin("plugged_bad.py", "\n\nvalue = 1 / 0\n")
    plugin("plugged_syntax.py", "x = 1\ndef f(:\n")
    plugin("plugged_exit.py", "raise SystemExit(3)\n")
    plugin("plugged_good.py", "")
    config = load(PLUGINS)
    assert config.warnings == (
        "plugins/plugged_bad.py:3: not imported: ZeroDivisionError: division by zero",
        "plugins/plugged_exit.py:1: not imported: SystemExit: 3",
        "plugins/plugged_syntax.py:2: not imported: SyntaxError: invalid syntax",
    )
    assert "plugged_good" in sys.modules


BROKEN = "plugins/plugged_bad.py:3: {} 'plugged_bad:It' cannot be loaded: ZeroDivisionError: division by zero"


@pytest.fixture
def bad(plugin):
    """A plug-in that fails, and what has to be in the configuration for it."""
    plugin("plugged_bad.py", "\n\nvalue = 1 / 0\n")
    return PLUGINS


def test_an_llm_whose_class_fails_is_off_with_the_line_as_its_reason(load, bad):
    config = load(bad + '[llm.x]\nprovider = "plugged_bad:It"\nmodels = ["x-*"]\nown_key = 1\nmax_retry = 2\n')
    (off,) = [llm for llm in config.off if llm.name == "x"]
    assert off.reason == BROKEN.format("provider")
    assert config.llms["x"].models == ("x-*",)
    assert "echo" in config.llms


def test_what_is_wrong_with_its_other_keys_is_told_all_the_same(problems, bad):
    assert problems(bad + '[llm.x]\nprovider = "plugged_bad:It"\nmax_retries = -1\n') == (
        "llmproxy.toml:5: max_retries in [llm.x] must be a whole number, 0 or more",
    )


def test_a_key_that_the_failure_tells_is_masked(load, plugin):
    plugin("plugged_bad.py", "raise ValueError('sk-ant-abcdefghijklmnop')")
    config = load(PLUGINS + '[llm.x]\nprovider = "plugged_bad:It"\n')
    assert "sk-ant" not in str(config.off) + str(config.warnings)


def test_a_processor_whose_class_fails_stays_and_says_why(load, bad):
    text = bad + '[processor.x]\ntype = "plugged_bad:It"\nword = "a"\nwhen = { models = ["m"] }\n'
    config = load(text)
    failure = BROKEN.format("processor")
    assert (config.processors["x"].failure, config.processors["x"].when.models) == (failure, ("m",))
    assert f"llmproxy.toml:3: [processor.x] is off, and refuses all requests that it concerns: {failure}" in (
        config.warnings
    )


def test_a_model_whose_policy_fails_keeps_its_targets_in_their_order(load, bad):
    text = bad + '[llm.a]\nprovider = "openai"\n[model.x]\ntargets = ["a/m"]\npolicy = "plugged_bad:It"\n'
    config = load(text)
    assert config.models["x"].policy == "fallback"
    assert (
        f"llmproxy.toml:7: policy in [model.x] is off, the targets are tried in their order: {BROKEN.format('policy')}"
        in config.warnings
    )


@pytest.mark.parametrize("name", ["json", "marshmallow", "sys"])
def test_a_plugin_does_not_take_the_place_of_a_library(load, plugin, name):
    module = __import__(name)
    plugin(f"{name}.py", "raise RuntimeError")
    (warning,) = load(PLUGINS).warnings
    assert warning == f'plugins/{name}.py: not imported, another module is called "{name}" already; rename the file'
    assert sys.modules[name] is module


def test_every_missing_folder_is_a_mistake(problems, folder):
    (folder / "plugins").mkdir()
    assert problems('[plugins]\npaths = [\n  "plugins",\n  "nowhere",\n  "/no/where",\n]') == (
        "llmproxy.toml:4: paths in [plugins]: there is no folder 'nowhere'",
        "llmproxy.toml:5: paths in [plugins]: there is no folder '/no/where'",
    )
