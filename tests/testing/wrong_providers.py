"""For each promise of the contract a provider that breaks it, and no other: one bug each.

They speak OpenAI's chat. What is right about them is `Right`.
"""

import contextlib
import copy
import json
import logging
import socket
import threading
import time
from dataclasses import replace
from types import MappingProxyType

import requests
from marshmallow import INCLUDE, Schema

from llmproxy.core import sse
from llmproxy.core.answer import Answer, End
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ProviderError, ProviderRejected
from llmproxy.core.response import ResponseStream
from llmproxy.core.signs import Signs
from llmproxy.core.sse import PAUSE, Event
from llmproxy.dialects.openai_chat import OpenAIChatProvider
from llmproxy.providers.base import Provider

WRONG = {}
"""By the promise that is broken."""

FINISH = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


class Right(Provider):
    """Keeps every promise."""

    endpoints = MappingProxyType({"openai.chat": "/chat/completions"})
    default_base_url = "https://right.example/v1"

    def token(self):
        return self.token_provider.get_token()


def breaks(promise):
    def note(found):
        WRONG[promise] = found
        return found

    return note


def speaking(dialect_class):
    """A provider that is right but for its dialect."""
    return type("Wrong", (Right,), {"dialect": lambda self, name: dialect_class()})


# The token


@breaks("sends_its_token_where_it_belongs")
class SendsTheTokenTwice(Right):
    def headers(self, call):
        return {**super().headers(call), "X-Copy": self.token()}


@breaks("shows_its_token_in_no_repr")
class ShowsTheTokenInItsRepr(Right):
    def __repr__(self):
        return f"<Wrong {self.token()}>"


@breaks("shows_its_token_in_no_error")
class ShowsTheTokenInAnError(Right):
    def error_from(self, call, reply):
        error = super().error_from(call, reply)
        error.headers = {"x-tried-with": self.token()}
        return error


@breaks("shows_its_token_in_no_log")
class LogsTheToken(Right):
    def prepare(self, call):
        logging.getLogger("wrong").debug("asking with %s", self.token())
        return super().prepare(call)


@breaks("contacts_no_other_host")
class TellsSomebodyElse(Right):
    def prepare(self, call):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), timeout=1).close()
        return super().prepare(call)


@breaks("follows_no_redirect")
class FollowsRedirects(Right):
    def _check_status(self, call, reply):
        if reply.headers.get("location", "").startswith("http://127"):
            requests.post(reply.headers["location"], json=dict(call.body), timeout=5).close()
        super()._check_status(call, reply)


# The question


class Rewrites(Right):
    """Makes another body of what is asked."""

    def payload(self, call):
        return self.rewritten(copy.deepcopy(dict(call.body)))


@breaks("sends_what_is_asked")
class AsksAnotherModel(Rewrites):
    def rewritten(self, body):
        return {**body, "model": "another-model"}


@breaks("sends_the_expected_body")
class AddsSomething(Rewrites):
    def rewritten(self, body):
        return {**body, "added": True}


@breaks("sends_its_configured_headers")
class ForgetsHeaders(Right):
    def headers(self, call):
        return {name: value for name, value in super().headers(call).items() if name != "x-team"}


@breaks("carries_the_system_prompt")
class DropsTheSystemPrompt(Rewrites):
    def rewritten(self, body):
        return {**body, "messages": [each for each in body["messages"] if each["role"] != "system"]}


@breaks("carries_every_turn")
class DropsTurns(Rewrites):
    def rewritten(self, body):
        kept = [each for each in body["messages"] if each["role"] != "assistant" or "tool_calls" in each]
        return {**body, "messages": kept}


@breaks("carries_images")
class DropsImages(Rewrites):
    def rewritten(self, body):
        for message in body["messages"]:
            if isinstance(message["content"], list):
                message["content"] = [part for part in message["content"] if part["type"] == "text"]
        return body


@breaks("carries_tools")
class DropsTools(Rewrites):
    def rewritten(self, body):
        return {name: value for name, value in body.items() if name != "tools"}


