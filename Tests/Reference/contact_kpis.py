#!/usr/bin/env python3
"""Recomputes the KPIs of calls and chats, and those that tickets, contacts and customers decide together, from canonical events,
in the plainest way, and compares them with published KPI updates.

It shares no code and no language with the services: a second opinion on every window and cell.

    contact_kpis.py EVENTS.ndjson KPIS.ndjson [--zone Asia/Jerusalem] [--now 2026-11-22T12:00:00Z] [--denominator offered]
                    [--short-abandon 0] [--within 20] [--repeat-days 7] [--repeat-scope customer] [--breakdowns channel,team+queue]
    contact_kpis.py --generate SEED [--tickets 400]

EVENTS holds the values of support.tickets and support.contacts, KPIS the latest KPI update of each key (`deskbeat kpis --format
json`). Prints each difference and a last line `N values, K differences`; exit code 1 when there are any. --generate writes
random events instead.
"""
import argparse
import collections
import datetime as dt
import json
import math
import random
import sys
import zoneinfo

from ticket_kpis import (
    BREAKDOWNS, SOLVED, UTC, Windows, attribute, breakdowns, broken_down, canonical, fnv1a, half_even_ms, micros,
    read_published, same, without_voided)

DIMENSIONS = ["channel", "priority", "category", "subcategory", "team", "tier", "segment", "queue", "tags"]
DURATIONS = {"speed_of_answer", "abandon_time", "handle_time", "agent_handle_time"}
PROPORTIONS = {
    "abandonment_rate", "service_level", "first_call_resolution", "contact_transfer_rate", "first_contact_resolution",
    "agent_first_contact_resolution"}
RATIOS = {"occupancy", "concurrency", "agent_contacts_per_hour"}
DAY, HOUR, QUARTER = 86400 * 1000000, 3600 * 1000000, 900 * 1000000
COUNTS = {"contacts_offered", "contacts_answered", "contacts_abandoned", "contacts_short_abandoned", "contacts_other"}
# What is published as a member of another KPI's update.
MEMBERS = {
    "first_call_resolution:pending": ("first_call_resolution", "pending"),
    "first_call_resolution:excluded": ("first_call_resolution", "excluded"),
    "first_contact_resolution:pending": ("first_contact_resolution", "pending"),
    "first_contact_resolution:excluded": ("first_contact_resolution", "excluded"),
    "agent_first_contact_resolution:pending": ("agent_first_contact_resolution", "pending"),
    "handle_time:unmeasured": ("handle_time", "unmeasured"),
}


def read_events(path):
    """Timelines of tickets and of contacts, in the contract's order, voided events left out."""
    entities = collections.defaultdict(dict)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            event["us"] = micros(event["time"])
            data = event["data"]
            member = next((name for name in ("ticket_id", "contact_id") if name in data), None)
            if event["type"].startswith("support.contact."):
                member = "contact_id"
            if event["type"] == "support.agent.state" or (member is None and "agent_id" in data):
                member = "agent_id"
            if member is None:
                continue
            identity = fnv1a(f"{event['source']}\0{event['id']}".encode())
            timeline = entities[member, str(data[member])]
            if identity not in timeline or canonical(timeline[identity]) < canonical(event):
                timeline[identity] = event
    rank = {"support.ticket.created": 0, "support.contact.queued": 0, "support.ticket.deleted": 2}
    result = {"ticket_id": {}, "contact_id": {}, "agent_id": {}}
    for (member, entity), timeline in entities.items():
        ordered = sorted(
            timeline.items(),
            key=lambda item: (item[1]["us"], int(item[1].get("sequence", -1)), rank.get(item[1]["type"], 1), item[0]))
        result[member][entity] = without_voided([event for _, event in ordered])
    return result


def kind(event):
    return event["type"].rsplit(".", 1)[1]


def label(value):
    return None if value is None else str(value).casefold()


def labels(data):
    return {name: attribute(name, data) for name in DIMENSIONS}


