"""Certificates for upstreams that serve TLS, made by openssl."""

import ssl
import subprocess

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]


class Certificates:
    """An authority, and certificates by name: `good`, `wrong_host`, and `self_signed`, which it has not signed."""

    def __init__(self, folder):
        self._folder = folder
        self.authority = self._make("authority", "/CN=authority", "basicConstraints=critical,CA:TRUE")
        signed = ["-CA", self.authority, "-CAkey", folder / "authority.key"]
        self._make("good", "/CN=good", "subjectAltName=IP:127.0.0.1", *signed)
        self._make("wrong_host", "/CN=other", "subjectAltName=DNS:other.example", *signed)
        self._make("self_signed", "/CN=self", "subjectAltName=IP:127.0.0.1")

    def context(self, name):
        """What serves TLS with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        return context

    def _make(self, name, subject, extension, *signed):
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        command = ["openssl", "req", "-x509", *KEY, "-subj", subject, "-addext", extension, *signed]
        subprocess.run([*command, "-out", certificate, "-keyout", key], check=True, capture_output=True)
        return certificate
