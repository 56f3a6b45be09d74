import pytest
from marshmallow import ValidationError

from llmproxy.dialects.fields import BodySchema, Flag, Limit, Messages, Name


class Body(BodySchema):
    flag = Flag()
    limit = Limit()
    name = Name()
    messages = Messages(need_role=False)


@pytest.mark.parametrize(
    "body",
    [
        {"flag": True},
        {"flag": False},
        {"limit": 1},
        {"limit": -1},
        {"name": "x"},
        {"messages": [{}]},
        {"unknown": object},
    ],
)
def test_what_is_as_it_should_be_is_left_as_it_is(body):
    assert Body().load(body) == body


@pytest.mark.parametrize(
    "body",
    [
        {"flag": 1}, {"flag": "true"}, {"flag": None}, {"limit": "7"}, {"limit": True}, {"limit": "1"}, {"limit": 1.0},
        {"name": ""}, {"name": 7}, {"messages": []}, {"messages": ()}, {"messages": [{"role": 7}]},
    ],
)  # fmt: skip
def test_nothing_is_converted(body):
    with pytest.raises(ValidationError):
        Body().load(body)