class Contact:
    """One contact's facts."""

    def __init__(self, identity, timeline):
        self.id = identity
        queued = [event for event in timeline if kind(event) == "queued"]
        self.counts = bool(queued)
        if not queued:
            return
        first = queued[0]
        self.queued = first["us"]
        self.values = labels(first["data"])
        self.values.update(priority=None, subcategory=None, tags=None)
        self.customer = first["data"].get("customer_id")
        for event in timeline:
            if kind(event) == "transferred" and "team" in event["data"]:
                self.values["team"] = label(event["data"]["team"])
        # The queueing is there before every event; whatever else names a ticket comes in the timeline's order.
        named = [first["data"].get("ticket_id")] + [e["data"].get("ticket_id") for e in timeline if e is not first]
        self.ticket = next((name for name in reversed(named) if name is not None), None)
        answers = [event for event in timeline if kind(event) == "answered"]
        ends = [event for event in timeline if kind(event) == "ended"]
        leaves = [event for event in timeline if kind(event) == "abandoned"]
        self.answered = answers[0]["us"] if answers else None
        self.transferred = any(kind(event) == "transferred" for event in timeline)
        self.left = None
        if self.answered is not None:
            self.fate = "answered"
        elif leaves:
            self.fate = "abandoned" if leaves[0]["data"].get("in", "queue") == "queue" else "other"
            self.left = leaves[0]["us"]
        else:
            self.fate = "other" if ends else "waiting"
        self.end = ends[0]["us"] if ends else None
        given = {}
        for event in ends:
            for name in ("talk_seconds", "hold_seconds", "wrap_seconds", "resolved"):
                if name in event["data"]:
                    given[name] = event["data"][name]
        self.resolved = given.get("resolved")
        self.handling, self.own, self.parts = None, [], []
        if self.answered is None or self.end is None:
            return
        wrapped = sum(round(event["data"]["seconds"] * 1000) for event in timeline if kind(event) == "wrapped")
        after = round(given["wrap_seconds"] * 1000) if "wrap_seconds" in given else wrapped
        if "talk_seconds" in given:
            hold = round(given["hold_seconds"] * 1000) if "hold_seconds" in given else self.held(timeline)
            self.handling = round(given["talk_seconds"] * 1000) + hold + after
        else:
            self.handling = half_even_ms(self.end - self.answered) + after
        moves = [event for event in timeline if kind(event) in ("answered", "transferred")]
        for index, event in enumerate(moves):
            if kind(event) == "answered":
                stop = moves[index + 1]["us"] if index + 1 < len(moves) else self.end
                stop += after * 1000 if event is answers[-1] else 0
                if stop > event["us"] and "agent_id" in event["data"]:
                    self.parts.append((event["data"]["agent_id"], event["us"], min(stop, event["us"] + DAY)))
        if len(answers) == 1 and not any(kind(e) == "transferred" for e in moves[moves.index(answers[0]):]):
            self.own = [(answers[0]["data"].get("agent_id"), self.handling)]
            return
        parts = {}
        for index, event in enumerate(moves):
            if kind(event) != "answered":
                continue
            stop = moves[index + 1]["us"] if index + 1 < len(moves) else self.end
            agent = event["data"].get("agent_id")
            parts[agent] = parts.get(agent, 0) + half_even_ms(stop - event["us"])
        parts[answers[-1]["data"].get("agent_id")] += after
        self.own = list(parts.items())

    def held(self, timeline):
        total, since = 0, None
        for event in timeline:
            if kind(event) == "held" and since is None:
                since = event["us"]
            elif kind(event) == "resumed" and since is not None:
                total += max(0, min(event["us"], self.end) - max(since, self.answered))
                since = None
        if since is not None:
            total += max(0, self.end - max(since, self.answered))
        return half_even_ms(total)


