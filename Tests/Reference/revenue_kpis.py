#!/usr/bin/env python3
"""Recomputes the KPIs of churn and revenue from events, by brute force, and compares them with published KPI updates.

It shares no code and no language with the services: for every window it asks anew, of every customer, what held at its ends.

    revenue_kpis.py EVENTS.ndjson KPIS.ndjson [--now 2026-11-22T12:00:00Z] [--zone Europe/Berlin] [--margin 0.8]
    revenue_kpis.py --generate SEED [--customers 80] > EVENTS.ndjson

EVENTS holds the events of customers and finance as they were sent, with labels in lower case; KPIS the latest KPI update of each
key (`deskbeat kpis --format json`), from which the numbers of tickets are taken, too. Prints each difference and a last line
`N values, K differences`; exit code 1 when there are any.
"""
import argparse
import bisect
import collections
import datetime as dt
import fractions
import functools
import json
import random
import sys
import zoneinfo

import ticket_kpis as common

DAY = 86400 * 1000000
ACTIVE = 90 * DAY
MONTHLY = {"day": (365, 12), "week": (52, 12), "month": (1, 1), "quarter": (1, 3), "year": (1, 12)}
KINDS = ["month", "quarter", "year"]
Fraction = fractions.Fraction


def half_even(number):
    return round(number)  # of a Fraction: half to even


def exact(value):
    return Fraction(str(value))


class Options:
    currency, rates, margin, free, reactivation = "EUR", {}, None, False, False
    zone = zoneinfo.ZoneInfo("UTC")

    def minor(self, number, data):
        currency = data.get("currency", self.currency).upper()
        rate = Fraction(1) if currency == self.currency else self.rates[currency]
        return half_even(number * rate * 100)

    def mrr(self, data):
        if "mrr" in data:
            return self.minor(exact(data["mrr"]), data)
        above, below = MONTHLY[data["interval"].lower()]
        amount = exact(data["amount"]) * data.get("quantity", 1) / data.get("interval_count", 1)
        return self.minor(amount * above / below, data)


# Windows.


def start_of(zone, year, month):
    return common.micros(dt.datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=zone).isoformat())


def window_of(zone, kind, at):
    """(label, start, end) of the window with an instant."""
    local = (common.EPOCH + dt.timedelta(microseconds=at)).astimezone(zone)
    length = {"month": 1, "quarter": 3, "year": 12}[kind]
    first = (local.month - 1) // length * length + 1
    label = {"month": f"{local.year}-{local.month:02}", "quarter": f"{local.year}-Q{(local.month - 1) // 3 + 1}",
             "year": str(local.year)}[kind]
    return label, start_of(zone, local.year, first), start_of(zone, local.year, first + length)


def windows(zone, kind, first, now):
    at = first
    while True:
        label, start, end = window_of(zone, kind, at)
        if start > now:
            return
        yield label, start, end
        at = end


def hour_of(zone, at):
    local = (common.EPOCH + dt.timedelta(microseconds=at)).astimezone(zone)
    return local.replace(minute=0, second=0, microsecond=0).isoformat()


# One customer.


