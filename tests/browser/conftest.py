"""A browser, driven from outside, and a node for it. Everything is reached by http://localhost, as
a cookie with `Secure` needs https or that name."""
import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "load"))

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
AXE = os.environ.get("TIKETI_TEST_AXE", "")


@pytest.fixture(scope="session")
def axe():
    """The source of axe-core, which audits a page for accessibility."""
    if not pathlib.Path(AXE).is_file():
        pytest.exit("axe-core is missing; run this with ./dev test", 69)
    return pathlib.Path(AXE).read_text(encoding="utf-8")


@pytest.fixture
def browse(tmp_path):
    """Makes browsers, each with a profile of its own."""
    if not CHROMIUM or not DRIVER:
        pytest.exit("chromium or chromedriver is missing; run this with ./dev test", 69)
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    made = []

    def make(language="ko"):
        options = Options()
        options.binary_location = CHROMIUM
        profile = tmp_path / f"profile-{len(made)}"
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
                     "--no-first-run", "--disable-background-networking", "--disable-sync",
                     "--disable-component-update", "--disable-dev-shm-usage",
                     "--window-size=420,900", f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        made.append(driver)
        driver.set_page_load_timeout(30)
        driver.set_script_timeout(60)
        return driver
    yield make
    for driver in made:
        driver.quit()
