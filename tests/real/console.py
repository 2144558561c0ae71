"""Reads the console of a running demonstration in a browser; see console.sh."""

import json
import os
import pathlib
import signal
import sys
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from browser import Browser  # noqa: E402

URL, TOKEN, HOME, PID, WORK = sys.argv[1:6]
ORIGIN = URL.rstrip("/")
SHOTS = os.environ.get("SCREENSHOTS")
AXE = os.environ.get("AXE")
WIDE, NARROW = (1180, 900), (360, 740)

done = []


def check(what, true, shown=""):
    if not true:
        raise AssertionError(f"{what}: {shown}")
    done.append(what)


def api(path, token=None, body=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(ORIGIN + path, data=data, headers=headers)) as answer:
        return json.load(answer)


def hour():
    return api("/api/v1/status")["windows"]["1h"]["last"]


def in_one_hour(read):
    """What `read` gives, read anew when an hour closes meanwhile."""
    for _ in range(5):
        before = hour()
        try:
            value = read()
        except AssertionError:
            # The page may have gone on to the next hour while this one was waited for.
            if hour() == before:
                raise
        else:
            if hour() == before:
                return value
    raise AssertionError("an hour closed at every try")


def shoot(browser, name, height=None):
    if SHOTS:
        browser.picture(f"{SHOTS}/{name}.png", height)


CONTRAST = pathlib.Path(__file__).with_name("contrast.js").read_text()


def accessible(browser, page):
    """axe where it is, and the most important of it by our own hand everywhere."""
    if AXE:
        browser.run(pathlib.Path(AXE).read_text() + "; window.axe = axe;")
        found = browser.run(
            "const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];"
            "const found = await axe.run(document, {runOnly: tags, resultTypes: ['violations']});"
            "return found.violations.map(v => [v.id, v.help, v.nodes.slice(0, 3).map(n => n.html.slice(0, 160))])"
        )
        check(f"{page}: axe finds nothing", found == [], json.dumps(found, indent=1))
    found = browser.run(CONTRAST)
    check(f"{page}: names, labels and contrast", found == [], json.dumps(found, indent=1))


def fits(browser, page):
    wide = browser.run(
        "const w = document.documentElement.clientWidth;"
        "return [document.documentElement.scrollWidth - w, [...document.querySelectorAll('main *')]"
        ".filter(e => e.checkVisibility() && !e.closest('.scroll, pre, .unseen') && e.getBoundingClientRect().right > w + 1)"
        ".slice(0, 5).map(e => e.outerHTML.slice(0, 120))]"
    )
    check(f"{page}: no sideways scrolling at {NARROW[0]} px", wide == [0, []], wide)


def overview(browser):
    browser.open(URL)
    browser.wait("the tree of classes", "return document.querySelectorAll('.tree tbody tr').length > 3")
    check("the page has a title", browser.run("return document.title") == "IoT classes on your lines · Hayrake")

    def compare():
        start = hour()["start"]
        stamp = start[11:16]
        browser.wait("the hour on the page", "return document.querySelector('.lead').innerText.includes(`Hour ${arguments[0]}`)", stamp)
        rows = browser.run(
            "return [...document.querySelectorAll('.tree tbody tr')].map(r => "
            "[r.querySelector('a').getAttribute('href').split('/').pop(), r.querySelector('td.lines').textContent.trim()])"
        )
        return dict(rows), api("/api/v1/classes")

    shown, answer = in_one_hour(compare)
    wanted = {}
    for one in answer["classes"]:
        if one["detectable"]:
            count = one["lines"]["1h"]
            wanted[one["class"]] = "under 5" if count["withheld"] else f"{count['lines']:,}"
    differ = {name: (shown.get(name), wanted.get(name)) for name in {*shown, *wanted} if shown.get(name) != wanted.get(name)}
    check("every detectable class is there with the API's count", differ == {}, differ)
    check("small counts are said to be under k", "0" not in [shown[name] for name, text in wanted.items() if text != "0"])
    hidden = [one for one in answer["classes"] if not one["detectable"]]
    listed = browser.run("return document.querySelectorAll('#not-detectable tbody tr').length")
    check("what cannot be detected is listed with its reason", listed == len(hidden), (listed, len(hidden)))
    browser.wait("a line of the last hours", "return document.querySelector('.tree svg.spark')", seconds=30)
    browser.press("/")
    check("/ goes to the filter", browser.run("return document.activeElement.id") == "filter")
    browser.press(*"zzzz")
    browser.wait("an empty list", "return document.querySelector('#tree .empty')")
    browser.run("const f = document.getElementById('filter'); f.value = ''; f.dispatchEvent(new Event('input'))")
    browser.run("document.activeElement.blur()")
    return max(
        (one for one in answer["classes"] if one["detectable"] and one["parent"]),
        key=lambda one: one["lines"]["1h"]["lines"] or 0,
    )["class"]


