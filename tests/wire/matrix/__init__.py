"""Every client dialect to every provider dialect, by the vendors' own SDKs, a running proxy and recorded upstreams."""
