"""One's own account (G07), the forced first change of the password, and hashing (C2, P-9, H-31)."""
import threading
import time
import uuid

import tiketi_harness as harness
from conftest import User, assert_error, new_database

ME = "/api/v1/users/me"


def node_with(**env):
    node = harness.Node(new_database(), env)
    node.command("migrate")
    return node


def cookies(answer):
    """Name to value; an emptied cookie is there with an empty value."""
    return {c.split("=")[0]: c.split("=", 1)[1].split(";")[0] for c in answer.cookies}


def login(http, mail, password):
    return http.post("/api/auth/login", {"email": mail, "password": password})


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def refresh(http, token):
    return http.post("/api/auth/refresh", {"refreshToken": token})


def change_password(user, current, new):
    return user.http.request("PUT", f"{ME}/password",
                             {"currentPassword": current, "newPassword": new})


# -- profile ---------------------------------------------------------------------------------------


def test_profile(user):
    answer = user.http.get(ME)
    assert answer.status == 200, answer
    assert answer.json["user"] == {
        "id": user.id, "email": user.mail, "name": "홍길동", "role": "user", "phone": None,
        "hasPassword": True, "hasGoogle": False, "createdAt": answer.json["user"]["createdAt"]}


def test_change_profile(user, db):
    def patch(body):
        return user.http.request("PATCH", ME, body)
    changed = patch({"name": "김민지", "phone": "010-1234-5678", "role": "admin", "email": "x@y.z",
                     "unknown": 1})
    assert changed.status == 200, changed
    assert changed.json["user"] == {**changed.json["user"], "name": "김민지", "role": "user",
                                    "phone": "010-1234-5678", "email": user.mail}
    assert patch({"name": None}).json["user"]["phone"] == "010-1234-5678"
    assert patch({"phone": ""}).json["user"]["phone"] is None
    assert user.http.get(ME).json["user"]["name"] == "김민지"
    assert_error(patch({"name": " "}), 400, "must not be blank")
    assert patch({"name": "x" * 101}).status == 400
    assert patch({"phone": "0" * 21}).status == 400
    stored = db.value(f"SELECT encode(name_cipher, 'hex') FROM users WHERE id = '{user.id}'")
    assert "김민지".encode().hex() not in stored


def test_account_routes_need_a_good_token(user, http):
    for method, path in (("GET", ME), ("PATCH", ME), ("DELETE", ME), ("PUT", f"{ME}/password"),
                         ("GET", f"{ME}/sessions"), ("DELETE", f"{ME}/sessions"),
                         ("DELETE", f"{ME}/sessions/{uuid.uuid4()}")):
        assert_error(http.request(method, path), 401, "Authentication required")
    user.http.post("/api/auth/logout")
    for method, path in (("GET", ME), ("PATCH", ME), ("GET", f"{ME}/sessions"),
                         ("DELETE", f"{ME}/sessions")):
        assert_error(user.http.request(method, path, {}), 401, "Authentication required")


# -- password --------------------------------------------------------------------------------------


def test_a_change_of_password_ends_the_other_sessions(user, http, hall):
    event, seats = hall
    other = login(http, user.mail, user.password).json
    mine = user.first_answer.json
    answer = change_password(user, user.password, "Changed-1234")
    assert answer.status == 204 and not answer.body, answer
    assert set(cookies(answer)) == {"access_token"}
    for old in (mine["token"], other["token"]):
        assert http.get("/api/auth/me", headers=bearer(old)).status == 401
    assert_error(user.reserve(event, seats[:1]), 401)
    assert_error(refresh(http, other["refreshToken"]), 401, "Invalid or expired refresh token")
    # The caller goes on, with the cookie it got or by refreshing.
    user.http.token = cookies(answer)["access_token"]
    assert user.reserve(event, seats[:1]).status == 200
    assert refresh(http, mine["refreshToken"]).status == 200
    assert_error(login(http, user.mail, user.password), 401, "Invalid email or password")
    assert login(http, user.mail, "Changed-1234").status == 200


def test_a_change_of_password_validates(user):
    assert_error(change_password(user, "wrong-password", "Changed-1234"), 400,
                 "Current password is incorrect", "PASSWORD_WRONG")
    assert_error(change_password(user, user.password, "short"), 400,
                 "Password must be at least 8 characters")
    assert_error(change_password(user, user.password, user.password), 400)
    assert_error(change_password(user, "", "Changed-1234"), 400, "must not be blank")
    assert user.http.get(ME).status == 200


def test_one_of_two_changes_at_once_wins(user, http):
    answers = []
    threads = [threading.Thread(target=lambda n=n: answers.append(
        (n, user.http.__class__(user.http.port, token=user.token).request(
            "PUT", f"{ME}/password", {"currentPassword": user.password, "newPassword": n}).status)))
        for n in ("First-12345", "Second-12345")]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    winners = [n for n, status in answers if status == 204]
    assert len(winners) == 1, answers
    assert login(http, user.mail, winners[0]).status == 200


# -- sessions --------------------------------------------------------------------------------------