def a_class(browser, name):
    browser.click(f"#class-{name}")
    browser.wait("the class", "return document.querySelector('.figures dd')")
    check("a class has its own address", browser.run("return location.pathname") == f"/classes/{name}")
    check("the heading has the focus", browser.run("return document.activeElement.tagName") == "H1")

    def compare():
        start = hour()["start"]
        browser.wait(
            "the figures of the hour",
            "return document.querySelector('.figures small')?.innerText.startsWith(arguments[0])", start[11:16],
        )
        browser.wait("the trend", "return document.querySelector('#trend-table')", seconds=30)
        rows = browser.wait(
            "the newest hour in the trend",
            "document.querySelector('#trend-table').open = true;"
            "const rows = [...document.querySelectorAll('#trend-table tbody tr')].map(r => [...r.children].map(c => c.innerText.trim()));"
            "return rows[0]?.[0].startsWith(arguments[0]) && rows", start[11:16],
        )
        return browser.text(".figures dd").split("\n")[0], rows, api(f"/api/v1/classes/{name}"), api(f"/api/v1/history?class={name}")

    shown, rows, answer, history = in_one_hour(compare)
    count = answer["class"]["lines"]["1h"]["lines"]
    check("the class page shows the API's count", shown == f"{count:,}", (shown, count))
    points = [point for one in history["series"] if one["region"] is None for point in one["points"]]
    part = {True: " in part", False: ""}
    wanted = [("under 5" if p["lines"] is None else f"{p['lines']:,}") + part[p.get("partial", False)] for p in reversed(points)]
    check("the trend's table is the API's history", [row[1] for row in rows] == wanted, (rows, wanted))
    browser.wait("the chart", "return document.querySelector('.plot canvas')")
    listed = browser.run("return [...document.querySelectorAll('section[aria-labelledby=groups-title] tbody tr')].length")
    check("every group is there with its verdict", listed == len(answer["groups"]), listed)
    regions = browser.run("return [...document.querySelectorAll('.share dt')].map(e => e.innerText)")
    check("regions are named", len(regions) >= 2, regions)


def a_line(browser):
    browser.press("g", "l")
    browser.wait("the form", "return document.getElementById('token')")
    browser.write("#token", "not-the-token")
    browser.press("Enter")
    browser.wait("why not", "return document.querySelector('[role=alert].small')?.innerText.includes('token_file')")
    browser.run("document.getElementById('token').value = ''")
    browser.write("#token", TOKEN)
    browser.press("Enter")
    browser.wait("the look-up", "return document.getElementById('line')")
    browser.write("#line", "192.0.2.77")
    browser.press("Enter")
    browser.wait("that it is no line", "return document.querySelector('[role=alert].small')?.innerText.includes('No line')")
    browser.run("document.getElementById('line').value = ''")
    browser.write("#line", HOME)
    browser.press("Enter")
    browser.wait("the line", "return location.pathname.startsWith('/lines/')")
    browser.wait("what is claimed on it", "return document.querySelector('.claim, details.fold')")
    place = browser.run("return location.href")
    line = place.rsplit("/", 1)[1]
    check("the address became the line's pseudonym", api("/api/v1/lines", TOKEN, {"address": HOME})["line"] == line, place)
    kept = browser.run("return JSON.stringify([location.href, {...localStorage}, {...sessionStorage}, document.body.innerText])")
    check("the address is kept nowhere", HOME.split("/")[0] not in kept, kept[:400])
    check("the token is in no address and no lasting store", TOKEN not in place and TOKEN not in browser.run("return JSON.stringify({...localStorage})"))

    def compare():
        # Evidence of the open day only grows: the page, read later, has what the answer has.
        answer = api(f"/api/v1/lines/{line}", TOKEN)
        browser.open(place)
        browser.wait("the line again", "return document.querySelectorAll('details.fold').length > 0")
        return browser.text("main"), answer

    shown, answer = in_one_hour(compare)
    for window in answer["evidence"]:
        if window["window"] != "24h":
            continue
        for one in window["classes"]:
            if not one["claimed"]:
                continue
            check(f"it is said why {one['class']} is claimed", f"{one['required']} " in shown and one["name"] in shown)
            seen = [group for group in one["groups"] if group["seen"]]
            for group in seen:
                names = (group["names"] or [group["group"]])[:4]
                check("the groups seen are named", ", ".join(names) in shown, names)
            check("the needed groups are there", len(seen) >= one["required"], one)
    check("something is claimed on it", len(answer["detections"]) > 0)
    browser.run("document.querySelectorAll('details.fold').forEach((d, i) => d.open = i < 1)")
    return place


