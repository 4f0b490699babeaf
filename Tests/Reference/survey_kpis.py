#!/usr/bin/env python3
"""Recomputes the satisfaction KPIs from events, in the plainest way, and compares them with published KPI updates.

It shares no code and no language with the services: a second opinion on every window and cell.

    survey_kpis.py EVENTS.ndjson KPIS.ndjson [--now 2026-11-22T12:00:00Z]
    survey_kpis.py --generate SEED > EVENTS.ndjson

EVENTS holds the events as they were sent, with labels in lower case, KPIS the latest KPI update of each key
(`deskbeat kpis --format json`), in UTC and with the default rules. Prints each difference and a last line
`N values, K differences`; exit code 1 when there are any.
"""
import argparse
import collections
import datetime as dt
import fractions
import json
import math
import random
import sys

import ticket_kpis as common

BREAKDOWNS = ["channel", "category", "team", "segment", "agent_id"]
WINDOW = 14 * 86400 * 1000000
SCALES = {"csat": [1, 5], "agent_csat": [1, 5], "nps": [0, 10], "ces": [1, 7]}
SATISFIED = {(1, 5): 4, (1, 7): 6, (1, 10): 8, (0, 10): 8, (1, 4): 3, (1, 3): 3, (0, 1): 1, (1, 2): 2}
COUNTS = ["promoters", "passives", "detractors", "pending", "unsolicited"]


def exact(number):
    return fractions.Fraction(str(number))


def read_events(path):
    """(id member, id) -> events in the timeline's order, each identity once, without voided ones."""
    entities = collections.defaultdict(dict)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            event["us"] = common.micros(event["time"])
            data = event["data"]
            entity = ("survey", data["survey_id"]) if "survey_id" in data else ("feedback", data["feedback_id"])
            identity = common.fnv1a(f"{event['source']}\0{event['id']}".encode())
            held = entities[entity].get(identity)
            if held is None or common.canonical(held) < common.canonical(event):
                entities[entity][identity] = event
    for timeline in entities.values():
        ordered = sorted(timeline.items(), key=lambda item: (
            item[1]["us"], int(item[1].get("sequence", -1)), item[1]["type"] != "support.survey.sent", item[0]))
        yield common.without_voided([event for _, event in ordered])


class Totals:
    def __init__(self):
        self.series = collections.defaultdict(lambda: collections.defaultdict(fractions.Fraction))
        self.windows = common.Windows(dt.timezone.utc)

    def add(self, kpi, at, values, always=(), **changes):
        for kind, bucket in self.windows.of(at):
            if kind == "hour":
                continue  # most of them are history by now
            for name in [None] + BREAKDOWNS:
                if name and values.get(name) is None:
                    continue
                own = ((name.removesuffix("_id"), values[name]),) if name else ()
                entry = self.series[kpi, kind, bucket, tuple(sorted(own + tuple(always)))]
                for member, change in changes.items():
                    entry[member] += change


def recompute(entities, now):
    totals = Totals()
    for timeline in entities:
        feedback = [event for event in timeline if event["type"] == "support.feedback.received"]
        if feedback:
            data, at = feedback[-1]["data"], feedback[-1]["us"]
            totals.add("feedback_volume", at, data, count=1, sum=1)
            if "sentiment" in data:
                totals.add("sentiment", at, data, count=1, sum=exact(data["sentiment"]))
        else:
            survey(totals, timeline, now)
    return totals.series


def survey(totals, timeline, now):
    values, sent, answers, kind = {}, None, [], None
    for event in timeline:
        if event["type"].endswith(".sent"):
            if sent is not None:
                continue
            sent = event["us"]
        else:
            answers.append(event)
        kind = event["data"]["kind"]
        values.update({name: event["data"][name] for name in BREAKDOWNS if name in event["data"]})
    if kind is None:
        return
    always = [("kind", kind)]
    if sent is None:
        totals.add("survey_response_rate", answers[-1]["us"], values, always, unsolicited=1)
    elif sent + WINDOW > now:
        totals.add("survey_response_rate", sent, values, always, pending=1)
    else:
        answered = any(answer["us"] <= sent + WINDOW for answer in answers)
        totals.add("survey_response_rate", sent, values, always, count=1, sum=int(answered))
    if answers:
        score(totals, kind, answers[-1]["us"], answers[-1]["data"], values)


def score(totals, kind, at, data, values):
    low, high = (exact(bound) for bound in data.get("scale", SCALES[data["kind"]]))
    raw = exact(data["score"])
    reverse = data.get("direction") == "low_is_good"
    good = low + high - raw if reverse else raw
    scale = ("scale", f"{float(low):g}-{float(high):g}")
    if kind in ("csat", "agent_csat"):
        threshold = exact(data.get("satisfied_from", SATISFIED.get((low, high), 0)))
        totals.add(kind, at, values, count=1, sum=int(good >= threshold))
        if kind == "csat":
            totals.add("csat_mean", at, values, [scale], count=1, sum=good)
    elif kind == "nps":
        if (low, high) == (0, 10):
            group = "promoters" if good >= 9 else "detractors" if good <= 6 else "passives"
            sign = {"promoters": 100, "detractors": -100}.get(group, 0)
            totals.add("nps", at, values, count=1, sum=sign, **{group: 1})
    else:
        ease = fractions.Fraction(round(100 * (good - low) / (high - low) * 1000000), 1000000)
        totals.add("ces", at, values, count=1, sum=ease)
        direction = ("direction", "low_is_good" if reverse else "high_is_good")
        totals.add("ces_mean", at, values, [direction, scale], count=1, sum=raw)


