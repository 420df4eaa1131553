"""Section 2.1, and what tokens must not do (1.2, P-5, P-8, P-10, C32)."""
import hashlib
import re
import time
import uuid

import pytest

import tiketi_harness as harness
from conftest import assert_error

UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")


def cookie(answer, name):
    found = [c for c in answer.cookies if c.startswith(name + "=")]
    assert found, answer.cookies
    return found


def test_register(user):
    body = user.first_answer.json
    assert body["message"] == "Registration completed"
    assert body["user"] == {**body["user"], "email": user.mail, "name": "홍길동", "role": "user"}
    assert body["user"]["id"] == body["user"]["userId"] and UUID.match(body["user"]["id"])
    access = cookie(user.first_answer, "access_token")[0]
    assert access.startswith(f"access_token={body['token']};")
    for part in ("Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=1800"):
        assert part in access
    assert "Secure" not in access
    (refresh,) = cookie(user.first_answer, "refresh_token")
    for part in ("HttpOnly", "SameSite=Lax", "Max-Age=604800", "Path=/api"):  # D1
        assert part in refresh.split("; ")


@pytest.mark.parametrize("field,value,text", [
    ("email", "", "must not be blank"), ("email", None, "must not be blank"),
    ("email", "nonsense", "must be a well-formed email address"),
    ("password", "short", "Password must be at least 8 characters"),
    ("password", "", None), ("name", " ", "must not be blank"),
    ("name", None, "must not be blank")])
def test_register_validates(http, field, value, text):
    body = {"email": f"{uuid.uuid4().hex}@tests.example", "password": "Test1234!", "name": "x"}
    body[field] = value
    assert_error(http.post("/api/auth/register", body), 400, text)


def test_register_ignores_fields_of_the_server(http):
    answer = http.post("/api/auth/register", {
        "email": f"{uuid.uuid4().hex}@tests.example", "password": "Test1234!", "name": "x",
        "role": "admin", "id": str(uuid.uuid4()), "phone": None, "unknown": {"a": 1}})
    assert answer.status == 201 and answer.json["user"]["role"] == "user"


def test_mail_is_one_account_whatever_its_case(user, http):
    """P-8"""
    again = http.post("/api/auth/register", {"email": f" {user.mail.upper()} ",
                                             "password": "Test1234!", "name": "x"})
    if again.status != 400:  # Blanks around it may also be refused as malformed.
        assert_error(again, 409, "Registration failed. Please try again or login.")
    twin = http.post("/api/auth/register", {"email": user.mail.upper(), "password": "Test1234!",
                                            "name": "x"})
    assert_error(twin, 409, "Registration failed. Please try again or login.")
    login = http.post("/api/auth/login", {"email": user.mail.upper(), "password": user.password})
    assert login.status == 200 and login.json["user"]["email"] == user.mail


def test_login_and_me(user, http):
    answer = http.post("/api/v1/auth/login", {"email": user.mail, "password": user.password})
    assert answer.status == 200, answer
    assert answer.json["message"] == "Login successful"
    assert answer.json["user"]["id"] == user.id
    cookie(answer, "access_token"), cookie(answer, "refresh_token")
    me = http.get("/api/auth/me", headers={"Cookie": f"access_token={answer.json['token']}"})
    assert me.status == 200
    assert set(me.json["user"]) >= {"id", "email", "name", "role", "createdAt"}
    assert me.json["user"]["email"] == user.mail


def test_bad_login(user, http):
    for mail, password in ((user.mail, "wrong-password"), ("none@tests.example", "wrong-password")):
        answer = http.post("/api/auth/login", {"email": mail, "password": password})
        assert_error(answer, 401, "Invalid email or password")


def test_admin_logs_in(http):
    answer = http.post("/api/auth/login", {"email": harness.ADMIN[0], "password": harness.ADMIN[1]})
    assert answer.status == 200 and answer.json["user"]["role"] == "admin"


