#!/usr/bin/env python3
"""Recomputes the ticket KPIs from canonical events, in the plainest way, and compares them with published KPI updates.

It shares no code and no language with the services: a second opinion on every window and cell.

    ticket_kpis.py EVENTS.ndjson KPIS.ndjson [--zone Europe/Berlin] [--now 2026-11-22T12:00:00Z]
                   [--business] [--breakdowns channel,priority,category,team,tier,segment,tag,team+priority]

EVENTS holds the values of support.tickets, KPIS the latest KPI update of each key (`deskbeat kpis --format json`). Prints each
difference and a last line `N values, K differences`; exit code 1 when there are any.
"""
import argparse
import bisect
import collections
import datetime as dt
import itertools
import json
import math
import sys
import zoneinfo

UTC = dt.timezone.utc
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
SOLVED = {"solved", "closed"}
BREAKDOWNS = "channel,priority,category,team,tier,segment"
LABELS = ["channel", "priority", "category", "subcategory", "team", "tier", "segment", "queue"]
ATTRIBUTES = LABELS + ["agent_id", "tags"]
REOPEN_WINDOW = 30 * 86400 * 1000000
BOT_WINDOW = 7 * 86400 * 1000000
DURATIONS = {
    "first_response_time", "first_response_time_human", "first_response_time_any", "response_time", "response_time_next",
    "resolution_time", "resolution_time_first", "resolution_time_cycle", "requester_wait_time", "time_in_status",
    "agent_first_response_time"}
BUSINESS = {
    "first_response_time", "first_response_time_human", "first_response_time_any", "response_time", "response_time_next",
    "resolution_time", "resolution_time_first", "resolution_time_cycle", "requester_wait_time"}
DURATIONS |= {kpi + "_business" for kpi in BUSINESS}
PROPORTIONS = {"reopen_rate", "one_touch_resolution", "bot_resolution_rate"}
MEANS = {"replies_per_ticket", "transfers_per_ticket"}
# Those that contact_kpis.py recomputes.
OTHERS = {
    "contacts_offered", "contacts_answered", "contacts_abandoned", "contacts_short_abandoned", "contacts_other",
    "speed_of_answer", "abandon_time", "abandonment_rate", "service_level", "first_call_resolution",
    "contact_transfer_rate", "handle_time", "agent_handle_time", "first_contact_resolution",
    "agent_first_contact_resolution", "occupancy", "concurrency", "agent_contacts_per_hour"} | {
    # Ages depend on the very instant of publication; profiles sum up what is judged here by the day.
    "backlog_age", "issue_profile", "contact_profile", "agents_required", "agents_to_schedule", "agent_ranking"}
# What is published as a member of another KPI's update.
MEMBERS = {"first_response_open": ("first_response_time", "open")}
MEMBERS.update({kpi + ":pending": (kpi, "pending") for kpi in PROPORTIONS})


def micros(text):
    text = text.replace("Z", "+00:00").replace("z", "+00:00")
    moment = dt.datetime.fromisoformat(text)
    delta = moment - EPOCH
    return (delta.days * 86400 + delta.seconds) * 1000000 + delta.microseconds


def fnv1a(data):
    value = 14695981039346656037
    for byte in data:
        value = ((value ^ byte) * 1099511628211) % (1 << 64)
    return value


def half_even_ms(us):
    quotient, rest = divmod(us, 1000)
    return quotient + (1 if rest > 500 or (rest == 500 and quotient % 2) else 0)


def read_events(path):
    """Identity -> event, of conflicting ones the greater canonical encoding; grouped by ticket, in the timeline's order."""
    tickets = collections.defaultdict(dict)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            event["us"] = micros(event["time"])
            identity = fnv1a(f"{event['source']}\0{event['id']}".encode())
            timeline = tickets[event["data"]["ticket_id"]]
            held = timeline.get(identity)
            if held is None or canonical(held) < canonical(event):
                timeline[identity] = event
    result = {}
    for ticket, timeline in tickets.items():
        rank = {"support.ticket.created": 0, "support.ticket.deleted": 2}
        result[ticket] = [
            event
            for _, event in sorted(
                timeline.items(),
                key=lambda item: (
                    item[1]["us"], int(item[1].get("sequence", -1)), rank.get(item[1]["type"], 1), item[0]))
        ]
    return result