def exporters(browser):
    browser.press("g", "e")
    browser.wait("the exporters", "return document.querySelectorAll('section[aria-labelledby=exporters-title] tbody tr').length")
    answer = api("/api/v1/exporters")
    shown = browser.run("return [...document.querySelectorAll('section[aria-labelledby=exporters-title] tbody th code')].map(e => e.innerText)")
    wanted = sorted(one["exporter"] for one in answer["exporters"])
    check("every exporter is listed", sorted(shown) == wanted, (shown, wanted))
    templated = next(one for one in answer["exporters"] if one["templates"])
    browser.open(f"{ORIGIN}/exporters/{urllib.parse.quote(templated['exporter'], safe='')}")
    browser.wait("one exporter", "return document.querySelector('section[aria-labelledby=sampling-title] tbody tr')")
    rate = templated["sampling"][0]
    check("the rate and who told it are shown", f"1:{rate['rate']:,}" in browser.text("main"))
    check("its templates are there", "Templates" in browser.text("main"))


def signatures(browser):
    browser.press("g", "s")
    browser.wait("the signatures", "return document.querySelectorAll('main tbody tr').length > 10")
    answer = api("/api/v1/classes")["classes"]
    shown = browser.run("return document.querySelectorAll('main tbody tr').length")
    check("every class is listed", shown == len(answer), (shown, len(answer)))
    browser.run("[...document.querySelectorAll('.choice button')].find(b => b.innerText === 'Not detectable').click()")
    shown = browser.run("return [...document.querySelectorAll('main tbody td:last-child')].map(e => e.textContent)")
    wanted = [one["reason"] for one in answer if not one["detectable"]]
    check("those that cannot be detected say why", sorted(shown) == sorted(wanted), len(shown))


def keyboard(browser):
    browser.open(URL)
    browser.wait("the tree", "return document.querySelector('.tree tbody tr')")
    browser.press("Tab")
    check("the first stop is the skip link", browser.run("return document.activeElement.className") == "skip")
    browser.press("Enter")
    check("which leads to the content", browser.run("return document.activeElement.id") == "main")
    browser.press("?")
    check("? shows the keys", browser.run("return document.getElementById('help').open"))
    browser.press("Escape")
    check("Escape closes them", not browser.run("return document.getElementById('help').open"))
    order = []
    browser.run("document.activeElement.blur(); window.scrollTo(0, 0)")
    for _ in range(12):
        browser.press("Tab")
        # What was drawn anew has lost the focus.
        if browser.run("return document.activeElement === document.body"):
            browser.press("Tab")
        order.append(browser.run("const e = document.activeElement; return [e.tagName, e.id || e.innerText.slice(0, 20), getComputedStyle(e).outlineStyle]"))
    check("every stop can be seen", all(outline != "none" for _, name, outline in order if name != "main"), order)


def themes(browser):
    colour = "return getComputedStyle(document.body).backgroundColor"
    browser.prefer(prefers_color_scheme="light")
    light = browser.run(colour)
    browser.prefer(prefers_color_scheme="dark")
    dark = browser.run(colour)
    check("it follows the system", light != dark, (light, dark))
    browser.press("t")
    check("t chooses light", browser.run(colour) == light)
    browser.ask("POST", "/refresh", {})
    check("the choice is kept", browser.run(colour) == light)
    browser.wait("the page", "return document.querySelector('h1')")
    browser.press("t")
    check("t chooses dark", browser.run(colour) == dark)
    browser.press("t")