def test_sessions_are_listed(user, http):
    answer = http.post("/api/auth/login", {"email": user.mail, "password": user.password},
                       headers={"User-Agent": "Phone 1.0\té"})
    rows = user.http.get(f"{ME}/sessions").json["sessions"]
    assert len(rows) == 2
    assert [r["current"] for r in rows] == [False, True]  # The last used first.
    assert rows[0]["user_agent"].startswith("Phone 1.0") and rows[0]["user_agent"].isascii()
    assert rows[0]["address"] == "127.0.0.1"
    for row in rows:
        assert row["created_at"] <= row["last_used_at"] < row["expires_at"]
    refresh(http, user.first_answer.json["refreshToken"])
    again = user.http.get(f"{ME}/sessions").json["sessions"]
    assert again[0]["current"] and again[0]["last_used_at"] > again[0]["created_at"]
    seen = http.get(f"{ME}/sessions", headers=bearer(answer.json["token"])).json["sessions"]
    assert [r["current"] for r in seen] == [False, True]


def test_one_session_is_ended(user, http):
    """S9: with its tokens; the caller's own goes on."""
    other = login(http, user.mail, user.password).json
    third = login(http, user.mail, user.password).json
    target = next(r["id"] for r in http.get(
        f"{ME}/sessions", headers=bearer(other["token"])).json["sessions"] if r["current"])
    answer = user.http.request("DELETE", f"{ME}/sessions/{target}")
    assert answer.status == 204, answer
    user.http.token = cookies(answer)["access_token"]
    assert user.http.get(ME).status == 200
    assert http.get(ME, headers=bearer(other["token"])).status == 401
    assert refresh(http, other["refreshToken"]).status == 401
    assert refresh(http, third["refreshToken"]).status == 200
    assert target not in [r["id"] for r in user.http.get(f"{ME}/sessions").json["sessions"]]
    again = user.http.request("DELETE", f"{ME}/sessions/{target}")
    assert again.status == 204
    user.http.token = cookies(again).get("access_token", user.http.token)
    for unknown in (uuid.uuid4(), uuid.UUID(int=0)):
        assert_error(user.http.request("DELETE", f"{ME}/sessions/{unknown}"), 404)
    assert user.http.get(ME).status == 200


def test_nobody_ends_a_session_of_somebody_else(make_user):
    mine, theirs = make_user(), make_user()
    row = theirs.http.get(f"{ME}/sessions").json["sessions"][0]
    assert_error(mine.http.request("DELETE", f"{ME}/sessions/{row['id']}"), 404)
    assert theirs.http.get(ME).status == 200


def test_ending_ones_own_session_is_a_log_out(user, http):
    own = user.http.get(f"{ME}/sessions").json["sessions"][0]["id"]
    answer = user.http.request("DELETE", f"{ME}/sessions/{own}")
    assert answer.status == 204 and cookies(answer) == {"access_token": "", "refresh_token": ""}
    assert user.http.get(ME).status == 401
    assert refresh(http, user.first_answer.json["refreshToken"]).status == 401


def test_all_other_sessions_are_ended(user, http):
    others = [login(http, user.mail, user.password).json for _ in range(2)]
    answer = user.http.request("DELETE", f"{ME}/sessions")
    assert answer.status == 204
    user.http.token = cookies(answer)["access_token"]
    assert [r["current"] for r in user.http.get(f"{ME}/sessions").json["sessions"]] == [True]
    for x in others:
        assert refresh(http, x["refreshToken"]).status == 401
        assert http.get(ME, headers=bearer(x["token"])).status == 401


def test_a_token_that_does_not_name_its_session_gets_a_new_one(user, http):
    """The claims of 1.2 suffice (C1)."""
    plain = harness.access_token(user.id)
    answer = http.request("DELETE", f"{ME}/sessions", headers=bearer(plain))
    assert answer.status == 204, answer
    assert set(cookies(answer)) == {"access_token", "refresh_token"}
    assert http.get(ME, headers=bearer(cookies(answer)["access_token"])).status == 200
    assert refresh(http, user.first_answer.json["refreshToken"]).status == 401


# -- leaving ---------------------------------------------------------------------------------------


def test_leaving_ends_log_ins_at_once(user, http):
    assert_error(user.http.request("DELETE", ME, {"password": "wrong-password"}), 400,
                 "Current password is incorrect")
    assert_error(user.http.request("DELETE", ME), 400, "must not be blank")
    answer = user.http.request("DELETE", ME, {"password": user.password})
    assert answer.status == 204, answer
    assert cookies(answer) == {"access_token": "", "refresh_token": ""}
    assert user.http.get(ME).status == 401
    assert_error(refresh(http, user.first_answer.json["refreshToken"]), 401)
    assert_error(login(http, user.mail, user.password), 401, "Invalid email or password")
    # Until it is erased the mail is not free.
    assert http.post("/api/auth/register", {"email": user.mail, "password": "Test1234!",
                                            "name": "x"}).status == 409


