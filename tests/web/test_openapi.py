"""The server does what its OpenAPI document says, whatever is sent: schemathesis makes up the requests."""

import subprocess
import sys

import pytest

from support.server import serving


@pytest.mark.timeout(3600)
def test_schemathesis_finds_no_failure(models, tmp_path):
    """All its checks but one: no schema can say which bytes are a picture, so valid data may well be refused."""
    import schemathesis  # noqa: F401 - as a process

    with serving(*models, "--token", "open-sesame") as server:
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"),
            *("--header", "Authorization: Bearer open-sesame"),
            *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
            *("--max-examples", "3", "--seed", "1", "--no-color", "--generation-database", "none"),
            *("--request-timeout", "300"),
        ]
        result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=3000)
        assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
        assert server.process.poll() is None
        assert "Traceback" not in server.errors
