import pytest

from llmproxy import ModelNotFound
from llmproxy.routing.catalog import Catalog, Listing
from llmproxy.routing.target import Target

ECHO = Listing("echo", "echo")


def where(catalog, name, allowed=None):
    """What a name reaches, as `llm/model`; None if nothing."""
    try:
        [target] = catalog.resolve(name, allowed)
    except ModelNotFound:
        return None
    return f"{target.llm}/{target.model}"


def catalog(*listings, models=None):
    return Catalog({name: [Target(*to.split("/", 1))] for name, to in (models or {}).items()}, listings)


BUSY = catalog(
    ECHO,
    Listing("a", "openai", ("gpt-*", "both")),
    Listing("b", "groq", ("llama-*", "both", "smart")),
    Listing("c", "mistral", (), ("mistral-*", "shared-*")),
    Listing("d", "deepseek", (), ("deepseek-*", "shared-*", "gpt-*")),
    models={"smart": "a/gpt-5", "a/gpt-x": "b/own", "echo2": "echo/x"},
)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("smart", "a/gpt-5"),  # a name of ours wins over what an llm lists
        ("a/gpt-x", "b/own"),  # and over llm/model
        ("a/gpt-5", "a/gpt-5"),
        ("a/not-listed", "a/not-listed"),
        ("b/org/model", "b/org/model"),  # only the first slash counts
        ("c/x", "c/x"),
        ("gpt-5", "a/gpt-5"),  # what is listed wins over what is well known
        ("llama-3", "b/llama-3"),
        ("mistral-large", "c/mistral-large"),
        ("deepseek-chat", "d/deepseek-chat"),
        ("echo", "echo/echo"),
        ("echo/anything", "echo/anything"),
    ],
)
def test_a_name_reaches(name, target):
    assert where(BUSY, name) == target


@pytest.mark.parametrize("name", ["both", "shared-1", "unknown", "GPT-5", "a/", "/x", "A/x", "nobody/x"])
def test_a_name_reaches_nothing_if_none_or_two_have_it(name):
    assert where(BUSY, name) is None


def test_the_only_llm_besides_echo_gets_every_name():
    only = catalog(ECHO, Listing("a", "openai", (), ("gpt-*",)))
    assert where(only, "anything") == "a/anything"
    assert where(only, "org/model") == "a/org/model"


def test_the_only_llm_gets_no_other_names_than_it_lists():
    assert where(catalog(ECHO, Listing("a", "openai", ("gpt-5",), ("gpt-*",))), "gpt-4") is None


def test_two_llms_are_not_guessed_between():
    assert where(catalog(ECHO, Listing("a", "x"), Listing("b", "y")), "anything") is None


def test_echo_never_stands_in_for_a_model():
    assert where(catalog(ECHO), "gpt-5") is None


@pytest.mark.parametrize(("name", "suggested"), [("smrat", "smart"), ("ech", "echo"), ("Smart", "smart")])
def test_a_name_that_is_nearly_right_is_suggested(name, suggested):
    with pytest.raises(ModelNotFound, match=f'Did you mean "{suggested}"') as caught:
        BUSY.resolve(name)
    assert caught.value.param == "model"


def test_nothing_is_suggested_for_a_name_like_no_other():
    with pytest.raises(ModelNotFound) as caught:
        BUSY.resolve("zzzzzz")
    assert "Did you mean" not in caught.value.message


ODD = [
    "../../admin",
    "a/../../admin",
    "..",
    "http://169.254.169.254/",
    "a/http://169.254.169.254/",
    "%2e%2e",
    "a/%2e%2e%2fadmin",
    "gpt-5?x=1",
    "a/gpt-5#x",
    "a\\b",
    "a\x00b",
    "a\r\nX-Evil: 1",
    "a\tb",
    "a\u202eb",
    "a\u200bb",
    "cafe\u0301",
    "\ud800",
    "x" * 257,
    "a/" + "x" * 1_000_000,
    "",
]


@pytest.mark.parametrize("name", ODD)
def test_a_name_that_no_model_could_have_reaches_nothing(name):
    only = catalog(Listing("a", "openai"))
    assert where(only, name) is None
    assert where(only, name, ["*"]) is None


@pytest.mark.parametrize("name", ODD)
def test_a_name_that_no_model_could_have_is_not_repeated(name):
    with pytest.raises(ModelNotFound) as caught:
        catalog(Listing("a", "openai")).resolve(name)
    assert len(caught.value.message) < 100


@pytest.mark.parametrize("name", ["x" * 256, "café", "модель", "a b", "ft:gpt-4o:org::id", "@cf/meta/llama", "m=1&n"])
def test_unusual_names_are_names(name):
    assert where(catalog(Listing("a", "openai")), name) == f"a/{name}"


def test_a_look_alike_does_not_pass_a_list():
    assert where(BUSY, "gpt\u20105") is None
    assert where(BUSY, "\u0430/gpt-5") is None


def test_a_name_outside_ascii_is_shown_escaped():
    with pytest.raises(ModelNotFound, match=r"gpt\\u20105"):
        BUSY.resolve("gpt\u20105")


@pytest.mark.parametrize(
    ("name", "allowed", "target"),
    [
        ("smart", ["smart"], "a/gpt-5"),
        ("gpt-5", ["gpt-*"], "a/gpt-5"),
        ("a/gpt-5", ["a/*"], "a/gpt-5"),
        ("gpt-5", None, "a/gpt-5"),
        ("gpt-5", [], None),
        ("gpt-5", ["a/*"], None),
        ("a/gpt-5", ["gpt-*"], None),
        ("gpt-5", ["GPT-*"], None),
    ],
)
def test_a_clients_list_is_looked_at_first(name, allowed, target):
    assert where(BUSY, name, allowed) == target


def test_names_are_listed_once():
    assert BUSY.names() == [
        ("smart", "a"),
        ("a/gpt-x", "b"),
        ("echo2", "echo"),
        ("both", "a"),
        ("echo", "echo"),
    ]


def test_names_are_listed_as_far_as_a_client_may_use_them():
    assert BUSY.names(["s*"]) == [("smart", "a")]


def test_an_llm_has_a_provider():
    assert (BUSY.provider_of("a"), BUSY.provider_of("nobody")) == ("openai", "")