class Customer:
    def __init__(self, timeline, options, now):
        self.options, self.now = options, now
        self.events = [event for event in timeline if event["us"] <= now]
        for index, event in enumerate(self.events):
            if event["type"].endswith("customer.erased"):
                self.events = self.events[:index + 1]
                break
        self.told = {}
        for index, event in enumerate(self.events):
            if event["type"].endswith("purchase.completed"):
                self.told[event["data"]["purchase_id"]] = index
        self.purchases = [(event["us"], event["data"]) for index, event in enumerate(self.events)
                          if event["type"].endswith("purchase.completed")
                          and self.told[event["data"]["purchase_id"]] == index]
        self.payments = [(at, options.minor(exact(data["amount"]), data), data.get("margin"))
                         for at, data in self.purchases]
        for event in self.events:
            data = event["data"]
            if event["type"].endswith("purchase.refunded") and data["purchase_id"] in self.told:
                bought = self.events[self.told[data["purchase_id"]]]["data"]
                self.payments.append((event["us"], -options.minor(exact(data["amount"]), data), bought.get("margin")))
        starts = [event["us"] for event in self.events
                  if event["type"].endswith(("subscription.started", "subscription.reactivated"))]
        self.first_start = min(starts) if starts else None
        self.values = {}
        for event in self.events:
            if event["type"].endswith("customer.created"):
                self.values.update({name: event["data"][name] for name in ("segment", "tier") if name in event["data"]})
        for at in sorted({event["us"] for event in self.events}):
            running = self.subscriptions(at, True)
            if running:
                _, _, _, plan = min((-mrr, started, name, plan or "") for name, (mrr, started, plan) in running.items())
                self.values["plan"] = plan or None
        instants = {event["us"] for event in self.events} | {at + ACTIVE for at, _ in self.purchases}
        self.instants = sorted(at for at in instants if at <= now)
        self.known = {}

    def once(self, what, instant, inclusive):
        """Between two instants nothing changes: asked once is enough."""
        place = (bisect.bisect_right if inclusive else bisect.bisect_left)(self.instants, instant)
        if (what, place) not in self.known:
            self.known[what, place] = what(self, instant, inclusive)
        return self.known[what, place]

    def events_before(self, instant, inclusive):
        return [event for event in self.events if event["us"] < instant or (inclusive and event["us"] == instant)]

    def subscriptions(self, instant, inclusive):
        """Running subscriptions: id -> (MRR, start, plan)."""
        running, ended = {}, {}
        for event in self.events_before(instant, inclusive):
            kind, data = event["type"].removeprefix("support."), event["data"]
            name = data.get("subscription_id")
            if kind in ("subscription.started", "subscription.reactivated") or (
                    kind == "subscription.changed" and name in running):
                _, started, plan = running.get(name) or ended.get(name) or (0, event["us"], None)
                running[name] = (self.options.mrr(data), started, data.get("plan", plan))
            elif kind == "subscription.cancelled" and name in running:
                ended[name] = running.pop(name)
            elif kind in ("customer.closed", "customer.erased"):
                ended.update(running)
                running = {}
        return running

    def mrr(self, instant, inclusive=False):
        return self.once(Customer.compute_mrr, instant, inclusive)

    def active(self, instant, inclusive=False):
        return self.once(Customer.compute_active, instant, inclusive)

    def compute_mrr(self, instant, inclusive):
        return sum(mrr for mrr, _, _ in self.subscriptions(instant, inclusive).values())

    def compute_active(self, instant, inclusive):
        running = self.subscriptions(instant, inclusive)
        if any(mrr > 0 or self.options.free for mrr, _, _ in running.values()):
            return True
        before = self.events_before(instant, inclusive)
        if any(event["type"].endswith(("subscription.started", "subscription.reactivated")) for event in before):
            return False
        bought = None
        for event in before:
            if event["type"].endswith("purchase.completed"):
                index = next(i for i, other in enumerate(self.events) if other is event)
                if self.told[event["data"]["purchase_id"]] == index:
                    bought = event["us"]
            elif event["type"].endswith(("customer.closed", "customer.erased")):
                bought = None
        if bought is None:
            return False
        return instant < bought + ACTIVE if inclusive else instant <= bought + ACTIVE

    def at_end(self, end, what):
        return what(self.now, True) if end > self.now else what(end)

    def first_active(self):
        return next((at for at in self.instants if self.active(at, True)), None)

    def reason(self, start, end):
        """That of the event that ended the last activity in [start, end)."""
        ends = [at for at in self.instants if at < end and not self.active(at, True) and self.active(at)]
        if not ends:
            return None
        given = [event["data"].get("reason") if not event["type"].endswith("erased") else "erased"
                 for event in self.events if event["us"] == ends[-1] and self.ends(event)]
        return next((reason for reason in reversed(given) if reason), None)

    def ends(self, event):
        """Whether the event can end something: closings, and cancellations of what runs."""
        if event["type"].endswith(("customer.closed", "customer.erased")):
            return True
        if not event["type"].endswith("subscription.cancelled"):
            return False
        index = next(i for i, other in enumerate(self.events) if other is event)
        running = {}
        for other in self.events[:index]:
            name = other["data"].get("subscription_id")
            if other["type"].endswith(("subscription.started", "subscription.reactivated")):
                running[name] = True
            elif other["type"].endswith("subscription.cancelled"):
                running.pop(name, None)
            elif other["type"].endswith(("customer.closed", "customer.erased")):
                running = {}
        return event["data"]["subscription_id"] in running

    @functools.cached_property
    def movements(self):
        """(an instant of the hour, kind, amount, reason) for each clock hour with a change."""
        zone, result, paid, opening = self.options.zone, [], False, 0
        hours = collections.OrderedDict()
        for at in self.instants:
            hours.setdefault(hour_of(zone, at), []).append(at)
        for instants in hours.values():
            closing = self.mrr(instants[-1], True)
            if closing != opening:
                if opening == 0:
                    kind = "reactivation" if paid else "new"
                else:
                    kind = "churn" if closing == 0 else "expansion" if closing > opening else "contraction"
                reason = None
                if kind == "churn":
                    fall = next(at for at in reversed(instants) if self.mrr(at) > 0)
                    given = [event["data"].get("reason") if not event["type"].endswith("erased") else "erased"
                             for event in self.events if event["us"] == fall and self.ends(event)]
                    reason = next((text for text in reversed(given) if text), None)
                result.append((instants[-1], kind, closing - opening, reason))
            paid = paid or closing > 0
            opening = closing
        return result

    def revenue(self, start, end):
        return sum(amount for at, amount, _ in self.payments if start <= at < end)

    def margin(self, end):
        """Recognised up to a window's end; None when something has no margin."""
        options, total = self.options, Fraction(0)
        until = min(end, self.now + 1)
        for at, amount, own in self.payments:
            margin = exact(own) if own is not None else options.margin
            if at < until and amount:
                if margin is None:
                    return None
                total += amount * margin
        erased = any(event["type"].endswith("erased") for event in self.events)
        first = next((at for at in self.instants if self.mrr(at, True) > 0), None)
        if first is None or first >= until:
            return total
        if options.margin is None:
            return None
        day = (common.EPOCH + dt.timedelta(microseconds=first)).astimezone(options.zone).date()
        last = (common.EPOCH + dt.timedelta(microseconds=until - 1)).astimezone(options.zone).date()
        while day <= last:
            after = day + dt.timedelta(days=1)
            month = day.replace(day=1)
            next_month = (month + dt.timedelta(days=32)).replace(day=1)
            if erased or common.micros(dt.datetime(*next_month.timetuple()[:3], tzinfo=options.zone).isoformat()) <= self.now:
                midnight = common.micros(dt.datetime(*after.timetuple()[:3], tzinfo=options.zone).isoformat())
                total += self.at_end(midnight, self.mrr) * options.margin / (next_month - month).days
            day = after
        return total