def test_personal_data_is_erased_later():
    node = node_with(ACCOUNT_ERASE_AFTER_SECONDS="1", ACCOUNT_UPKEEP_INTERVAL_MS="100")
    try:
        node.start()
        stays, leaves = User(node), User(node)
        leaves.http.request("PATCH", ME, {"phone": "010-1234-5678"})
        assert leaves.http.request("DELETE", ME, {"password": leaves.password}).status == 204
        row = f"FROM users WHERE id = '{leaves.id}'"
        deadline = time.monotonic() + 30
        while node.database.value(f"SELECT erased_at IS NOT NULL {row}") != "t":
            assert time.monotonic() < deadline, "not erased"
            time.sleep(0.1)
        left = node.database.rows(
            f"SELECT password_hash IS NULL, phone_cipher IS NULL, google_id IS NULL, "
            f"email_lookup = uuid_send(id), (SELECT count(*) FROM refresh_families f WHERE "
            f"f.user_id = users.id), length(name_cipher) = length(email_cipher) {row}")
        assert left == [["t", "t", "t", "t", "0", "t"]]
        assert stays.http.get(ME).json["user"]["email"] == stays.mail
        again = leaves.http.post("/api/auth/register", {
            "email": leaves.mail, "password": "Test1234!", "name": "x"})
        assert again.status == 201 and again.json["user"]["id"] != leaves.id
        node.stop()
        node.start()  # The keys of personal data still fit what is stored.
    finally:
        node.close()


# -- the first log-in of the configured admin ------------------------------------------------------


def test_in_production_the_admin_changes_the_password_first():
    node = node_with(TIKETI_ENV="production", PAYMENT_PROVIDERS="", COOKIE_SECURE="true",
                     CORS_ALLOWED_ORIGINS="https://shop.example", PASSWORD_HASH_COST="10",
                     RATE_LIMIT_AUTH_RPM="1000", RATE_LIMIT_BOOKING_RPM="1000",
                     RATE_LIMIT_GENERAL_RPM="1000")
    try:
        node.command("seed")
        node.start()
        http = node.client()
        signed_in = login(http, *harness.ADMIN)
        assert signed_in.status == 200 and signed_in.json["user"]["role"] == "admin"
        for token in (signed_in.json["token"],
                      refresh(http, signed_in.json["refreshToken"]).json["token"]):
            http.token = token
            for method, path in (("GET", ME), ("GET", "/api/auth/me"), ("GET", "/api/events"),
                                 ("GET", "/api/reservations/my"), ("POST", "/api/seats/reserve"),
                                 ("DELETE", f"{ME}/sessions")):
                assert_error(http.request(method, path), 403, code="PASSWORD_CHANGE_REQUIRED")
        changed = http.request("PUT", f"{ME}/password", {
            "currentPassword": harness.ADMIN[1], "newPassword": "A-new-one-1234"})
        assert changed.status == 204, changed
        http.token = cookies(changed)["access_token"]
        assert http.get("/api/auth/me").status == 200
        http.token = None
        again = login(http, harness.ADMIN[0], "A-new-one-1234").json["token"]
        assert http.get("/api/events", headers=bearer(again)).status == 200
        node.command("seed")  # A second seed asks for nothing again.
        again = login(http, harness.ADMIN[0], "A-new-one-1234").json["token"]
        assert http.get("/api/auth/me", headers=bearer(again)).status == 200
    finally:
        node.close()


# -- hashing (C2) ----------------------------------------------------------------------------------


def test_hashes_are_renewed_when_the_setting_is_stronger():
    node = node_with()
    try:
        node.start()
        user = User(node)

        def stored():
            return node.database.value(f"SELECT password_hash FROM users WHERE id = '{user.id}'")
        assert stored().startswith("$2b$04$")
        for env, prefix in (({"PASSWORD_HASH_COST": "5"}, "$2b$05$"),
                            ({"PASSWORD_HASH_COST": "4"}, "$2b$05$"),
                            ({"PASSWORD_HASH_SCHEME": "yescrypt"}, "$y$"),
                            ({"PASSWORD_HASH_SCHEME": "bcrypt"}, "$y$")):
            node.stop()
            node.env.update(env)
            node.start()
            assert login(node.client(), user.mail, user.password).status == 200
            deadline = time.monotonic() + 20
            while not stored().startswith(prefix):
                assert time.monotonic() < deadline, (env, stored())
                time.sleep(0.02)
    finally:
        node.close()


def test_a_full_pool_is_a_503_and_delays_no_reservation():
    """H-31: and unknown accounts cost the same work (P-9)."""
    node = node_with(PASSWORD_HASH_COST="12", PASSWORD_QUEUE_MAX="1")
    try:
        node.start()
        statuses, headers = [], []

        def knock():
            client = node.client()
            answer = login(client, f"{uuid.uuid4().hex}@tests.example", "wrong-password")
            statuses.append(answer.status)
            headers.append(answer.headers)
            client.close()
        threads = [threading.Thread(target=knock) for _ in range(12)]
        for t in threads:
            t.start()
        assert node.client().get("/api/events").status == 200
        for t in threads:
            t.join()
        assert set(statuses) == {401, 503}, statuses
        refused = [h for s, h in zip(statuses, headers) if s == 503]
        assert all("retry-after" in h for h in refused)
    finally:
        node.close()
