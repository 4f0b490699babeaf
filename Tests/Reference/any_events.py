#!/usr/bin/env python3
"""Random events of every kind and service, for runs that are judged by `deskbeat audit`.

    any_events.py SEED [--events 4000] [--days 40] > EVENTS.ndjson

Nothing about them is realistic but their traps: clock skew, events of one instant with and without sequence, two contents of one identity, voids
(of voids, too), merges, deletions and restorations, snapshots, contacts that are linked late, customers who come back, surveys answered twice,
subscriptions and purchases out of order. The last event is some minutes old, so that timers go off while the events are processed.
"""
import argparse
import datetime as dt
import json
import random
import sys

parser = argparse.ArgumentParser()
parser.add_argument("seed", type=int)
parser.add_argument("--events", type=int, default=4000)
parser.add_argument("--days", type=float, default=40)
options = parser.parse_args()
random.seed(options.seed)
pick = random.choice
END = dt.datetime.now(dt.timezone.utc).replace(microsecond=0) - dt.timedelta(minutes=5)
written = []


def some(value, chance=0.5):
    return value if random.random() < chance else None


def write(event_type, at, entity, **data):
    data = {**entity, **{name: value for name, value in data.items() if value is not None}}
    at = min(at, END)
    event = {
        "specversion": "1.0", "id": f"{len(written)}", "source": pick(["https://a.example/desk", "https://b.example"]),
        "type": event_type, "time": at.isoformat().replace("+00:00", "Z"), "data": data,
    }
    if random.random() < 0.2:
        event["sequence"] = random.randrange(4)
    written.append(event)
    if random.random() < 0.03:
        twin = json.loads(json.dumps(event))
        twin["time"] = (at - dt.timedelta(seconds=random.randrange(600))).isoformat().replace("+00:00", "Z")
        written.append(twin)
    if random.random() < 0.02:
        victim = pick([other for other in written[-20:] if list(other["data"].items())[0] == list(data.items())[0]])
        write("support.event.voided", at + later(60), entity, voids={"source": victim["source"], "id": victim["id"]})


def start():
    return END - dt.timedelta(days=random.random() * options.days)


def later(mean):
    return dt.timedelta(milliseconds=int(1000 * random.expovariate(1 / mean)) - (30000 if random.random() < 0.05 else 0))


AGENTS = [f"A-{n}" for n in range(6)]
CUSTOMERS = [f"C-{n}" for n in range(40)]
STATUSES = ["new", "open", "pending", "on_hold", "solved", "solved", "closed"]


def attributes():
    return {
        "channel": some(pick(["email", "chat", "phone", "web"]), 0.9), "priority": some(pick(["urgent", "normal", "low"]), 0.9),
        "category": some(pick(["billing", "login"])), "team": some(pick(["one", "two"])), "tier": some(pick(["gold", "basic"])),
        "segment": some("smb"), "tags": some(random.sample(["vip", "bug", "late"], random.randrange(3)), 0.3),
    }


def ticket(number):
    at, entity = start(), {"ticket_id": f"T-{number}"}
    if random.random() < 0.1:
        created = at.isoformat().replace("+00:00", "Z")
        for _ in range(random.randrange(1, 5)):
            at += later(7200)
            write("support.ticket.snapshot", at, entity, created_at=created, status=pick(STATUSES), agent_id=some(pick(AGENTS)), **attributes())
        return
    write("support.ticket.created", at, entity, customer_id=some(pick(CUSTOMERS), 0.8), initiator=some(pick(["agent", "system"]), 0.2), **attributes())
    for _ in range(random.randrange(10)):
        at += later(pick([20, 600, 20000]))
        step = random.random()
        if step < 0.45:
            write("support.ticket.message", at, entity, author=pick(["customer", "agent", "agent", "bot"]), public=some(False, 0.1), agent_id=some(pick(AGENTS)))
        elif step < 0.75:
            write("support.ticket.status_changed", at, entity, status=pick(STATUSES), agent_id=some(pick(AGENTS)), actor=some(pick(["customer", "bot", "agent"]), 0.2))
        elif step < 0.85:
            changes = {name: value for name, value in attributes().items() if random.random() < 0.4}
            write("support.ticket.updated", at, entity, **changes)
        elif step < 0.9:
            write("support.ticket.worked", at, entity, seconds=random.randrange(900))
        elif step < 0.94:
            write("support.ticket.handed_off", at, entity, team=some(pick(["one", "two"])))
        else:
            write(f"support.ticket.{pick(['deleted', 'restored', 'merged'])}", at, entity, into="T-0")
            if "into" in written[-1]["data"] and not written[-1]["type"].endswith("merged"):
                del written[-1]["data"]["into"]


