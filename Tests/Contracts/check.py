#!/usr/bin/env python3
"""check.py CONTRACTS [FILE…]: judges docs/contracts with jsonschema, an implementation that knows nothing of Deskbeat.

Every schema is a valid one and accepts its examples, and refuses them without a required member, with another type and with a
member of the wrong kind. The AsyncAPI document names every schema. Each line of each FILE, an event or an alert of a running
suite, fits the schema of its type, and has no member in data that the schema does not name."""

import copy
import json
import pathlib
import sys

from jsonschema import Draft202012Validator

folder = pathlib.Path(sys.argv[1])
schemas = {path.name.removesuffix(".schema.json"): json.loads(path.read_text()) for path in folder.glob("*.schema.json")}
validators = {}
checked = 0


def fail(text):
    sys.exit(f"FAILED {text}")


for name, schema in schemas.items():
    Draft202012Validator.check_schema(schema)
    if schema["$id"] != f"urn:deskbeat:schema:{name}:1" or schema["properties"]["type"]["const"] != name:
        fail(f"{name}: its $id or type is another one")
    judge = validators[name] = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for example in schema.get("examples", []):
        for error in judge.iter_errors(example):
            fail(f"{name}: its example: {error.message} at {error.json_path}")
        wrong = [{**example, "type": "other"}, {**example, "data": []}]
        for member in schema["required"]:
            wrong.append({key: value for key, value in example.items() if key != member})
        for member in schema["properties"]["data"].get("required", []):
            less = copy.deepcopy(example)
            del less["data"][member]
            wrong.append(less)
        for member in example["data"]:
            other = copy.deepcopy(example)
            other["data"][member] = {"unexpected": True}
            wrong.append(other)
        for event in wrong:
            if judge.is_valid(event):
                fail(f"{name}: accepts {json.dumps(event)}")
            checked += 1

text = (folder / "asyncapi.yaml").read_text()
for name in schemas:
    if text.count(f"$ref: './{name}.schema.json'") != 1:
        fail(f"asyncapi.yaml does not name {name} once")
for line in text.splitlines():
    if "$ref: '#/" in line:
        target = line.split("$ref: '#/")[1].split("'")[0].rsplit("/", 1)[-1]
        if f" {target}:\n" not in text:
            fail(f"asyncapi.yaml: nothing is called {target}")

seen = {}
for path in sys.argv[2:]:
    for line in pathlib.Path(path).read_text().splitlines():
        event = json.loads(line)
        if event["type"] not in schemas:
            fail(f"{path}: no schema for {event['type']}")
        for error in validators[event["type"]].iter_errors(event):
            fail(f"{path}: {event['type']}: {error.message} at {error.json_path} in {line}")
        data = schemas[event["type"]]["properties"]["data"]
        unknown = set(event["data"]) - set(data["properties"])
        # KPIs have companions of their own.
        if unknown and not data.get("additionalProperties"):
            fail(f"{path}: {event['type']} has {sorted(unknown)}, of which its schema says nothing: {line}")
        seen[event["type"]] = seen.get(event["type"], 0) + 1

print(f"ok {len(schemas)} schemas, {checked} counterexamples refused, seen {json.dumps(seen, sort_keys=True)}")
