"""The health of a stack is checked with the certificates that boto3 uses."""

import ssl
from pathlib import Path

import pytest
from botocore.httpsession import get_cert_path

from cfn.stack.health import tls_context


def _certificates() -> list[str]:
    end = "-----END CERTIFICATE-----"
    return [part + end for part in Path(str(get_cert_path(verify=True))).read_text().split(end) if "BEGIN" in part]


def test_the_certificates_are_those_that_come_with_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    context = tls_context()
    assert len(context.get_ca_certs()) == len(_certificates())
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_a_bundle_that_is_set_for_boto3_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(_certificates()[0])
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    assert len(tls_context().get_ca_certs()) == 1
