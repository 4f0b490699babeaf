"""Reads valgrind's XML and names the definite losses that the C boundary is to blame for: leaks.py FILE

A loss counts when librdkafka or simdjson has allocated it and a frame of this project is on the stack.
"""

import sys
import xml.etree.ElementTree as tree

LIBRARIES = ("librdkafka", "libsimdjson")


def main():
    found = {}
    for error in tree.parse(sys.argv[1]).getroot().iter("error"):
        if error.findtext("kind") != "Leak_DefinitelyLost":
            continue
        frames = [(frame.findtext("obj") or "", frame.findtext("fn") or "") for frame in error.iter("frame")]
        if not any(library in obj for obj, _ in frames[:4] for library in LIBRARIES):
            continue
        ours = [name for obj, name in frames if obj.endswith(".xctest")]
        if not ours:
            continue
        library = [name for obj, name in frames if any(part in obj for part in LIBRARIES)]
        size = int(error.findtext("xwhat/leakedbytes") or 0)
        key = f"{' < '.join(library[:3])} called by {ours[0]}"
        found[key] = found.get(key, 0) + size
    for key, size in sorted(found.items()):
        print(f"{size} bytes lost: {key}")
    print(f"{len(found)} leaks")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
