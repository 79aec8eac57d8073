"""Alerts and dashboards, against the tools that will run them."""
