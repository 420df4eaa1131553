"""Operator cases (G18): what staff read of them, and how a person closes one."""
import uuid

import pytest

from conftest import assert_error, harness

CASES = "/api/admin/cases"


@pytest.fixture(scope="module")
def admin(node):
    client = node.client()
    said = client.post("/api/auth/login", {"email": harness.ADMIN[0],
                                           "password": harness.ADMIN[1]})
    assert said.status == 200, said
    client.token = said.json["token"]
    yield client
    client.close()


@pytest.fixture(autouse=True)
def none_stays(db):
    yield
    db.rows("DELETE FROM operator_cases")


def add(db, kind="refund_failed", subject=None, age_s=0):
    return db.value(
        "INSERT INTO operator_cases (kind, subject, says, against, next_step, attempts, "
        f"detected_at) VALUES ('{kind}', '{subject or uuid.uuid4()}', 'its refund is pending', "
        f"'the provider took 50000', 'look there', 5, now() - interval '{age_s} s') RETURNING id"
    ).split()[0]


def read(admin, query=""):
    answer = admin.get(CASES + query)
    assert answer.status == 200, answer
    return answer.json


def test_only_admins_look_and_close(user, http):
    for client, status in ((http, 401), (user.http, 403)):
        assert client.get(CASES).status == status
        assert client.post(f"{CASES}/{uuid.uuid4()}/close", {"reason": "x"}).status == status


def test_the_newest_comes_first_page_by_page(admin, db):
    assert read(admin) == {"cases": [], "pagination": {
        "page": 1, "limit": 20, "total": 0, "totalPages": 0}}
    old, new = add(db, age_s=60), add(db, "payment_unresolved")
    assert [x["id"] for x in read(admin)["cases"]] == [new, old]
    page = read(admin, "?page=2&limit=1")
    assert [x["id"] for x in page["cases"]] == [old]
    assert page["pagination"] == {"page": 2, "limit": 1, "total": 2, "totalPages": 2}
    (case,) = page["cases"]
    assert (case["kind"], case["status"], case["attempts"]) == ("refund_failed", "open", 5)
    assert (case["says"], case["against"]) == ("its refund is pending", "the provider took 50000")
    assert case["next_step"] == "look there"
    assert case["closed_at"] is case["closed_by"] is case["reason"] is None


def test_by_kind_and_status(admin, db):
    refund, other = add(db), add(db, "row_mismatch")
    assert admin.post(f"{CASES}/{other}/close", {"reason": "known"}).status == 200
    assert [x["id"] for x in read(admin, "?kind=refund_failed")["cases"]] == [refund]
    assert [x["id"] for x in read(admin, "?status=closed")["cases"]] == [other]
    assert [x["id"] for x in read(admin, "?status=open")["cases"]] == [refund]
    assert read(admin, "?kind=row_mismatch&status=open")["cases"] == []
    assert_error(admin.get(f"{CASES}?kind=nonsense"), 400, "kind is none that there is")
    assert_error(admin.get(f"{CASES}?status=ended"), 400, "status must be open or closed")
    assert_error(admin.get(f"{CASES}?page=x"), 400)


def test_who_closes_one_says_why_and_is_on_record(admin, db):
    case = add(db)
    for body in ({}, {"reason": ""}, {"reason": "  "}, {"reason": "x" * 201}, {"reason": 7}):
        assert_error(admin.post(f"{CASES}/{case}/close", body), 400)
    assert read(admin)["cases"][0]["status"] == "open"
    answer = admin.post(f"{CASES}/{case}/close", {"reason": "given back by hand"})
    assert answer.status == 200 and answer.json["changed"] is True
    told = answer.json["case"]
    assert (told["status"], told["reason"]) == ("closed", "given back by hand")
    assert told["closed_by"].startswith("admin ") and told["closed_at"]
    again = admin.post(f"{CASES}/{case}/close", {"reason": "another"})
    assert again.status == 200 and again.json["changed"] is False  # No second effect.
    assert again.json["case"] == told
    assert db.rows("SELECT response_status, count(*) FROM admin_audit_logs WHERE action = "
                   f"'CLOSE_CASE' AND resource_id = '{case}' GROUP BY 1 ORDER BY 1") == [
                       ["200", "2"], ["400", "5"]]


def test_what_there_is_not_cannot_be_closed(admin):
    assert_error(admin.post(f"{CASES}/{uuid.uuid4()}/close", {"reason": "x"}), 404,
                 code="CASE_UNKNOWN")
    assert_error(admin.post(f"{CASES}/nonsense/close", {"reason": "x"}), 400)
