import pytest

from llmproxy.core.errors import ModelNotFound, ParseError
from llmproxy.dialects.lookups import ListedModel
from llmproxy.dialects.ollama_chat.models import LOOKUPS, list_models, show_model, show_version


class Two:
    def listed(self):
        return [ListedModel("gpt-5", "openai"), ListedModel("local/llama3:8b", "local")]

    def find(self, name):
        for model in self.listed():
            if model.name == name:
                return model
        raise ModelNotFound()


def test_models_are_listed_by_the_names_that_clients_ask_for():
    found = list_models(Two(), {})["models"]
    assert [(model["name"], model["model"]) for model in found] == [("gpt-5",) * 2, ("local/llama3:8b",) * 2]


def test_the_sdk_reads_the_list():
    types = pytest.importorskip("ollama", reason="the ollama SDK comes with the dev extra")
    assert [model.model for model in types.ListResponse(**list_models(Two(), {})).models] == [
        "gpt-5",
        "local/llama3:8b",
    ]


@pytest.mark.parametrize("member", ["model", "name"])
def test_the_sdk_reads_what_one_model_can_do(member):
    types = pytest.importorskip("ollama", reason="the ollama SDK comes with the dev extra")
    assert "tools" in types.ShowResponse(**show_model(Two(), {member: "gpt-5"})).capabilities


def test_a_model_that_is_not_there_is_not_shown():
    with pytest.raises(ModelNotFound):
        show_model(Two(), {"model": "gpt-6"})


@pytest.mark.parametrize("asked", [{}, {"model": 5}, {"model": ""}])
def test_one_who_names_no_model_is_told(asked):
    with pytest.raises(ParseError):
        show_model(Two(), asked)


def test_the_version_is_one_of_three_numbers():
    assert [part.isdigit() for part in show_version(Two(), {})["version"].split(".")] == [True] * 3


def test_each_stands_where_ollama_has_it():
    found = {(lookup.method, lookup.path) for lookup in LOOKUPS}
    assert found == {("GET", "/api/tags"), ("POST", "/api/show"), ("GET", "/api/version")}


def test_a_name_counts_where_the_model_is_none():
    assert show_model(Two(), {"model": "", "name": "gpt-5"})["capabilities"]
