"""A start imports only what the service uses; what else connexion imports is there when it is called."""

import json
import subprocess
import sys

import pytest

from handlers.spared import SPARED
from tests.apparatus.server import ROOT


def in_a_new_process(program: str) -> str:
    """Run a program, and return what it prints."""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_application_is_loaded_without_the_libraries_that_it_does_not_use() -> None:
    loaded = json.loads(in_a_new_process("import json, sys, handlers.app; print(json.dumps(list(sys.modules)))"))
    assert "connexion.json_schema" in loaded
    assert not {"requests", "httpx", "starlette.testclient"} & set(loaded)


@pytest.mark.parametrize("name", SPARED)
def test_connexion_still_imports_each_of_them(name: str) -> None:
    """Where it does not any more, the name can go from the list."""
    program = f"import sys, connexion; print({name!r} in sys.modules)"
    assert in_a_new_process(f"import warnings; warnings.simplefilter('ignore'); {program}") == "True\n"


@pytest.mark.parametrize(
    ("use", "error"),
    [
        ("connexion.json_schema.URLHandler()('http://127.0.0.1:1/')", "requests.exceptions.ConnectionError"),
        ("connexion.security.httpx.AsyncClient(timeout='x', base_url=7)", "TypeError"),
        ("app.test_client()", "None"),
    ],
    ids=["a contract from a URL", "a client for tokens", "the test client"],
)
def test_what_connexion_does_with_them_still_works(use: str, error: str) -> None:
    program = f"""
import warnings
import connexion.security
import handlers.app
app = connexion.AsyncApp("x")
warnings.simplefilter("ignore")
try:
    {use}
except Exception as error:
    print(type(error).__module__ + "." + type(error).__name__)
else:
    print(None)
"""
    assert in_a_new_process("import handlers.spared\n" + program).strip().endswith(error)
