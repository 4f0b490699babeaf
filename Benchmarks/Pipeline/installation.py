"""A broker and single services for the benchmarks, and what the system says of their time and memory."""

import http.client
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.parse

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid):
    """User and system time of all threads."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * PAGE


class Failure(Exception):
    """Something did not work; the text says what."""


class Broker:
    """The broker of KAFKA_BOOTSTRAP_SERVERS, else a local broker of our own."""

    def __init__(self, binaries, folder):
        self.process = None
        self.address = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
        if self.address:
            return
        self.process = subprocess.Popen(
            [f"{binaries}/deskbeat", "broker", "--port", "0", "--data-dir", f"{folder}/broker"],
            stdout=subprocess.PIPE, stderr=open(f"{folder}/broker.log", "wb"), text=True)
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            raise Failure(f"the local broker did not start: see {folder}/broker.log")

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()


class Service:
    """One service process under names of its own."""

    def __init__(self, binaries, name, broker, folder, prefix, topics=None, rules=None, arguments=()):
        """`topics`: prefix of the public topics, when it is not `prefix`."""
        self.log = f"{folder}/{prefix}{name}.log"
        self.announce = tempfile.mktemp(dir=folder)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("DESKBEAT_")}
        command = [
            f"{binaries}/deskbeat-{name}", "--bootstrap-servers", broker.address, "--partitions", "4", "--instance",
            "bench", "--topic-prefix", f"{topics or prefix}support.", "--internal-prefix", f"{prefix}deskbeat.", "--http",
            "127.0.0.1:0", "--announce-file", self.announce, "--log-format", "json", *arguments]
        if rules:
            command += ["--rules", rules]
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stderr=open(self.log, "ab"), env=environment)
        self.pid = self.process.pid
        self.connection = None

    def check(self):
        if self.process.poll() is not None:
            raise Failure(f"the service has ended with {self.process.returncode}: see {self.log}")

    def get(self, path):
        """Status and body; None before HTTP is bound."""
        self.check()
        if self.connection is None:
            try:
                with open(self.announce, encoding="utf-8") as file:
                    address = json.load(file)["http"]
            except (FileNotFoundError, json.JSONDecodeError):
                return None
            self.address = urllib.parse.urlsplit(address).netloc
            self.connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            self.connection.request("GET", path)
            response = self.connection.getresponse()
            return response.status, response.read().decode()
        except OSError:
            self.connection.close()
            self.connection = None
            return None

    def wait_ready(self, limit=300):
        """Seconds from exec to ready."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            answer = self.get("/readyz")
            if answer and answer[0] == 200:
                return time.monotonic() - self.started
            time.sleep(0.005)
        raise Failure(f"the service is not ready within {limit} s: see {self.log}")

    def counter(self, name, **labels):
        """The sum of a metric over the series that have these labels."""
        answer = self.get("/metrics")
        total = 0.0
        for line in (answer[1] if answer else "").splitlines():
            if line.startswith(name) and line[len(name)] in "{ ":
                own = dict(re.findall(r'(\w+)="([^"]*)"', line))
                if all(own.get(key) == value for key, value in labels.items()):
                    total += float(line.rsplit(" ", 1)[1])
        return total

    def stop(self, kill=False):
        if self.connection:
            self.connection.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            self.process.wait()
