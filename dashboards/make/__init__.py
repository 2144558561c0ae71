"""The dashboards as code. `dashboards/make.py` would shadow this package, so the
command is `python3 -m make` in `dashboards/`.
"""
