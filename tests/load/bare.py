"""The yardstick: the plainest proxy view one would write, one `requests` call with nothing around it."""

import os

import requests
from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.get("/livez")
def livez() -> str:
    return "ok"


@app.post("/v1/chat/completions")
def chat() -> Response | tuple[Response, int]:
    body = request.get_json()
    streaming = bool(body.get("stream"))
    answer = requests.post(os.environ["UPSTREAM"] + "/chat/completions", json=body, stream=streaming, timeout=600)
    if streaming:
        lines = (line + b"\n" for line in answer.iter_lines())
        return Response(lines, answer.status_code, content_type="text/event-stream")
    return jsonify(answer.json()), answer.status_code
