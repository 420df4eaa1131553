"""The waiting page of a gate, in a real browser (contract 2.10, 3.3)."""
import importlib.util
import itertools
import pathlib

import pytest

import tiketi_harness as harness

ADDRESSES = itertools.count(1)


def of_the_contract_tests():
    """Their conftest, under another name than ours."""
    path = pathlib.Path(__file__).resolve().parents[1] / "contract" / "conftest.py"
    spec = importlib.util.spec_from_file_location("contract_conftest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


contract = of_the_contract_tests()
until = contract.until


@pytest.fixture(scope="module")
def node():
    """Nobody is let through unless the test says so."""
    running = contract.start_node(TRUSTED_PROXIES="127.0.0.1", VWR_ADVANCE_INTERVAL_MS="3600000",
                                  CORS_ALLOWED_ORIGINS="http://localhost:3000")
    yield running
    running.close()


@pytest.fixture(scope="module")
def admin(node):
    client = node.client()
    answer = client.post("/api/auth/login",
                         {"email": harness.ADMIN[0], "password": harness.ADMIN[1]})
    client.token = answer.json["token"]
    yield client
    client.close()


class Gate:
    """An event with an open gate and three people before whoever comes."""

    def __init__(self, node, admin, before=3):
        self.node, self.admin = node, admin
        self.event = harness.add_event(node.database, "Opening night", seats=1)
        self.act("activate")
        for _ in range(before):
            self.somebody_comes()

    def act(self, verb, body=None):
        answer = self.admin.post(f"/api/admin/vwr/{verb}/{self.event}", body)
        assert answer.status == 200, answer

    def let_through(self, count):
        self.act("advance", {"batchSize": count})

    def somebody_comes(self):
        client = self.node.client()
        answer = client.post(f"/vwr-api/vwr/assign/{self.event}", {},
                             headers={"X-Forwarded-For": f"198.51.100.{next(ADDRESSES) % 250}"})
        assert answer.status == 200, answer
        client.close()

    @property
    def page(self):
        return f"http://localhost:{self.node.port}/vwr/{self.event}"


@pytest.fixture
def gate(node, admin):
    return Gate(node, admin)


def text(driver, element):
    return driver.execute_script("return document.getElementById(arguments[0])?.textContent || ''",
                                 element)


def shows(driver, element, wanted):
    until(lambda: text(driver, element) == wanted, 20)


def stored(driver, gate):
    return driver.execute_script("return JSON.parse(localStorage.getItem(arguments[0]))",
                                 f"tiketi-vwr-{gate.event}")


def cut(driver, offline):
    driver.set_network_conditions(offline=offline, latency=0, download_throughput=-1,
                                  upload_throughput=-1)


def complaints(driver):
    """What the browser says about the page itself, such as what its policy forbids."""
    return [x for x in driver.get_log("browser")
            if x["source"] in ("security", "javascript", "violation")]


def audit(driver, axe):
    driver.execute_script(axe)
    found = driver.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "axe.run(document, {resultTypes: ['violations']}).then("
        "  x => done(x.violations.map(v => `${v.impact} ${v.id}: `"
        "    + v.nodes.map(n => n.html).join(' | '))), e => done([String(e)]))")
    assert found == []


def media(driver, **features):
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": k.replace("_", "-"), "value": v} for k, v in features.items()]})


def test_the_place_counts_down_until_it_is_let_through(browse, gate):
    driver = browse()
    driver.get(gate.page)
    shows(driver, "ahead", "3")
    assert text(driver, "position") == "4" and text(driver, "total") == "4"
    assert driver.title == "3명 앞 · 대기실 · Tiketi"
    gate.somebody_comes()
    gate.let_through(1)
    shows(driver, "ahead", "2")
    shows(driver, "total", "5")
    assert driver.title == "2명 앞 · 대기실 · Tiketi"
    assert driver.execute_script("return document.getElementById('progress').value") == 33
    assert "3명" in text(driver, "live"), "said once, not with every number"
    gate.let_through(3)
    until(lambda: driver.current_url.endswith(f"/events/{gate.event}"), 20)
    token = driver.get_cookie("urr-vwr-token")
    assert token["path"] == "/" and token["sameSite"] == "Strict" and token["secure"]
    assert complaints(driver) == []


def test_a_reload_and_a_second_tab_show_the_same_place(browse, gate):
    driver = browse()
    driver.get(gate.page)
    shows(driver, "position", "4")
    mine = stored(driver, gate)
    gate.somebody_comes()
    driver.refresh()
    shows(driver, "position", "4")
    assert stored(driver, gate)["requestId"] == mine["requestId"]
    driver.switch_to.new_window("tab")
    driver.get(gate.page)
    shows(driver, "position", "4")
    # Storage that was cleared: the cookie still tells whose place it is.
    user = driver.execute_script("return localStorage.getItem('tiketi-vwr-user')")
    driver.execute_script("localStorage.clear();"
                          "localStorage.setItem('tiketi-vwr-user', arguments[0])", user)
    driver.refresh()
    shows(driver, "position", "4")
    assert stored(driver, gate)["requestId"] == mine["requestId"]