class Ticket:
    """What matters of a ticket here."""

    def __init__(self, timeline, window):
        kinds = [kind(event) for event in timeline]
        fate = [name for name in kinds if name in ("deleted", "merged", "restored")]
        creations = [e for e in timeline if kind(e) == "created"] or [e for e in timeline if kind(e) == "snapshot"]
        self.counts = bool(creations) and (not fate or fate[-1] == "restored")
        if not self.counts:
            return
        first = creations[0]
        if kind(first) == "created":
            self.created, status = first["us"], first["data"].get("status", "new")
        else:
            self.created, status = micros(first["data"]["created_at"]), "new"
        self.by_customer = first["data"].get("initiator", "customer") == "customer"
        self.values = labels(first["data"])
        self.customer = first["data"].get("customer_id")
        self.work = [
            (e["us"], round(e["data"]["seconds"] * 1000)) for e in timeline if kind(e) == "worked"]
        self.solved, self.by, self.agents, self.replier, changed = None, None, set(), None, False
        customer_wrote, responded, team = self.by_customer, False, self.values["team"]
        reopened = []
        for event in timeline:
            data, name = event["data"], kind(event)
            if name in ("updated", "handed_off", "snapshot"):
                for member in DIMENSIONS:
                    if name == "snapshot" or member in data:
                        self.values[member] = attribute(member, data)
                if name == "snapshot" or "customer_id" in data:
                    self.customer = data.get("customer_id")
                if self.values["team"] is not None:
                    if team is not None and team != self.values["team"] and responded and self.solved is None:
                        changed = True
                    team = self.values["team"]
            if name == "message" and data.get("public", True):
                customer_wrote = customer_wrote or data["author"] == "customer"
                if data["author"] == "agent" and self.solved is None:
                    self.agents.add(data.get("agent_id"))
                    if customer_wrote and not responded:
                        self.replier, responded = data.get("agent_id"), True
            if name in ("status_changed", "snapshot"):
                if status not in SOLVED and data["status"] in SOLVED and self.solved is None:
                    self.solved = event["us"]
                    self.by = data.get("actor") or ("agent" if data.get("agent_id") else "system")
                if status in SOLVED and data["status"] not in SOLVED:
                    reopened.append(event["us"])
                status = data["status"]
        self.judged = self.by_customer and self.solved is not None and self.by in ("agent", "customer")
        self.passes = self.judged and len(self.agents) == 1 and not changed and not any(
            0 < at - self.solved <= window for at in reopened)


