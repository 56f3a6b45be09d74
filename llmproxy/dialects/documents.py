"""Documents, for dialects that take their text."""

import base64
import binascii

from llmproxy.core.chat import Document
from llmproxy.core.errors import UnsupportedFeature


def text_of(document: Document) -> str | None:
    """The text of a document, which may have come in base64; None if it is none, or is somewhere else.

    Raises:
        UnsupportedFeature: It says that it is text, and cannot be read.
    """
    source = document.source
    if document.text is not None or source.data is None or not (source.media_type or "").startswith("text/"):
        return document.text
    try:
        return base64.b64decode(source.data).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise UnsupportedFeature("A document of text must be UTF-8 in base64.") from error
