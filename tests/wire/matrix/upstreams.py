"""The upstream of each provider dialect: its `[llm.*]` table, and the recordings that it plays."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recordings:
    """What is played, whole and streamed, for each feature; `made-...` is what nobody recorded (`matrix.made`).

    Attributes:
        answer: To a tool's result.
        before: An error in the place of an answer.
        status: What becomes of that.
        inside: An error within a stream; a whole body is cut instead.
    """

    text: tuple[str, str]
    tool: tuple[str, str]
    answer: tuple[str, str]
    parallel: tuple[str, str]
    before: tuple[str, str]
    inside: str
    status: tuple[int, int] = (400, 400)


RECORDINGS = {
    "openai.chat": Recordings(
        text=("openai-b5d52d12d5", "openai-f94d28bf57"),
        tool=("openai-8884990440", "openai-e91ac62679"),
        answer=("openai-275062087d", "openai-c5fc27e375"),
        parallel=("made-openai-parallel", "openai-2ea866424d"),
        before=("openai-431b621629", "openai-431b621629"),
        inside="groq-e177c6992d",
    ),
    "openai.responses": Recordings(
        text=("openai-2031dbb852", "openai-f7f9b3d23d"),
        tool=("openai-e5938c67ab", "openai-ad08034e26"),
        answer=("openai-411b170c5e", "openai-119c87f29c"),
        parallel=("made-responses-parallel", "made-responses-parallel-stream"),
        before=("openai-12d53bf070", "openai-12d53bf070"),
        inside="openai-e77acf7bc3",
    ),
    "anthropic.messages": Recordings(
        text=("anthropic-438af1d112", "anthropic-1d2d287036"),
        tool=("anthropic-bb9c75a270", "anthropic-c769a10a63"),
        answer=("anthropic-3525e7c967", "anthropic-1830b937c5"),
        parallel=("anthropic-26ecadc9d6", "anthropic-7f75d9f8df"),
        before=("anthropic-50795a588c", "anthropic-50795a588c"),
        inside="made-anthropic-error",
    ),
    "gemini.generate": Recordings(
        text=("gemini-ab6bfbdb5a", "gemini-4d2107f825"),
        tool=("gemini-1a750e0d31", "gemini-81be40f47b"),
        answer=("gemini-1048e8af1e", "gemini-124b1463c6"),
        parallel=("made-gemini-parallel", "gemini-92480795f9"),
        before=("gemini-370dacfbd3", "gemini-370dacfbd3"),
        inside="made-gemini-error",
        status=(429, 429),
    ),
    "bedrock.converse": Recordings(
        text=("bedrock-aef498ced9", "bedrock-e5ada2dd0f"),
        tool=("bedrock-0428a0e981", "bedrock-9edc327ca0"),
        answer=("bedrock-f1ff310676", "bedrock-eddd278f13"),
        parallel=("bedrock-3d7c23913b", "bedrock-7e6371a88a"),
        before=("bedrock-9bb168735d", "bedrock-877c841787"),
        inside="made-bedrock-error",
        status=(400, 404),  # the second says that there is no such model
    ),
    "ollama.chat": Recordings(
        text=("ollama-516e2d72c3", "ollama-67c4acebbd"),
        tool=("ollama-11fcf63821", "made-ollama-tool-stream"),
        answer=("ollama-516e2d72c3", "ollama-e13cc6273e"),
        parallel=("made-ollama-parallel", "made-ollama-parallel-stream"),
        before=("made-ollama-error", "made-ollama-error"),
        inside="made-ollama-error-inside",
    ),
    "cohere.chat": Recordings(
        text=("cohere-ae6b009ef4", "cohere-32895c7ebd"),
        tool=("cohere-1a5eb6ab1e", "cohere-135798f266"),
        answer=("cohere-7e86300571", "cohere-e49919feea"),
        parallel=("cohere-103a19fafd", "cohere-821100065f"),
        before=("cohere-a8cc4038ef", "cohere-a8cc4038ef"),
        inside="made-cohere-error",
        status=(502, 502),
    ),
}

# Keys of each `[llm.*]` besides its token; `{url}` is the replaying server.
LLMS = {
    "openai.chat": {"provider": "openai", "base_url": "{url}/v1", "dialects": ["chat"]},
    "openai.responses": {"provider": "openai", "base_url": "{url}/v1", "dialects": ["responses"]},
    "anthropic.messages": {"provider": "anthropic", "base_url": "{url}/v1"},
    "gemini.generate": {"provider": "gemini", "base_url": "{url}/v1beta"},
    "bedrock.converse": {"provider": "bedrock", "base_url": "{url}", "region": "us-east-1"},
    "ollama.chat": {"provider": "ollama", "base_url": "{url}"},
    "cohere.chat": {"provider": "cohere", "base_url": "{url}/v2"},
}

# Bedrock signs its requests; these are the documents' own example credentials.
ENVIRONMENT = {
    "UP_KEY": "up-token",
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def configuration(url, spoken):
    """The TOML of a proxy with an llm for each of these provider dialects."""
    yield "[server]\nauth = 'none'"
    for dialect in spoken:
        yield f"[llm.{llm_of(dialect)}]\nmax_retries = 0\nreuse_connections = false"
        for name, value in LLMS[dialect].items():
            yield f"{name} = {value.format(url=url)!r}" if isinstance(value, str) else f"{name} = {value!r}"
        if dialect != "bedrock.converse":
            yield "token_env = 'UP_KEY'"


def llm_of(dialect):
    return dialect.replace(".", "_")
