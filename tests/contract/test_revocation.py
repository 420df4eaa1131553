"""C1: an access token that was revoked opens no route, whoever judges what is behind it."""
import time
import uuid

import pytest

import tiketi_harness as harness
from conftest import User, assert_error, start_node


@pytest.fixture(scope="module")
def shop():
    running = start_node(ENTRY_GATE="on")
    yield running
    running.close()


@pytest.fixture
def person(shop):
    made = User(shop)
    yield made
    made.http.close()


@pytest.fixture(scope="module")
def event(shop):
    return harness.add_event(shop.database, "Opening night", seats=40)


def log_in(node, mail, password):
    client = node.client()
    answer = client.post("/api/auth/login", {"email": mail, "password": password})
    assert answer.status == 200, answer
    client.token = answer.json["token"]
    return client


def admin_of(node):
    return log_in(node, *harness.ADMIN)


def check(client, event):
    return client.post(f"/api/v1/queue/check/{event}")


def assert_refused(answer):
    assert_error(answer, 401, "Authentication required", "AUTHENTICATION_REQUIRED")


def guarded(client):
    """Every operation that needs a login, as (method, path)."""
    paths = client.get("/openapi.json").json["paths"]
    for path, operations in paths.items():
        for verb, operation in operations.items():
            if operation["x-access"] in ("user", "admin"):
                for part in operation.get("parameters", []):
                    if part["in"] == "path":
                        path = path.replace("{" + part["name"] + "}", str(uuid.uuid4()))
                yield verb.upper(), path


def test_no_route_at_all_takes_a_token_after_the_log_out(shop, person):
    admin = admin_of(shop)
    for client in (person.http, admin):
        routes = list(guarded(client))
        assert len(routes) > 25
        assert client.post("/api/auth/logout").status == 200
        for verb, path in routes:
            answer = client.request(verb, path)
            # The entry gate comes before the login (1.7).
            assert answer.status == 401 or answer.json["code"] == "ENTRY_TOKEN_REQUIRED", \
                (verb, path, answer)
    admin.close()


def test_a_queue_is_for_who_is_signed_in_still(person, event):
    assert check(person.http, event).status == 200
    assert person.http.post("/api/auth/logout").status == 200
    for answer in (check(person.http, event), person.http.get(f"/api/v1/queue/status/{event}"),
                   person.http.post(f"/api/v1/queue/heartbeat/{event}"),
                   person.http.post(f"/api/v1/queue/leave/{event}")):
        assert_refused(answer)


def test_a_former_admin_steers_nothing(shop, person, event):
    assert check(person.http, event).status == 200
    admin = admin_of(shop)
    assert admin.get(f"/api/v1/queue/admin/{event}").status == 200
    assert admin.post("/api/auth/logout").status == 200
    assert_refused(admin.post(f"/api/v1/queue/admin/clear/{event}"))
    assert_refused(admin.post("/api/admin/tickets/verify", {"qr": "bad"}))
    assert person.http.get(f"/api/v1/queue/status/{event}").json["status"] == "active"
    again = admin_of(shop)  # C32: in the same second.
    assert again.get(f"/api/v1/queue/admin/{event}").status == 200
    again.close()
    admin.close()


def test_a_closed_account_waits_nowhere(person, event):
    assert check(person.http, event).status == 200
    answer = person.http.request("DELETE", "/api/users/me", {"password": person.password})
    assert answer.status == 204
    assert_refused(check(person.http, event))


def test_a_change_of_password_refuses_the_tokens_of_other_devices(shop, person, event):
    other = log_in(shop, person.mail, person.password)
    assert check(other, event).status == 200
    answer = person.http.request("PUT", "/api/users/me/password", {
        "currentPassword": person.password, "newPassword": "Another1234!"})
    assert answer.status == 204, answer
    assert_refused(check(other, event))
    person.http.token = answer.cookies[0].split(";")[0].removeprefix("access_token=")
    assert check(person.http, event).status == 200
    other.close()


def test_a_revoked_token_is_as_none_where_nobody_needs_one(person):
    assert person.http.post("/api/auth/logout").status == 200
    assert person.http.get("/api/v1/events").status == 200
    assert person.http.post("/api/auth/logout").status == 200


def test_what_another_node_revokes_is_known_soon(shop, person, event):
    assert check(person.http, event).status == 200
    shop.database.rows("UPDATE users SET revoked_before = clock_timestamp() "
                       f"WHERE id = '{person.id}'")
    end = time.monotonic() + 10
    while (answer := check(person.http, event)).status == 200 and time.monotonic() < end:
        time.sleep(0.1)
    assert_refused(answer)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_start_of_the_node_revives_no_token(end):
    node = start_node()
    try:
        event = harness.add_event(node.database, "Restart", seats=10)
        gone, here = User(node), User(node)
        admin = admin_of(node)
        assert gone.http.post("/api/auth/logout").status == 200
        assert admin.post("/api/auth/logout").status == 200
        getattr(node, end)()
        for client in (gone.http, here.http, admin):
            client.close()
        node.start()
        assert_refused(check(gone.http, event))
        assert_refused(admin.post(f"/api/v1/queue/admin/clear/{event}"))
        assert check(here.http, event).status == 200
    finally:
        node.close()
