#!/usr/bin/env python3
"""Recomputes the profiles of the week, the agents that they require and the ranking of agents from canonical events, in the plainest
way, and compares them with published KPI updates.

    workforce_kpis.py EVENTS.ndjson KPIS.ndjson [--zone Europe/Berlin] [--now 2026-11-22T12:00:00Z] [--mean] [--shrinkage 0.3]
                      [--within 20] [--target 0.8] [--short-abandon 5] [--repeat-days 7] [--repeat-scope customer]

EVENTS holds the values of support.tickets and support.contacts, KPIS the latest KPI update of each key. Prints each difference and a
last line `N values, K differences`; exit code 1 when there are any.
"""
import argparse
import bisect
import collections
import datetime as dt
import math
import sys
import zoneinfo

from contact_kpis import BREAKDOWNS, Contact, Ticket, comes_back_to, parser_of, read_events, recompute
from ticket_kpis import UTC, Windows, micros, read_published

WEEKS, MONTHS = 8, 3


def monday(us, zone):
    local = dt.datetime.fromtimestamp(us // 1000000, zone)
    return local.date() - dt.timedelta(days=local.weekday()), local.weekday() * 24 + local.hour


def start_of(date, zone):
    """The first instant of a local date."""
    instant = int(dt.datetime(date.year, date.month, date.day, tzinfo=UTC).timestamp()) - 86400
    while dt.datetime.fromtimestamp(instant, zone).date() < date:
        instant += 900
    return instant * 1000000


def profiles(instants, zone, now):
    """Closed week -> hour by hour the counts of the (at most eight) weeks that end with it; while there are any."""
    if not instants:
        return {}
    weeks = collections.defaultdict(lambda: [0] * 168)
    for us in instants:
        week, hour = monday(us, zone)
        weeks[week][hour] += 1
    first, result = min(weeks), {}
    week = first
    while start_of(week + dt.timedelta(days=7), zone) <= now and week <= max(weeks) + dt.timedelta(days=7 * (WEEKS - 1)):
        back = [week - dt.timedelta(days=7 * n) for n in reversed(range(WEEKS))]
        counts = [weeks[w] if w in weeks else [0] * 168 for w in back if w >= first]
        if sum(map(sum, counts)):
            result[week] = (counts, back[-len(counts)])
        week += dt.timedelta(days=7)
    return result


def label(week):
    iso = week.isocalendar()
    return f"{iso[0]}-W{iso[1]:02d}"


def erlang_c(load, agents):
    """The probability of waiting, by its definition: sums of powers over factorials."""
    terms = [math.exp(n * math.log(load) - math.lgamma(n + 1)) for n in range(agents)]
    last = math.exp(agents * math.log(load) - math.lgamma(agents + 1)) * agents / (agents - load)
    return last / (math.fsum(terms) + last)


def agents_for(arrivals, handle_time, within, target):
    if arrivals == 0:
        return 0
    if handle_time is None:
        return None
    load = arrivals * handle_time / 3600
    if load == 0:
        return 1
    agents = math.floor(load) + 1
    while 1 - erlang_c(load, agents) * math.exp(-(agents - load) * within / handle_time) < target:
        agents += 1
    return agents


def beta_interval(alpha, beta):
    """2.5 % and 97.5 % of the beta distribution: Gauss-Legendre would do; here its density in a million steps of the logistic scale."""
    if alpha <= 0:
        return 0, 0
    if beta <= 0:
        return 1, 1
    # With x = 1 / (1 + exp(-t)) the density of t is x^alpha (1 - x)^beta / B: smooth, without poles.
    constant = math.lgamma(alpha + beta) - math.lgamma(alpha) - math.lgamma(beta)
    centre, width = math.log(alpha / beta), 12 / math.sqrt(min(alpha, beta)) + 12
    count = 40000
    step = 2 * width / count
    total, sums, points = 0.0, [], []
    for n in range(count + 1):
        t = centre - width + n * step
        log_x, log_y = -math.log1p(math.exp(-t)) if t > -700 else t, -math.log1p(math.exp(t)) if t < 700 else -t
        weight = step / 3 * (1 if n in (0, count) else 4 if n % 2 else 2)
        total += weight * math.exp(constant + alpha * log_x + beta * log_y)
        if n % 2 == 0:
            sums.append(total)
            points.append(t)
    def at(p):
        place = min(bisect.bisect_left(sums, p), len(sums) - 1)
        return 1 / (1 + math.exp(-points[place]))
    return at(0.025), at(0.975)


def ranking(tallies):
    """(agent, stratum) -> [positive, all], in the order and with the members of `agents`."""
    team = [sum(t[0] for t in tallies.values()), sum(t[1] for t in tallies.values())]
    rate = team[0] / team[1]
    strata = collections.defaultdict(lambda: [0, 0])
    agents = collections.defaultdict(lambda: [0, 0, 0.0])
    for (agent, stratum), (positive, count) in tallies.items():
        strata[stratum][0] += positive
        strata[stratum][1] += count
    for (agent, stratum), (positive, count) in tallies.items():
        agents[agent][0] += positive
        agents[agent][1] += count
        agents[agent][2] += count * strata[stratum][0] / strata[stratum][1]
    adjusted = {a: min(1, rate * positive / expected) if expected else 0 for a, (positive, _, expected) in agents.items()}
    known = [adjusted[a] for a, (_, count, _) in agents.items() if count >= 5]
    prior = 20 * rate, 20 * (1 - rate)
    if len(known) >= 5:
        mean = sum(known) / len(known)
        variance = sum((x - mean) ** 2 for x in known) / (len(known) - 1)
        if variance > 0:
            strength = mean * (1 - mean) / variance - 1
            if 0 < mean * strength < math.inf and 0 < (1 - mean) * strength < math.inf:
                prior = mean * strength, (1 - mean) * strength
    places = []
    for agent, (positive, count, expected) in agents.items():
        alpha, beta = prior[0] + adjusted[agent] * count, prior[1] + (1 - adjusted[agent]) * count
        low, high = beta_interval(alpha, beta)
        places.append(dict(
            agent_id=agent, value=alpha / (alpha + beta), low=low, high=high, observed=positive, expected=expected, count=count))
    return sorted(places, key=lambda place: -place["value"]), team


def near(want, got, tolerance=1e-9):
    return got is None if want is None else got is not None and math.isclose(want, got, rel_tol=tolerance, abs_tol=tolerance)


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--mean", action="store_true")
    parser.add_argument("--shrinkage", type=float, default=0.3)
    parser.add_argument("--target", type=float, default=0.8)
    options = parser.parse_args()
    zone, now = zoneinfo.ZoneInfo(options.zone), micros(options.now)
    entities, published = read_events(options.events), read_published(options.kpis)
    window = round(options.repeat_days * 86400 * 1000000)
    contacts = [Contact(entity, timeline) for entity, timeline in entities["contact_id"].items()]
    short = round(options.short_abandon * 1e6)
    contacts = [contact for contact in contacts if contact.counts]
    offered = [
        contact for contact in contacts
        if not (contact.fate == "abandoned" and 0 < short and contact.left - contact.queued < short)]
    tickets = {entity: Ticket(timeline, window) for entity, timeline in entities["ticket_id"].items()}
    tickets = {entity: ticket for entity, ticket in tickets.items() if ticket.counts}
    expected = {}

    def by_channel(kpi, pairs):
        for channel in [None] + sorted({channel for channel, _ in pairs if channel}):
            instants = [at for name, at in pairs if channel in (None, name)]
            cell = (("channel", channel),) if channel else ()
            for week, (counts, _) in profiles(instants, zone, now).items():
                expected[kpi, "week", label(week), cell] = {
                    "cells": [sum(hour) / len(counts) for hour in zip(*counts)], "weeks": len(counts),
                    "value": sum(map(sum, counts)) / len(counts), "count": sum(map(sum, counts))}

    by_channel("issue_profile", [(ticket.values["channel"], ticket.created) for ticket in tickets.values()])
    by_channel("contact_profile", [(contact.values["channel"], contact.queued) for contact in offered])

    # The handle times of the channel are those that the other recomputation finds.
    options.breakdowns = BREAKDOWNS
    handled = recompute(entities, Windows(zone), options)
    calls = [contact.queued for contact in offered if contact.values["channel"] == "phone"]
    for week, (counts, first) in profiles(calls, zone, now).items():
        total, number, at = 0, 0, first
        while at <= week:
            entry = handled.get(("handle_time", "week", label(at), (("channel", "phone"),)))
            if entry:
                total, number = total + entry["value"] * entry["count"], number + entry["count"]
            at += dt.timedelta(days=7)
        handle_time = total / number if number else None
        arrivals = [
            sum(hour) / len(counts) if options.mean else sorted(hour)[math.floor(0.75 * (len(counts) - 1))]
            for hour in zip(*counts)]
        agents = [agents_for(count, handle_time, options.within, options.target) for count in arrivals]
        scheduled = [
            None if n is None else math.ceil(n / (1 - options.shrinkage) - 1e-9) for n in agents]
        for kpi, cells in (("agents_required", agents), ("agents_to_schedule", scheduled)):
            known = [cell for cell in cells if cell is not None]
            expected[kpi, "week", label(week), (("channel", "phone"),)] = {
                "cells": cells, "weeks": len(counts), "value": max(known) if known else None,
                "handle_time": handle_time}

    months = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0]))
    again = comes_back_to(contacts, tickets, window, options.repeat_scope)
    for ticket in tickets.values():
        if not ticket.judged or ticket.customer is None or ticket.replier is None or ticket.values["team"] is None:
            continue
        if ticket.solved + window > now:
            continue
        local = dt.datetime.fromtimestamp(ticket.solved // 1000000, zone)
        tally = months[ticket.values["team"], local.year * 12 + local.month - 1][
            ticket.replier, (ticket.values["category"], ticket.values["priority"])]
        tally[1] += 1
        tally[0] += ticket.passes and not again(ticket)
    for team in {team for team, _ in months}:
        for month in range(min(m for t, m in months if t == team), max(m for t, m in months if t == team) + MONTHS):
            end = start_of(dt.date((month + 1) // 12, (month + 1) % 12 + 1, 1), zone)
            tallies = collections.defaultdict(lambda: [0, 0])
            for back in range(MONTHS):
                for key, (positive, count) in months.get((team, month - back), {}).items():
                    tallies[key][0] += positive
                    tallies[key][1] += count
            if end <= now and tallies:
                places, (positive, count) = ranking(tallies)
                cell = (("by", "agent_first_contact_resolution"), ("team", team))
                expected["agent_ranking", "month", f"{month // 12}-{month % 12 + 1:02d}", cell] = {
                    "agents": places, "numerator": positive, "denominator": count, "value": positive / count}

    differences = 0
    for key, want in sorted(expected.items(), key=str):
        got, wrong = published.get(key) or {}, []
        for name, value in want.items():
            if name == "cells":
                cells = got.get(name) or []
                wrong += [f"cell {n} is {b}, expected {a}" for n, (a, b) in enumerate(zip(value, cells)) if not near(a, b)]
                wrong += [] if len(cells) == 168 else [f"{len(cells)} cells"]
            elif name == "agents":
                places = {place["agent_id"]: place for place in got.get(name) or []}
                values = [place["value"] for place in got.get(name) or []]
                wrong += [] if values == sorted(values, reverse=True) else ["the best is not first"]
                wrong += [] if len(places) == len(value) else [f"{len(places)} agents, expected {len(value)}"]
                leader = value[0]
                for place in value:
                    other = places.get(place["agent_id"], {})
                    interval = other.get("interval", {})
                    pairs = [
                        (place[name], other.get(name), 1e-9) for name in ("value", "observed", "expected", "count")]
                    pairs += [(place[name], interval.get(name), 1e-3) for name in ("low", "high")]
                    rank = 1 + sum(other["value"] > place["value"] + 1e-12 for other in value)
                    pairs.append((rank, other.get("rank"), 0))
                    overlaps = [o for o in value if o is not leader and o["high"] >= leader["low"]]
                    close = any(abs(o["high"] - leader["low"]) < 1e-3 for o in value)
                    tied = bool(overlaps) if place is leader else place in overlaps
                    if not close and other.get("tied") is not tied:
                        wrong.append(f"tied of {place['agent_id']} is {other.get('tied')}")
                    wrong += [f"{place['agent_id']}: {b}, expected {a}" for a, b, t in pairs if not near(a, b, t)]
            elif not near(value, got.get(name)):
                wrong.append(f"{name} is {got.get(name)}, expected {value}")
        differences += bool(wrong)
        if wrong:
            print(f"{key}: {'; '.join(wrong[:5])}")
    for key, got in sorted(published.items(), key=str):
        own = {"issue_profile", "contact_profile", "agents_required", "agents_to_schedule", "agent_ranking"}
        if key[0] in own and key not in expected and (got.get("count") or got.get("value")):
            differences += 1
            print(f"{key}: published {got.get('value')}, but nothing is expected")
    print(f"{len(expected)} values, {differences} differences")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
