"""Runs a PostgreSQL cluster and a tiketi-node for black-box tests, and speaks to them.

Nothing here knows how the server is built: it is started by its command line, spoken to over HTTP,
and its promises are compared with the database.
"""
import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid

import openapi_check

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
# Not base64, so the server takes the bytes as they are.
TICKET_SEED = bytes(range(64, 96))
JWT_SECRET = "tests: nobody's secret, of enough bytes!"
# Lines of the sanitizers' reports, and of an aborting runtime.
SANITIZER_SIGNS = ("Sanitizer:", "runtime error: ", "terminate called", "Assertion '")
ADMIN = ("admin@tests.tiketi.example", "tests-Admin-1234")


def node_program():
    """The tiketi-node to test: TIKETI_NODE, else an error that says so."""
    found = os.environ.get("TIKETI_NODE")
    if not found or not os.access(found, os.X_OK):
        raise RuntimeError("TIKETI_NODE must name the tiketi-node program to test")
    return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def lend_to_postgres(command):
    """PostgreSQL refuses to run as root, so root lends it another account."""
    if os.geteuid() == 0:
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"] + command
    return command


class Database:
    """A database of a running cluster, reached with psql."""

    def __init__(self, host, name):
        self.host, self.name = host, name
        self.url = f"host={host} port=5432 dbname={name}"

    def rows(self, sql):
        done = subprocess.run(
            ["psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d",
             self.url + " user=postgres", "-f", "-"],
            input=sql, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"{done.stderr}\nin: {sql[:500]}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def value(self, sql):
        rows = self.rows(sql)
        return rows[0][0] if rows else None

    def number(self, sql):
        return int(self.value(sql))


class Cluster:
    """A durable cluster of its own, which may be killed and started again."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tiketi-crash.", dir="/tmp"))
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.data = self.folder / "data"
        self.process = None
        subprocess.run(lend_to_postgres(
            [str(BIN / "initdb"), "-D", str(self.data), "-A", "trust", "-U", "postgres", "-E",
             "UTF8", "--locale=C.UTF-8"]), check=True, capture_output=True, cwd=self.folder)
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\n"
                       "unix_socket_permissions = 0700\nmax_connections = 100\nfsync = on\n"
                       "synchronous_commit = on\nfull_page_writes = on\n"
                       "client_connection_check_interval = 1s\n")

    def start(self):
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            lend_to_postgres([str(BIN / "postgres"), "-D", str(self.data)]), stdout=log, stderr=log,
            stdin=subprocess.DEVNULL, cwd=self.folder)
        deadline = time.monotonic() + 60
        while subprocess.run([str(BIN / "pg_isready"), "-q", "-h", str(self.folder)],
                             check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.05)

    def kill(self):
        """kill -9 of the postmaster; its backends notice and end."""
        self.process.kill()
        self.process.wait()
        # The shared memory segment stays claimed until the last backend has gone.
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            used = [x for x in os.listdir("/proc") if x.isdigit()]
            if not any(self._is_ours(pid) for pid in used):
                return
            time.sleep(0.05)

    def _is_ours(self, pid):
        try:
            return os.readlink(f"/proc/{pid}/cwd") == str(self.data)
        except OSError:
            return False

    def backends(self):
        """Process ids of client backends."""
        return [int(x[0]) for x in Database(str(self.folder), "postgres").rows(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' "
            "AND pid <> pg_backend_pid() AND usename <> 'postgres'")]

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Node:
    """One tiketi-node on a database of its own; further settings by `env`."""

    def __init__(self, database, env=None, folder=None):
        self.database = database
        self.program = node_program()
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="tiketi-node.", dir="/tmp"))
        self.port = free_port()
        self.process = None
        self.env = {
            "PATH": os.environ["PATH"], "PGUSER": "postgres", "PORT": str(self.port),
            "DATABASE_URL": database.url, "JWT_SECRET": JWT_SECRET,
            "QUEUE_ENTRY_TOKEN_SECRET": JWT_SECRET[::-1], "TIKETI_ADMIN_EMAIL": ADMIN[0],
            "TIKETI_ADMIN_PASSWORD": ADMIN[1],
            "TIKETI_PII_KEY": base64.b64encode(bytes(range(32))).decode(),
            "TIKETI_PII_LOOKUP_KEY": base64.b64encode(bytes(range(32, 64))).decode(),
            "TIKETI_TICKET_KEY": base64.b64encode(TICKET_SEED).decode(),
            "TIKETI_CONFIG_DIR": str(ROOT / "cluster-config"),
            "TIKETI_NODE_ID": str(uuid.uuid4()), "TIKETI_PROFILE": "laptop", "ENTRY_GATE": "off",
            "COOKIE_SECURE": "false", "PASSWORD_HASH_COST": "4", "RATE_LIMIT_AUTH_RPM": "0",
            "RATE_LIMIT_BOOKING_RPM": "0", "RATE_LIMIT_GENERAL_RPM": "0",
            "CORS_ALLOWED_ORIGINS": "http://localhost:3000"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.env.update(env or {})

    def command(self, name, timeout=120):
        """Runs a subcommand to its end; its output when it fails is in the error."""
        done = subprocess.run([self.program, name], env=self.env, capture_output=True, text=True,
                              timeout=timeout, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"tiketi-node {name}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, patience=60, piped=False):
        """`piped`: its log goes to a pipe that nobody reads."""
        log = open(self.folder / "node.log", "ab")
        self.process = subprocess.Popen([self.program, "run"], env=self.env,
                                        stdout=subprocess.PIPE if piped else log,
                                        stderr=log, stdin=subprocess.DEVNULL)
        self.wait_ready(patience)

    def wait_ready(self, patience=60):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the node ended with {self.process.returncode}:\n{self.log()}")
            try:
                if self.client().get("/actuator/health/readiness").status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise RuntimeError(f"the node did not get ready:\n{self.log()}")

    def log(self):
        return (self.folder / "node.log").read_text(errors="replace")[-6000:]

    def findings(self):
        """What a sanitizer or the runtime said, of killed nodes too; "" = nothing."""
        if not (self.folder / "node.log").exists():  # It was never started.
            return ""
        lines = (self.folder / "node.log").read_text(errors="replace").splitlines()
        for i, line in enumerate(lines):
            if any(sign in line for sign in SANITIZER_SIGNS):
                return "\n".join(lines[max(0, i - 2):i + 60])
        return ""

    def log_lines(self):
        """What the node has logged, line by line; a line that is being written is left out."""
        text = (self.folder / "node.log").read_text(errors="replace")
        return [json.loads(x) for x in text[:text.rfind("\n") + 1].splitlines()
                if x.startswith("{")]

    def log_until(self, wanted, patience=5.0):
        """The lines that `wanted` picks, as soon as there is one: the log is written late."""
        until = time.monotonic() + patience
        while not (found := [x for x in self.log_lines() if wanted(x)]) \
                and time.monotonic() < until:
            time.sleep(0.02)
        return found

    def client(self, **named):
        return Client(self.port, **named)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Asks politely; returns the exit code."""
        if self.process is None or self.process.poll() is not None:
            return None
        self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError("the node did not stop within 20 s of SIGTERM") from None

    def close(self):
        """Stops the node; one that ends badly, or that a sanitizer has found fault with, raises."""
        try:
            code = self.stop()
            findings = self.findings()
            if findings or code not in (None, 0):
                raise RuntimeError(f"the node ended with {code}:\n{findings or self.log()}")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


class Answer:
    """A response, read to its end. Header names in lower case; Set-Cookie as a list."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.cookies = [v for k, v in response.getheaders() if k.lower() == "set-cookie"]
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


_described = {}


def contract_of(port):
    """What the program says of itself. Asked once, as a user that no test knows, so that no test's
    rate limit counts it; None while nobody answers there."""
    if "contract" not in _described:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/openapi.json", headers={
                "Authorization": f"Bearer {access_token(str(uuid.uuid4()))}"})
            answer = connection.getresponse()
            if answer.status == 200:
                _described["contract"] = openapi_check.Contract(json.loads(answer.read()))
        except OSError:
            return None
        finally:
            connection.close()
    return _described.get("contract")


class Client:
    """One keep-alive connection. Not for several threads. Every answer must be as /openapi.json
    says (G51), unless `checked` is switched off by who measures time."""

    def __init__(self, port, token=None, timeout=20, checked=True):
        self.port, self.token, self.timeout, self.checked = port, token, timeout, checked
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                             timeout=self.timeout)
            try:
                self.connection.request(method, path, body=body, headers=sent)
                answer = Answer(self.connection.getresponse())
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.close()
                # A kept connection may have been closed meanwhile; only reads are safe to repeat.
                if attempt == 2 or method != "GET":
                    raise
                continue
            except BaseException:
                self.close()
                raise
            if answer.headers.get("connection", "").lower() == "close":
                self.close()
            if self.checked and (contract := contract_of(self.port)):
                contract.check(method, path, answer)
            return answer
        raise AssertionError("unreachable")

    def get(self, path, **named):
        return self.request("GET", path, **named)

    def post(self, path, body=None, **named):
        return self.request("POST", path, body=body, **named)

    def put(self, path, body=None, **named):
        return self.request("PUT", path, body=body, **named)

    def delete(self, path, **named):
        return self.request("DELETE", path, **named)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


# -- tokens ----------------------------------------------------------------------------------------


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(claims, secret=JWT_SECRET, alg="HS256", digest=hashlib.sha256):
    """A JWT with any header, for good tokens and for forged ones."""
    head = b64url(json.dumps({"alg": alg, "typ": "JWT"}).encode())
    text = head + "." + b64url(json.dumps(claims).encode())
    if digest is None:
        return text + "."
    mac = hmac.new(secret.encode() if isinstance(secret, str) else secret, text.encode(), digest)
    return text + "." + b64url(mac.digest())


def access_claims(user, **changes):
    now = int(time.time())
    claims = {"sub": user, "userId": user, "email": "user@tests.example", "role": "user",
              "type": "access", "iat": now, "exp": now + 1800}
    claims.update(changes)
    return {k: v for k, v in claims.items() if v is not None}


def access_token(user, **changes):
    return sign(access_claims(user, **changes))


# -- data ------------------------------------------------------------------------------------------


def create_database(host, name):
    """An empty database as an installation has it: owned by the role that migrates."""
    admin = Database(host, "postgres")
    if not admin.rows("SELECT 1 FROM pg_roles WHERE rolname = 'tiketi_migrate'"):
        admin.rows("CREATE ROLE tiketi_migrate LOGIN CREATEROLE IN ROLE pg_read_server_files")
    admin.rows(f"CREATE DATABASE {name} OWNER tiketi_migrate")
    return Database(host, name)


@contextlib.contextmanager
def away(database):
    """Nobody gets to that database meanwhile, and who was there is thrown out."""
    admin = Database(database.host, "postgres")
    admin.rows(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
    try:
        admin.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                   f"WHERE datname = '{database.name}'")
        yield
    finally:
        admin.rows(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")


def user_uuid(n):
    return f"00000000-0000-4000-8000-{n:012x}"


def add_users(database, first, count):
    """Users that can reserve with a token of ours but cannot log in."""
    database.rows(
        "INSERT INTO users (id, email_cipher, email_lookup, password_hash, name_cipher) SELECT "
        "('00000000-0000-4000-8000-' || lpad(to_hex(g), 12, '0'))::uuid, 'x'::bytea, "
        "('test ' || g)::bytea, '!', 'x'::bytea "
        f"FROM generate_series({first}, {first + count - 1}) g")


def add_event(database, title, seats=265, per_block=500, **columns):
    """An event on sale with one section of rows of 20, in blocks; returns its id."""
    event = str(uuid.uuid4())
    values = {"status": "'on_sale'", "sale_start_date": "now() - interval '3 days'",
              "sale_end_date": "now() + interval '20 days'",
              "event_date": "now() + interval '30 days'"}
    values.update(columns)
    layout = f"tests {seats}"
    config = json.dumps({"sections": [{"name": "A", "rows": (seats + 19) // 20, "seatsPerRow": 20,
                                       "price": 50000, "startRow": 1}]})
    names = ", ".join(values)
    database.rows(f"""
      INSERT INTO seat_layouts (name, total_seats, layout_config)
        VALUES ('{layout}', {seats}, '{config}') ON CONFLICT DO NOTHING;
      INSERT INTO events (id, title, venue, seat_layout_id, {names})
        SELECT '{event}', '{title}', 'Hall', id, {", ".join(values.values())}
          FROM seat_layouts WHERE name = '{layout}';
      INSERT INTO seats (event_id, block_no, section, row_number, seat_number, seat_label, price)
        SELECT '{event}', g / {per_block}, 'A', g / 20 + 1, g % 20 + 1,
               'A-' || g / 20 + 1 || '-' || g % 20 + 1, 50000
          FROM generate_series(0, {seats - 1}) g;""")
    return event


def add_standing(database, title, types, **columns):
    """A standing event on sale; `types` are (name, price, quantity). Returns its id and theirs."""
    event = str(uuid.uuid4())
    values = {"status": "'on_sale'", "sale_start_date": "now() - interval '3 days'",
              "sale_end_date": "now() + interval '20 days'",
              "event_date": "now() + interval '30 days'"}
    values.update(columns)
    database.rows(f"INSERT INTO events (id, title, venue, {', '.join(values)}) VALUES "
                  f"('{event}', '{title}', 'Hall', {', '.join(values.values())})")
    ids = [str(uuid.uuid4()) for _ in types]
    for one, (name, price, quantity) in zip(ids, types):
        database.rows(f"INSERT INTO ticket_types (id, event_id, name, price, total_quantity) "
                      f"VALUES ('{one}', '{event}', '{name}', {price}, {quantity})")
    return event, ids


def seats_of(database, event):
    """Seat ids in the order of the hall."""
    return [r[0] for r in database.rows(
        f"SELECT id FROM seats WHERE event_id = '{event}' ORDER BY row_number, seat_number")]


# What must never be: every query returns no row (the judge of the race test).
ORACLE = {
    "seat and reservation disagree":
        "SELECT s.id FROM seats s LEFT JOIN reservations r ON r.id = s.reservation_id WHERE "
        "(s.status = 'available') = coalesce(r.status IN ('pending', 'confirmed'), false) OR "
        "(s.status = 'reserved') <> coalesce(r.status = 'confirmed', false)",
    "a seat in two living reservations":
        "SELECT i.seat_id FROM reservation_items i JOIN reservations r ON r.id = i.reservation_id "
        "AND r.status IN ('pending', 'confirmed') WHERE i.seat_id IS NOT NULL GROUP BY 1 "
        "HAVING count(*) > 1",
    "a reservation without its items":
        "SELECT r.id FROM reservations r WHERE r.total_amount <> (SELECT "
        "coalesce(sum(subtotal), 0) FROM reservation_items i WHERE i.reservation_id = r.id)",
    "a ticket that lets in without a sold reservation":
        "SELECT k.id FROM tickets k LEFT JOIN reservations r ON r.id = k.reservation_id WHERE "
        "k.status IN ('valid', 'used') AND r.status IS DISTINCT FROM 'confirmed'",
    "quota that does not add up":
        "SELECT t.id FROM ticket_types t WHERE t.available_quantity + t.sold_elsewhere + "
        "(SELECT coalesce(sum(i.quantity), 0) FROM reservation_items i JOIN reservations r ON "
        "r.id = i.reservation_id AND r.status IN ('pending', 'confirmed') WHERE "
        "i.ticket_type_id = t.id) <> t.total_quantity",
    "version that does not count the changes":
        "SELECT s.id FROM seats s LEFT JOIN (SELECT i.seat_id, count(*) + count(*) FILTER (WHERE "
        "r.status <> 'pending') + count(*) FILTER (WHERE r.payment_status LIKE 'refund%') AS n "
        "FROM reservation_items i JOIN reservations r ON r.id = i.reservation_id GROUP BY 1) t "
        "ON t.seat_id = s.id WHERE s.version <> coalesce(t.n, 0)",
    "outbox that does not tell every change":
        "SELECT 1 WHERE (SELECT count(*) FROM outbox WHERE topic = 'reservation-events') <> "
        "(SELECT count(*) + count(*) FILTER (WHERE status <> 'pending') + count(*) FILTER (WHERE "
        "payment_status LIKE 'refund%') FROM reservations)",
    "books that do not sum to zero":
        "SELECT attempt_id FROM books GROUP BY 1 HAVING sum(amount) <> 0",
    "a sale without its money, or money without its sale":
        "SELECT a.id FROM payment_attempts a JOIN reservations r ON r.id = a.reservation_id "
        "WHERE a.amount > 0 AND (r.status = 'confirmed' AND r.pin_id = a.id) <> coalesce((SELECT "
        "sum(b.amount) <> 0 FROM books b WHERE b.attempt_id = a.id AND b.account = 'sales'), "
        "false)",
    "a pin that is no live attempt":
        "SELECT r.id FROM reservations r LEFT JOIN payment_attempts a ON a.id = r.pin_id "
        "WHERE r.status = 'pending' AND r.pin_id IS NOT NULL AND a.status IS DISTINCT FROM 'live'",
    "history that does not fold to the row":
        "SELECT r.id FROM reservations r WHERE r.status IS DISTINCT FROM (SELECT h.to_status FROM "
        "reservation_history h WHERE h.reservation_id = r.id ORDER BY h.id DESC LIMIT 1)",
}


def judge(database):
    """Asks the oracle; returns what is wrong, so that {} means all adds up."""
    return {name: rows for name, sql in ORACLE.items() if (rows := database.rows(sql)[:5])}
