"""The benchmark's job in Python, shared by the engines: what one event changes in its ticket, and in the figures."""

import json
import resource
import time
from datetime import datetime

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Stopwatch:
    """Wall time from the first record to the last, CPU time of the process."""

    def __init__(self):
        self.started = None
        self.last = None
        self.records = 0

    def count(self):
        now = time.monotonic()
        if self.started is None:
            self.started = now
        self.last = now
        self.records += 1

    def report(self, name):
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps({
            "name": name, "records": self.records, "wall": self.last - self.started,
            "cpu": used.ru_utime + used.ru_stime, "rss_kib": used.ru_maxrss}))


def seconds(text):
    return (datetime.fromisoformat(text) - EPOCH).total_seconds()


class Figures:
    """Count and sum by KPI, cell and day, in memory."""

    def __init__(self):
        self.figures = {}

    def add(self, kpi, ticket, at, weight):
        value = weight * (at - ticket["created"])
        day = int(at // 86_400)
        for cell in ("overall", ticket["priority"], ticket["channel"]):
            figure = self.figures.setdefault((kpi, cell, day), [0, 0.0])
            figure[0] += weight
            figure[1] += value


def apply(ticket, event, figures):
    """The ticket (a dictionary, changed in place) after an event."""
    data = event["data"]
    kind = event["type"]
    if kind == "support.ticket.created":
        ticket.update(created=seconds(event["time"]), priority=data["priority"], channel=data["channel"])
    elif kind == "support.ticket.message":
        if data["author"] == "agent" and data.get("public", True) and "responded" not in ticket:
            ticket["responded"] = seconds(event["time"])
            figures.add("first_response_time", ticket, ticket["responded"], 1)
    elif kind == "support.ticket.status_changed":
        if data["status"] == "solved":
            if "solved" in ticket:
                figures.add("resolution_time", ticket, ticket["solved"], -1)
            ticket["solved"] = seconds(event["time"])
            figures.add("resolution_time", ticket, ticket["solved"], 1)
    elif kind == "support.ticket.updated" and "priority" in data:
        for weight in (-1, 1):
            if weight == 1:
                ticket["priority"] = data["priority"]
            for name, kpi in (("responded", "first_response_time"), ("solved", "resolution_time")):
                if name in ticket:
                    figures.add(kpi, ticket, ticket[name], weight)
