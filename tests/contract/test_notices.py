"""What buyers are told on every page (G08): what everybody reads and organisers write."""
import datetime
import time
import uuid

import pytest

from conftest import assert_error, harness, until

NOTICES, ADMIN = "/api/notices", "/api/admin/notices"
TEXT = {"ko": "결제가 지연되고 있습니다", "en": "Payments are slow"}


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
def nothing_stays(db):
    yield
    db.rows("UPDATE notices SET removed_at = now(), removed_by = set_by WHERE removed_at IS NULL")
    time.sleep(1.5)


def at(seconds):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now + datetime.timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def body_of(level="warning", text=None, **more):
    return {"level": level, "text": TEXT if text is None else text, **more}


def write(admin, **what):
    answer = admin.post(ADMIN, body_of(**what))
    assert answer.status == 201, answer
    assert answer.json["changed"] is True
    return answer.json["id"]


def read(http):
    answer = http.get(NOTICES)
    assert answer.status == 200, answer
    return {x["id"]: x for x in answer.json["notices"]}


def test_only_admins_write_and_everybody_reads(user, http):
    one = f"{ADMIN}/{uuid.uuid4()}"
    for client, status in ((http, 401), (user.http, 403)):
        assert client.get(ADMIN).status == status
        assert client.post(ADMIN, body_of()).status == status
        assert client.put(one, body_of()).status == status
        assert client.delete(one).status == status
    assert read(http) == read(user.http) == {}


def test_what_was_written_is_read_in_the_form_of_the_contract(admin, http, hall):
    event, _ = hall
    made = write(admin, level="incident", eventId=event, endsAt=at(3600))
    told = read(http)[made]
    assert set(told) == {"id", "level", "text", "event_id", "starts_at", "ends_at"}
    assert told["level"] == "incident" and told["text"] == TEXT and told["event_id"] == event
    assert told["starts_at"] < told["ends_at"]
    plain = write(admin)
    assert read(http)[plain]["event_id"] is None and read(http)[plain]["ends_at"] is None
    answer = http.get(NOTICES)
    assert answer.headers["cache-control"] == "public, max-age=2"
    assert 0 <= answer.json["age_ms"] < 10_000 and answer.json["as_of"].endswith("Z")


def test_it_is_changed_and_taken_back(admin, http):
    made = write(admin)
    began = read(http)[made]["starts_at"]
    solved = {"ko": "해결되었습니다", "en": "Solved"}
    changed = admin.put(f"{ADMIN}/{made}", body_of("info", solved, endsAt=at(60)))
    assert changed.status == 200 and changed.json["changed"] is True
    told = read(http)[made]
    assert told["level"] == "info" and told["text"] == solved and told["ends_at"]
    assert told["starts_at"] == began  # It is not said anew.
    gone = admin.delete(f"{ADMIN}/{made}")
    assert gone.status == 200 and gone.json["changed"] is True and gone.json["notices"] == []
    assert read(http) == {}


def test_it_begins_and_ends_by_itself(admin, http):
    later, brief = write(admin, startsAt=at(3)), write(admin, endsAt=at(3))
    assert set(read(http)) == {brief}
    assert {x["id"] for x in admin.get(ADMIN).json["notices"]} == {later, brief}
    until(lambda: set(read(http)) == {later})
    assert {x["id"] for x in admin.get(ADMIN).json["notices"]} >= {later}


def test_what_another_node_wrote_is_told_and_what_it_took_back_is_not(db, http):
    made = str(uuid.uuid4())
    begun = time.monotonic()
    db.rows("INSERT INTO notices (id, level, text_ko, text_en, starts_at, set_by, set_by_name) "
            f"VALUES ('{made}', 'info', '가', 'a', now(), gen_random_uuid(), 'ann')")
    until(lambda: made in read(http))
    db.rows(f"UPDATE notices SET removed_at = now(), removed_by = set_by WHERE id = '{made}'")
    until(lambda: made not in read(http))
    assert time.monotonic() - begun < 10


def test_to_repeat_does_no_harm(admin, http):
    operation = str(uuid.uuid4())
    said = body_of(operationId=operation)
    assert [admin.post(ADMIN, said).status for _ in range(3)] == [201, 200, 200]
    assert list(read(http)) == [operation]
    other = admin.post(ADMIN, body_of("info", operationId=operation))
    assert other.status == 200 and other.json["changed"] is False
    assert read(http)[operation]["level"] == "warning"
    change = body_of("incident")
    assert [admin.put(f"{ADMIN}/{operation}", change).json["changed"] for _ in range(2)] == \
        [True, False]
    assert [admin.delete(f"{ADMIN}/{operation}").json["changed"] for _ in range(2)] == [True, False]
    # A repetition that comes late tells nobody anything again.
    late = admin.post(ADMIN, said)
    assert late.status == 200 and late.json["changed"] is False and late.json["notices"] == []
    assert_error(admin.put(f"{ADMIN}/{operation}", change), 404, "Notice not found",
                 "NOTICE_UNKNOWN")