@breaks("carries_what_tools_answered")
class DropsWhatToolsAnswered(Rewrites):
    def rewritten(self, body):
        return {**body, "messages": [each for each in body["messages"] if each["role"] != "tool"]}


@breaks("leaves_the_request_as_it_was")
class ChangesTheRequest(Right):
    def payload(self, call):
        call.body["seen"] = True
        return call.body


# The answer


class SimplifiedSpaces(OpenAIChatProvider):
    def read_answer(self, body):
        return super().read_answer(json.loads(json.dumps(body).replace("\\u2028", " ")))


class OtherReason(OpenAIChatProvider):
    def reader(self):
        read = super().reader()
        return lambda event: [replace(each, reason="length") if isinstance(each, End) else each for each in read(event)]


class TwoEnds(OpenAIChatProvider):
    def reader(self):
        read = super().reader()
        return lambda event: [
            delta for each in read(event) for delta in ([each, each] if isinstance(each, End) else [each])
        ]


class CountsTwice(OpenAIChatProvider):
    def signs(self, event, whole):
        signs = super().signs(event, whole)
        usage = signs.usage
        return signs._replace(usage=replace(usage, input=2 * usage.input, output=2 * usage.output)) if usage else signs


class LoudTools(OpenAIChatProvider):
    def read_answer(self, body):
        return super().read_answer(json.loads(json.dumps(body).replace('"look_up"', '"LOOK_UP"')))


WRONG["says_what_the_upstream_said"] = speaking(SimplifiedSpaces)
WRONG["streams_what_it_says_whole"] = speaking(OtherReason)
WRONG["ends_each_answer_once"] = speaking(TwoEnds)
WRONG["counts_usage_once"] = speaking(CountsTwice)
WRONG["hands_tool_calls_on"] = speaking(LoudTools)


@breaks("answers_every_client_dialect")
class DislikesOllama(Right):
    def execute(self, request):
        if request.dialect == "ollama.chat":
            raise ProviderError
        return super().execute(request)


# Failures


class Misjudges(Right):
    """Takes one status for something else."""

    def error_from(self, call, reply):
        return self.wrong() if reply.status == self.status else super().error_from(call, reply)


@breaks("passes_on_what_the_client_did_wrong")
class BlamesTheUpstream(Misjudges):
    status, wrong = 422, ProviderError


@breaks("keeps_trouble_with_its_token_to_itself")
class BlamesTheClient(Misjudges):
    status = 403

    def wrong(self):
        return ProviderRejected(status=403)


@breaks("tells_rate_limit_from_overload")
class DoesNotKnow529(Misjudges):
    status, wrong = 529, ProviderError


@breaks("tells_failures_from_timeouts")
class DoesNotKnow408(Misjudges):
    status, wrong = 408, ProviderError


@breaks("keeps_retry_after")
class ForgetsRetryAfter(Right):
    def error_from(self, call, reply):
        error = super().error_from(call, reply)
        error.retry_after = None
        return error


@breaks("takes_nothing_else_for_an_answer")
class TakesPagesForAnswers(Right):
    def execute(self, request):
        try:
            return super().execute(request)
        except ProviderError as error:
            if "text/html" not in (error.detail or ""):
                raise
            return ResponseStream.say(Answer.of("please log in"), request)


class DeafToErrors(OpenAIChatProvider):
    def signs(self, event, whole):
        signs = super().signs(event, whole)
        return Signs(finished=True, terminal=True) if signs.error and not whole else signs

    def reader(self):
        read = super().reader()
        return lambda event: [End("stop")] if b'"error"' in event.data else read(event)


WRONG["hears_an_error_in_a_stream"] = speaking(DeafToErrors)


# Deadlines


def patient(phase):
    """A provider for which one of its deadlines is another one."""

    def init(self, config=None, **providers):
        timeouts = replace(config.timeouts, **{phase: 3 if phase == "connect_secs" else 90})
        Right.__init__(self, replace(config, timeouts=timeouts), **providers)

    return type("Wrong", (Right,), {"__init__": init})