# All of them.


def read(path):
    """The events of each customer and of each period, in the timeline's order, each identity once, without voided ones."""
    entities = collections.defaultdict(dict)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            event["us"] = common.micros(event["time"])
            data = event["data"]
            entity = ("customer", data["customer_id"]) if "customer_id" in data else ("period", data["period"])
            identity = common.fnv1a(f"{event['source']}\0{event['id']}".encode())
            held = entities[entity].get(identity)
            if held is None or common.canonical(held) < common.canonical(event):
                entities[entity][identity] = event
    creations = ("support.customer.created", "support.subscription.started")
    deletions = ("support.customer.closed", "support.customer.erased", "support.period.closed")
    result = {"customer": {}, "period": {}}
    for (kind, name), timeline in entities.items():
        ordered = sorted(timeline.items(), key=lambda item: (
            item[1]["us"], int(item[1].get("sequence", -1)),
            0 if item[1]["type"] in creations else 2 if item[1]["type"] in deletions else 1, item[0]))
        result[kind][name] = common.without_voided([event for _, event in ordered])
    return result


class Expected(dict):
    def put(self, kpi, kind, label, cell, value, **members):
        self[kpi, kind, label, cell] = dict(value=value, **members)


def recompute(entities, tickets, options, now):
    expected = Expected()
    customers = [Customer(timeline, options, now) for timeline in entities["customer"].values() if timeline]
    customers = [customer for customer in customers if customer.events]
    cells = collections.defaultdict(list)
    for customer in customers:
        cells[()].append(customer)
        for name in ("segment", "tier", "plan"):
            if customer.values.get(name):
                cells[(name, customer.values[name]),].append(customer)
    finance = Finance(entities["period"], options)
    for cell, members in cells.items():
        for kind in KINDS:
            first = min(customer.events[0]["us"] for customer in members)
            for label, start, end in windows(options.zone, kind, first, now):
                put_window(expected, cell, members, kind, label, start, end, options, now)
                put_costs(expected, cell, members, kind, label, start, end, finance, tickets, options, now)
    put_reasons(expected, customers, options, now)
    return expected