def contact(number):
    at, entity = start(), {"contact_id": f"K-{number}"}
    link = {"ticket_id": some(f"T-{random.randrange(60)}", 0.4)}
    write("support.contact.queued", at, entity, channel=pick(["phone", "chat"]), customer_id=some(pick(CUSTOMERS), 0.8), category=some(pick(["billing", "login"])), team=some("one"))
    at += later(30)
    if random.random() < 0.2:
        return write("support.contact.abandoned", at, entity, **{"in": pick(["queue", "ivr"])})
    write("support.contact.answered", at, entity, agent_id=some(pick(AGENTS), 0.9), **link)
    if random.random() < 0.3:
        at += later(60)
        write("support.contact.held", at, entity)
        at += later(30)
        write("support.contact.resumed", at, entity)
    if random.random() < 0.2:
        at += later(60)
        write("support.contact.transferred", at, entity, team="two")
        at += later(20)
        write("support.contact.answered", at, entity, agent_id=pick(AGENTS))
    if random.random() < 0.9:
        at += later(200)
        write("support.contact.ended", at, entity, resolved=some(random.random() < 0.7, 0.3), talk_seconds=some(random.randrange(400), 0.3), outcome=some("voicemail", 0.05))
        if random.random() < 0.4:
            write("support.contact.wrapped", at + later(30), entity, seconds=random.randrange(120))


def agent_states(agent):
    at = start()
    for _ in range(30):
        write("support.agent.state", at, {"agent_id": agent}, state=pick(["available", "busy", "break", "offline"]), team=some("one"))
        at += later(5000)


def survey(number):
    at, entity = start(), {"survey_id": f"S-{number}"}
    kind = pick(["csat", "nps", "ces", "agent_csat"])
    given = {"channel": some("email"), "team": some("one"), "category": some("billing"), "agent_id": some(pick(AGENTS))}
    if random.random() < 0.8:
        write("support.survey.sent", at, entity, kind=kind, **given)
    for _ in range(pick([0, 1, 1, 2])):
        at += later(200000)
        write("support.survey.answered", at, entity, kind=kind, score=random.randrange(1, 6), direction=some("low_is_good", 0.1), **given)
    if random.random() < 0.2:
        write("support.feedback.received", at, {"feedback_id": f"S-{number}"}, channel="social", sentiment=some(round(random.uniform(-1, 1), 2)))


def customer(number):
    at, entity = start() - dt.timedelta(days=200), {"customer_id": f"C-{number}"}
    write("support.customer.created", at, entity, segment=some(pick(["smb", "enterprise"])), tier=some(pick(["gold", "basic"])))
    for _ in range(random.randrange(6)):
        at += later(1000000)
        step, plan = random.random(), some(pick(["s", "m", "l"]))
        subscription = f"{number}-{random.randrange(2)}"
        price = pick([{"mrr": f"{random.randrange(300)}.{random.randrange(100):02}"}, {"amount": f"{random.randrange(3000)}", "interval": pick(["year", "month", "week"])}])
        if step < 0.35:
            write("support.subscription.started", at, entity, subscription_id=subscription, plan=plan, **price)
        elif step < 0.55:
            write("support.subscription.changed", at, entity, subscription_id=subscription, plan=plan, **price)
        elif step < 0.7:
            write("support.subscription.cancelled", at, entity, subscription_id=subscription, reason=some(pick(["price", "moved"])))
        elif step < 0.75:
            write("support.subscription.reactivated", at, entity, subscription_id=subscription, **price)
        elif step < 0.9:
            write("support.purchase.completed", at, entity, purchase_id=f"P-{number}-{random.randrange(3)}", amount=f"{random.randrange(200)}.50", margin=some(0.4))
        elif step < 0.95:
            write("support.purchase.refunded", at, entity, purchase_id=f"P-{number}-0", amount="1.50")
        else:
            write("support.customer.closed", at, entity, reason=some("moved"))


for agent in AGENTS[:3]:
    agent_states(agent)
number = 0
while len(written) < options.events:
    for make in [ticket, ticket, ticket, contact, contact, survey, customer]:
        make(number)
        number += 1
for month in range(3):
    period = (END - dt.timedelta(days=30 * month)).strftime("%Y-%m")
    write("support.cost.recorded", END, {"period": period}, amount=f"{random.randrange(9000)}.00", team=some("one"))
    write("support.revenue.recorded", END, {"period": period}, amount=f"{random.randrange(90000)}.00")
random.shuffle(written)
for event in written:
    sys.stdout.write(json.dumps(event) + "\n")
