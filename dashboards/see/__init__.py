"""The dashboards' queries asked of a Prometheus, without Grafana: to check that
they work, and to draw what they answer.
"""