def put_window(expected, cell, members, kind, label, start, end, options, now):
    opening = [customer for customer in members if customer.active(start)]
    closing = [customer for customer in members if customer.at_end(end, customer.active)]
    both = [customer for customer in opening if customer in closing]
    new = [c for c in closing if c not in opening and start <= c.first_active() < end]
    returned = [c for c in closing if c not in opening and c not in new]
    left = [c for c in both if any(start <= at < end and not c.active(at, True) for at in c.instants)]
    s, e, lost = len(opening), len(closing), len(opening) - len(both)

    def put(kpi, value, **others):
        expected.put(kpi, kind, label, cell, value, **others)

    def ratio(kpi, above, below, **others):
        put(kpi, Fraction(above, below) if below else None, numerator=above, denominator=below, **others)

    put("customers_active", e)
    put("customers_new", len(new))
    put("customers_lost", lost, left_and_returned=len(left))
    put("customers_returned", len(returned), left_and_returned=len(left))
    ratio("retention_rate", len(both), s, count=s)
    ratio("churn_rate", lost, s, count=s)
    ratio("retention_rate_simple", e - len(new), s, count=s)
    ratio("churn_rate_simple", s - e, s, count=s, flags=["grew"] if e > s > 0 else [])
    mrr_start = sum(customer.mrr(start) for customer in members)
    mrr_end = sum(customer.at_end(end, customer.mrr) for customer in members)
    put("mrr", money(mrr_end), count=e)
    put("arpa", money(half_even(Fraction(mrr_end, e))) if e else None, count=e)
    moved = [(customer, kind, amount) for customer in members for at, kind, amount, _ in customer.movements
             if start <= at < end]
    sums = {name: sum(a for _, k, a in moved if k == name)
            for name in ("new", "expansion", "contraction", "churn", "reactivation")}
    assert sum(sums.values()) == mrr_end - mrr_start
    for name, amount in sums.items():
        put(f"mrr_{name}", money(amount), count=sum(k == name for _, k, _ in moved))
    base = {name: sum(a for c, k, a in moved if k == name and c in opening) for name in sums}
    gross = -base["churn"] - base["contraction"]
    net = gross - base["expansion"] - (base["reactivation"] if options.reactivation else 0)
    for name, loss in (("gross", gross), ("net", net)):
        money_ratio(put, f"revenue_churn_{name}", loss, mrr_start, s)
        money_ratio(put, f"revenue_retention_{name}", mrr_start - loss, mrr_start, s)
    money_ratio(put, "quick_ratio", sums["new"] + sums["expansion"] + sums["reactivation"],
                -sums["churn"] - sums["contraction"], count=None)
    mix = Fraction(gross, mrr_start) / Fraction(lost, s) if lost and s and mrr_start else None
    put("churn_mix", mix)
    ratio("upsell_rate", len({id(c) for c, k, _ in moved if k == "expansion" and c in opening}), s, count=s)
    buyers = [c for c in members if any(start <= at < end for at, _ in c.purchases)]
    ratio("repeat_customer_rate", sum(sum(at < end for at, _ in c.purchases) >= 2 for c in buyers), len(buyers))
    before = window_of(options.zone, kind, start - 1)[1]
    pure = [c for c in members if c.first_start is None or c.first_start >= end]
    pure = [(c.revenue(before, start), c.revenue(start, end)) for c in pure if c.revenue(before, start) > 0]
    money_ratio(put, "revenue_churn_purchases", sum(last - min(last, max(0, this)) for last, this in pure),
                sum(last for last, _ in pure), count=None)
    put("customer_lifetime_value", lifetime(members, mrr_end, e, end, options, now, 0), count=None)
    margins = [customer.margin(end) for customer in members]
    ever = [c for c in members if c.first_active() is not None and c.first_active() < end]
    known = ever and all(margin is not None for margin in margins)
    put("customer_lifetime_value_historic", money(half_even(sum(margins) / len(ever))) if known else None, count=None)


