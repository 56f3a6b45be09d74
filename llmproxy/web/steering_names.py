"""The names by which requests to other gateways say where they go and with whose credentials. Here they say nothing:
each is refused, so that nobody takes a request for sent where it was not.
"""

MEMBERS = {
    "base_url": "LiteLLM's, and OpenAI's SDKs': the upstream's address (CVE-2024-6587: it was sent the gateway's key).",
    "baseURL": "The same in the SDKs for JavaScript.",
    "baseUrl": "The same, as LangChain for JavaScript spells it.",
    "api_base": "LiteLLM's: the upstream's address (CVE-2024-6587).",
    "api_url": "The upstream's address in one-api, new-api and many scripts.",
    "api_host": "The same in editors and chat programs.",
    "custom_host": "Portkey's configuration: the upstream's address (CVE-2025-66405).",
    "customHost": "The same in Portkey's SDK for JavaScript.",
    "api_key": "LiteLLM's: the credentials to use in place of the gateway's own (BerriAI/litellm issue 36794).",
    "apiKey": "The same in the SDKs for JavaScript.",
    "authorization": "A credential for the upstream, as Portkey's SDK passes one.",
    "virtual_key": "Portkey's configuration: stored credentials by name.",
    "virtualKey": "The same in Portkey's SDK for JavaScript.",
    "direct_key": "Bifrost's: credentials of the caller's in place of the gateway's own.",
    "extra_headers": "LiteLLM's: headers for the upstream, its credentials among them.",
    "default_headers": "The same, as OpenAI's SDKs call them.",
    "user_config": "LiteLLM's: a whole configuration in one request, addresses and credentials included.",
    "model_list": "LiteLLM's: targets of a request of its own, addresses and credentials included.",
    "litellm_params": "LiteLLM's: one target with its address and credentials.",
    "litellm_credential_name": "LiteLLM's: stored credentials by name.",
    "litellm_embedding_config": "LiteLLM's: a nested table with an address in it.",
    "custom_llm_provider": "LiteLLM's: which provider's code handles the request.",
    "deployment_url": "LiteLLM's: an address for SAP.",
    "s3_endpoint_url": "LiteLLM's: an address for Bedrock's files.",
    "sagemaker_base_url": "LiteLLM's: an address for SageMaker.",
    "aws_bedrock_runtime_endpoint": "LiteLLM's: an address for Bedrock.",
    "aws_sts_endpoint": "LiteLLM's: an address that is asked for AWS credentials.",
    "aws_role_name": "LiteLLM's: a role to take on at AWS.",
    "aws_web_identity_token": "LiteLLM's: a file or an address with a token for AWS.",
    "aws_profile_name": "LiteLLM's: whose AWS credentials of the machine's are used.",
    "aws_access_key_id": "LiteLLM's: AWS credentials.",
    "aws_secret_access_key": "LiteLLM's: AWS credentials.",
    "aws_session_token": "LiteLLM's: AWS credentials.",
    "aws_region_name": "LiteLLM's: a part of an address at AWS.",
    "azure_endpoint": "OpenAI's SDK's for Azure: the upstream's address.",
    "azure_ad_token": "OpenAI's SDK's for Azure: credentials.",
    "vertex_credentials": "LiteLLM's: a service account, which says itself where its tokens come from.",
    "vertex_project": "LiteLLM's: whose Google account pays.",
    "vertex_location": "LiteLLM's: a part of an address at Google.",
}
"""Members of a body, of its `metadata` and `extra_body`, and of a query; and headers, with or without `x-`."""

MEMBERS_OF_THE_BODY = {
    "endpoint": "LiteLLM's, and Bifrost's: the upstream's address.",
    "host": "Ollama's SDK's: the upstream's address.",
    "url": "The upstream's address in many scripts.",
    "proxy": "A proxy on the way to the upstream.",
    "headers": "LiteLLM's: headers for the upstream, its credentials among them.",
    "organization": "LiteLLM's: whose OpenAI account pays.",
    "api_version": "LiteLLM's: which API of Azure's is called.",
    "api_type": "OpenAI's SDK's before 1.0: which vendor is called.",
}
"""Words that other things are called as well: refused in a body and in its `extra_body`, and nowhere else. A tag in
`metadata` may be a host, an upstream's own API that is passed through may have an endpoint."""

HEADERS = {
    "x-portkey-custom-host": "Portkey's: the upstream's address (CVE-2025-66405).",
    "x-portkey-config": "Portkey's: a whole configuration, addresses and credentials included.",
    "x-portkey-provider": "Portkey's: which provider is called.",
    "x-portkey-virtual-key": "Portkey's: stored credentials by name.",
    "x-portkey-api-key": "Portkey's: whose configurations may be named.",
    "x-portkey-forward-headers": "Portkey's: which headers go on to the upstream.",
    "x-portkey-azure-resource-name": "Portkey's: a part of an address at Azure.",
    "helicone-target-url": "Helicone's: the upstream's address.",
    "helicone-openai-api-base": "Helicone's: the upstream's address.",
    "x-bf-api-key": "Bifrost's: stored credentials by name.",
    "x-bf-api-key-id": "Bifrost's: stored credentials by number.",
    "x-bf-direct-key": "Bifrost's: credentials of the caller's in place of the gateway's own.",
    "x-llmproxy-base-url": "What ours would be called, if there were one.",
    "x-llmproxy-api-base": "The same.",
    "x-llmproxy-config": "The same.",
    "x-llmproxy-host": "The same.",
    "x-llmproxy-custom-host": "The same.",
    "x-llmproxy-endpoint": "The same.",
    "x-llmproxy-proxy": "The same.",
    "x-llmproxy-api-key": "The same.",
    "x-llmproxy-provider": "The same.",
    "x-llmproxy-target": "The same.",
    "x-llmproxy-upstream": "The same.",
    "x-target-url": "The upstream's address in reverse proxies that let their callers choose.",
    "x-target-host": "The same.",
    "x-upstream-url": "The same.",
    "x-upstream-host": "The same.",
    "x-endpoint": "The same.",
    "x-proxy": "A proxy on the way to the upstream.",
}
"""Headers, and members of that name wherever those of `MEMBERS` are looked for."""

QUERY = {
    "key": "Google's: the caller's key; a URL is in every log on its way.",
    "apikey": "A key under another vendor's name for it.",
    "x_api_key": "Anthropic's header, put into a URL.",
    "x_goog_api_key": "Google's header, put into a URL.",
    "access_token": "OAuth's (RFC 6750, section 2.3, which advises against it).",
}
"""Keys in a URL, besides those of `MEMBERS`; hyphens count as underscores."""

KEY_HEADERS = frozenset({"api-key", "x-api-key", "authorization", "x-authorization"})
"""How clients send their key: these names are no member's, whatever `MEMBERS` says."""
