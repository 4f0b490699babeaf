"""Restarts and scales every service under load, gracefully, and judges what is left.

    rolling.py --binaries .build/release --python .build/conformance/bin/python [--rounds 1] [--seed 1]
    rolling.py --compose "docker compose -f docker-compose.yml -f docker-compose.local-broker.yml" …

Every service goes from 1 process to 3, each of them is replaced in turn, and then it goes back to 1, while events of every kind
flow and tickets with a short promise are opened: half of them are answered at once, half never. Judges: chaos.py's, and that no
ticket that was answered ever had a breach, and each other one has exactly one. With --compose it does the same to containers.
The exit code is 0 when they find nothing.
"""

import argparse
import datetime as dt
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from chaos import RULES, Traffic, conclude, judge
from traffic import Helpdesk

SERVICES = ["ingest", "ticketing", "sla-monitor", "satisfaction", "churn-revenue"]
# Longer than a restart takes, shorter than a run.
PROMISE = 20
LIVE_RULES = RULES.replace("policies:\n", f"""policies:
  - id: live
    when: {{tier: live}}
    calendar: always
    metrics:
      first_response: {{target: {PROMISE}s}}
""")


def is_ready(address):
    try:
        with urllib.request.urlopen(address + "/readyz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


class Processes:
    """A local broker, and processes of services that are started and stopped by name."""

    def __init__(self, binaries, folder):
        self.binaries, self.folder = binaries, folder
        with open(f"{folder}/rules.yaml", "w", encoding="utf-8") as file:
            file.write(LIVE_RULES)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.servers = f"127.0.0.1:{port}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DESKBEAT_", "KAFKA_"))}
        self.environment = {**kept, "KAFKA_BOOTSTRAP_SERVERS": self.servers, "DESKBEAT_PARTITIONS": "6"}
        self.broker = self.start_process(
            "broker", [f"{binaries}/deskbeat", "broker", "--port", str(port), "--data-dir", f"{folder}/broker"])
        self.await_(lambda: self.accepts(port), "the broker")
        self.running = {service: {} for service in SERVICES}
        for service in SERVICES:
            self.start(service, 1)

    @staticmethod
    def accepts(port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def await_(self, condition, what, seconds=180):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit(f"{what}: not ready after {seconds} s, see the logs in {self.folder}")
            time.sleep(0.05)

    def start_process(self, name, command, **variables):
        with open(f"{self.folder}/{name}.log", "ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env={**self.environment, **variables})

    def start(self, service, number):
        name = f"{service}-{number}"
        announce = f"{self.folder}/{name}.json"
        if os.path.exists(announce):
            os.remove(announce)
        process = self.start_process(
            name, [f"{self.binaries}/deskbeat-{service}", "--http", "127.0.0.1:0", "--announce-file", announce, "--rules",
                   f"{self.folder}/rules.yaml"], DESKBEAT_INSTANCE=name)
        self.running[service][number] = process

        def ready():
            if process.poll() is not None:
                raise SystemExit(f"{name} has ended with {process.returncode}: see {self.folder}/{name}.log")
            return os.path.exists(announce) and is_ready(self.address(service, number))

        self.await_(ready, name)

    def address(self, service, number):
        with open(f"{self.folder}/{service}-{number}.json", encoding="utf-8") as file:
            announced = json.load(file)
        return announced.get("http") or f"http://127.0.0.1:{announced['port']}"

    def stop_one(self, service, number):
        process = self.running[service].pop(number)
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
        if code:
            raise SystemExit(f"{service}-{number} has ended with {code} when it was asked to stop")

    def roll(self, service):
        newest = max(self.running[service])
        for number in (newest + 1, newest + 2):
            self.start(service, number)
            yield f"{service} has {len(self.running[service])} processes"
        for number in list(self.running[service]):
            self.stop_one(service, number)
            self.start(service, number)
            yield f"{service}-{number} was restarted"
        # The one that stays is another one than that which began.
        for number in (newest, newest + 1):
            self.stop_one(service, number)
            yield f"{service} has {len(self.running[service])} processes"

    def ready(self):
        """What chaos.py wants to know."""
        number = random.choice(list(self.running["ingest"]))
        return {"bootstrap_servers": self.servers, "http": {"ingest": self.address("ingest", number)}}

    def command(self, *arguments):
        return subprocess.run(
            [f"{self.binaries}/deskbeat", *arguments], env=self.environment, capture_output=True, text=True, check=False)

    def audit(self):
        return self.command("audit")

    def stop(self):
        for service in SERVICES:
            for number in list(self.running[service]):
                self.stop_one(service, number)
        self.broker.send_signal(signal.SIGTERM)
        return self.broker.wait(60)


class Containers:
    """The suite under docker compose, scaled by compose: an installation of its own, which is removed in the end."""

    PROJECT = "deskbeat-rolling"
    # So that it stands beside an installation on the usual ports.
    KAFKA_PORT, INGEST_PORTS = "29092", "18080-18089"

    def __init__(self, compose, folder):
        # The last -p counts.
        self.compose = [*compose.split(), "-p", self.PROJECT]
        self.folder = folder
        with open(f"{folder}/rules.yaml", "w", encoding="utf-8") as file:
            file.write(LIVE_RULES)
        # The services have another user.
        os.chmod(folder, 0o755)
        self.environment = {**os.environ, "KAFKA_PORT": self.KAFKA_PORT, "INGEST_PORTS": self.INGEST_PORTS,
                            "DESKBEAT_RULES_FILE": f"{folder}/rules.yaml"}
        self.addresses, self.looked = [], float("-inf")
        self.run("down", "--volumes")
        try:
            self.run("up", "-d", "--wait", "--wait-timeout", "600")
        except BaseException:
            self.stop()
            raise

    def run(self, *arguments, check=True):
        done = subprocess.run(
            [*self.compose, *arguments], env=self.environment, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise SystemExit(f"compose {' '.join(arguments)}: {done.returncode}\n{done.stderr[-3000:]}")
        return done

    def scale(self, service, count, *arguments):
        self.run("up", "-d", "--wait", "--wait-timeout", "600", "--no-deps", *arguments, "--scale", f"{service}={count}",
                 service)

    def roll(self, service):
        self.scale(service, 3)
        yield f"{service} has 3 containers"
        for identity in self.run("ps", "-q", service).stdout.split():
            subprocess.run(["docker", "restart", identity], check=True, capture_output=True)
            self.scale(service, 3)
            yield f"a container of {service} was restarted"
        self.scale(service, 3, "--force-recreate")
        yield f"the containers of {service} were recreated"
        self.scale(service, 1)
        yield f"{service} has 1 container"

    def ready(self):
        """What chaos.py wants to know. Compose is asked once a second, since that takes longer than a request does."""
        if time.monotonic() - self.looked > 1:
            self.addresses = []
            for line in self.run("ps", "--format", "json", "ingest", check=False).stdout.splitlines():
                self.addresses += [f"http://127.0.0.1:{each['PublishedPort']}"
                                   for each in json.loads(line)["Publishers"] or [] if each["PublishedPort"]]
            self.looked = time.monotonic()
        brokers = os.environ.get("CHAOS_BROKERS", f"127.0.0.1:{self.KAFKA_PORT}")
        # Without an address the sender tries again, as with one that does not answer.
        return {"bootstrap_servers": brokers,
                "http": {"ingest": random.choice(self.addresses)} if self.addresses else {}}

    def command(self, *arguments):
        return self.run("run", "--rm", "-T", "cli", *arguments, check=False)

    def audit(self):
        """Each container audits its own service."""
        outputs, code = [], 0
        for service in SERVICES[1:]:
            done = self.run("exec", "-T", service, "deskbeat", "audit", check=False)
            outputs.append(f"{service}: {done.stdout.strip()} {done.stderr.strip() if done.returncode else ''}")
            code = code or done.returncode
        return subprocess.CompletedProcess([], code, "\n".join(outputs), "")

    def stop(self):
        with open(f"{self.folder}/compose.log", "w", encoding="utf-8") as file:
            file.write(self.run("logs", "--no-color", "--timestamps", check=False).stdout)
        self.run("stop")
        codes = self.run("ps", "-a", "--format", "json", "kafka").stdout.splitlines()
        code = max((json.loads(line)["ExitCode"] for line in codes), default=0)
        self.run("down", "--volumes")
        # Java ends with 143 when it is asked to.
        return 0 if code == 143 else code


class Company(Helpdesk):
    """Tickets as in chaos.py; and surveys, customers, and tickets that are opened now with a promise of a few seconds."""

    def __init__(self, seed, now):
        super().__init__(seed, now)
        self.replies, self.posted = [], []
        self.answered, self.unanswered, self.late = [], [], []

    def event(self, name, time, **data):
        self.number += 1
        return {"specversion": "1.0", "id": f"c-{self.number}", "source": "https://chaos.example/helpdesk",
                "type": f"support.{name}", "time": time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "data": data}

    def take(self, count):
        # At once, in order: a reply that is posted late would be a breach indeed.
        now = dt.datetime.now(dt.timezone.utc)
        self.settle(now)
        due = self.reply()
        if self.random.random() < 0.5:
            self.number += 1
            name = f"live-{self.number}"
            due.append(self.event("ticket.created", now, ticket_id=name, tier="live", priority="urgent", channel="chat"))
            if self.random.random() < 0.5:
                self.replies.append(
                    (name, now, self.event("ticket.message", now, ticket_id=name, author="agent", agent_id="A-1")))
            else:
                self.unanswered.append(name)
        return due + super().take(count)

    def reply(self):
        self.posted, self.replies = self.replies, []
        return [event for _, _, event in self.posted]

    def settle(self, now):
        """What was posted before is acknowledged by now. A reply that had to wait for so long may rightly have had a breach."""
        for name, created, _ in self.posted:
            in_time = now - created < dt.timedelta(seconds=PROMISE - 1)
            (self.answered if in_time else self.late).append(name)
        self.posted = []

    def rest(self):
        self.settle(dt.datetime.now(dt.timezone.utc))
        due = self.reply()
        # Nobody will tell when these are acknowledged.
        self.late += [name for name, _, _ in self.posted]
        return due + super().rest()

    def ticket(self):
        events = super().ticket()
        then = self.now - dt.timedelta(seconds=self.random.uniform(5, 25) * 86_400)
        customer = f"C-{self.random.randrange(200)}"
        dice = self.random.random()
        if dice < 0.3:
            events.append(self.event("survey.answered", then, survey_id=f"S-{self.number}", kind="csat",
                                     customer_id=customer, score=self.random.randrange(1, 6), channel="email"))
        elif dice < 0.5:
            subscription = f"P-{self.number}"
            events.append(self.event("subscription.started", then, customer_id=customer, subscription_id=subscription,
                                     mrr=str(self.random.randrange(10, 200)), currency="EUR"))
            if self.random.random() < 0.5:
                events.append(self.event(
                    "subscription.cancelled", then + dt.timedelta(days=2), customer_id=customer,
                    subscription_id=subscription))
        return events


def promises(options, suite, company, folder):
    """Whether answered tickets have no breach, and each other one has exactly one, as another client reads it."""
    with open(f"{folder}/live.json", "w", encoding="utf-8") as file:
        json.dump({"answered": company.answered, "unanswered": company.unanswered}, file)
    reader = subprocess.run(
        [options.python, f"{os.path.dirname(os.path.abspath(__file__))}/promises.py", suite.ready()["bootstrap_servers"],
         "support.alerts", f"{folder}/live.json"], capture_output=True, text=True, check=False)
    print(f"promises: {reader.stdout.strip().splitlines()[-1:]}")
    return [f"promises: {reader.stdout[-2000:]}{reader.stderr[-2000:]}"] if reader.returncode else []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", default=".build/release")
    parser.add_argument("--python", default=sys.executable, help="an interpreter with confluent-kafka")
    parser.add_argument("--compose", help="a docker compose command; containers instead of processes")
    parser.add_argument("--services", nargs="*", default=SERVICES)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=None, help="of the traffic; default: a random one")
    parser.add_argument("--rate", type=int, default=200, help="events per second")
    parser.add_argument("--keep", help="keep data and logs in this folder")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="deskbeat-rolling-") as temporary:
        folder = os.path.abspath(options.keep or temporary)
        os.makedirs(folder, exist_ok=True)
        suite = Containers(options.compose, folder) if options.compose else Processes(options.binaries, folder)
        traffic = Traffic(suite, seed, options.rate, f"{folder}/events.ndjson")
        traffic.helpdesk = company = Company(seed, traffic.helpdesk.now)
        faults, steps = [], 0
        try:
            traffic.start()
            for _ in range(options.rounds):
                for service in options.services:
                    for step in suite.roll(service):
                        steps += 1
                        print(f"{traffic.posted:7} events: {step}", flush=True)
                        time.sleep(1)
                        if traffic.failure:
                            raise SystemExit(f"traffic: {traffic.failure}")
            # What nobody has answered is due by then.
            traffic.stopping.set()
            traffic.join()
            time.sleep(PROMISE + 5)
            print(f"{traffic.posted} events acknowledged, {traffic.refused} attempts refused, {steps} steps, "
                  f"{len(company.answered)} promises kept, {len(company.unanswered)} broken, {len(company.late)} not judged")
            if traffic.failure:
                faults.append(f"traffic: {traffic.failure}")
            faults += judge(suite, options, folder) + promises(options, suite, company, folder)
            if not (company.answered and company.unanswered):
                faults.append("no promise was tried: this run proves nothing")
        finally:
            traffic.stopping.set()
            code = suite.stop()
        if code:
            faults.append(f"the broker has ended with {code}")
    conclude(seed, faults)


if __name__ == "__main__":
    main()
