import base64

import pytest

from llmproxy.core.chat import Document, Source
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.dialects.documents import text_of


def of(data, media_type="text/markdown"):
    return Document(Source(media_type, data=base64.b64encode(data).decode()))


def test_the_text_of_a_document_may_have_come_in_base64():
    assert text_of(Document(Source("text/plain"), text="rötlich")) == "rötlich"
    assert text_of(of("rötlich".encode())) == "rötlich"


@pytest.mark.parametrize(
    "document", [of(b"%PDF", "application/pdf"), of(b"x", None), Document(Source("text/plain", url="https://x/y"))]
)
def test_what_is_no_text_or_is_somewhere_else_has_none(document):
    assert text_of(document) is None


@pytest.mark.parametrize("document", [of(b"\xff"), Document(Source("text/plain", data="A"))])
def test_a_text_that_cannot_be_read_is_refused(document):
    with pytest.raises(UnsupportedFeature):
        text_of(document)
