"""The recordings' own server, driven by a test: what it plays next, and what it was asked."""

import http.client
import json


class Replay:
    """Args:
        url: Where it listens.
        records: All it can play, by id.
    """

    def __init__(self, url, records):
        self.url = url
        self._records = records

    def plays(self, *entries):
        """Answers the next requests with these, which are ids, or ids with the faults that the server knows; gives the
        records."""
        self._call("POST", "reset")
        self._call("POST", "queue", {"ids": list(entries)})
        return [self._records[entry["id"] if isinstance(entry, dict) else entry] for entry in entries]

    def arrived(self):
        """The bodies of the requests since then."""
        return [request["json"] for request in self._call("GET", "log")["requests"]]

    def _call(self, method, what, body=None):
        """Asks over a connection of its own: on one that is kept, the server's two small writes cost 40 ms."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        connection.request(method, f"/__replay__/{what}", body and json.dumps(body))
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer
