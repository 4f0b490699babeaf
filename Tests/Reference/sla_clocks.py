#!/usr/bin/env python3
"""Random tickets and promises with what must hold of them, found by a ticker that goes from minute to minute.

It shares no code, no language and no method with the engine: it knows no due instants, only whether time runs in the minute that
begins, and how much has been used. A second opinion on states, due and breach instants, elapsed and overdue times, warnings,
levels, cycles and alerts.

    sla_clocks.py SEED [COUNT] > scenarios.json && deskbeat sla check scenarios.json

Everything lies on whole minutes.
"""
import bisect
import copy
import datetime as dt
import json
import random
import sys
import zoneinfo

MINUTE = 60
SOLVED = ("solved", "closed")
ENDS_WITH_SOLVE = ("resolution", "requester_wait", "agent_work")
PAUSES = {"resolution": ["pending"], "requester_wait": ["pending"], "agent_work": ["pending", "hold"]}
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


# Calendars


def first_valid(zone, date, minute):
    """The instant of a wall-clock time: the first valid one in a gap, the first occurrence of a repeated one."""
    naive = dt.datetime.combine(date, dt.time()) + dt.timedelta(minutes=minute)
    wanted = naive.replace(tzinfo=dt.timezone.utc).timestamp()

    def local(instant):
        return instant + dt.datetime.fromtimestamp(instant, zone).utcoffset().total_seconds()

    # Wall clocks never run backwards by more than a day: the first minute that shows the time, or a later one.
    around = int(wanted - dt.datetime.fromtimestamp(wanted, zone).utcoffset().total_seconds())
    if local(around) == wanted and local(around - 3 * 3600) == wanted - 3 * 3600:
        return around
    return next(t for t in range(around - 3 * 3600, around + 3 * 3600, MINUTE) if local(t) >= wanted)


class Calendar:
    def __init__(self, definition, start, end):
        self.minutes = None
        zone = self.zone = zoneinfo.ZoneInfo(definition["tz"])
        self.closings = {}  # By date that has windows: the last closing, in minutes after midnight.
        if definition.get("always"):
            return
        self.minutes = set()
        date = dt.datetime.fromtimestamp(start, zone).date() - dt.timedelta(days=2)
        last = dt.datetime.fromtimestamp(end, zone).date() + dt.timedelta(days=2)
        while date <= last:
            windows = definition["week"].get(DAYS[date.weekday()], [])
            if date.isoformat() in definition.get("holidays", []):
                windows = []
            windows = definition.get("special", {}).get(date.isoformat(), windows)
            for opens, closes in windows:
                a, b = (int(x[:2]) * 60 + int(x[3:]) for x in (opens, closes))
                if b <= a:
                    b += 1440
                self.minutes.update(range(first_valid(zone, date, a), first_valid(zone, date, b), MINUTE))
                self.closings[date] = max(b, self.closings.get(date, 0))
            date += dt.timedelta(days=1)
        self.sorted = sorted(self.minutes)

    def is_open(self, minute):
        return self.minutes is None or minute in self.minutes

    def after_days(self, days, start, end_of_day):
        """The same time of day, so many working days later, date by date."""
        one = dt.timedelta(days=1)
        local = lambda t: dt.datetime.fromtimestamp(t, self.zone).replace(tzinfo=None)
        date = local(start).date()
        if self.minutes is None:
            minute = 1440 if end_of_day else (local(start) - dt.datetime.combine(date, dt.time())).seconds // MINUTE
            return first_valid(self.zone, date + days * one, minute)
        night = self.closings.get(date - one, 0)
        if night > 1440 and start < first_valid(self.zone, date - one, night):
            date -= one
        elif date not in self.closings:
            start = next(minute for minute in self.sorted if minute >= start)
            date = local(start).date()
        minute = int((local(start) - dt.datetime.combine(date, dt.time())).total_seconds()) // MINUTE
        while days > 0:
            date += one
            days -= date in self.closings
        closing = first_valid(self.zone, date, self.closings[date])
        return closing if end_of_day else min(closing, first_valid(self.zone, date, minute))

    def between(self, start, end):
        if self.minutes is None:
            return max(0, end - start)
        return max(0, bisect.bisect_left(self.sorted, end) - bisect.bisect_left(self.sorted, start)) * MINUTE