for _phase in ("connect", "first_event", "idle", "progress", "total"):
    WRONG[f"keeps_the_{_phase}_deadline"] = patient(f"{_phase}_secs")


# Framing


@breaks("notices_a_whole_answer_that_is_cut")
class TakesHalvesForWholes(Right):
    def execute(self, request):
        try:
            return super().execute(request)
        except ProviderError as error:
            if error.code != "upstream_truncated":
                raise
            return ResponseStream.say(Answer.of("as far as it came"), request)


def the_end():
    yield Event.of_json(FINISH)
    yield Event.of(b"[DONE]")


class EndsWhereItIsCut(OpenAIChatProvider):
    def decode(self, chunks):
        try:
            yield from super().decode(chunks)
        except ProviderError as error:
            if error.code != "upstream_reset":
                raise
            yield from the_end()


class EndsWhereNothingMoreComes(OpenAIChatProvider):
    def decode(self, chunks):
        yield from super().decode(chunks)
        yield from the_end()


class DecodesPieceByPiece(OpenAIChatProvider):
    def decode(self, chunks):
        return super().decode(
            each if each is PAUSE else each.decode("utf-8", "replace").encode("utf-8") for each in chunks
        )


class DislikesCRLF(OpenAIChatProvider):
    def decode(self, chunks):
        for event in super().decode(chunks):
            if event is not PAUSE and b"\r" in event.raw:
                raise ProviderError(code="upstream_bad_response")
            yield event


class TakesBlocksForComments(OpenAIChatProvider):
    def decode(self, chunks):
        return (event for event in super().decode(chunks) if event is PAUSE or not event.raw.startswith(b":"))


class ShortLines(OpenAIChatProvider):
    def decode(self, chunks):
        return sse.decode(chunks, limit=64 * 1024)


WRONG["notices_a_stream_that_is_cut"] = speaking(EndsWhereItIsCut)
WRONG["notices_a_stream_without_its_end"] = speaking(EndsWhereNothingMoreComes)
WRONG["reads_characters_split_at_every_byte"] = speaking(DecodesPieceByPiece)
WRONG["reads_lines_that_end_with_crlf"] = speaking(DislikesCRLF)
WRONG["passes_over_comments"] = speaking(TakesBlocksForComments)
WRONG["reads_a_line_of_a_megabyte"] = speaking(ShortLines)


# Many requests


@breaks("lets_the_upstream_go_when_its_client_leaves")
class DoesNotHearTheClientLeave(Right):
    def __init__(self, config=None, **providers):
        super().__init__(config, **providers)
        send = self._transport.send
        self._transport.send = lambda request, context: send(request, RequestContext(attempts=context.attempts))


LEAKED = []


@breaks("lets_the_upstream_go_when_its_answer_is_closed")
class KeepsItsUpstream(Right):
    def execute(self, request):
        answer = super().execute(request)
        if not request.stream:
            return answer
        LEAKED.append(answer)
        return ResponseStream.say(self.told(answer), request)

    def told(self, answer):
        try:
            yield from answer.deltas()
        except ProviderError:
            answer.close()
            raise


@breaks("leaves_no_thread_behind")
class LeavesAThread(Right):
    def __init__(self, config=None, **providers):
        super().__init__(config, **providers)
        threading.Thread(target=time.sleep, args=(2,), daemon=True, name="left-behind").start()


@breaks("serves_on_after_failures")
class NeverForgives(Right):
    failed = False

    def error_from(self, call, reply):
        self.failed = self.failed or reply.status == 500
        return super().error_from(call, reply)

    def execute(self, request):
        if self.failed:
            raise ProviderError
        return super().execute(request)


@breaks("keeps_requests_apart")
class KeepsTheBody(Right):
    def payload(self, call):
        self.body = call.body
        time.sleep(0.001)
        return self.body


@breaks("refuses_unknown_options")
class TakesAnyOption(Right):
    options_schema = type("AnyOptions", (Schema,), {"Meta": type("Meta", (), {"unknown": INCLUDE})})
