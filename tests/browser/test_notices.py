"""Notices to buyers (G08) on every page that the node serves, in a real browser."""
import datetime
import time

import pytest

import tiketi_harness as harness
from test_waiting import (Gate, admin, audit, complaints, contract, media,  # noqa: F401
                          shows, until)

API = "/api/admin/notices"
TEXT = {"ko": "결제가 지연되고 있습니다", "en": "Payments are slow"}


@pytest.fixture(scope="module")
def node():
    running = contract.start_node(TRUSTED_PROXIES="127.0.0.1", VWR_ADVANCE_INTERVAL_MS="3600000",
                                  CORS_ALLOWED_ORIGINS="http://localhost:3000")
    yield running
    running.close()


@pytest.fixture
def gate(node, admin):  # noqa: F811
    return Gate(node, admin)


@pytest.fixture(autouse=True)
def nothing_stays(node):
    yield
    node.database.rows("UPDATE notices SET removed_at = now(), removed_by = set_by "
                       "WHERE removed_at IS NULL")
    time.sleep(1.5)


def write(admin, level="warning", text=None, **more):  # noqa: F811
    answer = admin.post(API, {"level": level, "text": text or TEXT, **more})
    assert answer.status == 201, answer
    return answer.json["id"]


def notices(driver):
    """(level, text) of those that are shown."""
    return [tuple(x) for x in driver.execute_script(
        "return Array.from(document.querySelectorAll('#notices .notice'),"
        "                  x => [x.dataset.level, x.textContent])")]


def pages(node, gate):
    root = f"http://localhost:{node.port}"
    return [gate.page, f"{root}/fairness/{gate.event}", f"{root}/docs"]


def test_who_waits_is_told_within_ten_seconds_and_told_no_more_when_it_is_over(
        browse, gate, admin):  # noqa: F811
    driver = browse()
    driver.get(gate.page)
    shows(driver, "ahead", "3")
    assert notices(driver) == []
    made = write(admin)
    until(lambda: notices(driver) == [("warning", "주의" + TEXT["ko"])], 20)
    shows(driver, "ahead", "3")
    changed = admin.put(f"{API}/{made}", {"level": "info", "text": {"ko": "해결", "en": "Solved"}})
    assert changed.status == 200
    until(lambda: notices(driver) == [("info", "안내해결")], 20)
    assert admin.delete(f"{API}/{made}").status == 200
    until(lambda: notices(driver) == [], 20)
    assert complaints(driver) == []


def test_every_page_tells_the_worst_first_and_in_its_language(browse, node, gate,
                                                               admin):  # noqa: F811
    write(admin, "info")
    write(admin, "incident", {"ko": "중단되었습니다", "en": "It is down"})
    for page in pages(node, gate):
        driver = browse("en")
        driver.get(page)
        until(lambda: notices(driver) == [("incident", "ProblemIt is down"),
                                          ("info", "NoticePayments are slow")], 20)
        assert complaints(driver) == [], page
    driver = browse("en")
    driver.get(gate.page)
    until(lambda: len(notices(driver)) == 2, 20)
    driver.find_element("id", "language").click()
    until(lambda: notices(driver)[0] == ("incident", "장애중단되었습니다"), 5)
    label = "return document.getElementById('notices').getAttribute('aria-label')"
    assert driver.execute_script(label) == "공지"


def test_a_notice_about_an_event_is_on_its_pages_alone(browse, node, gate, admin):  # noqa: F811
    other = harness.add_event(node.database, "Another", seats=1)
    write(admin, eventId=gate.event, text={"ko": "이것", "en": "This"})
    write(admin, eventId=other, text={"ko": "저것", "en": "That"})
    write(admin, text={"ko": "모두", "en": "All"})
    for page, wanted in zip(pages(node, gate), ({"This", "All"}, {"This", "All"}, {"All"})):
        driver = browse("en")
        driver.get(page)
        until(lambda: {x[1].removeprefix("Please note") for x in notices(driver)} == wanted, 20)


def test_what_was_written_is_text_and_never_markup(browse, node, gate, admin):  # noqa: F811
    bad = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    write(admin, text={"ko": bad, "en": bad})
    for page in pages(node, gate):
        driver = browse("en")
        driver.get(page)
        until(lambda: [x[1] for x in notices(driver)] == ["Please note" + bad], 20)
        count = "return document.querySelectorAll('#notices img, #notices script').length"
        assert driver.execute_script(count) == 0
        assert driver.title != "owned" and complaints(driver) == []


def test_it_goes_when_its_time_is_over_and_is_not_drawn_anew_meanwhile(
        browse, gate, admin):  # noqa: F811
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=14)
    driver = browse("en")
    driver.get(gate.page)
    write(admin, endsAt=ends.isoformat())
    until(lambda: len(notices(driver)) == 1, 20)
    # An element that stays is not read out again.
    driver.execute_script("document.querySelector('.notice').kept = true")
    driver.execute_script("window.looks = 0; const real = window.fetch; window.fetch = (...x) => {"
                          "  if (String(x[0]).includes('/api/notices')) ++window.looks;"
                          "  return real(...x); };")
    kept = "const x = document.querySelector('.notice'); return x ? x.kept === true : null"
    seen = set()

    def gone():
        seen.add(driver.execute_script(kept))
        return notices(driver) == []
    until(gone, 40)
    assert seen <= {True, None}
    assert driver.execute_script("return window.looks") >= 1


def test_what_is_known_stays_while_nobody_answers(browse, gate, admin):  # noqa: F811
    write(admin)
    driver = browse("en")
    driver.get(gate.page)
    until(lambda: len(notices(driver)) == 1, 20)
    driver.set_network_conditions(offline=True, latency=0, download_throughput=-1,
                                  upload_throughput=-1)
    time.sleep(8)
    assert len(notices(driver)) == 1
    driver.set_network_conditions(offline=False, latency=0, download_throughput=-1,
                                  upload_throughput=-1)
    write(admin, "incident")
    until(lambda: len(notices(driver)) == 2, 90)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_audit_of_accessibility_finds_nothing(browse, node, gate, admin, axe,  # noqa: F811
                                                 scheme):
    for level in ("info", "warning", "incident"):
        write(admin, level)
    for page in pages(node, gate)[:2]:
        driver = browse("ko")
        media(driver, prefers_color_scheme=scheme)
        driver.get(page)
        until(lambda: len(notices(driver)) == 3, 20)
        audit(driver, axe)
