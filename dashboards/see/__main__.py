"""`python3 -m see check URL` asks every query of every dashboard and fails on
errors and on what stays empty; `python3 -m see draw URL FOLDER` draws them.

URL is a Prometheus that has asked a Hayrake for a while. Only Python's own library
is used.
"""

import sys

from . import checking, drawing

if len(sys.argv) == 3 and sys.argv[1] == "check":
    checking.check(sys.argv[2])
elif len(sys.argv) == 4 and sys.argv[1] == "draw":
    drawing.draw(sys.argv[2], sys.argv[3])
else:
    sys.exit(__doc__)
