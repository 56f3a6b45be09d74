"""examples/plugin-package, installed into a fresh venv and used by name in real processes; and packages that fail."""

import contextlib
import http.client
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv

import pytest
from docs.blocks import ROOT, blocks
from gunicorns import KEPT, free_port, stop, wait_until_alive

from llmproxy.core.tokens import TOKEN_PROVIDERS
from llmproxy.core.urls import URL_PROVIDERS
from llmproxy.dialects import CLIENT_DIALECTS, PROVIDER_DIALECTS
from llmproxy.processors import PROCESSORS
from llmproxy.providers import PROVIDERS
from llmproxy.routing.policies import POLICIES

PACKAGE = ROOT / "examples" / "plugin-package"
PAGE = "examples/plugin-package/README.md"
CONFIG = blocks(PAGE, "toml")[0].code
HERE = "port = 3000"
REGISTRIES = (
    PROVIDERS, PROCESSORS, POLICIES, TOKEN_PROVIDERS, URL_PROVIDERS, CLIENT_DIALECTS, PROVIDER_DIALECTS,
)  # fmt: skip


def fresh_venv(folder):
    """A venv whose Python finds, after its own packages, those of the Python that runs the tests. Gives that Python,
    and the folder of its packages."""
    venv.create(folder)
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "tests.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})")
    return folder / "bin" / "python", packages


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of a fresh venv with the package."""
    folder = tmp_path_factory.mktemp("installed")
    python, _ = fresh_venv(folder / "venv")
    source = shutil.copytree(PACKAGE, folder / "source")  # what is built leaves traces
    done = subprocess.run(installing(python, source), cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return python


def installing(python, source):
    """The command that installs a package, with pip; where pip would have to fetch what it builds with, without."""
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--disable-pip-version-check", "--no-deps"]
    if version_of("wheel") or version_of("setuptools") >= (70, 1):
        return [*pip, "--no-build-isolation", "--no-index", source]
    if version_of("setuptools"):
        return [python, "setup.py", "-q", "install", "--single-version-externally-managed", "--record", "installed"]
    return [*pip, source]


def version_of(name):
    """The first two numbers of the version that is here; empty if there is none."""
    try:
        return tuple(map(int, importlib.metadata.version(name).split(".")[:2]))
    except importlib.metadata.PackageNotFoundError:
        return ()


@pytest.fixture
def run(folder):
    """Runs a command of llmproxy's in an empty folder; gives what became of it."""

    def run(python, *arguments, config=CONFIG):
        (folder / "llmproxy.toml").write_text(config, encoding="utf-8")
        return subprocess.run(
            [python, "-m", "llmproxy", *arguments], cwd=folder, env=environment(), capture_output=True, text=True
        )

    return run


def environment():
    return {name: os.environ[name] for name in KEPT if name in os.environ}


@contextlib.contextmanager
def serving(python, folder, config=CONFIG):
    """`llmproxy serve` with this configuration; gives its port."""
    port = free_port()
    (folder / "served.toml").write_text(config, encoding="utf-8")
    command = [python, "-m", "llmproxy", "serve", "-c", "served.toml", "--port", str(port)]
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=environment(), stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until_alive(port, server)
        yield port
    finally:
        stop(server)


