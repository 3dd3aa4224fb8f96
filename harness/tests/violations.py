"""Stored traces made to tell of another stack: one that does what a requirement forbids.

A trace is changed as if the stack under test had sent, answered or reported something else; what its
case and its peer did stays. Whoever judges it again must then blame the line that states the requirement.
"""
import copy
import json

MS = 1_000_000


class Trace:
    """Segments are told apart by what they are; where both ends captured one, both copies change."""

    def __init__(self, path):
        self.data = json.loads(path.read_text())
        # That this machine was slow is no excuse of the other stack's.
        self.events = [event for event in self.data["events"] if event.get("what") != "stall"]
        self.data["events"] = self.events

    def text(self):
        self.events.sort(key=lambda event: event["t_ns"])
        for order, event in enumerate(self.events):
            event["order"] = order
        return json.dumps(self.data)

    # ---- segments ----

    def segments(self, end, flags=None, size=None):
        """Groups of copies, in the order in which they left. flags: exactly these, PSH aside."""
        found = {}
        for event in self.events:
            if event["kind"] != "segment" or event.get("end") != end:
                continue
            have = set(event.get("flags", "none").split(",")) - {"PSH", "URG"}
            if flags is not None and have != set(flags.split(",")):
                continue
            if size is not None and bool(event.get("payload_len", 0)) != size:
                continue
            key = [event.get(name) for name in
                   ("src", "dst", "flags", "seq", "ack", "payload_len", "ip_id", "window", "options")]
            found.setdefault(json.dumps(key), []).append(event)
        return sorted(found.values(), key=lambda copies: copies[0]["t_ns"])

    def segment(self, end, nth=0, flags=None, size=None):
        return self.segments(end, flags, size)[nth]

    def data_of(self, end, nth=0):
        return self.segments(end, size=True)[nth]

    def events_of(self, protocol):
        return [event for event in self.events if event.get("protocol") == protocol]

    # ---- what another stack would have done ----

    def change(self, copies, **fields):
        for event in copies:
            for name, value in fields.items():
                event[name] = value(event.get(name, 0)) if callable(value) else value
            if "payload_len" in fields:  # what is in it is no part of any statement
                event.pop("payload_hash", None)
                event.pop("payload_head", None)

    def unsaid(self, copies):
        for event in copies:
            self.events.remove(event)

    def later(self, copies, by_ms):
        self.change(copies, t_ns=lambda t: t + by_ms * MS)

    def more(self, copies, by_ms=1, **fields):
        """One more like it, so much later, with other fields."""
        added = copy.deepcopy(copies)
        for event in added:
            event["t_ns"] += int(by_ms * MS)
            event["ip_id"] = (event.get("ip_id", 0) + 7777) % 65536
        self.change(added, **fields)
        self.events.extend(added)
        return added

    def next_line_ns(self, copies):
        """When the line begins that comes behind that event."""
        marks = [event["t_ns"] for event in self.events if event.get("what") == "begin"]
        return min(t for t in marks if t > copies[0]["t_ns"])

    def more_in_line(self, copies, behind, by_ms, **fields):
        """One more like it in the line behind another event, so long after that line's begin."""
        at_ns = self.next_line_ns(behind) + by_ms * MS
        return self.more(copies, (at_ns - copies[0]["t_ns"]) / MS, **fields)

    def stops(self, copies):
        """The script goes no further than the line behind that segment's cause."""
        after = self.next_line_ns(copies)
        self.events[:] = [event for event in self.events if event["t_ns"] <= after and
                          (event["kind"] != "segment" or event["t_ns"] <= copies[-1]["t_ns"])
                          or event.get("what") in ("canary", "fence", "end")
                          or event["kind"] == "process"]

    def call(self, end, name, nth=0, **fields):
        calls = [event for event in self.events if event["kind"] == "call" and event["end"] == end
                 and event["name"] == name and event.get("stmt")]
        event = calls[nth]
        for key, value in fields.items():
            event[key] = value
        if "error" in fields:
            event["value"] = -1
        elif "error" in event:
            del event["error"]
        return event

    def gone(self, end, after):
        """The socket is gone right behind that event: by the kernel's word, and by sock_diag's."""
        states = [event for event in self.events if event["kind"] == "state"
                  and event["end"] == end and event.get("new") != "LISTEN"]
        last = [event for event in states if event["t_ns"] <= after["t_ns"]
                and event["source"] == "tracepoint"][-1]
        self.events.append({**last, "old": last["new"], "new": "CLOSED",
                            "t_ns": after["t_ns"] + MS // 10})
        for event in states:
            if event["t_ns"] > after["t_ns"] and event["source"] == "diag":
                self.events.remove(event)


def without_flag(name):
    return lambda flags: ",".join(flag for flag in flags.split(",") if flag != name)