def test_what_is_not_there_is_not_found(admin):
    stranger = str(uuid.uuid4())
    assert_error(admin.put(f"{ADMIN}/{stranger}", body_of()), 404, code="NOTICE_UNKNOWN")
    assert_error(admin.delete(f"{ADMIN}/{stranger}"), 404, code="NOTICE_UNKNOWN")
    assert admin.delete(f"{ADMIN}/nonsense").status == 400
    made = write(admin)
    for said in (admin.post(ADMIN, body_of(eventId=stranger)),
                 admin.put(f"{ADMIN}/{made}", body_of(eventId=stranger))):
        assert_error(said, 404, "Event not found")


def test_so_many_stand_and_no_more(admin, db, http):
    db.rows("INSERT INTO notices (id, level, text_ko, text_en, starts_at, set_by, set_by_name) "
            "SELECT gen_random_uuid(), 'info', '가', 'a', now(), gen_random_uuid(), 'ann' "
            "FROM generate_series(1, 49)")
    last = write(admin)
    assert_error(admin.post(ADMIN, body_of()), 409, code="NOTICES_FULL")
    until(lambda: len(read(http)) == 50)
    assert admin.delete(f"{ADMIN}/{last}").status == 200
    write(admin)
    # Those that have ended do not count.
    db.rows("UPDATE notices SET starts_at = now() - interval '2 s', "
            "ends_at = now() - interval '1 s' WHERE set_by_name = 'ann' AND removed_at IS NULL")
    write(admin)


@pytest.mark.parametrize("body, text", [
    ({}, "must not be blank"),
    ({"level": "panic", "text": TEXT}, "level must be info, warning or incident"),
    ({"level": "info"}, "text must have ko and en"),
    ({"level": "info", "text": "Hello"}, "text must have ko and en"),
    ({"level": "info", "text": {"en": "Hello"}}, "must not be blank"),
    ({"level": "info", "text": {"ko": " ", "en": "Hello"}}, "must not be blank"),
    ({"level": "info", "text": {"ko": "가" * 501, "en": "Hello"}},
     "ko must be at most 500 characters"),
    (body_of(startsAt=at(10), endsAt=at(5)), "endsAt must be later than startsAt"),
    (body_of(endsAt=at(-5)), "endsAt must be later than startsAt"),
])
def test_what_makes_no_sense_is_refused(admin, http, body, text):
    assert_error(admin.post(ADMIN, body), 400, text)
    assert read(http) == {}


def test_more_that_makes_no_sense(admin, http):
    made = write(admin)
    early = admin.put(f"{ADMIN}/{made}", body_of(endsAt=at(-3600)))
    assert_error(early, 400, "endsAt must be later than startsAt")
    for body in (body_of(eventId="x"), body_of(startsAt="tomorrow"),
                 body_of(startsAt="2026-11-22T10:00:00"), body_of(operationId="x")):
        assert admin.post(ADMIN, body).status == 400, body
    longest = {"ko": "가" * 500, "en": "😀" * 500}
    made = write(admin, text=longest)
    assert read(http)[made]["text"] == longest


def test_every_attempt_is_on_record(admin, db):
    operation = str(uuid.uuid4())
    made = write(admin, operationId=operation, text={"ko": "가", "en": "x" * 300})
    admin.put(f"{ADMIN}/{made}", body_of("info"))
    admin.post(ADMIN, body_of("panic"))
    admin.delete(f"{ADMIN}/{made}")
    admin.delete(f"{ADMIN}/{uuid.uuid4()}")
    noted = db.rows("SELECT action, response_status, request_summary, resource_id FROM "
                    "admin_audit_logs WHERE resource_type = 'notice' ORDER BY created_at DESC "
                    "LIMIT 5")[::-1]
    assert [(x[0], x[1]) for x in noted] == [
        ("CREATE_NOTICE", "201"), ("UPDATE_NOTICE", "200"), ("CREATE_NOTICE", "400"),
        ("DELETE_NOTICE", "200"), ("DELETE_NOTICE", "404")]
    assert noted[0][3] == noted[1][3] == noted[3][3] == made == operation
    assert noted[0][2].startswith("admin ") and "@" not in noted[0][2]
    assert operation in noted[0][2] and "xxx..." in noted[0][2] and len(noted[0][2]) < 300


def test_whatever_was_written_is_one_text(admin, http):
    text = {"ko": "</script><img src=x onerror=alert(1)>", "en": '"},{"id":"x'}
    made = write(admin, text=text)
    assert read(http)[made]["text"] == text


def test_pages_find_what_shows_them(http):
    for path, kind in (("/notices/notices.js", "text/javascript"),
                       ("/notices/notices.css", "text/css")):
        answer = http.get(path)
        assert answer.status == 200 and answer.headers["content-type"].startswith(kind)
    for page in (f"/vwr/{uuid.uuid4()}", f"/fairness/{uuid.uuid4()}", "/docs"):
        said = http.get(page)
        assert b'id="notices"' in said.body and b"/notices/notices.js" in said.body, page