def canonical(event):
    kept = {"data": event["data"], "time": event["us"], "type": event["type"]}
    if "sequence" in event:
        kept["sequence"] = int(event["sequence"])
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def without_voided(timeline):
    voids = [event for event in timeline if event["type"] == "support.event.voided"]
    if not voids:
        return timeline

    def key(event):
        return event["source"], event["id"]

    def target(event):
        return event["data"]["voids"]["source"], event["data"]["voids"]["id"]

    def effective(void, seen=()):
        return not any(
            target(other) == key(void) and key(other) not in seen and effective(other, seen + (key(void),))
            for other in voids if other is not void)

    gone = {target(void) for void in voids if effective(void)}
    return [event for event in timeline if event["type"] != "support.event.voided" and key(event) not in gone]


class Ticket:
    """One ticket's facts, by walking its timeline once."""

    def __init__(self, timeline):
        self.counts = False
        timeline = without_voided(timeline)
        kinds = [event["type"].rsplit(".", 1)[1] for event in timeline]
        fate = [kind for kind in kinds if kind in ("deleted", "merged", "restored")]
        if fate and fate[-1] != "restored":
            return
        creations = [i for i, kind in enumerate(kinds) if kind == "created"]
        snapshots = [i for i, kind in enumerate(kinds) if kind == "snapshot"]
        if creations:
            first = timeline[creations[0]]
            self.created, status = first["us"], first["data"].get("status", "new")
        elif snapshots:
            first = timeline[snapshots[0]]
            self.created, status = micros(first["data"]["created_at"]), "new"
        else:
            return
        self.counts = True
        self.values = {name: attribute(name, first["data"]) for name in ATTRIBUTES}
        initiator = first["data"].get("initiator", "customer")
        message = self.created if initiator == "customer" else None
        self.solves, self.reopenings, self.levels, self.response = [], [], [], None
        cycle = self.created
        level = dict(self.values)
        self.responses, self.any, self.human, self.responder = [], None, None, None
        self.replies, self.transfers, self.handoffs, self.at_first_solve, self.bot = 0, 0, [], None, False
        self.agent_solves, self.waits, spans = [], [], []
        unanswered, restart, team = message, None, self.values.get("team")
        spent, since = collections.Counter(), self.created
        if status not in SOLVED:
            self.levels.append((self.created, 1, level))
        for event, kind in zip(timeline, kinds):
            data, at = event["data"], event["us"]
            moved = max(at, self.created)
            if kind in ("updated", "handed_off", "snapshot"):
                for name in ATTRIBUTES:
                    if kind == "snapshot" or name in data:
                        self.values[name] = attribute(name, data)
                if self.values != level:
                    if status not in SOLVED:
                        self.levels += [(moved, -1, level), (moved, 1, dict(self.values))]
                    level = dict(self.values)
                if self.values.get("team") is not None:
                    if team is not None and self.values["team"] != team:
                        self.transfers += 1
                    team = self.values["team"]
            if kind == "handed_off":
                self.bot, restart = True, at
                self.handoffs.append(at)
            if kind in ("status_changed", "snapshot"):
                after = data["status"]
                actor = data.get("actor") or ("agent" if data.get("agent_id") else "system")
                spent[status] += at - since
                if status in ("new", "open", "on_hold"):
                    spans.append((since, at))
                since = at
                if status not in SOLVED and after in SOLVED:
                    self.waits = [dict(spent), at, list(spans)]
                    self.bot = self.bot or actor == "bot"
                    if actor in ("agent", "customer") and data.get("agent_id"):
                        self.agent_solves.append((at, data["agent_id"]))
                    if self.at_first_solve is None:
                        self.at_first_solve = (self.replies, self.transfers)
                    self.solves.append((at, actor, cycle))
                    self.levels.append((moved, -1, level))
                elif status in SOLVED and after not in SOLVED:
                    self.reopenings.append(at)
                    cycle = at
                    if self.solves and self.solves[-1][1] == "bot":
                        restart = at
                    self.levels.append((moved, 1, level))
                status = after
            if kind == "message" and data["author"] == "bot":
                self.bot = True
            if kind == "message" and data.get("public", True):
                if data["author"] == "customer":
                    message = at if message is None else message
                    unanswered = at if unanswered is None else unanswered
                if data["author"] in ("agent", "bot") and message is not None and self.any is None:
                    self.any = (message, at)
                if data["author"] == "agent":
                    self.replies += 1
                    if message is not None and unanswered is not None:
                        self.responses.append((unanswered, at, self.response is None))
                    if message is not None and self.response is None:
                        self.response = (message, at)
                        self.human = (max(message, restart if restart is not None else message), at)
                        self.responder = data.get("agent_id")
                    unanswered = None
        self.status = status
        self.awaits = unanswered is not None and status not in SOLVED


