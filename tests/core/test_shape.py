import pytest

from llmproxy.core.answer import Appended, Aside, Counted, End, Opened, Usage, Vector
from llmproxy.core.chat import Chat, Image, Message, Source, Text, TokenLogprob, Tool, ToolCall, ToolChoice
from llmproxy.core.shape import check, misfit


def chat(**members):
    return Chat("m", (Message("user", (Text("hi"),)),), **members)


@pytest.mark.parametrize(
    "value",
    [
        chat(),
        chat(temperature=1, top_p=0.5, stop=("a",), logit_bias={"5": 1}, tool_choice=ToolChoice("required", ("f",))),
        chat(tools=(Tool("f", parameters={"type": "object"}),)),
        Message("assistant", (ToolCall(None, "f", "{}"), Image(Source(data="AAAA")))),
        Text("a", logprobs=(TokenLogprob("a", -0.1, (97,), (TokenLogprob("b", -2),)),)),
        Appended(0, "a"),
        Opened(0, Vector((0.5, 1))),
        Opened(0, Vector("AAAA")),
        Aside("openai.chat", 5),
        Counted(Usage(5)),
    ],
)
def test_what_the_model_says_fits(value):
    assert misfit(value) is None


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (chat(temperature="hot"), "temperature"),
        (chat(temperature=True), "temperature"),
        (chat(seed=0.5), "seed"),
        (chat(stop=(5,)), "stop"),
        (chat(stop="END"), "stop"),
        (chat(metadata=[]), "metadata"),
        (chat(tool_choice=ToolChoice("sometimes")), "tool_choice"),
        (chat(tools=({"name": "f"},)), "tools"),
        (Chat("m", (Message("user", (Text(5),)),)), "messages"),
        (Message("user", (Opened(0, Text()),)), "parts"),
        (Text("a", logprobs=(TokenLogprob("a", "-0.1"),)), "logprobs"),
        (Appended(0, None), "text"),
        (Appended("0", "a"), "index"),
        (Opened(0, Vector(("a",))), "part"),
        (End("tired"), "reason"),
    ],
)
def test_what_it_does_not_say_is_named_by_its_field(value, name):
    assert misfit(value) == name


def test_what_does_not_fit_is_refused():
    with pytest.raises(TypeError, match=r"Appended\.text"):
        check(Appended(0, 5))
