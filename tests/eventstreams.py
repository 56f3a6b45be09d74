"""Writes Amazon's event streams, as an upstream would."""

import base64
import json
import struct
import zlib


def message(type, payload=None, kind="event", **headers):
    """One message; a payload that is not bytes is written as JSON."""
    payload = payload if isinstance(payload, bytes) else json.dumps(payload or {}).encode()
    name = {"event": ":event-type", "exception": ":exception-type", "error": ":error-code"}[kind]
    return framed({":message-type": kind, name: type, ":content-type": "application/json", **headers}, payload)


def framed(headers, payload=b""):
    """One message with these headers: texts, or the bytes of a header after its name, type included."""
    block = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    head = prelude + struct.pack(">I", zlib.crc32(prelude)) + block + payload
    return head + struct.pack(">I", zlib.crc32(head))


def chunk(event):
    """One message of an Invoke stream, which holds an event of the model's own."""
    return message("chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode(), "p": "abc"})


def _header(name, value):
    if isinstance(value, str):
        value = b"\7" + struct.pack(">H", len(value.encode())) + value.encode()
    return bytes([len(name)]) + name.encode() + value