def looked_at(browser, pages):
    """Every page, light and dark, wide and narrow."""
    for name, place, ready in pages:
        for theme in ["light", "dark"]:
            browser.prefer(prefers_color_scheme=theme)
            browser.size(*WIDE)
            browser.open(place)
            browser.wait(name, ready)
            accessible(browser, f"{name}, {theme}")
            shoot(browser, f"{name}-{theme}")
            browser.size(*NARROW, scale=2 if SHOTS else 1)
            browser.wait(name, ready)
            fits(browser, f"{name}, {theme}")
            if theme == "light":
                accessible(browser, f"{name}, narrow")
                shoot(browser, f"{name}-narrow", height=1400)
    browser.size(*WIDE)
    browser.prefer(prefers_color_scheme="light")


def the_wire(browser):
    """What went over the wire, and what the browser complained of."""
    bytes_read, requests = {}, {}
    for entry in browser.log("performance"):
        message = json.loads(entry["message"])["message"]
        parameters = message["params"]
        if message["method"] == "Network.requestWillBeSent":
            requests[parameters["requestId"]] = parameters["request"]["url"]
        elif message["method"] == "Network.loadingFinished":
            bytes_read[parameters["requestId"]] = parameters["encodedDataLength"]
    away = [url for url in requests.values() if not url.startswith((ORIGIN, "data:", "chrome:", "about:"))]
    check("nothing was asked of anybody else", away == [], away)
    files = {}
    for key, url in requests.items():
        if "/assets/" in url or url.rstrip("/") == ORIGIN:
            name = url.split("/assets/")[-1].split("/", 1)[-1] if "/assets/" in url else "the page"
            files[name] = max(files.get(name, 0), bytes_read.get(key, 0))
    check("the files came over the wire", len(files) > 8, files)
    print(f"the console is {sum(files.values())} bytes over the wire in {len(files)} files, headers included")
    # A wrong token, an address of no line and no class were tried on purpose.
    complaints = [
        entry["message"] for entry in browser.log("browser")
        if entry["level"] in ("SEVERE", "WARNING") and not any(known in entry["message"] for known in ("status of 401", "status of 404", "no-such-class"))
    ]
    check("the browser complains of nothing", complaints == [], complaints)


def main():
    browser = Browser()
    try:
        browser.size(*WIDE)
        browser.prefer(prefers_color_scheme="light")
        name = overview(browser)
        a_class(browser, name)
        place = a_line(browser)
        exporters(browser)
        one = browser.run("return location.href")
        signatures(browser)
        keyboard(browser)
        themes(browser)
        looked_at(
            browser,
            [
                ("overview", URL, "return document.querySelector('.tree svg.spark') && !document.querySelector('.note')"),
                ("class", f"{ORIGIN}/classes/{name}", "return document.querySelector('.plot canvas') && document.querySelector('.share')"),
                ("line", place, "const f = document.querySelector('details.fold'); if (f) f.open = true; return Boolean(f)"),
                ("exporters", f"{ORIGIN}/exporters", "return document.querySelector('section[aria-labelledby=exporters-title] tbody tr')"),
                ("exporter", one, "return document.querySelector('section[aria-labelledby=sampling-title]')"),
                ("signatures", f"{ORIGIN}/signatures", "return document.querySelectorAll('main tbody tr').length > 10"),
                ("nowhere", f"{ORIGIN}/classes/no-such-class", "return document.querySelector('.empty')"),
            ],
        )
        browser.open(f"{ORIGIN}/lines")
        browser.wait("the look-up", "return document.getElementById('line')")
        browser.run("[...document.querySelectorAll('button')].find(b => b.innerText === 'Forget it').click()")
        browser.wait("that the token is gone", "return document.getElementById('token') && sessionStorage.length === 0")
        the_wire(browser)
        browser.open(URL)
        browser.wait("the tree", "return document.querySelector('.tree tbody tr')")
        os.kill(int(PID), signal.SIGTERM)
        browser.wait("that the service gives no answer", "return document.querySelector('#banner .bad')?.innerText.includes('no answer')", seconds=30)
        check("old figures stay, and it is said how old", "Figures are from" in browser.text("#banner") and browser.run("return document.querySelectorAll('.tree tbody tr').length > 3"))
    except BaseException:
        browser.picture(f"{SHOTS or WORK}/failed.png")
        for entry in browser.log("browser"):
            print("browser:", entry["message"][:300])
        raise
    finally:
        browser.close()
    print(f"{len(done)} checks" + (", with axe" if AXE else ""))


main()