def money(minor):
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02}"


def money_ratio(put, kpi, above, below, count):
    put(kpi, Fraction(above, below) if below else None, numerator=money(above), denominator=money(below), count=count)


def months_before(zone, end, count):
    result = []
    for _ in range(count):
        _, start, end_of_month = window_of(zone, "month", end - 1)
        result.append((start, end_of_month))
        end = start
    return result


def lifetime(members, mrr_end, active, end, options, now, cost_per_month):
    at_risk = lost = 0
    for start, stop in months_before(options.zone, end, 12):
        if start <= now:
            opening = [customer for customer in members if customer.active(start)]
            at_risk += len(opening)
            lost += sum(not customer.at_end(stop, customer.active) for customer in opening)
    if options.margin is None or not active or not at_risk or cost_per_month is None:
        return None
    months = min(Fraction(at_risk, lost), 60) if lost else 60
    return money(half_even((Fraction(mrr_end, active) * options.margin - cost_per_month) * months))


class Finance:
    def __init__(self, periods, options):
        self.records, self.days = [], collections.defaultdict(set)
        for period, events in periods.items():
            first = dt.date.fromisoformat(period if len(period) == 10 else period + "-01")
            after = first + dt.timedelta(days=1) if len(period) == 10 else (first + dt.timedelta(days=32)).replace(day=1)
            days = [first + dt.timedelta(days=index) for index in range((after - first).days)]
            teams = {event["data"].get("team") for event in events if event["type"].endswith("cost.recorded")}
            for event in events:
                kind, data = event["type"].split(".")[1], event["data"]
                if kind == "period":
                    for team in teams | {None}:
                        self.days["closed", team].update(days)
                    continue
                amount = options.minor(exact(data["amount"]), data)
                self.records.append((first, kind, data.get("team"), amount))
                self.days[kind, None].update(days)
                if kind == "cost" and "team" in data:
                    self.days[kind, data["team"]].update(days)

    def sum(self, kind, first, after, team=None):
        return sum(amount for day, k, t, amount in self.records
                   if k == kind and first <= day < after and team in (None, t))

    def covers(self, kind, first, after, team=None):
        return len({day for day in self.days[kind, team] if first <= day < after}) == (after - first).days


def put_costs(expected, cell, members, kind, label, start, end, finance, tickets, options, now):
    zone = options.zone
    first, after = ((common.EPOCH + dt.timedelta(microseconds=at)).astimezone(zone).date() for at in (start, end))

    def put(kpi, value, **others):
        expected.put(kpi, kind, label, cell, value, **others)

    def count(kpi):
        total = 0
        for (name, window, month, dimensions), value in tickets.items():
            if name == kpi and window == "month" and dimensions == cell:
                day = dt.date.fromisoformat(month + "-01")
                total += value if first <= day < after else 0
        return total

    active = sum(customer.at_end(end, customer.active) for customer in members)
    created = count("tickets_created")
    if cell == () or cell[0][0] in ("segment", "tier"):
        put("contact_rate", Fraction(created, active) if active else None, numerator=created, denominator=active,
            count=active)
    if cell != ():
        return
    cost, settled = finance.sum("cost", first, after), finance.covers("closed", first, after)
    known = finance.covers("cost", first, after)
    revenue = finance.sum("revenue", first, after)
    ratio = Fraction(cost, revenue) if known and finance.covers("revenue", first, after) and revenue else None
    put("support_cost_ratio", ratio, settled=settled, count=None)
    for kpi, number in (("cost_per_issue", created), ("cost_per_solved", count("tickets_solved"))):
        put(kpi, money(half_even(Fraction(cost, number))) if known and number else None, settled=settled, count=None)
    months = months_before(zone, end, (after.year - first.year) * 12 + after.month - first.month)
    customer_months = sum(sum(customer.at_end(stop, customer.active) for customer in members)
                          for begin, stop in months if begin <= now)
    per_month = Fraction(cost, customer_months) if known and customer_months else None
    mrr_end = sum(customer.at_end(end, customer.mrr) for customer in members)
    put("customer_lifetime_value_net", lifetime(members, mrr_end, active, end, options, now, per_month),
        settled=settled, count=None)


