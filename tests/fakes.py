"""What stands in for an upstream: answers in OpenAI's chat dialect, and a server that says what it is told to."""

import contextlib
import json
import socket
import threading
import time

BASE_URL = "https://up.example/v1"
CHAT_URL = f"{BASE_URL}/chat/completions"


def upstream(**keys):
    """The `[llm.*]` tables with one upstream, which has further keys."""
    return {"llm": {"up": {"provider": "openai", "base_url": BASE_URL, "token_env": "UP_KEY", **keys}}}


def completion(text="hi", **members):
    """A whole chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    return {"id": "c1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage, **members}


def sse(*events):
    """A stream's body: dicts as JSON, texts as they are."""
    return b"".join(b"data: " + (e if isinstance(e, str) else json.dumps(e)).encode() + b"\n\n" for e in events)


def chunk(delta, reason=None):
    """A chunk of a streamed one."""
    return {"id": "c1", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


STREAM = sse(
    chunk({"role": "assistant", "content": "one "}),
    chunk({"content": "two"}),
    chunk({}, "stop"),
    {"id": "c1", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}},
    "[DONE]",
)


def http(body, status="200 OK", content_type="application/json", **headers):
    """An answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class ScriptedServer:
    """A real upstream: answers each connection's requests with the next script, bytes, pauses in seconds, and
    functions to call.

    The last script serves all further requests. A script that ends closes the connection.
    """

    def __init__(self):
        self.scripts = []
        self.requests = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def answers(self, *steps):
        self.scripts.append(steps)
        return self

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            connection.settimeout(10)
            stream = connection.makefile("rb")
            request_line = stream.readline()
            if not request_line:
                return
            headers = {}
            while line := stream.readline().strip():
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            body = stream.read(int(headers.get("content-length", 0)))
            self.requests.append({"line": request_line.decode().strip(), "headers": headers, "body": body})
            script = self.scripts[min(len(self.requests), len(self.scripts)) - 1]
            try:
                for step in script:
                    if isinstance(step, bytes):
                        connection.sendall(step)
                    elif callable(step):
                        step()
                    else:
                        time.sleep(step)
            except OSError:
                return
