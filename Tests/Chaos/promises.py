"""Holds what was promised to tickets against what an alerting system was told: promises.py BROKERS TOPIC LIVE.json

LIVE.json names tickets that were answered at once, and tickets that nobody has answered. Of the first none may ever have had a
breach of its first response, not even one that was taken back; each of the second has exactly one, which still stands.
"""

import json
import sys

from reader import conclude, records


def main():
    brokers, topic, path = sys.argv[1:4]
    with open(path, encoding="utf-8") as file:
        live = json.load(file)
    breaches, retracted = {}, {}
    for message in records(brokers, topic):
        if message.value() is None:
            continue
        alert = json.loads(message.value())
        if alert["data"].get("metric") != "first_response":
            continue
        if alert["type"] == "deskbeat.sla.breached":
            ticket = alert["data"]["ticket_id"]
            breaches[ticket] = breaches.get(ticket, 0) + 1
        elif alert["type"] == "deskbeat.sla.retracted":
            retracted[alert["data"]["ticket_id"]] = alert["subject"]
    faults = [f"{ticket} was answered in time, and has {breaches[ticket]} breaches" for ticket in live["answered"]
              if ticket in breaches]
    faults += [f"nobody has answered {ticket}, and it has {breaches.get(ticket, 0)} breaches"
               for ticket in live["unanswered"] if breaches.get(ticket, 0) != 1]
    faults += [f"something of {ticket} was retracted: {retracted[ticket]}"
               for ticket in live["answered"] + live["unanswered"] if ticket in retracted]
    conclude(f"{len(live['answered'])} kept, {len(live['unanswered'])} broken", faults)


if __name__ == "__main__":
    main()