CHANNELS = {"phone", "email", "chat", "web", "social", "sms", "messaging", "api", "other"}


def attribute(name, data):
    value = data.get(name)
    if name == "channel" and value is not None:
        return value.lower() if value.lower() in CHANNELS else "other"
    if value is None or name == "agent_id":
        return value
    return sorted({tag.casefold() for tag in value}) if name == "tags" else str(value).casefold()


class Windows:
    def __init__(self, zone, published=()):
        """Rolling windows are those of the latest updates, wherever these say that they begin and end."""
        self.zone = zone
        self.cache = {}
        self.rolling = {}
        for (_, kind, _, _), data in dict(published).items():
            if kind in ("24h", "7d", "30d"):
                bounds = micros(data["window"]["end"]), micros(data["window"]["start"])
                self.rolling[kind] = max(bounds, self.rolling.get(kind, bounds))

    def of(self, us):
        """(window kind, bucket label) of each window that contains the instant, the calendar ones first."""
        second = us // 1000000
        local = dt.datetime.fromtimestamp(second, self.zone)
        key = (local.year, local.month, local.day, local.hour, local.utcoffset())
        if key not in self.cache:
            iso = local.isocalendar()
            offset = local.strftime("%z")
            offset = offset[:3] + ":" + offset[3:]
            self.cache[key] = [
                ("hour", local.strftime("%Y-%m-%dT%H") + offset),
                ("day", local.strftime("%Y-%m-%d")),
                ("week", f"{iso[0]}-W{iso[1]:02d}"),
                ("month", local.strftime("%Y-%m")),
                ("quarter", f"{local.year}-Q{(local.month + 2) // 3}"),
                ("year", f"{local.year}"),
            ]
        return self.cache[key] + [(kind, None) for kind, (end, start) in self.rolling.items() if start <= us < end]


def breakdowns(text):
    """`channel,team+priority` as tuples of names."""
    return [tuple(sorted(part.split("+"))) for part in text.split(",")]


def broken_down(values, by):
    """The cells of an entity: overall, and each combination of which it has all values; several tags count in each."""
    yield ()
    for names in by:
        given = [values.get("tags") if name == "tag" else [values.get(name)] for name in names]
        if all(given) and [None] not in given:
            for combination in itertools.product(*given):
                yield tuple(zip(names, combination))


def office_hours(zone):
    """Working time between two instants: Monday to Friday from 9:00 to 17:30 local time, Thursdays to 20:00."""
    days, opens, before = dt.date(2025, 12, 29), [], [0]
    while days < dt.date(2027, 1, 4):
        if days.weekday() < 5:
            close = (20, 0) if days.weekday() == 3 else (17, 30)
            opens.append(tuple(
                micros(dt.datetime.combine(days, dt.time(*clock), zone).isoformat()) for clock in ((9, 0), close)))
            before.append(before[-1] + opens[-1][1] - opens[-1][0])
        days += dt.timedelta(days=1)

    def until(us):
        place = bisect.bisect_right(opens, (us, us))
        return before[place] - (max(0, opens[place - 1][1] - us) if place else 0)

    return lambda start, end: until(end) - until(start)