def post(port, path, **body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    said = response.read().decode()
    connection.close()
    return response.status, said


def test_it_has_a_plug_in_for_every_group_that_is_looked_into():
    text = (PACKAGE / "setup.cfg").read_text(encoding="utf-8")
    page = (PACKAGE / "README.md").read_text(encoding="utf-8")
    for registry in REGISTRIES:
        assert f"\n{registry._group} =\n" in text
        assert f"`{registry._group}`" in page


def test_its_llms_are_on(run, python):
    done = run(python, "check", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"]) == (0, True)
    assert {"shout", "quiet", "other"} <= {llm["name"] for llm in told["llms"] if llm["on"]}


def test_its_own_options_are_checked(run, python):
    done = run(python, "check", config='[llm.a]\nprovider = "shout"\nmarks = "?"\n')
    assert done.returncode == 2
    assert 'llmproxy.toml:3: unknown key "marks" in [llm.a]. Did you mean "mark"?' in done.stderr


def test_its_model_is_listed(run, python):
    listed = json.loads(run(python, "models", "--json").stdout)
    assert {"id": "loud", "llm": "quiet", "provider": "echo"} in listed


@pytest.mark.parametrize("how", [[], ["--no-stream"]])
def test_it_answers_as_its_page_says(run, python, how):
    command, _, said = blocks(PAGE, "console")[1].code.partition("\n")
    assert command == '$ llmproxy chat loud "hello there"'
    done = run(python, "chat", "loud", "hello there", *how)
    assert (done.returncode, done.stdout.strip()) == (0, said.strip())


def test_its_dialect_is_spoken_with_clients_and_with_upstreams(run, python, folder):
    with serving(python, folder) as port:
        assert post(port, "/ask", model="echo", question="hi") == (200, '{"answer":"hi, please"}')
        status, stream = post(port, "/ask", model="echo", question="hi", stream=True)
        assert (status, stream.count('data: {"piece":')) == (200, 2)
        assert stream.endswith('data: {"done":true}\n\n')
        assert post(port, "/ask", model="echo")[0] == 400
        config = CONFIG.replace(HERE, f"port = {port}")
        for how in ([], ["--no-stream"]):
            done = run(python, "chat", "other/shout/x", "hi", *how, config=config)
            assert (done.returncode, done.stdout.strip()) == (0, "HI, PLEASE, PLEASE !!!")
        done = run(python, "chat", "other/nobody", "hi", config=config)
        assert done.returncode != 0
        assert "does not exist" in done.stderr


# A package whose every module fails in its third line.

FAILS = '"""Fails."""\n\nimport nothing_of_this_name\n'
MODULES = {registry._group: registry.kind.split()[-1] for registry in REGISTRIES}
POINTS = "".join(f"[{group}]\nbroken = llmproxy_broken.{module}:It\n" for group, module in MODULES.items())
BROKEN_CONFIG = """
[llm.a]
provider = "broken"

[llm.b]
provider = "echo"

[model.m]
targets = ["b/x", "a/x"]
policy = "broken"

[processor.p]
type = "broken"

[[route]]
path_prefix = "/"

[[route]]
path_prefix = "/checked"
processors = ["p"]
"""


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """The Python of a venv with that package, and the package's folder."""
    python, packages = fresh_venv(tmp_path_factory.mktemp("broken"))
    package, facts = packages / "llmproxy_broken", packages / "llmproxy_broken-1.0.dist-info"
    package.mkdir()
    (package / "__init__.py").touch()
    for name in set(MODULES.values()):
        (package / f"{name}.py").write_text(FAILS)
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: llmproxy-broken\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(POINTS)
    return python, package


def failure(package, kind):
    why = "ModuleNotFoundError: No module named 'nothing_of_this_name'"
    return f"{package / kind.split()[-1]}.py:3: {kind} 'broken' cannot be loaded: {why}"


def test_what_fails_is_named_in_one_line_with_its_file_and_line(run, broken):
    python, package = broken
    done = run(python, "check", config=BROKEN_CONFIG)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    (llm,) = [line for line in lines if line.startswith("  a ")]
    assert llm.split(maxsplit=2) == ["a", "off", failure(package, "provider")]
    for place, kind in (
        ("", "provider"),
        ("llmproxy.toml:10: policy in [model.m] is off, the targets are tried in their order: ", "policy"),
        ("llmproxy.toml:12: [processor.p] is off, and refuses all requests that it concerns: ", "processor"),
        ("", "client dialect"),
    ):
        assert f"warning: {place}{failure(package, kind)}" in lines
    assert "Traceback" not in done.stdout + done.stderr


def test_the_reason_is_told_in_json_as_well(run, broken):
    python, package = broken
    told = json.loads(run(python, "check", "--json", config=BROKEN_CONFIG).stdout)
    (llm,) = [llm for llm in told["llms"] if llm["name"] == "a"]
    assert (told["ok"], llm["on"], llm["reason"]) == (True, False, failure(package, "provider"))


def test_the_rest_starts_and_what_needs_it_is_refused(broken, folder):
    python, package = broken
    hello = [{"role": "user", "content": "hello there"}]
    with serving(python, folder, BROKEN_CONFIG) as port:
        for model in ("echo", "m"):
            status, said = post(port, "/v1/chat/completions", model=model, messages=hello)
            assert (status, json.loads(said)["choices"][0]["message"]["content"]) == (200, "hello there")
        status, said = post(port, "/v1/chat/completions", model="a/x", messages=hello)
        assert (status, json.loads(said)["error"]["code"]) == (503, "llm_not_configured")
        status, said = post(port, "/checked/v1/chat/completions", model="echo", messages=hello)
        assert (status, json.loads(said)["error"]["code"]) == (500, "invalid_config")
        assert "llmproxy_broken" not in said
    log = (folder / "log").read_text()
    assert failure(package, "provider") in log
    assert "Traceback" not in log