# One promise, minute by minute


class Cycle:
    def __init__(self, start):
        self.start = start
        self.used = 0
        self.running = False
        self.end = None  # ("stopped" | "cancelled", instant)
        self.cut = None  # (instant, used)
        self.target = None
        self.day_due = None
        self.breached = None
        self.breach_used = 0
        self.warned = {}
        self.levels = {}
        self.skipped = set()  # Of (kind, offset): past when the target changed.
        self.moved = False  # Whether the minute before was used.
        self.history = []  # The minutes that were spent running, open or not.

    @property
    def live(self):
        return self.end is None

    def promise(self, target, calendar):
        """A target in seconds, or in working days: (days, end of day)."""
        self.day_due = None
        if isinstance(target, tuple):
            self.day_due = calendar.after_days(target[0], self.start, target[1])
            target = calendar.between(self.start, self.day_due)
        self.target = target

    def is_spent(self, t, calendar):
        """Whether the time is up; of working days, the due instant moves by the working time that was waited."""
        if self.day_due is None:
            return self.used >= self.target
        waited = calendar.between(self.start, t) - self.used
        return t >= self.day_due and calendar.between(self.day_due, t) >= max(0, waited)


class Promise:
    def __init__(self, metric, calendars, calendar):
        self.m = metric
        self.name = metric["metric"]
        self.pauses = [s for s in metric.get("pause_on", PAUSES.get(self.name, []))]
        default = "keep"
        if self.name in ("next_response", "update") and "solved" not in self.pauses:
            default = "cancel"
        self.on_solve = metric.get("on_solve", default)
        self.calendars = calendars
        self.calendar = calendar
        self.target = metric.get("target_s")
        if "target_days" in metric:
            self.target = (metric["target_days"], metric.get("end_of_day", False))
        self.by_priority = dict(metric.get("targets_by_priority", {}))
        self.cycles = []
        self.status = "new"
        self.priority = None
        self.customer_wrote = False
        self.responded = False
        self.removed = False
        self.detached = False
        self.missed_change = False

    def promised(self):
        return self.by_priority.get(self.priority, self.target)

    @property
    def live(self):
        return self.cycles[-1] if self.cycles and self.cycles[-1].live else None

    # Events

    def begin(self, t):
        if self.detached or (self.name == "first_response" and self.responded):
            return
        if self.name in ENDS_WITH_SOLVE and self.status in SOLVED:
            return
        cycle = Cycle(t)
        cycle.promise(self.promised(), self.calendar)
        cycle.running = self.status not in self.pauses
        self.cycles.append(cycle)

    def stop(self, t, how="stopped"):
        cycle = self.live
        if cycle:
            cycle.end = (how, t)
            cycle.running = False

    def apply(self, event, t):
        if self.removed:
            return
        kind = event["type"]
        start = self.m.get("start", "auto")
        if kind == "ticket.created":
            self.status = event.get("status", "new")
            self.priority = event.get("priority")
            by_customer = event.get("initiator", "customer") == "customer"
            self.customer_wrote = by_customer
            if self.name == "first_response":
                if start == "created" or (start in ("auto", "first_customer_message") and by_customer):
                    self.begin(t)
            elif self.name in ENDS_WITH_SOLVE:
                if start in ("auto", "created") or (start == "first_customer_message" and by_customer):
                    self.begin(t)
            elif self.name == "update" and by_customer:
                self.begin(t)
        elif kind == "message" and event.get("public", True):
            if event["from"] == "customer":
                first = not self.customer_wrote
                self.customer_wrote = True
                if self.name == "first_response" or self.name in ENDS_WITH_SOLVE:
                    waits = start == "first_customer_message" or (start == "auto" and self.name == "first_response")
                    if first and waits and not self.responded and not self.cycles:
                        self.begin(t)
                elif self.name == "update" and not self.live:
                    self.begin(t)
                elif self.name == "next_response" and self.responded and not self.live:
                    self.begin(t)
            elif event["from"] == "agent":
                if self.customer_wrote:
                    self.responded = True
                if self.name in ("first_response", "next_response", "update", "periodic_update"):
                    self.stop(t)
                if self.name == "periodic_update":
                    self.begin(t)
        elif kind == "status":
            self.change_status(event["to"], t)
        elif kind == "priority":
            old = self.promised()
            self.priority = event["to"]
            if self.promised() != old:
                self.change_target(t, self.calendar)
        elif kind == "policy.set":
            if self.name in event.get("targets", {}):
                self.target = event["targets"][self.name]
                self.by_priority = {}
            self.detached = False
            if self.live:
                self.live.cut = None
            name = event.get("calendar")
            self.change_target(t, self.calendars[name] if name else self.calendar)
        elif kind == "policy.detached":
            self.detached = True
            cycle = self.live
            if cycle and cycle.cut is None:
                cycle.cut = (t, cycle.used)
        elif kind == "bot.handoff":
            self.start_anew(t)
        elif kind in ("ticket.merged", "ticket.spam", "ticket.deleted"):
            self.stop(t, "cancelled")
            self.removed = True

    def change_status(self, to, t):
        was, now = self.status in SOLVED, to in SOLVED
        self.status = to
        if now and not was:
            if self.name in ENDS_WITH_SOLVE:
                self.stop(t)
            elif self.on_solve == "stop":
                self.stop(t)
            elif self.on_solve == "cancel":
                self.stop(t, "cancelled")
        elif was and not now:
            self.reopen(t)
        if self.live:
            self.set_running(to not in self.pauses)

    def set_running(self, running):
        if running and not self.live.running:
            self.live.moved = False
        self.live.running = running

    def reopen(self, t):
        if self.name not in ENDS_WITH_SOLVE:
            return self.start_anew(t)
        last = self.cycles[-1] if self.cycles else None
        if last is None or last.end is None or last.end[0] != "stopped":
            if not self.cycles and self.m.get("start", "auto") not in ("bot_handoff", "team_assigned"):
                self.begin(t)
            return
        how = self.m.get("reopen", "resume")
        if how == "first_only":
            return
        if how == "new_cycle":
            return self.begin(t)
        if how == "from_creation":
            last.used += self.calendar.between(last.end[1], t)
            last.history += range(last.end[1], t, MINUTE)
        last.end = None
        last.moved = False
        running = self.status not in self.pauses
        if not self.detached:
            last.cut = None
        if self.missed_change:
            self.change_target(t, self.calendar, running)
        if how == "from_creation":
            self.skip_past(last)
            self.breach_if_spent(t, running)

    def start_anew(self, t):
        if self.m.get("start") != "bot_handoff" or self.responded:
            return
        cycle = self.live
        if cycle is None:
            if self.name == "first_response" or not self.cycles:
                self.begin(t)
        elif cycle.breached is None:
            self.restart(cycle, t)
            cycle.promise(self.promised(), self.calendar)

    def restart(self, cycle, t):
        cycle.start, cycle.used, cycle.moved, cycle.history = t, 0, False, []
        cycle.warned, cycle.levels, cycle.skipped = {}, {}, set()
        cycle.breached = None

    def change_target(self, t, calendar, running=None):
        if self.detached:
            return
        cycle = self.live
        self.missed_change = cycle is None
        how = self.m.get("on_change", "keep_elapsed")
        if cycle:
            if how == "restart":
                self.restart(cycle, t)
            elif how == "recompute":
                cycle.used = sum(MINUTE for minute in cycle.history if calendar.is_open(minute))
        self.calendar = calendar
        target = self.promised()
        if cycle is None:
            return
        if target is None:
            if cycle.target is not None and cycle.cut is None:
                cycle.cut = (t, cycle.used)
            return
        cycle.cut = None
        cycle.promise(target, calendar)
        cycle.moved = False
        if cycle.breached is not None and not cycle.is_spent(t, calendar):
            cycle.breached = None
            cycle.levels = {k: v for k, v in cycle.levels.items() if k < 0}
        self.skip_past(cycle)
        self.breach_if_spent(t, cycle.running if running is None else running)

    def skip_past(self, cycle):
        """What a change leaves in the past is not sent."""
        if cycle.target is None:
            return
        for percent in self.m.get("warn_pct", []):
            key = ("warn", percent)
            cycle.skipped.discard(key)
            if cycle.target * percent // 100 < cycle.used:
                cycle.skipped.add(key)
        for offset in self.m.get("levels_s", []):
            key = ("level", offset)
            cycle.skipped.discard(key)
            if offset < 0 and cycle.target + offset < cycle.used:
                cycle.skipped.add(key)

    def breach_if_spent(self, t, running):
        cycle = self.live
        if cycle is None or not running or cycle.breached is not None or cycle.target is None:
            return
        if cycle.is_spent(t, self.calendar):
            cycle.breached, cycle.breach_used = t, cycle.used
            # Whatever else happens at this instant.
            if 0 in self.m.get("levels_s", []):
                cycle.levels[0] = t

    # Time

    def reach(self, t):
        """What has been reached at t, when nothing stopped the clock by then."""
        cycle = self.live
        if cycle is None or not cycle.running or cycle.cut is not None or cycle.target is None:
            return
        is_open = self.calendar.is_open(t)
        late = self.m.get("boundary", "close") == "next_open"
        used = cycle.used
        if cycle.breached is None:
            # The same time of day may lie outside of the windows.
            on_time = cycle.day_due == t and self.calendar.between(cycle.start, t) <= used
            is_due = cycle.is_spent(t, self.calendar) and (on_time or is_open or (cycle.moved and not late))
            for percent in self.m.get("warn_pct", []):
                if percent in cycle.warned or ("warn", percent) in cycle.skipped:
                    continue
                now = used >= cycle.target * percent // 100 and (is_open or cycle.moved)
                if is_due if percent == 100 else now:
                    cycle.warned[percent] = t
            for offset in self.m.get("levels_s", []):
                if offset < 0 and offset not in cycle.levels and ("level", offset) not in cycle.skipped:
                    if cycle.target + offset >= 0 and used >= cycle.target + offset and is_open:
                        cycle.levels[offset] = t
            if is_due:
                cycle.breached, cycle.breach_used = t, used
        if cycle.breached is not None:
            for offset in self.m.get("levels_s", []):
                if offset >= 0 and offset not in cycle.levels and used >= cycle.breach_used + offset:
                    if is_open or cycle.moved or (offset == 0 and cycle.breached == t):
                        cycle.levels[offset] = t

    def tick(self, t):
        """The minute that begins at t passes."""
        cycle = self.live
        if cycle is None:
            return
        cycle.moved = False
        if cycle.running:
            cycle.history.append(t)
            if self.calendar.is_open(t):
                cycle.used += MINUTE
                cycle.moved = True