def compare(expected, published, show):
    values = differences = 0

    def differ(text):
        nonlocal differences
        differences += 1
        if differences <= show:
            print(text)

    for key, want in expected.items():
        if key[0] == "survey_response_rate" and "agent" in dict(key[3]):
            continue
        values += 1
        got = published.pop(key, None)
        if got is None:
            differ(f"{key}: not published, expected {dict(want)}")
            continue
        mean = float(want["sum"] / want["count"]) if want["count"] else None
        value = float(want["sum"]) if key[0] == "feedback_volume" else mean
        flagged = key[0] == "survey_response_rate" and value is not None and value < 0.1
        for name, wanted in [("value", value), ("count", want["count"])] + [(name, want[name]) for name in COUNTS]:
            found = got.get(name) if name in ("value", "count") else got.get(name, 0)
            if not common.same(name, wanted, found):
                differ(f"{key}: {name} is {found}, expected {wanted}")
        if got.get("flags", []) != (["low_response_rate"] if flagged else []):
            differ(f"{key}: flags are {got.get('flags')}")
        if key[0] == "nps" and want["count"]:
            interval(key, want, got, differ)
    for key, got in published.items():
        # Rankings sum up what is judged here by agent.
        if key[1] in ("hour", "24h", "7d", "30d") or key[0] == "agent_ranking":
            continue
        if got.get("count") or got.get("pending") or got.get("unsolicited"):
            differ(f"{key}: published {got['value']} of {got['count']}, but nothing is expected")
    return values, differences


def interval(key, want, got, differ):
    n = float(want["count"]) + 1
    p, d = (float(want["promoters"]) + 0.5) / n, (float(want["detractors"]) + 0.5) / n
    half = 1.959963984540054 * math.sqrt((p + d - (p - d) ** 2) / n)
    bounds = {"low": max(-100, 100 * (p - d - half)), "high": min(100, 100 * (p - d + half))}
    for name, bound in bounds.items():
        if not common.same(name, bound, got["interval"][name]):
            differ(f"{key}: {name} is {got['interval'][name]}, expected {bound}")


def generate(seed, surveys=600):
    """Random events of the last 60 days, on half hours, so that ties happen and nothing settles within minutes."""
    draw = random.Random(seed)
    start = dt.datetime.now(dt.timezone.utc).replace(second=0, microsecond=0) - dt.timedelta(days=60, minutes=30)
    events = []

    def send(name, kind, entity, hours, data, sequence=None):
        at = start + dt.timedelta(hours=min(max(hours, 0), 60 * 24 - 1))
        event = {"specversion": "1.0", "id": name, "source": "urn:survey-tool", "type": f"support.{kind}",
                 "time": at.isoformat().replace("+00:00", "Z"), "data": entity | data}
        if sequence is not None:
            event["sequence"] = sequence
        events.append(event)

    def labels():
        choices = {"team": ["a", "b"], "channel": ["web", "chat"], "category": ["x", "y"], "agent_id": ["A-1", "A-2"]}
        return {name: draw.choice(values) for name, values in choices.items() if draw.random() < 0.4}

    for number in range(surveys):
        hours = draw.randrange(60 * 24)
        if draw.random() < 0.2:
            entity = {"feedback_id": f"S-{number}"}
            for part in range(draw.randint(1, 2)):
                data = {"channel": draw.choice(["web", "social"])}
                if draw.random() < 0.7:
                    data["sentiment"] = draw.choice([-1, -0.25, 0.5, 0.123456])
                send(f"F-{number}-{part}", "feedback.received", entity, hours + draw.randint(0, 2), data)
            continue
        entity = {"survey_id": f"S-{number}"}
        kind = draw.choice(list(SCALES))
        if draw.random() < 0.8:
            send(f"{number}-sent", "survey.sent", entity, hours, {"kind": kind} | labels())
        for part in range(draw.choice([0, 0, 1, 1, 2])):
            hours += draw.choice([-1, 0, 1, 24, 14 * 24, 14 * 24 + 1])
            data = {"kind": kind if draw.random() < 0.95 else "csat"} | labels()
            scale = SCALES[data["kind"]]
            if data["kind"] != "nps" and draw.random() < 0.5:
                scale = data["scale"] = draw.choice([[1, 7], [0, 10], [1, 3], [0, 1]])
            data["score"] = draw.choice([scale[0], scale[1], scale[1] - 0.5, draw.randint(*scale)])
            if draw.random() < 0.3:
                data["direction"] = "low_is_good"
            if draw.random() < 0.2:
                data["satisfied_from"] = scale[1] - 0.25
            name = f"{number}-{part}"
            send(name, "survey.answered", entity, hours, data, draw.choice([None, None, part]))
            if draw.random() < 0.1:
                voids = {"voids": {"source": "urn:survey-tool", "id": name}}
                send(f"{name}-void", "event.voided", entity, hours, voids)
    return events


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events", nargs="?")
    parser.add_argument("kpis", nargs="?")
    parser.add_argument("--generate", type=int, metavar="SEED")
    parser.add_argument("--now", default=dt.datetime.now(dt.timezone.utc).isoformat())
    parser.add_argument("--show", type=int, default=20, help="differences to print")
    options = parser.parse_args()
    if options.generate is not None:
        for event in generate(options.generate):
            print(json.dumps(event, separators=(",", ":")))
        return
    if not options.kpis:
        parser.error("two files are needed, or --generate")
    expected = recompute(read_events(options.events), common.micros(options.now))
    published = {key: data for key, data in common.read_published(options.kpis).items()}
    values, differences = compare(expected, published, options.show)
    print(f"{values} values, {differences} differences")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
