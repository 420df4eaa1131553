"""Refreshing a session (2.1, C31, D1, D13, P-1..P-6) and looking at an access token."""
import hashlib
import threading
import time
import uuid

import pytest

import tiketi_harness as harness
from conftest import User, assert_error, new_database

INVALID = "Invalid or expired refresh token"
REUSED = "Token reuse detected. All sessions revoked for security."


def cookie_of(answer, name):
    found = [c for c in answer.cookies if c.startswith(name + "=")]
    assert found, answer.cookies
    return found[0]


def refresh(http, token, path="/api/v1/auth/refresh", body=None):
    return http.post(path, body, headers={"Cookie": f"refresh_token={token}"} if token else {})


def me(http, token):
    return http.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"}).status


def login(http, user):
    answer = http.post("/api/auth/login", {"email": user.mail, "password": user.password})
    assert answer.status == 200, answer
    return answer.json["refreshToken"], answer.json["token"]


def age(db, token, seconds):
    """As if the last rotation of the token's family were so long ago."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    db.rows(f"UPDATE refresh_families SET rotated_at = rotated_at - interval '{seconds} seconds' "
            f"WHERE id = (SELECT family_id FROM refresh_tokens WHERE token_hash = '{digest}')")


@pytest.fixture
def session(user, http):
    http.token = None
    return user.first_answer.json["refreshToken"]


def test_refresh_by_cookie(user, http, session):
    """P-1: the browser calls the first spelling, others the second; the cookie reaches both."""
    assert "Path=/api;" in cookie_of(user.first_answer, "refresh_token") + ";"
    for path in ("/api/v1/auth/refresh", "/api/auth/refresh"):
        answer = refresh(http, session, path)
        assert answer.status == 200, answer
        body = answer.json
        assert body["message"] == "Token refreshed"
        assert body["user"] == {"id": user.id, "userId": user.id, "email": user.mail,
                                "name": "홍길동", "role": "user"}
        assert cookie_of(answer, "access_token").startswith(f"access_token={body['token']};")
        assert "Max-Age=604800" in cookie_of(answer, "refresh_token")
        assert me(http, body["token"]) == 200
        assert body["refreshToken"] != session
        session = body["refreshToken"]


def test_refresh_by_body_and_the_cookie_wins(user, http, session):
    answer = http.post("/api/auth/refresh", {"refreshToken": session})
    assert answer.status == 200, answer
    good = answer.json["refreshToken"]
    assert_error(refresh(http, "bad", body={"refreshToken": good}), 401, INVALID)
    assert refresh(http, good, body={"refreshToken": "bad"}).status == 200


def test_refresh_without_a_token(http):
    for headers in ({}, {"Content-Type": "application/json"}, {"Cookie": "refresh_token="}):
        assert_error(http.post("/api/v1/auth/refresh", headers=headers), 401,
                     "Refresh token is required", "REFRESH_TOKEN_REQUIRED")
    assert_error(http.post("/api/auth/refresh", {"refreshToken": None}), 401,
                 "Refresh token is required")


def forged(user, session):
    now = int(time.time())
    good = {"sub": user, "userId": user, "type": "refresh", "familyId": str(uuid.uuid4()),
            "jti": str(uuid.uuid4()), "iat": now, "exp": now + 604800}
    return {
        "not on record (P-4)": harness.sign(good),
        "alg none": harness.sign(good, alg="none", digest=None),
        "HS512": harness.sign(good, alg="HS512", digest=hashlib.sha512),
        "other key": harness.sign(good, secret="x" * 40),
        "expired": harness.sign({**good, "exp": now - 1}),
        "access token (P-5)": harness.access_token(user),
        "no family": harness.sign({k: v for k, v in good.items() if k != "familyId"}),
        "signature cut": session[:-4],
        "nonsense": "nonsense", "long": "a" * 5000,
    }


def test_forged_refresh_tokens_are_refused(user, http, session):
    for name, token in forged(user.id, session).items():
        answer = refresh(http, token)
        assert answer.status == 401 and answer.json["message"] == INVALID, (name, answer)
        assert answer.cookies == [], name
    assert refresh(http, session).status == 200  # None of them ended the session.


def test_a_refusal_leaves_the_cookies_of_a_newer_session_alone(user, db, http, session):
    """Two tabs: one logs in again while the other still refreshes with what it had."""
    age(db, session, 11)
    newer, _ = login(http, user)
    refresh(http, session)
    age(db, session, 11)
    answer = refresh(http, session)
    assert_error(answer, 401, REUSED)
    assert answer.cookies == []
    assert refresh(http, newer).status == 200


def test_a_refresh_token_is_no_access_token(user, http, session):
    assert me(http, session) == 401


def test_every_token_is_on_record_as_a_digest_only(user, db, http, session):
    """P-2, S6"""
    second = refresh(http, session).json["refreshToken"]
    rows = db.rows(f"SELECT token_hash FROM refresh_tokens WHERE user_id = '{user.id}'")
    digests = {hashlib.sha256(t.encode()).hexdigest() for t in (session, second)}
    assert {r[0] for r in rows} == digests


def test_reuse_ends_the_family_and_no_other(user, db, http, session):
    """C31, P-3: a thief and the owner; whoever is second ends it for both."""
    other, _ = login(http, user)
    mine = refresh(http, session).json
    age(db, session, 11)
    assert_error(refresh(http, session), 401, REUSED, "TOKEN_REUSED")
    digest = hashlib.sha256(session.encode()).hexdigest()
    open_rows = db.number("SELECT count(*) FROM refresh_tokens t JOIN refresh_tokens u USING "
                          f"(family_id) WHERE t.token_hash = '{digest}' AND u.revoked_at IS NULL")
    assert open_rows == 0
    assert_error(refresh(http, mine["refreshToken"]), 401, INVALID)
    assert me(http, mine["token"]) == 401  # H-22g: the access token of the theft, too.
    answer = refresh(http, other)
    assert answer.status == 200 and me(http, answer.json["token"]) == 200


def test_a_reuse_is_committed_even_for_commands(user, db, http, hall, session):
    """I18: no command is accepted after the answer."""
    event, seats = hall
    refresh(http, session)
    age(db, session, 11)
    assert_error(refresh(http, session), 401, REUSED)
    assert_error(user.reserve(event, seats[:1]), 401)


def test_two_tabs_refresh_at_once(user, http, node, session):
    """P-6, D13: both go on, whichever cookie the browser keeps."""
    answers = []

    def tab():
        client = node.client()
        answers.append(refresh(client, session))
        client.close()
    tabs = [threading.Thread(target=tab) for _ in range(4)]
    for t in tabs:
        t.start()
    for t in tabs:
        t.join()
    assert [a.status for a in answers] == [200] * 4, answers
    fresh = [a.json["refreshToken"] for a in answers]
    assert len(set(fresh)) == 4
    for token in fresh:
        assert refresh(http, token).status == 200


def test_a_lost_answer_is_repeated(user, http, session):
    first = refresh(http, session)
    second = refresh(http, session)
    assert first.status == second.status == 200
    assert refresh(http, second.json["refreshToken"]).status == 200


def test_the_grace_is_of_the_immediate_predecessor_only(user, http, session):
    second = refresh(http, session).json["refreshToken"]
    third = refresh(http, second).json["refreshToken"]
    assert_error(refresh(http, session), 401, REUSED)
    assert_error(refresh(http, third), 401, INVALID)


def test_who_comes_second_with_a_forked_session_ends_it(user, db, http, session):
    """S7: the thief used the grace; past it neither goes on after the second use."""
    owner = refresh(http, session).json["refreshToken"]
    thief = refresh(http, session).json["refreshToken"]
    owner = refresh(http, owner).json["refreshToken"]
    age(db, session, 11)
    assert_error(refresh(http, thief), 401, REUSED)
    assert_error(refresh(http, owner), 401, INVALID)


def test_logout_ends_every_session(user, http, session):
    other, _ = login(http, user)
    user.http.post("/api/auth/logout")
    for token in (session, other):
        assert_error(refresh(http, token), 401, INVALID)


def test_login_ends_the_session_it_presents(user, http, session):
    """S9"""
    answer = http.post("/api/auth/login", {"email": user.mail, "password": user.password},
                       headers={"Cookie": f"refresh_token={session}"})
    assert answer.status == 200
    assert_error(refresh(http, session), 401, INVALID)
    assert refresh(http, answer.json["refreshToken"]).status == 200


def test_sessions_end_at_a_greatest_age(user, db, http, session):
    """S8: however often they are refreshed."""
    token = refresh(http, session).json["refreshToken"]
    db.rows(f"UPDATE refresh_families SET expires_at = now() WHERE user_id = '{user.id}'")
    assert_error(refresh(http, token), 401, INVALID)


def test_refresh_with_a_token_is_limited_and_without_is_not():
    """D39"""
    node = harness.Node(new_database(), {"RATE_LIMIT_AUTH_RPM": "3"})
    try:
        node.command("migrate")
        node.start()
        http = node.client()
        assert {http.post("/api/v1/auth/refresh").status for _ in range(8)} == {401}
        assert [refresh(http, "bad").status for _ in range(4)] == [401, 401, 401, 429]
    finally:
        node.close()


def test_sessions_outlive_kill_9():
    node = harness.Node(new_database(), {})
    try:
        node.command("migrate")
        node.start()
        user = User(node)
        token = user.first_answer.json["refreshToken"]
        used = token
        token = refresh(user.http, token).json["refreshToken"]
        node.kill()
        node.start()
        http = node.client()
        answer = refresh(http, token)
        assert answer.status == 200, answer
        assert_error(refresh(http, used), 401, REUSED)
        node.kill()
        node.start()
        http = node.client()
        assert_error(refresh(http, answer.json["refreshToken"]), 401, INVALID)
    finally:
        node.close()


# -- verify-token ----------------------------------------------------------------------------------


def verify(http, token):
    return http.post("/api/auth/verify-token", {"token": token})


def test_verify_token(user, http):
    answer = verify(http, user.token)
    assert answer.status == 200, answer
    assert answer.json == {"valid": True, "user": {
        "userId": user.id, "email": user.mail, "name": "홍길동", "role": "user"}}


def test_verify_token_refuses(user, http, session):
    expired = harness.access_token(user.id, exp=int(time.time()) - 1)
    for token in ("nonsense", expired, session, harness.sign(
            harness.access_claims(user.id), alg="none", digest=None)):
        assert_error(verify(http, token), 401, "Invalid or expired token")
    assert_error(verify(http, ""), 400, "must not be blank")
    assert_error(verify(http, harness.access_token(str(uuid.uuid4()))), 401, "User not found")


def test_verify_token_knows_revocation(user, http):
    user.http.post("/api/auth/logout")
    assert_error(verify(http, user.token), 401, "Invalid or expired token")
