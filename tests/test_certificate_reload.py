"""A renewed certificate is served after SIGHUP, without a restart; one that can't be used never replaces one that can."""

import os
import shutil
import signal
import smtplib
import ssl
from pathlib import Path

import pytest
from gateway_process import GatewayProcess, settings, wait_until
from smtp_sink import ThreadedSink

DATA = Path(__file__).parent / "data" / "smtp"


@pytest.fixture
def pair(tmp_path):
    """Certificate and key as the settings name them, put there by `put`."""

    class Pair:
        cert, key = tmp_path / "gw.pem", tmp_path / "gw.key"

        def put(self, name):
            shutil.copy(DATA / f"cert-{name}.pem", self.cert)
            shutil.copy(DATA / f"key-{name}.pem", self.key)
            return ssl.PEM_cert_to_DER_cert(self.cert.read_text())

    return Pair()


def served(gateway):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP("127.0.0.1", gateway.port, local_hostname="client.example", timeout=60) as client:
        client.starttls(context=context)
        client.ehlo()
        return client.sock.getpeercert(binary_form=True)


def test_sighup_renews_the_certificate(tmp_path, pair):
    one = pair.put("one")
    with ThreadedSink() as sink:
        config = settings(tmp_path, sink.port)
        config.write_text(config.read_text().replace("[listen]", f'[listen]\ntls_cert = "{pair.cert}"\ntls_key = "{pair.key}"'))
        with GatewayProcess(config) as gateway:
            assert served(gateway) == one
            two = pair.put("two")
            assert two != one
            assert served(gateway) == one
            gateway._process.send_signal(signal.SIGHUP)
            wait_until(lambda: served(gateway) == two)

            pair.cert.write_text("no certificate\n")
            os.kill(gateway._process.pid, signal.SIGHUP)
            wait_until(lambda: any("the certificate was not reloaded, the old one stays in use" in line for line in gateway.lines))
            assert served(gateway) == two
