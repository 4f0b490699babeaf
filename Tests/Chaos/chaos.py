"""Runs a whole installation under traffic, kills and stops its processes at random, and judges what is left.

    chaos.py --binaries .build/release --python .build/conformance/bin/python [--duration 60] [--seed 1]

Judges: a recomputation of every ticket KPI in Python, a reader with confluent-kafka that trusts none of our code, and
`deskbeat audit`. The exit code is 0 when they find nothing.
"""

import argparse
import datetime as dt
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from traffic import Helpdesk, encode

HERE = os.path.dirname(os.path.abspath(__file__))
# Windows stay open for longer than any log is long; promises that are due at once, so that facts are published too.
RULES = """history: {hours: 100y, days: 100y, months: 100y}
calendars:
  always: {always: true}
policies:
  - id: default
    calendar: always
    metrics:
      first_response: {target: 1h, warn: [50%]}
      resolution: {target: 8h}
"""


class Suite:
    """`deskbeat up` with everything it runs."""

    def __init__(self, binaries, folder):
        self.binaries = binaries
        self.folder = folder
        self.ready_file = f"{folder}/ready.json"
        with open(f"{folder}/rules.yaml", "w", encoding="utf-8") as file:
            file.write(RULES)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("DESKBEAT_", "KAFKA_"))}
        self.process = subprocess.Popen(
            [f"{binaries}/deskbeat", "up", "--data-dir", f"{folder}/data", "--ready-file", self.ready_file, "--rules",
             f"{folder}/rules.yaml"], stderr=open(f"{folder}/up.log", "wb"), env=environment)
        deadline = time.monotonic() + 120
        while not os.path.exists(self.ready_file):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the installation is not ready: see {folder}/up.log")
            time.sleep(0.05)

    def ready(self):
        """As it is now: processes that were started again have other ids."""
        with open(self.ready_file, encoding="utf-8") as file:
            return json.load(file)

    def command(self, *arguments):
        environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": self.ready()["bootstrap_servers"]}
        return subprocess.run(
            [f"{self.binaries}/deskbeat", *arguments], env=environment, capture_output=True, text=True, check=False)

    def audit(self):
        return self.command("audit")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


