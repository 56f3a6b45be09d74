import pytest

from llmproxy.core.chat import Image, Source
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.dialects.sources import data_of, write_image


def test_content_that_came_with_the_request_is_taken():
    assert data_of(Source("image/png", data="AAAA"), "images") == "AAAA"


@pytest.mark.parametrize("source", [Source(url="https://x.example/a.png"), Source(file_id="f")])
def test_content_that_is_elsewhere_is_never_fetched(source):
    with pytest.raises(UnsupportedFeature, match="images only with the request itself"):
        data_of(source, "images")


def test_an_image_is_a_url_with_its_content_or_its_place():
    url = {"url": "data:image/png;base64,AAAA", "detail": "low"}
    assert write_image(Image(Source("image/png", data="AAAA"), "low")) == {"type": "image_url", "image_url": url}
    assert write_image(Image(Source(url="https://x"))) == {"type": "image_url", "image_url": {"url": "https://x"}}


def test_an_image_in_another_providers_store_is_refused():
    with pytest.raises(UnsupportedFeature):
        write_image(Image(Source(file_id="f")))
