"""./dev as a newcomer meets it: a shop from an empty folder, a second one beside it, a clean end.

Everything happens through the command line, signals, files and HTTP. The program is built already
when these tests run, so that `./dev run` has nothing to build.
"""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERBS = ("setup", "run", "test", "bench", "sim", "chaos", "inspect", "lint", "fmt", "clean")
PATIENCE_S = 240


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def clean_environment(**extra):
    """What a newcomer's shell has: none of the variables that the node would take."""
    kept = {k: os.environ[k] for k in ("PATH", "HOME", "LANG", "CCACHE_DIR") if k in os.environ}
    return {**kept, **extra}


def dev(*arguments, **environment):
    """Runs ./dev to its end; its status, output and errors."""
    return subprocess.run([ROOT / "dev", *arguments], cwd="/", env=clean_environment(**environment),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)


def processes_naming(text):
    """Command lines of living processes that mention `text`."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            found.append(line)
    return found


class Shop:
    """A `./dev run` in the foreground of nobody's terminal, with its output."""

    def __init__(self, data, *arguments, port=None, **environment):
        self.data, self.port, self.output = data, port or free_port(), ""
        command = [ROOT / "dev", "run", "--port", str(self.port), "--data", str(data), *arguments]
        # A group of its own, so that an interrupt reaches it as Ctrl-C in a terminal would.
        self.process = subprocess.Popen(command, cwd="/", env=clean_environment(**environment),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True,
                                        start_new_session=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.output += line

    def wait_for(self, text):
        until = time.monotonic() + PATIENCE_S
        while text not in self.output:
            assert self.process.poll() is None and time.monotonic() < until, self.output
            time.sleep(0.05)
        return self

    def ready(self):
        return self.wait_for("stop      Ctrl-C")

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body and json.dumps(body),
                           {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")

    def interrupt(self):
        """Ctrl-C: the signal goes to everything in the foreground."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.end()

    def end(self):
        status = self.process.wait(PATIENCE_S)
        self.reader.join(PATIENCE_S)
        return status


@pytest.fixture
def folder():
    # Not pytest's own: the database's account has to be able to enter.
    path = pathlib.Path(tempfile.mkdtemp(prefix="tiketi-dev."))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def start(folder):
    """Starts shops, and ends those that a failed test leaves."""
    started = []

    def begin(name, *arguments, **more):
        started.append(Shop(folder / name, *arguments, **more))
        return started[-1]

    yield begin
    for shop in started:
        if shop.process.poll() is None:
            shop.interrupt()


def log_in(shop, email, password):
    return shop.ask("POST", "/api/auth/login", {"email": email, "password": password})


def printed_admin(shop):
    found = re.search(r"admin +(\S+), password (\w+)$", shop.output, re.M)
    assert found, shop.output
    return found[1], found[2]


def test_an_empty_folder_becomes_a_shop_with_the_seed(start):
    shop = start("a").ready()
    status, listed = shop.ask("GET", "/api/events")
    assert status == 200 and listed["events"]
    assert f"http://localhost:{shop.port}" in shop.output
    status, admin = log_in(shop, *printed_admin(shop))
    assert status == 200 and admin["user"]["role"] == "admin"


def test_secrets_are_made_once_and_are_nobody_elses(start):
    shop = start("a").ready()
    admin = printed_admin(shop)
    secrets = {p.name: p.read_text() for p in (shop.data / "secrets").iterdir()}
    assert {"JWT_SECRET", "QUEUE_ENTRY_TOKEN_SECRET", "TIKETI_ADMIN_PASSWORD"} <= set(secrets)
    for path in (shop.data / "secrets").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert shop.interrupt() == 130
    again = start("a").ready()
    assert secrets == {p.name: p.read_text() for p in (shop.data / "secrets").iterdir()}
    assert admin[1] not in again.output, "a password that was said once is not said again"
    assert log_in(again, *admin)[0] == 200


def test_operators_may_ask_it_and_need_to_set_nothing_up(start):
    shop = start("a").ready()
    assert "./dev inspect nodes" in shop.output
    looked = dev("inspect", "nodes", "--json")
    assert looked.returncode == 0, looked
    memory = json.loads(looked.stdout.splitlines()[-1])["parts"][0]["data"]
    assert memory["state"] == "deciding" and memory["shards"] == 128
    braked = dev("inspect", "brake", "all", "--reason", "Trying it")
    assert braked.returncode == 0 and "Trying it" in braked.stdout, braked


def test_without_a_port_for_operators_there_is_no_listener(start):
    shop = start("a", OPERATOR_PORT="").ready()
    assert "./dev inspect nodes" not in shop.output
    assert not (shop.data / "secrets" / "operator-token").exists()


def test_interrupt_ends_everything_that_was_started(start, folder):
    shop = start("a").ready()
    assert processes_naming(str(folder)), "PostgreSQL names its folder"
    assert shop.interrupt() == 130
    assert not processes_naming(str(folder))
    with socket.socket() as s:
        assert s.connect_ex(("127.0.0.1", shop.port)) != 0


def test_two_shops_run_side_by_side_and_share_nothing(start):
    one, two = start("one").ready(), start("two").ready()
    person = {"email": "only@one.example", "password": "Test1234!", "name": "One"}
    assert one.ask("POST", "/api/auth/register", person)[0] == 201
    assert log_in(one, person["email"], person["password"])[0] == 200
    assert log_in(two, person["email"], person["password"])[0] == 401


def test_fresh_throws_the_database_away_and_keeps_the_secrets(start):
    shop = start("a").ready()
    person = {"email": "gone@example.com", "password": "Test1234!", "name": "Gone"}
    assert shop.ask("POST", "/api/auth/register", person)[0] == 201
    admin = printed_admin(shop)
    assert shop.interrupt() == 130
    anew = start("a", "--fresh").ready()
    assert log_in(anew, person["email"], person["password"])[0] == 401
    assert log_in(anew, *admin)[0] == 200


def test_a_second_run_of_one_folder_is_refused(start):
    shop = start("a").ready()
    second = dev("run", "--data", str(shop.data), "--port", str(free_port()))
    assert second.returncode == 1 and "another ./dev run uses" in second.stderr


def test_a_taken_port_is_said_in_one_line(folder):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        done = dev("run", "--data", str(folder / "a"), "--port", str(port))
    assert done.returncode == 1
    assert done.stderr.strip() == f"./dev: port {port} is taken; choose another one with --port"


def test_what_the_node_refuses_ends_the_run_and_names_the_variable(start):
    shop = start("a", JWT_SECRET="short")
    assert shop.end() == 1
    assert "JWT_SECRET" in shop.output, shop.output


def test_settings_of_the_node_are_taken_from_the_environment(start):
    shop = start("a", MAX_SEATS_PER_RESERVATION="0")
    assert shop.end() == 1
    assert "MAX_SEATS_PER_RESERVATION" in shop.output, shop.output


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb):
    done = dev(verb, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"./dev {verb}"), done.stderr


@pytest.mark.parametrize("wrong", ["run --port 0", "run --port x", "run --data",
                                   "run --profile moon", "run --what", "sing"])
def test_a_wrong_command_line_is_a_misuse(wrong):
    done = dev(*wrong.split())
    assert done.returncode == 2 and done.stderr.startswith("./dev: "), done.stderr