def recompute(tickets, windows, now, by, office=None):
    """(kpi, window kind, bucket, cell) -> expected members."""
    def cells(values, extra=()):
        return list(broken_down(values, by)) + list(extra)

    sums = collections.defaultdict(lambda: collections.defaultdict(list))
    deltas = collections.defaultdict(lambda: collections.defaultdict(int))
    gauge = collections.Counter()

    def add(kpi, at, values, sample=1, extra=()):
        for kind, bucket in windows.of(at):
            for cell in cells(values, extra):
                sums[kpi, kind, cell][bucket].append(sample)

    def duration(add, kpi, start, end, values):
        if end >= start:
            add(kpi, end, values, half_even_ms(end - start))
            if office and kpi in BUSINESS and kpi != "requester_wait_time":
                add(kpi + "_business", end, values, half_even_ms(office(start, end)))

    def only(kpi, at, cell, sample=1):
        for kind, bucket in windows.of(at):
            sums[kpi, kind, cell][bucket].append(sample)

    for timeline in tickets.values():
        ticket = Ticket(timeline)
        if not ticket.counts:
            continue
        values = ticket.values
        add("tickets_created", ticket.created, values)
        for at, actor, cycle in ticket.solves:
            add("tickets_solved", at, values, extra=[(("solved_by", actor),)])
            duration(add, "resolution_time_cycle", cycle, at, values)
        for at in ticket.reopenings:
            add("tickets_reopened", at, values)
        for start, at, is_first in ticket.responses:
            duration(add, "response_time", start, at, values)
            if not is_first:
                duration(add, "response_time_next", start, at, values)
        if ticket.any:
            duration(add, "first_response_time_any", *ticket.any, values)
        for at, agent in ticket.agent_solves:
            only("agent_tickets_solved", at, (("agent", agent),))
        if ticket.waits:
            spent, at, spans = ticket.waits
            if office and all(start <= end for start, end in spans):
                length = sum(office(start, end) for start, end in spans)
                add("requester_wait_time_business", at, values, half_even_ms(length))
            wait = sum(spent.get(status, 0) for status in ("new", "open", "on_hold"))
            duration(add, "requester_wait_time", at - wait, at, values)
            for status, length in spent.items():
                if length > 0 and status not in SOLVED:
                    only("time_in_status", at, (("status", status),), half_even_ms(length))
        if ticket.response:
            duration(add, "first_response_time", *ticket.response, values)
            duration(add, "first_response_time_human", *ticket.human, values)
            start, at = ticket.response
            if ticket.responder and at >= start:
                only("agent_first_response_time", at, (("agent", ticket.responder),), half_even_ms(at - start))
        else:
            add("first_response_open", ticket.created, values)
        if ticket.solves:
            duration(add, "resolution_time", ticket.created, ticket.solves[-1][0], values)
            duration(add, "resolution_time_first", ticket.created, ticket.solves[0][0], values)
            if ticket.status in SOLVED:
                add("tickets_resolved", ticket.solves[-1][0], values)
            reopened = any(0 < r - s[0] <= REOPEN_WINDOW for r in ticket.reopenings for s in ticket.solves)
            first = ticket.solves[0][0]
            replies, transfers = ticket.at_first_solve
            add("replies_per_ticket", first, values, replies)
            add("transfers_per_ticket", first, values, transfers)

            def verdict(kpi, window, positive):
                add(kpi if first + window <= now else kpi + ":pending", first, values, int(positive))

            verdict("reopen_rate", REOPEN_WINDOW, reopened)
            again = [r - first for r in ticket.reopenings if r > first]
            verdict("one_touch_resolution", REOPEN_WINDOW, replies == 1 and not any(r <= REOPEN_WINDOW for r in again))
            if ticket.bot:
                verdict(
                    "bot_resolution_rate", BOT_WINDOW,
                    replies == 0 and not any(r <= BOT_WINDOW for r in again)
                    and not any(h <= first + BOT_WINDOW for h in ticket.handoffs))
        for at, delta, at_that_time in ticket.levels:
            for kind, bucket in windows.of(at)[:2]:
                for cell in cells(at_that_time):
                    deltas[kind, cell][bucket] += delta
        if ticket.status not in SOLVED:
            extra = [(("status", ticket.status),)]
            if values.get("agent_id") is None:
                extra.append((("unassigned", "true"),))
            for cell in cells(values, extra):
                gauge["backlog_open", cell] += 1
            if ticket.awaits:
                for cell in cells(values):
                    gauge["awaiting_reply" if ticket.response else "awaiting_first_response", cell] += 1

    expected = {}
    for (kpi, kind, cell), buckets in sums.items():
        for bucket, samples in buckets.items():
            key = (kpi, kind, bucket, cell)
            if kpi in DURATIONS:
                samples.sort()
                expected[key] = {
                    "count": len(samples), "value": sum(samples) / len(samples) / 1000,
                    "quantiles": {
                        f"p{q}": samples[math.floor(q / 100 * (len(samples) - 1))] / 1000 for q in (50, 90, 95, 99)}}
            elif kpi in PROPORTIONS or kpi in MEANS:
                expected[key] = {"numerator": sum(samples), "denominator": len(samples), "count": len(samples),
                                 "value": sum(samples) / len(samples)}
            else:
                expected[key] = {"value": len(samples)}
    for (kind, cell), buckets in deltas.items():
        level = 0
        for bucket in sorted(buckets, key=in_time):
            level += buckets[bucket]
            if buckets[bucket]:
                expected["backlog", kind, bucket, cell] = {"value": level}
    for (kpi, cell), value in gauge.items():
        expected[kpi, "now", None, cell] = {"value": value}
    return expected


