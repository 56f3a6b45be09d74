"""One client's SDK before one provider's upstream."""

import http.client
import itertools
import json
from urllib.parse import urlsplit

from wire.matrix.arrived import READERS
from wire.matrix.upstreams import RECORDINGS, llm_of
from wire.sdks.question import Question

_numbers = itertools.count(1)


class Cell:
    """What a check works with.

    Args:
        sdk: The client, connected to the proxy.
        provider: The name of the provider dialect.
        replay: The upstream's server, and all it can play.
        stream: Which form the client asks for.
    """

    def __init__(self, sdk, provider, replay, *, stream):
        self.sdk, self.stream = sdk, stream
        self.recordings = RECORDINGS[provider]
        self.read = READERS[provider]
        self.shows = sdk.shows
        # One of its own: a model whose upstream refused to answer is left alone for a while.
        self.model = f"{llm_of(provider)}/some-model-{next(_numbers)}"
        self._replay = replay

    def plays(self, *features):
        """Has the upstream answer with the recordings of these features, and gives them."""
        ids = [getattr(self.recordings, feature)[self.stream] for feature in features]
        records = self._replay.plays(*ids)
        return records[0] if len(records) == 1 else records

    def plays_broken(self):
        """Has the upstream break off: by an error event, or a whole body by closing the connection half way."""
        if self.stream:
            self._replay.plays(self.recordings.inside)
        else:
            self._replay.plays({"id": self.recordings.text[0], "cut_after": 100})

    def ask(self, **members):
        """Has the SDK ask a question of its user's."""
        return self.asks(Question(self.model, **members))

    def asks(self, question):
        return self.sdk.ask(question, stream=self.stream)

    def receive(self):
        """The bytes of a stream as they come, without the SDK."""
        path, body = self.sdk.plainly(self.model)
        connection = http.client.HTTPConnection(urlsplit(self.sdk.root).netloc, timeout=20)
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        received = connection.getresponse().read().decode("utf-8")
        connection.close()
        return received

    def arrived(self):
        """The bodies that reached the upstream."""
        return self._replay.arrived()
