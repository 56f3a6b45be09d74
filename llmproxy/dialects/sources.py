"""Where the content of images, sounds and documents is, for dialects that take it from some places only."""

from typing import Any

from llmproxy.core.chat import Image, Source
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.dialects.extra import given


def data_of(source: Source, what: str) -> str:
    """The content in base64, for dialects that fetch nothing; neither do we.

    Args:
        what: What it is, in the plural.

    Raises:
        UnsupportedFeature: It is somewhere else.
    """
    if source.data is None:
        raise UnsupportedFeature(f"This target takes {what} only with the request itself, not by URL.")
    return source.data


def write_image(image: Image) -> dict[str, Any]:
    """An image in the form in which OpenAI's chat has it, and Cohere's.

    Raises:
        UnsupportedFeature: It is in a provider's own store.
    """
    url = image.source.to_url()
    if url is None:
        raise UnsupportedFeature("An image in the store of another provider cannot be sent to this one.")
    return {"type": "image_url", "image_url": given(url=url, detail=image.detail)}