def test_header_wins_over_cookie(user, http):
    good = {"Cookie": f"access_token={user.token}"}
    assert http.get("/api/auth/me", headers=good).status == 200
    assert http.get("/api/auth/me", headers={**good, "Authorization": "Bearer bad"}).status == 401


def test_identity_headers_are_not_believed(user, http):
    answer = http.get("/api/auth/me", headers={"X-User-Id": user.id, "X-User-Role": "admin"})
    assert_error(answer, 401)


def forgeries(user, refresh):
    good = harness.access_claims(user)
    head, body, mac = harness.sign(good).split(".")
    admin = harness.sign({**good, "role": "admin"}).split(".")[1]
    return {
        "alg none": harness.sign(good, alg="none", digest=None),
        "alg None": harness.sign(good, alg="None", digest=None),
        "HS512": harness.sign(good, alg="HS512", digest=hashlib.sha512),
        "HS256 named HS512": harness.sign(good, alg="HS512"),
        "RS256 with our key": harness.sign(good, alg="RS256"),
        "other key": harness.sign(good, secret="x" * 40),
        "empty key": harness.sign(good, secret=""),
        "refresh token": refresh,
        "type refresh": harness.sign({**good, "type": "refresh"}),
        "no type": harness.sign({k: v for k, v in good.items() if k != "type"}),
        "expired": harness.sign({**good, "exp": int(time.time()) - 1}),
        "no exp": harness.sign({k: v for k, v in good.items() if k != "exp"}),
        "sub is no uuid": harness.sign({**good, "sub": "x", "userId": "x"}),
        "no sub": harness.sign({k: v for k, v in good.items() if k not in ("sub", "userId")}),
        "body changed": f"{head}.{admin}.{mac}",
        "signature cut": f"{head}.{body}.{mac[:-4]}",
        "no signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "four parts": f"{head}.{body}.{mac}.{mac}",
        "wrong issuer": harness.sign({**good, "iss": "somebody else"}),
        "wrong audience": harness.sign({**good, "aud": "somebody else"}),
        "exp as text": harness.sign({**good, "exp": "9999999999"}),
        "empty": "", "dots": "..", "blank": " ", "long": "a" * 7000,
    }


def test_forged_tokens_are_refused(user, http):
    for name, token in forgeries(user.id, user.first_answer.json["refreshToken"]).items():
        answer = http.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status in (401, 431), (name, answer)
        public = http.get("/api/events", headers={"Authorization": f"Bearer {token}"})
        assert public.status in (200, 431), (name, public)


def test_good_token_of_ours_is_taken(user, http):
    """The claims of 1.2 suffice: no iss, aud or jti is required."""
    token = harness.access_token(user.id)
    assert http.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"}).status == 200


def test_logout_clears_cookies_and_revokes(user, hall, http):
    event, seats = hall
    out = user.http.post("/api/v1/auth/logout")
    assert out.status == 200 and out.json == {"message": "Logged out successfully"}
    for name in ("access_token", "refresh_token"):
        assert all("Max-Age=0" in c for c in cookie(out, name))
    assert_error(user.reserve(event, seats[:1]), 401)
    # C32: a log-in in the same second works.
    login = http.post("/api/auth/login", {"email": user.mail, "password": user.password})
    user.http.token = login.json["token"]
    assert user.reserve(event, seats[:1]).status == 200


def test_logout_without_login(http):
    assert http.post("/api/auth/logout").status == 200


def test_personal_data_is_not_in_clear(user, db):
    row = db.rows(f"SELECT encode(email_cipher, 'hex'), encode(email_lookup, 'hex'), "
                  f"encode(name_cipher, 'hex'), password_hash FROM users WHERE id = '{user.id}'")[0]
    for clear in (user.mail, user.mail.split("@")[0], "홍길동"):
        assert clear.encode().hex() not in "".join(row[:3])
    assert row[3].startswith("$2") or row[3].startswith("$y$")
