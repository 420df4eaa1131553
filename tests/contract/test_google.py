"""Sign-in with Google (2.1, P-7), against a provider of our own."""
import base64
import http.server
import json
import socket
import threading
import time
import uuid

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

import tiketi_harness as harness
from conftest import User, assert_error, new_database

CLIENT = "tests.apps.example"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(x):
    return b64(x.to_bytes((x.bit_length() + 7) // 8, "big"))


class Provider:
    """Publishes keys and signs ID tokens."""

    def __init__(self):
        self.keys, self.published, self.asked = {}, [], 0
        self.delay_s, self.status = 0, 200
        self.rotate()
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                provider.asked += 1
                time.sleep(provider.delay_s)
                body = json.dumps({"keys": provider.published}).encode()
                self.send_response(provider.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass  # Nobody waited for it.

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/certs"

    def rotate(self, publish=True):
        """A new key, which signs from now on."""
        self.kid = uuid.uuid4().hex
        key = self.keys[self.kid] = rsa.generate_private_key(65537, 2048)
        public = key.public_key().public_numbers()
        if publish:
            self.published.append({"kty": "RSA", "kid": self.kid, "use": "sig", "alg": "RS256",
                                   "n": number(public.n), "e": number(public.e)})

    def token(self, header=None, key=None, **changes):
        now = int(time.time())
        claims = {"iss": "https://accounts.google.com", "aud": CLIENT, "sub": uuid.uuid4().hex,
                  "email": f"{uuid.uuid4().hex[:12]}@gmail.example", "email_verified": True,
                  "name": "김민지", "picture": "https://lh3.example/p", "iat": now,
                  "exp": now + 3600}
        claims.update(changes)
        claims = {k: v for k, v in claims.items() if v is not None}
        head = {"alg": "RS256", "kid": self.kid, "typ": "JWT", **(header or {})}
        text = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}"
        mac = (key or self.keys[self.kid]).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{b64(mac)}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def start_node(provider_url, client=CLIENT):
    node = harness.Node(new_database(), {"GOOGLE_CLIENT_ID": client,
                                         "GOOGLE_JWKS_URL": provider_url})
    node.command("migrate")
    node.start()
    return node


@pytest.fixture(scope="module")
def provider():
    running = Provider()
    yield running
    running.close()


@pytest.fixture(scope="module")
def node(provider):
    running = start_node(provider.url)
    yield running
    running.close()


def google(http, credential):
    return http.post("/api/v1/auth/google", {"credential": credential})


def test_a_new_user_is_made_without_a_password(provider, http, node):
    """P-7"""
    mail = f"New.{uuid.uuid4().hex[:8]}@Gmail.example"
    answer = google(http, provider.token(email=mail))
    assert answer.status == 200, answer
    body = answer.json
    assert body["message"] == "Google login successful"
    assert body["user"] == {**body["user"], "email": mail.lower(), "name": "김민지",
                            "role": "user", "picture": "https://lh3.example/p"}
    assert body["user"]["id"] == body["user"]["userId"]
    assert {c.split("=")[0] for c in answer.cookies} == {"access_token", "refresh_token"}
    assert http.get("/api/auth/me", headers={
        "Authorization": f"Bearer {body['token']}"}).status == 200
    again = http.post("/api/auth/refresh", {"refreshToken": body["refreshToken"]})
    assert again.status == 200
    login = http.post("/api/auth/login", {"email": mail, "password": "Test1234!"})
    assert_error(login, 401, "Invalid email or password")
    rows = node.database.rows(f"SELECT password_hash IS NULL, google_id IS NOT NULL FROM users "
                              f"WHERE id = '{body['user']['id']}'")
    assert rows == [["t", "t"]]


def test_the_same_person_is_the_same_user_whatever_the_mail(provider, http):
    first = google(http, provider.token(sub="same-person")).json["user"]
    second = google(http, provider.token(sub="same-person", name="Other")).json["user"]
    assert second["id"] == first["id"] and second["email"] == first["email"]


def test_name_and_picture_may_be_missing(provider, http):
    answer = google(http, provider.token(name=None, picture=None, email="noname@gmail.example"))
    assert answer.json["user"]["name"] == "noname@gmail.example"
    assert answer.json["user"]["picture"] is None


def test_a_known_mail_is_linked_only_when_it_is_verified(provider, http, node):
    user = User(node)
    claimed = provider.token(email=user.mail.upper(), sub="s-1", email_verified=False)
    assert_error(google(http, claimed), 400, "Invalid Google token payload")
    linked = google(http, provider.token(email=user.mail.upper(), sub="s-1"))
    assert linked.status == 200 and linked.json["user"]["id"] == user.id
    assert linked.json["user"]["name"] == "홍길동"
    # Another person of the same mail does not take the account over.
    other = google(http, provider.token(email=user.mail, sub="s-2"))
    assert_error(other, 400, "Invalid Google token payload")
    user.http.close()


def test_linking_leaves_nothing_to_whoever_registered_the_mail_before(provider, http, node):
    """Nobody has proved the mail at the registration: the password, the sessions and the tokens of
    that time are worthless from the moment on at which its owner signs in."""
    user = User(node)
    early = user.first_answer.json
    event = harness.add_event(node.database, "Hijacked", seats=4)
    assert user.http.post(f"/api/v1/queue/check/{event}").status == 200
    credential = {"email": user.mail, "sub": uuid.uuid4().hex}
    owner = google(http, provider.token(**credential))
    assert owner.status == 200 and owner.json["user"]["id"] == user.id
    for answer in (user.http.get("/api/auth/me"), user.http.get("/api/reservations/my"),
                   user.http.post(f"/api/v1/queue/check/{event}")):
        assert_error(answer, 401, "Authentication required")
    assert http.post("/api/auth/refresh", {"refreshToken": early["refreshToken"]}).status == 401
    login = http.post("/api/auth/login", {"email": user.mail, "password": user.password})
    assert_error(login, 401, "Invalid email or password")
    rows = node.database.rows("SELECT password_hash IS NULL, google_id = "
                              f"'{credential['sub']}' FROM users WHERE id = '{user.id}'")
    assert rows == [["t", "t"]]
    # The owner's own session lives, also through the next sign-in.
    mine = {"Authorization": f"Bearer {owner.json['token']}"}
    assert http.get("/api/auth/me", headers=mine).status == 200
    assert google(http, provider.token(**credential)).status == 200
    assert http.get("/api/auth/me", headers=mine).status == 200
    answer = http.post("/api/auth/refresh", {"refreshToken": owner.json["refreshToken"]})
    assert answer.status == 200
    # As with any account of Google, there is no password to give when one leaves.
    answer = http.request("DELETE", "/api/users/me", {}, headers=mine)
    assert answer.status == 204, answer
    user.http.close()


def test_a_sign_in_that_was_cut_off_while_it_secured_the_account_goes_on(provider, http, node):
    user = User(node)
    node.database.rows(f"UPDATE users SET password_hash = '*' WHERE id = '{user.id}'")
    answer = google(http, provider.token(email=user.mail))
    assert answer.status == 200 and answer.json["user"]["id"] == user.id
    user.http.close()


def test_bad_tokens_are_refused(provider, http):
    now = int(time.time())
    stranger = rsa.generate_private_key(65537, 2048)
    secret = harness.sign({"iss": "https://accounts.google.com", "aud": CLIENT, "sub": "x",
                           "email": "a@b.example", "iat": now, "exp": now + 60})
    good = provider.token()
    for name, token in {
            "expired": provider.token(exp=now - 1), "wrong aud": provider.token(aud="other"),
            "aud list": provider.token(aud=[CLIENT]), "wrong iss": provider.token(iss="evil"),
            "from the future": provider.token(iat=now + 600), "no exp": provider.token(exp=None),
            "other key": provider.token(key=stranger),
            "unknown kid": provider.token(header={"kid": "unknown"}, key=stranger),
            "no kid": provider.token(header={"kid": None}),
            "alg none": provider.token(header={"alg": "none"}),
            "alg HS256": provider.token(header={"alg": "HS256"}),
            "alg RS512": provider.token(header={"alg": "RS512"}),
            "crit": provider.token(header={"crit": ["x"]}),
            "our own secret": secret, "cut": good[:-8], "changed": good.replace(".", ".e", 1),
            "nonsense": "nonsense", "long": "a" * 9000}.items():
        answer = google(http, token)
        assert answer.status == 400, (name, answer)
        assert answer.json["message"] == "Invalid Google token", (name, answer)
        assert not answer.cookies
    assert_error(google(http, provider.token(email=None)), 400, "Invalid Google token payload")
    assert_error(google(http, provider.token(sub="")), 400, "Invalid Google token payload")
    for missing in ({}, {"credential": None}, {"credential": ""}, {"credential": " "}):
        assert_error(http.post("/api/auth/google", missing), 400, "Google credential is required")


def test_headers_with_keys_are_not_followed(provider, http):
    """S2: nothing in the token says where keys come from."""
    stranger = rsa.generate_private_key(65537, 2048)
    public = stranger.public_key().public_numbers()
    jwk = {"kty": "RSA", "n": number(public.n), "e": number(public.e)}
    before = provider.asked
    for header in ({"jwk": jwk}, {"jku": provider.url}, {"x5u": provider.url}):
        assert_error(google(http, provider.token(header=header, key=stranger)), 400,
                     "Invalid Google token")
    assert provider.asked == before


def test_keys_are_kept_and_made_up_names_are_not_asked_for(provider, http):
    google(http, provider.token())
    before = provider.asked
    for i in range(5):
        assert google(http, provider.token()).status == 200
        assert google(http, provider.token(header={"kid": f"made-up-{i}"})).status == 400
    assert provider.asked <= before + 1


def test_without_a_client_id_it_is_off(http_of):
    http = http_of({"GOOGLE_CLIENT_ID": ""})
    assert_error(google(http, "x"), 400, "GOOGLE_CLIENT_ID is not configured")
    assert_error(google(http, ""), 400, "Google credential is required")


@pytest.fixture
def http_of():
    nodes = []

    def start(env):
        node = harness.Node(new_database(), env)
        nodes.append(node)
        node.command("migrate")
        node.start()
        return node.client()
    yield start
    for node in nodes:
        node.close()


def test_a_provider_that_is_away_is_a_503_and_comes_back(http_of):
    """And a rotated key is found."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{closed.getsockname()[1]}/certs"
        answer = google(http_of({"GOOGLE_CLIENT_ID": CLIENT, "GOOGLE_JWKS_URL": away}),
                        Provider().token())
        assert_error(answer, 503)
        assert "retry-after" in answer.headers
    provider = Provider()
    http = http_of({"GOOGLE_CLIENT_ID": CLIENT, "GOOGLE_JWKS_URL": provider.url})
    provider.status = 500
    assert_error(google(http, provider.token()), 503)
    provider.status = 200
    assert google(http, provider.token()).status == 200
    provider.close()


def test_a_slow_provider_delays_nobody_but_its_own_users(http_of):
    provider = Provider()
    http = http_of({"GOOGLE_CLIENT_ID": CLIENT, "GOOGLE_JWKS_URL": provider.url})
    provider.delay_s = 30
    begun = time.monotonic()
    answer = google(http, provider.token())
    took = time.monotonic() - begun
    assert_error(answer, 503)
    assert took < 15  # 1.5: answered by then at the latest.
    assert http.get("/api/events").status == 200
    provider.close()