def in_time(bucket):
    """Sorts labels by time; of an hour that is repeated, the greater offset comes first."""
    if "T" not in bucket:
        return bucket
    return micros(bucket[:13] + ":00:00" + bucket[13:])


def read_published(path):
    published = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            update = json.loads(line)
            if update["type"] != "deskbeat.kpi.updated":
                continue
            data = update["data"]
            bucket = update["subject"].partition("@")[2] or None
            cell = tuple(sorted(data["dimensions"].items()))
            published[data["kpi"], data["window"]["kind"], bucket, cell] = data
    return published


def same(name, want, got):
    if want is None or got is None:
        return want is got
    if name == "quantile":
        return abs(got - want) <= 0.01 * abs(want) + 1e-9
    return math.isclose(want, got, rel_tol=1e-9, abs_tol=1e-9)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events")
    parser.add_argument("kpis")
    parser.add_argument("--zone", default="UTC")
    parser.add_argument("--now", default=dt.datetime.now(UTC).isoformat())
    parser.add_argument("--breakdowns", default=BREAKDOWNS)
    parser.add_argument("--business", action="store_true", help="durations in the office hours of office_hours(), too")
    parser.add_argument("--show", type=int, default=20, help="differences to print")
    options = parser.parse_args()
    published = read_published(options.kpis)
    zone = zoneinfo.ZoneInfo(options.zone)
    expected = recompute(
        read_events(options.events), Windows(zone, published), micros(options.now), breakdowns(options.breakdowns),
        office_hours(zone) if options.business else None)
    values = differences = 0

    def differ(text):
        nonlocal differences
        differences += 1
        if differences <= options.show:
            print(text)

    for key, want in expected.items():
        kpi, kind, bucket, cell = key
        owner, member = MEMBERS.get(kpi, (kpi, None))
        got = published.get((owner, kind, bucket, cell))
        if member:
            want = {member: want["value"]}
        values += 1
        if got is None:
            differ(f"{key}: not published, expected {want}")
            continue
        for name, value in want.items():
            if name == "quantiles":
                for quantile, item in value.items():
                    if not same("quantile", item, (got.get(name) or {}).get(quantile)):
                        differ(f"{key}: {quantile} is {got.get(name)}, expected {item}")
            elif not same(name, value, got.get(name)):
                differ(f"{key}: {name} is {got.get(name)}, expected {value}")
    for key, got in published.items():
        kpi, kind = key[0], key[1]
        if key in expected or kpi in OTHERS or kpi.startswith("sla_"):
            continue
        if any(owner == kpi and (name,) + key[1:] in expected for name, (owner, _) in MEMBERS.items()):
            if not got.get("count"):
                continue
        # A window that was published and then emptied stays with 0 or null; the backlog may also say "no change".
        if got.get("value") not in (0, None) and kpi != "backlog":
            differ(f"{key}: published {got['value']}, but nothing is expected")
    print(f"{values} values, {differences} differences")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