def test_a_lost_network_costs_no_place_and_comes_back_by_itself(browse, gate):
    driver = browse()
    driver.get(gate.page)
    shows(driver, "ahead", "3")
    cut(driver, True)
    until(lambda: "연결이 끊겼습니다" in text(driver, "trouble"), 30)
    assert text(driver, "ahead") == "3", "what was known stays"
    gate.let_through(2)
    cut(driver, False)
    shows(driver, "ahead", "1")
    until(lambda: text(driver, "trouble") == "", 20)
    assert text(driver, "position") == "4"


def test_without_a_gate_the_page_goes_to_the_event(browse, node):
    event = harness.add_event(node.database, "No gate", seats=1)
    driver = browse()
    driver.get(f"http://localhost:{node.port}/vwr/{event}")
    until(lambda: driver.current_url.endswith(f"/events/{event}"), 20)
    assert driver.get_cookie("urr-vwr-token") is None


def test_an_address_that_is_none_is_said(browse, node):
    driver = browse("en")
    driver.get(f"http://localhost:{node.port}/vwr/nonsense")
    until(lambda: "no waiting room at this address" in text(driver, "state"), 20)


def test_a_place_that_ended_is_replaced_and_that_is_said(browse, gate):
    driver = browse("en")
    driver.get(gate.page)
    shows(driver, "position", "4")
    gate.act("deactivate")
    gate.act("activate")
    shows(driver, "position", "1")
    assert driver.title == "0 ahead · Waiting room · Tiketi"
    assert text(driver, "trouble") == "Your place was not found, so you have a new one."


def before_the_page(driver, script):
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})


def test_a_place_that_is_refused_at_once_is_not_replaced_at_once(browse, gate):
    """Where cookies are refused and places are bound to them, that would never end."""
    driver = browse("en")
    before_the_page(driver, "const real = window.fetch; window.assigned = 0;"
                            "window.fetch = (url, options) => {"
                            "  if (String(url).includes('/assign/')) ++window.assigned;"
                            "  return String(url).includes('/check/')"
                            "    ? Promise.resolve(new Response('{}', {status: 404}))"
                            "    : real(url, options); };")
    driver.get(gate.page)
    until(lambda: "Many people are coming" in text(driver, "trouble"), 20)
    assert driver.execute_script("return window.assigned") == 1


def test_a_full_storage_costs_no_place(browse, gate):
    driver = browse()
    before_the_page(driver, "Storage.prototype.setItem = () => { throw new Error('full'); };")
    driver.get(gate.page)
    shows(driver, "ahead", "3")
    gate.let_through(1)
    shows(driver, "ahead", "2")
    assert text(driver, "position") == "4"


def test_a_browser_of_some_years_ago_waits_like_others(browse, gate):
    driver = browse()
    before_the_page(driver, "delete AbortSignal.timeout;")
    driver.get(gate.page)
    shows(driver, "ahead", "3")
    assert text(driver, "trouble") == ""
    gate.let_through(1)
    shows(driver, "ahead", "2")


def test_both_languages_and_one_can_change(browse, gate):
    driver = browse("en")
    driver.get(gate.page)
    until(lambda: text(driver, "state") == "You are in line.", 20)
    language = "return document.documentElement.lang"
    assert driver.execute_script(language) == "en"
    driver.find_element("id", "language").click()
    assert text(driver, "state") == "순서를 기다리고 있습니다."
    assert driver.execute_script(language) == "ko"
    driver.refresh()
    until(lambda: text(driver, "state") == "순서를 기다리고 있습니다.", 20)


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_audit_of_accessibility_finds_nothing(browse, gate, axe, language, scheme):
    driver = browse(language)
    media(driver, prefers_color_scheme=scheme)
    driver.get(gate.page)
    shows(driver, "ahead", "3")
    audit(driver, axe)
    cut(driver, True)
    until(lambda: text(driver, "trouble") != "", 30)
    cut(driver, False)
    driver.execute_script("document.getElementById('trouble').textContent = arguments[0]", "…")
    audit(driver, axe)


def test_nothing_moves_for_whoever_asks_for_that(browse, gate):
    driver = browse()
    moves = "return getComputedStyle(document.querySelector('main')).transitionDuration"
    media(driver, prefers_reduced_motion="no-preference")
    driver.get(gate.page)
    assert driver.execute_script(moves) == "0.3s"
    media(driver, prefers_reduced_motion="reduce")
    assert driver.execute_script(moves) == "0s"
