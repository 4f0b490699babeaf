"""Ticket events as helpdesks deliver them: late, twice, out of order. The same seed gives the same events."""

import datetime as dt
import json
import random

CHANNELS = ["email", "chat", "web", "phone", "social"]
PRIORITIES = ["urgent", "high", "normal", "low"]
CATEGORIES = ["billing", "login", "delivery", "bug", "other"]
TEAMS = ["accounts", "technical", "logistics"]


class Helpdesk:
    """Makes the events of tickets, whole lives in advance, and hands them out in a shaken order."""

    def __init__(self, seed, now):
        self.random = random.Random(seed)
        self.now = now
        self.number = 0
        self.waiting = []

    def take(self, count):
        """The next events, as dictionaries. About one in ten has been there before."""
        while len(self.waiting) < count * 4:
            self.waiting += self.ticket()
        self.random.shuffle(self.waiting)
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        self.waiting += [event for event in taken if self.random.random() < 0.1]
        return taken

    def rest(self):
        """Everything that has not been handed out."""
        taken, self.waiting = self.waiting, []
        return taken

    def ticket(self):
        self.number += 1
        pick = self.random.choice
        name = f"chaos-{self.number}"
        at = self.now - dt.timedelta(seconds=self.random.uniform(0, 20 * 86_400) + 5 * 86_400)
        agent = f"A-{self.random.randrange(12)}"
        events = []

        def add(kind, **data):
            events.append({
                "specversion": "1.0", "id": f"{self.number}-{len(events)}", "source": "https://chaos.example/helpdesk",
                "type": f"support.ticket.{kind}", "time": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "data": {"ticket_id": name, **data}})

        def later(hours):
            nonlocal at
            at += dt.timedelta(seconds=self.random.expovariate(1 / (hours * 3_600)))

        add("created", customer_id=f"C-{self.random.randrange(200)}", channel=pick(CHANNELS), priority=pick(PRIORITIES),
            category=pick(CATEGORIES), team=pick(TEAMS), tier=pick(["gold", "standard"]))
        for _ in range(self.random.randrange(1, 4)):
            later(1)
            add("message", author="agent", agent_id=agent)
            if self.random.random() < 0.5:
                later(2)
                add("status_changed", status="pending", agent_id=agent)
                later(6)
                add("message", author="customer")
                add("status_changed", status="open", actor="customer")
        if self.random.random() < 0.2:
            later(1)
            add("updated", priority=pick(PRIORITIES), team=pick(TEAMS))
        if self.random.random() < 0.85:
            later(2)
            add("status_changed", status="solved", agent_id=agent)
            if self.random.random() < 0.2:
                later(10)
                add("status_changed", status="open", actor="customer")
                later(3)
                add("status_changed", status="solved", agent_id=agent)
        if self.random.random() < 0.03:
            later(1)
            add("deleted", reason="spam")
        return events


def encode(events):
    return json.dumps(events).encode()