def run(promise, events, at):
    """Knows `events` only, in their order; stands at `at` when everything of that minute has happened."""
    if not events:
        return promise
    t = min(event["t"] for event in events)
    # The creation is there before every event.
    rest = list(events)
    while t <= at:
        while rest and rest[0]["t"] <= t:
            event = rest.pop(0)
            if event["type"] in ("ticket.merged", "ticket.spam", "ticket.deleted") and not promise.removed:
                promise.reach(t)
            promise.apply(event, t)
        promise.reach(t)
        if t < at:
            promise.tick(t)
        t += MINUTE
    return promise


def foresee(promise, at, horizon=120 * 1440):
    """When things happen that lie ahead, if nothing arrives."""
    ahead = copy.copy(promise)
    ahead.cycles = copy.deepcopy(promise.cycles)
    cycle = ahead.live
    if cycle is None or not cycle.running or cycle.cut is not None:
        return cycle
    t = at
    wanted = lambda: (
        cycle.breached is None
        or any(o >= 0 and o not in cycle.levels for o in promise.m.get("levels_s", []))
    )
    while wanted() and t < at + horizon * MINUTE:
        ahead.tick(t)
        t += MINUTE
        ahead.reach(t)
    return cycle


def text(instant):
    if instant is None:
        return None
    return dt.datetime.fromtimestamp(instant, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def check(promise, at):
    cycle = promise.cycles[-1] if promise.cycles else None
    if cycle is None or cycle.target is None:
        return {"state": "none", "due": None, "breached_at": None}
    used = cycle.cut[1] if cycle.cut else cycle.used
    end = ("cancelled", cycle.cut[0]) if cycle.cut else cycle.end
    result = {
        "breached_at": text(cycle.breached),
        "elapsed_s": used,
        "overdue_s": max(0, used - cycle.target) if cycle.breached is not None else 0,
        "misses": sum(c.breached is not None for c in promise.cycles),
        "instances": len(promise.cycles),
        "longest_s": max([c.used for c in promise.cycles if c.end and c.end[0] == "stopped"], default=0),
        "met_at": text(end[1]) if end and end[0] == "stopped" else None,
        "due": None,
    }
    running = end is None and cycle.running
    if end:
        result["state"] = "fulfilled" if end[0] == "stopped" else "cancelled"
    else:
        result["state"] = "running" if running else "paused"
    if running:
        ahead = foresee(promise, at)
        result["due"] = text(cycle.breached if cycle.breached is not None else ahead.breached)
        warnings = {p: ahead.warned.get(p) for p in promise.m.get("warn_pct", [])}
        # Behind a breach nothing is warned of any more.
        if cycle.breached is not None:
            warnings = {p: t for p, t in warnings.items() if p in cycle.warned}
        if warnings:
            result["warn_at"] = {str(p): text(t) for p, t in warnings.items()}
        levels = {o: ahead.levels.get(o) for o in promise.m.get("levels_s", [])}
        if cycle.breached is not None:
            levels = {o: t for o, t in levels.items() if o >= 0 or o in cycle.levels}
        if levels:
            result["levels"] = {str(o): text(t) for o, t in levels.items()}
    if cycle.breached is not None:
        result["state"] = "breached"
    return result


# Alerts


def facts(promise):
    """(cycle, label) -> (instant, rank among those of one cycle and instant, line)."""
    found = {}
    for number, cycle in enumerate(promise.cycles):
        if cycle.target is None:
            continue
        def add(label, instant, rank, name):
            found[number, label] = (instant, number, rank, f"deskbeat.sla.{name}")
        for percent, instant in cycle.warned.items():
            add(f"warning-{percent}", instant, (0, percent), "warning")
        for offset, instant in cycle.levels.items():
            add(f"level-{offset}", instant, (1, 0) if offset < 0 else (3, offset), "level")
        if cycle.breached is not None:
            add("breached", cycle.breached, (2, 0), "breached")
        end = ("cancelled", cycle.cut[0]) if cycle.cut else cycle.end
        if end and end[0] == "stopped":
            add("fulfilled", end[1], (4, 0), "fulfilled")
        # Nobody has to be told of the end of what nobody had heard of, and a breach stays.
        elif end and (cycle.warned or cycle.levels) and cycle.breached is None:
            add("cancelled", end[1], (4, 0), "cancelled")
    return found


def alerts(metric, calendars, calendar, events, until):
    """The lines that go out until an instant, when each event is known as soon as it has arrived."""
    name = f"{metric['metric']}~{metric['variant']}"
    arrivals = sorted({event.get("seen", event["t"]) for event in events})
    arrivals = [t for t in arrivals if t <= until]
    lines, published = [], {}
    for arrival, following in zip(arrivals, arrivals[1:] + [until + MINUTE]):
        current = facts(run(Promise(metric, calendars, calendar), known(events, arrival), following - MINUTE))
        for key, instant in list(published.items()):
            if key in current and current[key][0] == instant:
                continue
            del published[key]
            if key[1] not in ("fulfilled", "cancelled"):
                lines.append(f"deskbeat.sla.retracted {name} {key[1]}")
        for key, (instant, number, rank, line) in sorted(current.items(), key=lambda i: i[1][:3]):
            if key not in published:
                published[key] = instant
                lines.append(f"{line} {name} {text(instant)}")
    return lines


# Random tickets

CALENDARS = {
    "always": {"always": True, "tz": "UTC"},
    "berlin": {"tz": "Europe/Berlin", "week": {d: [["09:00", "17:00"]] for d in DAYS[:5]}, "holidays": ["2024-04-01"]},
    "lunch": {
        "tz": "America/New_York",
        "week": {d: [["08:00", "12:00"], ["13:00", "18:00"]] for d in DAYS[:5]} | {"sat": [["10:00", "12:00"]]},
        "special": {"2024-03-11": [["13:00", "15:00"]]},
    },
    "night": {"tz": "Europe/Berlin", "week": {d: [["22:00", "06:00"]] for d in DAYS}},
    "gap": {"tz": "Europe/Berlin", "week": {d: [["02:30", "05:00"], ["12:00", "24:00"]] for d in DAYS}},
    "south": {"tz": "Australia/Lord_Howe", "week": {d: [["01:45", "09:15"]] for d in DAYS}, "holidays": ["2024-04-08"]},
    "half": {"tz": "Asia/Kathmandu", "week": {d: [["10:00", "18:30"]] for d in DAYS[:6]}},
}
MONTHS = ["2024-03-08T12:00", "2024-03-29T12:00", "2024-04-05T06:00", "2024-10-26T00:00", "2024-11-01T18:00"]
METRICS = ["first_response", "next_response", "update", "periodic_update", "resolution", "requester_wait", "agent_work"]


def random_metric(r):
    name = r.choice(METRICS)
    metric = {"metric": name}
    target = lambda: r.choice([20, 40, 60, 120, 240, 480, 960]) * MINUTE
    if r.random() < 0.4:
        metric["targets_by_priority"] = {p: target() for p in ["low", "high", "urgent"]}
        if r.random() < 0.5:
            metric["target_s"] = target()
    elif r.random() < 0.25:
        metric["target_days"] = r.randrange(1, 6)
        if r.random() < 0.3:
            metric["end_of_day"] = True
    else:
        metric["target_s"] = target()
    if r.random() < 0.5:
        # Shares of working days do not lie on whole minutes.
        metric["warn_pct"] = [100] if "target_days" in metric else sorted(r.sample([50, 75, 80, 90, 100], 2))
    if r.random() < 0.4:
        metric["levels_s"] = sorted(r.sample([-1200, -600, 0, 600, 3600, 36000], 2))
    if r.random() < 0.4:
        metric["pause_on"] = r.sample(["pending", "hold", "solved", "closed"], r.randrange(3))
    if name in ENDS_WITH_SOLVE:
        metric["reopen"] = r.choice(["resume", "resume", "new_cycle", "from_creation", "first_only"])
        metric["pause_on"] = [s for s in metric.get("pause_on", PAUSES[name]) if s not in SOLVED]
    elif r.random() < 0.3:
        metric["on_solve"] = r.choice(["keep", "stop", "cancel"])
    if r.random() < 0.3:
        metric["on_change"] = r.choice(["keep_elapsed", "restart", "recompute"])
    if r.random() < 0.3:
        metric["boundary"] = "next_open"
    if name == "first_response" and r.random() < 0.5:
        metric["start"] = r.choice(["auto", "created", "bot_handoff", "first_customer_message"])
    return metric


def random_events(r, start, names):
    step = lambda: r.choice([0, 1, 5, 10, 20, 30, 60, 120, 240, 720, 1440, 2880]) * MINUTE
    created = {"t": start, "type": "ticket.created"}
    if r.random() < 0.5:
        created["priority"] = r.choice(["low", "high", "urgent"])
    if r.random() < 0.2:
        created["status"] = r.choice(["open", "pending", "hold"])
    if r.random() < 0.2:
        created["initiator"] = r.choice(["agent", "system"])
    events, t = [created], start
    for _ in range(r.randrange(10)):
        t += step()
        roll = r.random()
        if roll < 0.35:
            event = {"type": "message", "from": r.choice(["customer", "agent", "agent", "bot"])}
            if r.random() < 0.1:
                event["public"] = False
        elif roll < 0.75:
            event = {"type": "status", "to": r.choice(["open", "open", "pending", "hold", "solved", "closed"])}
        elif roll < 0.85:
            event = {"type": "priority", "to": r.choice(["low", "high", "urgent"])}
        elif roll < 0.90:
            event = {"type": "policy.set", "targets": {n: r.choice([20, 60, 240, 960]) * MINUTE for n in names}}
            if r.random() < 0.5:
                event["calendar"] = r.choice(list(CALENDARS))
        elif roll < 0.92:
            event = {"type": "policy.detached"}
        elif roll < 0.97:
            event = {"type": "bot.handoff"}
        else:
            event = {"type": r.choice(["ticket.merged", "ticket.spam", "ticket.deleted"])}
        event = {"t": t} | event
        # Only where the order is told: two events of one minute without it may come either way.
        event["seq"] = len(events)
        if r.random() < 0.3:
            event["seen"] = t + step()
        events.append(event)
    if r.random() < 0.3 and len(events) > 1:
        twice = dict(r.choice(events[1:]))
        twice["seen"] = twice.get("seen", twice["t"]) + step()
        for event in events:
            if event.get("seq") == twice.get("seq"):
                event["id"] = twice["id"] = f"e{event['seq']}"
        events.append(twice)
    return events


def known(events, at):
    seen, result = set(), []
    for event in sorted(events, key=lambda e: e.get("seen", e["t"])):
        if event.get("seen", event["t"]) > at or event["t"] > at or event.get("id") in seen:
            continue
        if "id" in event:
            seen.add(event["id"])
        result.append(event)
    return sorted(result, key=lambda e: (e["type"] != "ticket.created", e["t"], e.get("seq", -1)))


def scenario(number, r, calendars):
    start = int(dt.datetime.fromisoformat(r.choice(MONTHS) + "+00:00").timestamp()) + r.randrange(2880) * MINUTE
    metrics = []
    for place in range(r.choice([1, 1, 2])):
        metric = random_metric(r)
        metric["variant"] = f"v{place}"
        metrics.append(metric)
    events = random_events(r, start, sorted({m["metric"] for m in metrics}))
    name = r.choice(list(CALENDARS))
    last = max(event.get("seen", event["t"]) for event in events)
    instants = {last + r.choice([1, 30, 300, 3000]) * MINUTE}
    instants.update(r.randrange(start, last + 60, MINUTE) for _ in range(4))
    instants.update(r.choice(events)["t"] for _ in range(2))
    checks = []
    for at in sorted(instants):
        for metric in metrics:
            promise = run(Promise(metric, calendars, calendars[name]), known(events, at), at)
            checks.append(
                {"at": text(at), "metric": metric["metric"], "variant": metric["variant"]} | check(promise, at))
    result = {"id": f"R-{number}", "calendar": name, "metrics": metrics, "events": events, "checks": checks}
    if len(metrics) == 1:
        result["emits"] = alerts(metrics[0], calendars, calendars[name], events, max(instants))
    for event in events:
        event["t"] = text(event["t"])
        if "seen" in event:
            event["seen"] = text(event["seen"])
    return result


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    r = random.Random(seed)
    span = [int(dt.datetime.fromisoformat(day + "T00:00:00+00:00").timestamp()) for day in ("2024-03-01", "2025-07-01")]
    calendars = {name: Calendar(definition, *span) for name, definition in CALENDARS.items()}
    scenarios = [scenario(f"{seed}-{number}", r, calendars) for number in range(count)]
    json.dump({"schema": "sla-scenarios/1", "calendars": CALENDARS, "scenarios": scenarios}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
