#!/usr/bin/env python3
"""Opens pages of `doctor` in a headless Chromium, from a file: light and dark, at phone and desktop width.

    matrix_in_browser.py DOCTOR BIG_PAGE [SCREENSHOT_DIR]

BIG_PAGE has 1000 keys on 50 services and is written by `tests/e2e/matrix.rs`.
"""

import pathlib
import subprocess
import sys
import tempfile
import time

from playwright.sync_api import sync_playwright

CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
VIEWS = [(scheme, width) for scheme in ("light", "dark") for width in (390, 1280)]


def visible_rows(page):
    return page.locator(".matrix tbody tr:visible").count()


def contrast(page, selector):
    """Returns the WCAG contrast of an element's text with its background."""
    return page.evaluate(
        """selector => {
            const element = document.querySelector(selector);
            const rgb = text => text.match(/[\\d.]+/g).map(Number);
            let behind = element;
            while (rgb(getComputedStyle(behind).backgroundColor)[3] === 0) { behind = behind.parentElement; }
            const light = colour => rgb(colour).slice(0, 3).map(c => c / 255)
                .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
                .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
            const [a, b] = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(light);
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        }""",
        selector,
    )


class Tab:
    """A page that must log nothing to the console and make no network requests."""

    def __init__(self, browser, path, scheme, width, script=True):
        self.context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=script
        )
        self.page = self.context.new_page()
        self.console, self.requests, self.failed = [], [], {}
        self.page.on("console", lambda message: self.console.append(message.text))
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", lambda request: self.failed.update({request.url: request.failure}))
        self.address = path.resolve().as_uri()
        self.page.goto(self.address)

    def __enter__(self):
        return self.page

    def __exit__(self, kind, *_):
        self.context.close()
        if kind is None:
            assert self.console == [], self.console
            assert self.requests == [self.address], self.requests


def small(browser, path, shots):
    for scheme, width in VIEWS:
        with Tab(browser, path, scheme, width) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page itself does not scroll horizontally"
            assert visible_rows(page) == 6, "three of nine keys agree and are folded"
            assert page.locator("#count").inner_text() == "6 of 9 keys"
            page.screenshot(path=shots / f"{path.stem}-{scheme}-{width}.png", full_page=True)
            page.fill("#text", "url")
            assert visible_rows(page) == 4, page.locator("#count").inner_text()
            page.fill("#text", "")
            page.select_option("#state", "differs-and-stale")
            assert visible_rows(page) == 1
            page.select_option("#state", "*")
            assert visible_rows(page) == 9
            page.select_option("#state", "")
            page.fill("#service", "worker")
            headers = page.locator(".matrix thead th.service:visible").all_inner_texts()
            assert headers == ["agentverse-worker-staging"], headers
            # PUBLIC_URL concerns only the api, not the worker.
            assert visible_rows(page) == 5 and page.locator("#count").inner_text() == "5 of 9 keys, 1 of 2 services"
            assert page.locator(".matrix tbody tr:visible").first.locator("td:visible").count() == 1
            page.select_option("#state", "differs")
            assert visible_rows(page) == 0, "only the api has that marker"
            page.fill("#service", "API")
            assert visible_rows(page) == 1, page.locator("#count").inner_text()
            page.fill("#service", "unknown")
            assert visible_rows(page) == 0 and page.locator("#count").inner_text() == "0 of 9 keys, 0 of 2 services"
            page.fill("#service", "")
            page.select_option("#state", "*")
            assert visible_rows(page) == 9 and page.locator(".matrix thead th.service:visible").count() == 2
            page.fill("#text", "<script>")
            assert visible_rows(page) == 0
            page.press("#text", "Enter")
            assert page.url == path.resolve().as_uri(), "the filter does not submit the form"
            for selector in ("td.error", "td.note", "td.good", "dt", "tbody th", ".faint"):
                assert contrast(page, selector) >= 4.5, (scheme, selector, contrast(page, selector))
            back = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (back == "rgb(255, 255, 255)") == (scheme == "light"), back
    with Tab(browser, path, "light", 1280, script=False) as page:
        assert visible_rows(page) == 9 and not page.locator("#filter").is_visible(), "without scripts, all rows are shown and the filter is hidden"


def injection(browser, path, folder):
    """The content security policy blocks a style, a script and an image that are injected into the page."""
    text = path.read_text()
    injected = "<style>body{display:none}</style><script>document.title='injected'</script><img src='https://example.com/x.png' onerror=\"document.title='injected'\">"
    page = folder / "injected.html"
    page.write_text(text.replace("<main>", "<main>" + injected))
    tab = Tab(browser, page, "light", 1280)
    assert tab.page.title() != "injected" and tab.page.locator("h1").is_visible()
    assert len(tab.console) >= 3 and all("Content Security Policy" in line for line in tab.console), tab.console
    assert tab.failed == {"https://example.com/x.png": "csp"}, "the image is blocked before it is requested"
    tab.context.close()


def big(browser, path, shots):
    for scheme, width in VIEWS:
        started = time.monotonic()
        with Tab(browser, path, scheme, width) as page:
            loaded = time.monotonic() - started
            assert visible_rows(page) == 25
            started = time.monotonic()
            page.select_option("#state", "*")
            page.evaluate("document.body.offsetHeight")
            expanded = time.monotonic() - started
            started = time.monotonic()
            page.fill("#text", "0999")
            page.evaluate("document.body.offsetHeight")
            filtered = time.monotonic() - started
            assert visible_rows(page) == 1
            page.fill("#text", "")
            started = time.monotonic()
            page.fill("#service", "7")
            page.evaluate("document.body.offsetHeight")
            narrowed = time.monotonic() - started
            assert page.locator(".matrix thead th.service:visible").count() < 20
            page.fill("#service", "")
            # The first column and the header stay in place.
            page.locator(".scroll").evaluate("element => element.scrollTo(700, 900)")
            header, first, box = (
                page.locator(selector).first.bounding_box() for selector in (".many thead th", ".many tbody tr:nth-child(60) th", ".scroll")
            )
            assert abs(header["y"] - box["y"]) < 3 and abs(first["x"] - box["x"]) < 3, (header, first, box)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.screenshot(path=shots / f"{path.stem}-{scheme}-{width}.png")
            print(f"1000 × 50, {scheme}, {width} px: loaded in {loaded:.2f} s, all shown in {expanded:.2f} s, filtered in {filtered:.2f} s, services in {narrowed:.2f} s")
            # On two idle cores this takes 1.5, 2 and 0.4 s. The limits allow for a busy machine.
            assert loaded < 15 and expanded < 10 and filtered < 5 and narrowed < 5, "the page is slow"


def main():
    doctor, big_page = sys.argv[1], pathlib.Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        folder = pathlib.Path(folder)
        shots = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else folder
        for command in ("matrix", "check"):
            page = subprocess.run([doctor, "demo", command, "--format", "html"], capture_output=True, text=True)
            assert page.returncode == 1, page.stderr
            (folder / f"{command}.html").write_text(page.stdout)
        program = next(path for path in CHROMIUM if pathlib.Path(path).exists())
        # CI runs as root in a container, where Chromium's sandbox does not work.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for command in ("matrix", "check"):
            small(browser, folder / f"{command}.html", shots)
            injection(browser, folder / f"{command}.html", folder)
        big(browser, big_page, shots)
        browser.close()
    print("HTML pages in Chromium: all checks passed")


if __name__ == "__main__":
    main()