def put_reasons(expected, customers, options, now):
    cells = collections.defaultdict(lambda: [None, collections.Counter(), collections.Counter()])
    for customer in customers:
        first = customer.events[0]["us"]
        found = []
        for kind in KINDS:
            for label, start, end in windows(options.zone, kind, first, now):
                if customer.active(start) and not customer.at_end(end, customer.active):
                    reason = customer.reason(start, end)
                    found.append((reason, kind, label, 1, 0))
                for at, name, amount, reason in customer.movements:
                    if name == "churn" and start <= at < end:
                        found.append((reason, kind, label, 0, amount))
        for reason, kind, label, lost, amount in found:
            if reason:
                entry = cells[reason]
                entry[0] = first if entry[0] is None else min(entry[0], first)
                entry[1][kind, label] += lost
                entry[2][kind, label] += amount
    for reason, (first, lost, amounts) in cells.items():
        cell = (("reason", reason),)
        for kind in KINDS:
            for label, _, _ in windows(options.zone, kind, first, now):
                amount = money(amounts[kind, label])
                expected.put("churn_reasons", kind, label, cell, lost[kind, label], mrr=amount)
                expected.put("customers_lost", kind, label, cell, lost[kind, label])
                expected.put("mrr_churn", kind, label, cell, amount)


def same(want, got):
    if isinstance(want, Fraction):
        return got is not None and common.same("value", float(want), got)
    return want == got


def compare(expected, published, show):
    differences = 0
    own = {key[0] for key in expected}

    def differ(text):
        nonlocal differences
        differences += 1
        if differences <= show:
            print(text)

    for key, want in expected.items():
        got = published.pop(key, None)
        if got is None:
            differ(f"{key}: not published, expected {want}")
            continue
        for name, wanted in want.items():
            if not same(wanted, got.get(name)):
                differ(f"{key}: {name} is {got.get(name)}, expected {wanted}")
    for key, got in published.items():
        if key[0] in own and key[1] in KINDS and "team" not in dict(key[3]):
            if got["value"] not in (0, "0.00", None):
                differ(f"{key}: published {got['value']}, but nothing is expected")
    return len(expected), differences


