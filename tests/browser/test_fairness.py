"""The page that recomputes a draw (docs/fair-draw.md), in a real browser."""
import pathlib
import sys
import time

import pytest

import tiketi_harness as harness
from test_waiting import admin, audit, complaints, contract, media, text, until  # noqa: F401

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
import fair_draw  # noqa: E402


@pytest.fixture(scope="module")
def node():
    running = contract.start_node(QUEUE_THRESHOLD="0", RATE_LIMIT_QUEUE_RPM="0",
                                  CORS_ALLOWED_ORIGINS="http://localhost:3000")
    yield running
    running.close()


def page(node, event):
    return f"http://localhost:{node.port}/fairness/{event}"


def draw_of(node, event):
    client = node.client()
    found = client.get(f"/api/queue/fairness/{event}").json
    client.close()
    return found


@pytest.fixture(scope="module")
def event(node, admin):  # noqa: F811
    """Drawn, with seven who took part."""
    made = harness.add_event(node.database, "Opening night", seats=1)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4))
    told = admin.post(f"/api/v1/queue/admin/pre-queue/{made}?opensAt={at}")
    assert told.status == 200, told
    for _ in range(7):
        user = contract.User(node)
        assert user.http.post(f"/api/v1/queue/check/{made}").json["status"] == "pre_queue"
        user.http.close()
    until(lambda: draw_of(node, made)["drawn"], 20)
    return made


def says(driver, wanted):
    until(lambda: wanted in text(driver, "state"), 20)


def ask(driver, number):
    driver.execute_script(
        "document.getElementById('number').value = arguments[0];"
        "document.getElementById('ask').requestSubmit();", str(number))
    return text(driver, "answer")


def test_the_page_finds_what_the_independent_program_finds(browse, node, event):
    driver = browse()
    driver.get(page(node, event))
    says(driver, "확인되었습니다")
    draw = draw_of(node, event)
    assert text(driver, "commitment") == draw["commitment"] and text(driver, "people") == "7"
    client = node.client()
    taken = {x["number"] for x in client.get(f"/api/queue/fairness/{event}/list").json["lines"]}
    client.close()
    order = [n for n in fair_draw.drawn_numbers(draw) if n in taken]
    for place, number in enumerate(order, 1):
        assert ask(driver, number) == f"번호 {number}의 순서는 {place}번째입니다."
    assert "명단에 없습니다" in ask(driver, max(taken) + 1)
    assert complaints(driver) == []


def test_before_the_draw_and_without_one(browse, node, admin):  # noqa: F811
    driver = browse()
    other = harness.add_event(node.database, "Another night", seats=1)
    driver.get(page(node, other))
    says(driver, "추첨이 없습니다")
    admin.post(f"/api/v1/queue/admin/pre-queue/{other}?opensAt=2099-01-01T00:00:00Z")
    driver.get(page(node, other))
    says(driver, "추첨 전입니다")
    assert len(text(driver, "commitment")) == 64


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["ko", "en"])
def test_an_audit_of_accessibility_finds_nothing(browse, node, axe, event, language, scheme):
    driver = browse()
    media(driver, prefers_color_scheme=scheme)
    driver.get(page(node, event))
    until(lambda: driver.execute_script(
        "return document.getElementById('page').getAttribute('aria-busy')") == "false", 20)
    if language == "en":
        driver.execute_script("document.getElementById('language').click()")
        assert driver.title == "Check the draw · Tiketi"
    ask(driver, 1)
    audit(driver, axe)


def test_a_change_is_found(browse, node, event):
    driver = browse()
    node.database.rows(f"UPDATE queue_log SET users[1] = gen_random_uuid() "
                       f"WHERE event_id = '{event}' AND turn = (SELECT min(turn) FROM queue_log "
                       f"WHERE event_id = '{event}') RETURNING 1")
    driver.get(page(node, event))
    says(driver, "맞지 않습니다")
