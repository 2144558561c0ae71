"""Writes the dashboards' JSON into the folder above: `python3 -m make`.

`python3 -m make --check` writes nothing and says which files are not current.
The JSON is what Grafana reads and is committed. It is made rather than written,
because nine tenths of it are the same for every panel: what a panel asks and
says is on its page here, how panels look is in `panel.py`. Only Python's own
library is used.
"""

import json
import sys
from pathlib import Path

from . import classes, exporters, hitlist, penetration, service

FOLDER = Path(__file__).resolve().parent.parent
PAGES = [penetration.PAGE, classes.PAGE, exporters.PAGE, hitlist.PAGE, service.PAGE]


def main():
    stale = []
    for page in PAGES:
        path = FOLDER / f"{page['uid'].removeprefix('hayrake-')}.json"
        text = json.dumps(page, indent=1, ensure_ascii=False) + "\n"
        if path.exists() and path.read_text() == text:
            continue
        if "--check" in sys.argv[1:]:
            stale.append(path.name)
        else:
            path.write_text(text)
    if stale:
        sys.exit(f"not current: {', '.join(stale)}; write them with `python3 -m make` in dashboards/")


main()