class Traffic(threading.Thread):
    """Posts events until it is told to stop, each until it is acknowledged, and notes what was acknowledged."""

    def __init__(self, suite, seed, rate, path):
        super().__init__()
        self.suite = suite
        self.rate = rate
        self.helpdesk = Helpdesk(seed, dt.datetime.now(dt.timezone.utc))
        self.stopping = threading.Event()
        self.path = path
        self.posted = 0
        self.refused = 0
        self.failure = None

    def run(self):
        try:
            with open(self.path, "w", encoding="utf-8") as file:
                while not self.stopping.is_set():
                    begun = time.monotonic()
                    self.post(self.helpdesk.take(max(1, self.rate // 10)), file)
                    self.stopping.wait(max(0.0, 0.1 - (time.monotonic() - begun)))
                rest = self.helpdesk.rest()
                for start in range(0, len(rest), 200):
                    self.post(rest[start:start + 200], file)
        except Exception as failure:  # of any kind: it fails the run
            self.failure = failure

    def post(self, events, file):
        if not events:
            return
        body = encode(events)
        deadline = time.monotonic() + 120
        while True:
            try:
                request = urllib.request.Request(
                    self.suite.ready()["http"]["ingest"] + "/v1/events", body,
                    {"content-type": "application/cloudevents-batch+json"})
                with urllib.request.urlopen(request, timeout=10) as response:
                    answer = json.load(response)
                if answer["accepted"] != len(events):
                    raise SystemExit(f"{len(events)} events posted, accepted: {answer}")
                break
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503):
                    raise RuntimeError(f"ingest answers {error.code}: {error.read()[:500]}") from error
            except (OSError, KeyError, ValueError):
                pass  # killed in the middle of it: the same events again
            self.refused += 1
            if time.monotonic() > deadline:
                raise RuntimeError("ingest has not accepted events for 2 minutes")
            time.sleep(0.1)
        self.posted += len(events)
        for event in events:
            file.write(json.dumps(event) + "\n")


def torment(suite, duration, seed, pace):
    """Kills and stops processes; returns what was done how often."""
    dice = random.Random(seed)
    done = {}
    until = time.monotonic() + duration
    while time.monotonic() < until:
        time.sleep(dice.uniform(0.2, 2 * pace))
        pids = suite.ready()["pids"]
        name = dice.choice(sorted(pids))
        stops = dice.random() < 0.2
        try:
            if stops:
                # Longer than a session now and then: it wakes up as a zombie.
                os.kill(pids[name], signal.SIGSTOP)
                time.sleep(dice.choice([0.3, 1, 4, 14]))
                os.kill(pids[name], signal.SIGCONT)
            else:
                os.kill(pids[name], signal.SIGKILL)
        except ProcessLookupError:
            continue
        key = f"{'stopped' if stops else 'killed'} {name}"
        done[key] = done.get(key, 0) + 1
    return done


def judge(suite, options, folder):
    """The findings of every judge."""
    faults = []
    idle = suite.command("wait-idle", "--timeout", "300")
    if idle.returncode:
        return [f"the installation does not come to rest: {idle.stderr.strip()[-500:]}"]
    kpis = suite.command("kpis", "--format", "json")
    with open(f"{folder}/kpis.ndjson", "w", encoding="utf-8") as file:
        for line in kpis.stdout.splitlines():
            if json.loads(line)["source"] == "deskbeat/ticketing":
                file.write(line + "\n")
    with open(f"{folder}/events.ndjson", encoding="utf-8") as posted, open(f"{folder}/tickets.ndjson", "w", encoding="utf-8") as file:
        file.writelines(line for line in posted if json.loads(line)["type"].startswith("support.ticket."))
    verdict = subprocess.run(
        [sys.executable, f"{HERE}/../Reference/ticket_kpis.py", f"{folder}/tickets.ndjson", f"{folder}/kpis.ndjson"],
        capture_output=True, text=True, check=False)
    print(f"recomputation: {verdict.stdout.strip().splitlines()[-1:]}")
    if verdict.returncode or verdict.stdout.startswith("0 values"):
        faults.append(f"recomputation: {verdict.stdout[-2000:]}{verdict.stderr[-500:]}")
    reader = subprocess.run(
        [options.python, f"{HERE}/reader.py", suite.ready()["bootstrap_servers"], "support.", f"{folder}/events.ndjson"],
        capture_output=True, text=True, check=False)
    print(f"reader: {reader.stdout.strip().splitlines()[-1:]}")
    if reader.returncode:
        faults.append(f"reader: {reader.stdout[-2000:]}{reader.stderr[-2000:]}")
    audit = suite.audit()
    print(f"audit: {audit.stdout.strip().splitlines()[-1:]}")
    if audit.returncode:
        faults.append(f"audit: {audit.stdout[-2000:]}{audit.stderr[-500:]}")
    return faults


def conclude(seed, faults):
    """Says what was found, and ends the process by it."""
    for fault in faults:
        print(f"FAULT {fault}", file=sys.stderr)
    print(f"seed {seed}: {len(faults)} faults")
    sys.exit(1 if faults else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", default=".build/release")
    parser.add_argument("--python", default=sys.executable, help="an interpreter with confluent-kafka")
    parser.add_argument("--duration", type=float, default=60, help="seconds of torment")
    parser.add_argument("--seed", type=int, default=None, help="of traffic and torment; default: a random one")
    parser.add_argument("--rate", type=int, default=300, help="events per second")
    parser.add_argument("--pace", type=float, default=1.0, help="mean seconds between two blows")
    parser.add_argument("--keep", help="keep data and logs in this folder")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="deskbeat-chaos-") as temporary:
        folder = options.keep or temporary
        os.makedirs(folder, exist_ok=True)
        suite = Suite(options.binaries, folder)
        traffic = Traffic(suite, seed, options.rate, f"{folder}/events.ndjson")
        try:
            traffic.start()
            done = torment(suite, options.duration, seed, options.pace)
            traffic.stopping.set()
            traffic.join()
            print(f"{traffic.posted} events acknowledged, {traffic.refused} attempts refused; "
                  + ", ".join(f"{name} {count}" for name, count in sorted(done.items())))
            faults = [f"traffic: {traffic.failure}"] if traffic.failure else judge(suite, options, folder)
            if not done:
                faults.append("nothing was killed: this run proves nothing")
        finally:
            traffic.stopping.set()
            code = suite.stop()
        if code:
            faults.append(f"deskbeat up has ended with {code}")
    conclude(seed, faults)


if __name__ == "__main__":
    main()
