"""docs/processors.md: what it shows is what there is, and each of its blocks works as it stands there."""

import json
import subprocess
import sys
import tomllib

import pytest
from fakes import CHAT_URL, STREAM, upstream

from docs.blocks import ROOT, block, blocks
from llmproxy import Appended, ConfigError, Opened, Provider, Text, Thinking, create_app, load_config
from llmproxy.gateway import Gateway

PAGE = "docs/processors.md"
EXAMPLES = ROOT / "examples" / "processors"
SHOWN = [each for each in blocks(PAGE, "python") if each.file]
MISTAKEN = "lable"


class Thinker(Provider):
    """Thinks before it answers."""

    def chat(self, chat):
        yield Opened(0, Thinking())
        yield Appended(0, "canary")
        yield Opened(1, Text())
        yield Appended(1, "hello")


@pytest.fixture
def beside(folder, monkeypatch):
    """A working directory with every module that the page shows; they are forgotten afterwards."""
    for each in SHOWN:
        (folder / each.file.name).write_text(each.code, encoding="utf-8")
    (folder / "briefly.py").write_text(block(PAGE, "python", "class Briefly").code, encoding="utf-8")
    for name in ("briefly", *(each.file.stem for each in SHOWN)):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield folder
    for path in folder.glob("*.py"):
        sys.modules.pop(path.stem, None)


def test_there_is_nothing_on_the_page_that_is_not_tried_here():
    assert [each.language for each in blocks(PAGE)].count("python") == len(SHOWN) + 3
    assert {each.language for each in blocks(PAGE)} == {"python", "toml", "text", "json"}
    assert (len(blocks(PAGE, "text")), len(blocks(PAGE, "json"))) == (3, 1)


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.file.name)
def test_what_the_page_shows_is_what_the_file_holds(shown):
    assert shown.code == shown.file.read_text(encoding="utf-8")


def test_every_example_is_on_the_page():
    assert {each.file for each in SHOWN} == set(EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("shown", [each for each in blocks(PAGE, "toml") if MISTAKEN not in each.code], ids=str)
def test_a_configuration_can_be_used(shown, beside):
    gateway = Gateway(load_config(tomllib.loads(shown.code)))
    assert gateway.processors
    assert gateway.warnings == ()


def test_the_mistakes_are_told_as_the_page_has_them(beside):
    (beside / "llmproxy.toml").write_text(block(PAGE, "toml", MISTAKEN).code, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config("llmproxy.toml")
    assert "\n".join(caught.value.problems) == block(PAGE, "text", MISTAKEN).code.strip()


def test_a_refusal_reads_as_the_page_has_it(beside, ask):
    app = create_app(tomllib.loads(block(PAGE, "toml", "top secret").code))
    answer = ask(app.test_client(), model="echo", messages=[{"role": "user", "content": "My PASSWORD is x"}])
    assert (answer.status_code, answer.json) == (400, json.loads(blocks(PAGE, "json")[0].code))


def test_the_line_in_the_log_is_the_one_on_the_page():
    shown = block(PAGE, "text", "words asked").code.strip()
    assert f'assert "{shown}" in caplog.messages' in block(PAGE, "python", "caplog").code


def test_the_test_on_the_page_passes():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLES]
    done = subprocess.run(command, capture_output=True, text=True, cwd=EXAMPLES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_processor_that_cannot_be_imported_is_told_as_the_page_has_it(beside):
    path = beside / "who_asks.py"
    path.write_text(path.read_text().replace("from llmproxy", "import directory\nfrom llmproxy"))
    (beside / "llmproxy.toml").write_text('[processor.who]\ntype = "who_asks:WhoAsks"\n')
    command = [sys.executable, "-m", "llmproxy", "check"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=beside)
    assert block(PAGE, "text", "cannot be loaded").code in done.stdout
    assert done.returncode == 0


def processed(word, make_app):
    """A client of an application with the processor of the block that holds a word, in front of a mocked upstream and
    one that thinks."""
    name = f"shown_{word.lower()}"
    module = type(sys)(name)
    vars(module).update(block(PAGE, "python", f"class {word}").run())
    sys.modules[name] = module
    llms = {**upstream()["llm"], "thinker": {"provider": f"{__name__}:Thinker"}}
    route = {"path_prefix": "/", "processors": ["shown"]}
    return make_app(
        {"llm": llms, "processor": {"shown": {"type": f"{name}:{word}"}}, "route": [route]}
    ).test_client()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_thoughts_are_hidden_from_every_client(make_app, ask, path, stream):
    for word, seen in (("HideThoughts", False), ("Mark", True)):
        said = ask(processed(word, make_app), path, model="thinker/m", max_tokens=9, stream=stream).get_data()
        assert b"hello" in said
        assert (b"canary" in said) is seen


def test_every_chunk_is_marked(make_app, ask, up):
    up.post(CHAT_URL, body=STREAM, content_type="text/event-stream")
    said = ask(processed("Mark", make_app), stream=True).get_data()
    assert said.count(b'"marked":true') == said.count(b"data: {") == 3
    assert said.endswith(b"data: [DONE]\n\n")


def test_what_is_shortened_says_so_to_the_model(beside, make_app, ask, up):
    up.post(CHAT_URL, json={"choices": []})
    ask(make_app(tomllib.loads(block(PAGE, "toml", "beside this one").code)).test_client())
    assert json.loads(up.calls[0].request.body)["messages"][0]["content"] == "Answer in one sentence."
