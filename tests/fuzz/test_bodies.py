"""Whatever the body, it is answered, or refused in the words of the dialect it was sent in."""

import pytest
from dialects.samples import REQUESTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.bodies import JSON, garbled, mutated, spelled
from fuzz.calls import PATHS, complaint, post

PATIENT = list(HealthCheck)


def asked(name, stream):
    """A valid body that asks echo."""
    body = {**REQUESTS[name]}
    if "model" in body:
        body["model"] = "echo"
    return {**body, "stream": stream} if "stream" in body else body


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("stream", [False, True])
def test_the_samples_themselves_are_answered(echo, name, stream):
    for path in PATHS[name]:
        assert post(echo, path, spelled(asked(name, stream))).status_code == 200


@pytest.mark.parametrize("name", PATHS)
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=PATIENT)
def test_a_body_that_is_almost_right(echo, name, data):
    path, stream = data.draw(st.sampled_from(PATHS[name])), data.draw(st.booleans())
    body = data.draw(mutated(asked(name, stream)))
    assert complaint(post(echo, path, spelled(body)), name) is None


@pytest.mark.parametrize("name", PATHS)
@given(data=st.data())
@settings(max_examples=20, suppress_health_check=PATIENT)
def test_a_body_that_is_anything(echo, name, data):
    path = data.draw(st.sampled_from(PATHS[name]))
    body = data.draw(JSON | st.dictionaries(st.sampled_from([*REQUESTS[name], "x"]), JSON, max_size=5))
    assert complaint(post(echo, path, spelled(body)), name) is None


@pytest.mark.parametrize("name", PATHS)
@given(data=st.data())
@settings(max_examples=20, suppress_health_check=PATIENT)
def test_a_body_of_broken_bytes(echo, name, data):
    path = data.draw(st.sampled_from(PATHS[name]))
    body = data.draw(garbled(asked(name, False)) | st.binary(max_size=50))
    assert complaint(post(echo, path, body), name) is None