def generate(seed, customers=80, until=None):
    """Random events of fourteen months, many of them at one instant or at a month's first."""
    draw = random.Random(seed)
    until = until or dt.datetime.now(dt.timezone.utc).replace(minute=0, second=0, microsecond=0)
    start = until - dt.timedelta(days=430)
    events = []

    def send(name, kind, data, at, sequence=None):
        event = {"specversion": "1.0", "id": name, "source": "urn:billing", "type": f"support.{kind}",
                 "time": at.isoformat().replace("+00:00", "Z"), "data": data}
        if sequence is not None:
            event["sequence"] = sequence
        events.append(event)

    def instant():
        at = start + dt.timedelta(hours=draw.randrange(430 * 24))
        if draw.random() < 0.3:
            at = at.replace(day=1, hour=0)
        if draw.random() < 0.3:
            at += dt.timedelta(minutes=draw.randrange(60))
        return min(at, until)

    def price():
        if draw.random() < 0.6:
            return {"mrr": draw.choice([0, 5, "10", "19.995", 20.0])}
        data = {"amount": draw.choice([100, "12.50", 1]), "interval": draw.choice(list(MONTHLY))}
        if draw.random() < 0.5:
            data["quantity"] = draw.randint(1, 3)
        if draw.random() < 0.3:
            data["interval_count"] = draw.randint(1, 3)
        return data

    def person(number):
        entity = {"customer_id": f"C-{number}"}
        buyer = draw.random() < 0.4
        for part in range(draw.randint(1, 9)):
            name, at = f"{number}-{part}", instant()
            kind = draw.choice(["purchase"] * 4 + ["created"]) if buyer else draw.choice(
                ["started"] * 2 + ["changed"] * 3 + ["cancelled"] * 2 + ["reactivated", "created", "purchase"])
            if draw.random() < 0.05:
                kind = "closed"
            data, sequence = dict(entity), draw.choice([None, None, part])
            if kind in ("started", "changed", "reactivated", "cancelled"):
                data["subscription_id"] = draw.choice(["a", "a", "b"])
                if kind != "cancelled":
                    data.update(price())
                    if draw.random() < 0.5:
                        data["plan"] = draw.choice(["basic", "pro"])
            if kind in ("cancelled", "closed") and draw.random() < 0.7:
                data["reason"] = draw.choice(["price", "service"])
            if kind == "created":
                data.update({"segment": draw.choice(["smb", "mid"])} if draw.random() < 0.7 else {"tier": "gold"})
            if kind == "purchase":
                data.update({"purchase_id": draw.choice(["1", f"p{part}"]), "amount": draw.choice([10, "7.25", 0])})
                if draw.random() < 0.3:
                    data["margin"] = draw.choice([0.5, 0.25])
                send(name, "purchase.completed", data, at, sequence)
                if draw.random() < 0.3:
                    refund = {"purchase_id": draw.choice([data["purchase_id"], "x"]), "amount": draw.choice([2, 10])}
                    send(f"{name}-r", "purchase.refunded", entity | refund,
                         min(at + dt.timedelta(days=draw.choice([0, 3, 40])), until))
            else:
                family = "customer" if kind in ("created", "closed") else "subscription"
                send(name, f"{family}.{kind}", data, at, sequence)
            if draw.random() < 0.06:
                voids = {"voids": {"source": "urn:billing", "id": name}}
                send(f"{name}-void", "event.voided", entity | voids, min(at + dt.timedelta(hours=1), until))

    for number in range(customers):
        person(number)
    months = sorted({(start + dt.timedelta(days=day)).strftime("%Y-%m") for day in range(431)})
    for index, month in enumerate(months):
        stamp = dict(at=until)
        if index % 4 != 1:
            for team in (None, "a"):
                data = {"period": month, "amount": draw.choice([100, "55.55", -3])} | ({"team": team} if team else {})
                send(f"cost-{month}-{team}", "cost.recorded", data, **stamp)
        if index % 5 != 2:
            send(f"revenue-{month}", "revenue.recorded", {"period": month, "amount": draw.choice([1000, 0])}, **stamp)
        if index % 3:
            send(f"closed-{month}", "period.closed", {"period": month}, **stamp)
        send(f"cost-{month}-05", "cost.recorded", {"period": f"{month}-05", "amount": 1}, **stamp)
    return events


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events", nargs="?")
    parser.add_argument("kpis", nargs="?")
    parser.add_argument("--generate", type=int, metavar="SEED")
    parser.add_argument("--customers", type=int, default=80, help="how many to generate")
    parser.add_argument("--now", default=dt.datetime.now(dt.timezone.utc).isoformat())
    parser.add_argument("--zone", default="UTC")
    parser.add_argument("--currency", default="EUR")
    parser.add_argument("--rate", action="append", default=[], metavar="USD=0.92")
    parser.add_argument("--margin")
    parser.add_argument("--count-free", action="store_true")
    parser.add_argument("--count-reactivation", action="store_true")
    parser.add_argument("--show", type=int, default=20, help="differences to print")
    given = parser.parse_args()
    now = common.micros(given.now)
    if given.generate is not None:
        until = dt.datetime.fromisoformat(given.now.replace("Z", "+00:00")).replace(minute=0, second=0, microsecond=0)
        for event in generate(given.generate, given.customers, until):
            print(json.dumps(event, separators=(",", ":")))
        return
    if not given.kpis:
        parser.error("two files are needed, or --generate")
    options = Options()
    options.zone, options.currency = zoneinfo.ZoneInfo(given.zone), given.currency
    options.rates = {code: exact(rate) for code, rate in (pair.split("=") for pair in given.rate)}
    options.margin = exact(given.margin) if given.margin else None
    options.free, options.reactivation = given.count_free, given.count_reactivation
    published = common.read_published(given.kpis)
    tickets = {key: data["value"] for key, data in published.items() if key[0] in ("tickets_created", "tickets_solved")}
    expected = recompute(read(given.events), tickets, options, now)
    values, differences = compare(expected, published, given.show)
    print(f"{values} values, {differences} differences")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