def pieces(start, stop, step):
    while start < stop:
        end = min(stop, (start // step + 1) * step)
        yield start, end
        start = end


def agent_days(entities, contacts, now):
    """(agent, day) -> team, shifts as (start, stop, is break), handled parts as (start, stop, began that day)."""
    days = collections.defaultdict(lambda: [None, [], []])
    for agent, timeline in entities["agent_id"].items():
        team = None
        for index, event in enumerate(timeline):
            team = label(event["data"].get("team", team))
            if event["data"]["state"] == "offline":
                continue
            stop = event["us"] + DAY
            stop = min(stop, timeline[index + 1]["us"] if index + 1 < len(timeline) else now // HOUR * HOUR)
            for start, end in pieces(event["us"], stop, DAY):
                day = days[agent, start // DAY]
                day[0] = team
                day[1].append((start, end, event["data"]["state"] == "break"))
    for contact in contacts:
        for agent, start, stop in contact.parts:
            for begin, end in pieces(start, stop, DAY):
                days[agent, begin // DAY][2].append((begin, end, begin == start))
    return days


def union(parts):
    covered = []
    for start, stop, _ in sorted(parts):
        if covered and start <= covered[-1][1]:
            covered[-1][1] = max(covered[-1][1], stop)
        else:
            covered.append([start, stop])
    return covered


def comes_back_to(contacts, tickets, window, scope):
    """Whether the customer of a ticket or contact came back within the window."""
    by_customer = collections.defaultdict(list)
    for contact in contacts:
        if contact.customer is not None:
            by_customer[contact.customer].append((contact.queued, contact.values["category"], contact))
    for entity, ticket in tickets.items():
        ticket.id = entity
        if ticket.customer is not None and ticket.by_customer:
            by_customer[ticket.customer].append((ticket.created, ticket.values["category"], ticket))

    def again(own):
        after = own.solved if isinstance(own, Ticket) else own.queued

        def counts(other):
            if isinstance(own, Ticket):
                return isinstance(other, Ticket) or other.fate == "answered"
            return isinstance(other, Contact) or own.ticket is None or other.id != own.ticket

        return any(
            after < at <= after + window and other is not own and counts(other)
            and (scope == "customer" or category == own.values["category"])
            for at, category, other in by_customer[own.customer])

    return again


def recompute(entities, windows, options):
    window = round(options.repeat_days * 86400 * 1000000)
    within, short = round(options.within * 1e6), round(options.short_abandon * 1e6)
    now = micros(options.now)
    by = breakdowns(options.breakdowns)
    contacts = [Contact(entity, timeline) for entity, timeline in entities["contact_id"].items()]
    contacts = [contact for contact in contacts if contact.counts]
    tickets = {entity: Ticket(timeline, window) for entity, timeline in entities["ticket_id"].items()}
    tickets = {entity: ticket for entity, ticket in tickets.items() if ticket.counts}
    samples = collections.defaultdict(list)

    def add(kpi, at, cells, sample=1):
        for name, bucket in windows.of(at):
            for cell in cells:
                samples[kpi, name, bucket, tuple(sorted(cell))].append(sample)

    def cells(values, *always):
        return [cell + always for cell in broken_down(values, by)]

    again = comes_back_to(contacts, tickets, window, options.repeat_scope)

    def verdict(kpi, at, place, resolved):
        add(kpi if at + window <= now else kpi + ":pending", at, place, int(resolved))

    for contact in contacts:
        at, place = contact.queued, cells(contact.values)
        wait = None
        if contact.fate == "answered":
            wait = contact.answered - at
        elif contact.fate == "abandoned":
            wait = contact.left - at
            if 0 < short and wait < short:
                add("contacts_short_abandoned", at, place)
                continue
        add("contacts_offered", at, place)
        if contact.fate != "waiting":
            add("contacts_" + contact.fate, at, place)
        add("abandonment_rate", at, place, int(contact.fate == "abandoned"))
        if contact.fate in ("answered", "abandoned") and wait >= 0:
            add("speed_of_answer" if contact.fate == "answered" else "abandon_time", at, place, half_even_ms(wait))
        in_time = contact.fate == "answered" and wait <= within
        if options.denominator == "net":
            counts = not (contact.fate == "abandoned" and wait <= within)
        else:
            counts = options.denominator == "offered" or contact.fate == "answered"
        if counts:
            add("service_level", at, place, int(in_time))
        if contact.fate == "answered":
            add("contact_transfer_rate", at, place, int(contact.transferred))
            if contact.resolved is not None:
                add("first_call_resolution", at, cells(contact.values, ("basis", "reported")), int(contact.resolved))
            elif contact.customer is None:
                add("first_call_resolution:excluded", at, cells(contact.values, ("basis", "inferred")))
            else:
                verdict(
                    "first_call_resolution", at, cells(contact.values, ("basis", "inferred")),
                    not contact.transferred and not again(contact))
        for agent, own in contact.own:
            if agent is not None and own >= 0:
                add("agent_handle_time", contact.end, [(("agent", agent),)], own)
    handled = collections.defaultdict(list)
    for contact in contacts:
        if contact.handling is not None and contact.fate == "answered":
            contact.total = contact.handling
            handled[contact.ticket].append(contact)
    for entity, ticket in tickets.items():
        calls = handled[entity]
        for at, length in ticket.work:
            before = [call for call in calls if call.end < at]
            if before:
                max(before, key=lambda call: (call.end, call.id.encode())).total += length
        if not calls and ticket.solved is not None:
            if ticket.work:
                add("handle_time", ticket.solved, cells(ticket.values), sum(length for _, length in ticket.work))
            else:
                add("handle_time:unmeasured", ticket.solved, cells(ticket.values))
        if ticket.judged:
            if ticket.customer is None:
                add("first_contact_resolution:excluded", ticket.solved, cells(ticket.values))
                continue
            resolved = ticket.passes and not again(ticket)
            verdict("first_contact_resolution", ticket.solved, cells(ticket.values), resolved)
            if ticket.replier is not None:
                verdict(
                    "agent_first_contact_resolution", ticket.solved, [(("agent", ticket.replier),)], resolved)
    for calls in handled.values():
        for call in calls:
            if call.total >= 0:
                add("handle_time", call.end, cells(call.values), call.total)
    ratios = collections.defaultdict(lambda: [0, 0])

    def measure(kpi, place, start, stop, cells):
        for begin, end in pieces(start, stop, QUARTER):
            for name, bucket in windows.of(begin):
                for cell in cells:
                    ratios[kpi, name, bucket, cell][place] += half_even_ms(end - begin)

    for (agent, _), (team, shifts, parts) in agent_days(entities, contacts, now).items():
        place = [(), (("agent", agent),)] + ([(("team", team),)] if team is not None else [])
        for start, stop in union(parts):
            measure("concurrency", 1, start, stop, place)
            if shifts:
                measure("occupancy", 0, start, stop, place)
        for start, stop, began in parts:
            measure("concurrency", 0, start, stop, place)
            for name, bucket in windows.of(start) if began and shifts else ():
                for cell in place:
                    ratios["agent_contacts_per_hour", name, bucket, cell][0] += 3600000
        for start, stop, is_break in shifts:
            measure("agent_contacts_per_hour", 1, start, stop, place)
            if not is_break:
                measure("occupancy", 1, start, stop, place)
    expected = {key: members(key[0], found) for key, found in samples.items()}
    for key, (above, below) in ratios.items():
        expected[key] = {"numerator": above, "denominator": below, "value": above / below if below else None}
    return expected


def members(kpi, found):
    if kpi in DURATIONS:
        found.sort()
        return {
            "count": len(found), "value": sum(found) / len(found) / 1000,
            "quantiles": {f"p{q}": found[math.floor(q / 100 * (len(found) - 1))] / 1000 for q in (50, 90, 95, 99)}}
    if kpi in PROPORTIONS:
        return {
            "numerator": sum(found), "denominator": len(found), "count": len(found), "value": sum(found) / len(found)}
    return {"value": len(found)}


def compare(expected, published, show):
    values = differences = 0
    for key, want in sorted(expected.items(), key=str):
        owner, member = MEMBERS.get(key[0], (key[0], None))
        got = published.get((owner,) + key[1:])
        want = {member: want["value"]} if member else want
        values += 1
        wrong = []
        if got is None:
            wrong.append(f"not published, expected {want}")
        else:
            for name, value in want.items():
                if name == "quantiles":
                    wrong += [
                        f"{quantile} is {(got.get(name) or {}).get(quantile)}, expected {item}"
                        for quantile, item in value.items()
                        if not same("quantile", item, (got.get(name) or {}).get(quantile))]
                elif not same(name, value, got.get(name)):
                    wrong.append(f"{name} is {got.get(name)}, expected {value}")
        differences += bool(wrong)
        if wrong and differences <= show:
            print(f"{key}: {'; '.join(wrong)}")
    for key, got in sorted(published.items(), key=str):
        if key[0] not in DURATIONS | PROPORTIONS | COUNTS | RATIOS:
            continue
        wrong = [] if key in expected or got.get("value") in (0, None) else [f"published {got['value']}"]
        for name, (owner, member) in MEMBERS.items():
            if owner == key[0] and (name,) + key[1:] not in expected and got.get(member):
                wrong.append(f"{member} is {got[member]}")
        differences += bool(wrong)
        if wrong and differences <= show:
            print(f"{key}: {'; '.join(wrong)}, but nothing is expected")
    print(f"{values} values, {differences} differences")
    return differences


def generate(seed, count):
    """Random lives of tickets and contacts of few customers, within two months of 2026."""
    pick = random.Random(seed)
    start = dt.datetime(2026, 1, 5, tzinfo=UTC)

    def event(entity, member, name, at, number, **data):
        value = {
            "specversion": "1.0", "id": f"{entity}-{number}", "source": "https://acme.example/desk",
            "type": "support." + name, "time": (start + dt.timedelta(seconds=at)).isoformat().replace("+00:00", "Z"),
            "data": {member: entity, **data}}
        if pick.random() < 0.3:
            value["sequence"] = number
        print(json.dumps(value))

    def some(**choices):
        return {name: pick.choice(values) for name, values in choices.items() if pick.random() < 0.6}

    shared = dict(
        customer_id=[f"U-{n}" for n in range(count // 10)], category=["billing", "Login"], team=["one", "two"], tier=["gold"],
        segment=["b2b"])
    for number in range(count):
        entity, at = f"T-{number}", pick.randrange(0, 40 * 86400, 600)
        event(entity, "ticket_id", "ticket.created", at, 0, **some(
            channel=["email", "chat"], priority=["high", "low"], initiator=["customer", "customer", "agent"],
            tags=[["vip"], ["VIP", "late"], []], subcategory=["a"], **shared))
        for step in range(1, pick.randrange(2, 9)):
            at += pick.choice([0, 1, 60, 3600, 86400, 3 * 86400])
            choice = pick.random()
            if choice < 0.35:
                event(entity, "ticket_id", "ticket.message", at, step, author=pick.choice(["agent", "agent", "customer"]), **some(agent_id=[f"A-{n}" for n in range(1, 8)], public=[True, False]))
            elif choice < 0.65:
                event(entity, "ticket_id", "ticket.status_changed", at, step, status=pick.choice(["solved", "solved", "open"]), **some(agent_id=["A-1"], actor=["agent", "customer", "bot"]))
            elif choice < 0.8:
                event(entity, "ticket_id", "ticket.worked", at, step, seconds=pick.choice([30, 90.5, 600]))
            elif choice < 0.93:
                event(entity, "ticket_id", "ticket.updated", at, step, **some(**shared))
            else:
                event(entity, "ticket_id", "ticket." + pick.choice(["deleted", "restored"]), at, step)
    for agent in ("A-1", "A-2"):
        at = 0
        for number in range(count * 3 // 4):
            at += pick.choice([0, 60, 1800, 5400.5, 4 * 3600, 30 * 3600])
            state = pick.choice(["available", "busy", "break", "offline"])
            event(agent, "agent_id", "agent.state", min(at, 40 * 86400), number, state=state, **some(team=["one", "Two"]))
    tickets = [f"T-{n}" for n in range(count)]
    for number in range(count * 3 // 2):
        entity, at = f"C-{number}", pick.randrange(0, 40 * 86400, 600)
        event(entity, "contact_id", "contact.queued", at, 0, channel=pick.choice(["phone", "chat"]), **some(
            queue=["a", "b"], ticket_id=tickets, **shared))
        for step in range(1, pick.randrange(2, 7)):
            at += pick.choice([0, 1, 4, 5, 20, 21, 90, 600])
            choice = pick.random()
            link = {"ticket_id": pick.choice(tickets)} if pick.random() < 0.1 else {}
            if choice < 0.4:
                event(entity, "contact_id", "contact.answered", at, step, **link, **some(agent_id=["A-1", "A-2"]))
            elif choice < 0.5:
                event(entity, "contact_id", "contact." + pick.choice(["held", "resumed"]), at, step, **link)
            elif choice < 0.6:
                event(entity, "contact_id", "contact.transferred", at, step, **link, **some(team=["two", "three"]))
            elif choice < 0.85:
                event(entity, "contact_id", "contact.ended", at, step, **link, **some(
                    talk_seconds=[12.5, 300], hold_seconds=[0, 20], wrap_seconds=[7], resolved=[True, False]))
            elif choice < 0.9:
                event(entity, "contact_id", "contact.wrapped", at, step, seconds=pick.choice([5, 17.25]))
            else:
                event(entity, "contact_id", "contact.abandoned", at, step, **link, **some(**{"in": ["queue", "ivr"]}))


def parser_of(text):
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events", nargs="?")
    parser.add_argument("kpis", nargs="?")
    parser.add_argument("--zone", default="UTC")
    parser.add_argument("--now", default=dt.datetime.now(UTC).isoformat())
    parser.add_argument("--denominator", default="net", choices=["net", "offered", "answered"])
    parser.add_argument("--short-abandon", type=float, default=5, help="seconds")
    parser.add_argument("--within", type=float, default=20, help="seconds")
    parser.add_argument("--repeat-days", type=float, default=7)
    parser.add_argument("--repeat-scope", default="category", choices=["category", "customer"])
    return parser


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--generate", type=int)
    parser.add_argument("--tickets", type=int, default=400, help="to generate")
    parser.add_argument("--breakdowns", default=BREAKDOWNS)
    parser.add_argument("--show", type=int, default=20, help="differences to print")
    options = parser.parse_args()
    if options.generate is not None:
        return generate(options.generate, options.tickets)
    published = read_published(options.kpis)
    windows = Windows(zoneinfo.ZoneInfo(options.zone), published)
    expected = recompute(read_events(options.events), windows, options)
    sys.exit(1 if compare(expected, published, options.show) else 0)


if __name__ == "__main__":
    main()
