/* Everything that is known of one event, as names and values: what hover and focus show. */
import type { Event, LadderRow } from "./data";
import { duration, ms } from "./words";

export type Field = [name: string, value: string];

const TIMERS = ["off", "retransmission", "keepalive", "TIME_WAIT", "window probe"];
const POINTS: Record<string, string> = {
  lo: "on the loopback",
  client: "at the client",
  server: "at the server",
  "box-client": "in the path, client's side",
  "box-server": "in the path, server's side",
};

const hex = (value: number, digits: number) => `0x${value.toString(16).padStart(digits, "0")}`;

const both = (relative: number | undefined, absolute: number) =>
  relative === undefined || relative === absolute ? `${absolute}` : `${relative} (on the wire ${absolute})`;

function capture(side: [number, string, number] | undefined, at: number): string {
  if (!side) return "";
  return `${ms(at + side[0])} ms ${POINTS[side[1]] ?? side[1]}, packet ${side[2]}`;
}

function segment(event: Event, at: number): Field[] {
  const icmp = event.icmp_type !== undefined;
  const because = [event.cause === "none" ? "nothing explains it" : event.cause ?? "", event.by ?? ""]
    .filter(Boolean).join(": ");
  const before = event.by_after ? ` (${duration(-event.by_after)} before)` : "";
  return [
    ["from", event.src ?? ""],
    ["to", event.dst ?? ""],
    ["malformed", event.malformed ?? ""],
    ["flags", event.flags ?? ""],
    ["sequence number", event.seq === undefined ? "" : both(event.rel_seq, event.seq)],
    ["acknowledgement", event.ack === undefined ? "" : both(event.rel_ack, event.ack)],
    ["window", event.win === undefined ? "" : `${event.win} (not scaled)`],
    ["urgent pointer", event.urgent ? `${event.urgent}` : ""],
    ["options", event.options ?? ""],
    ["payload", icmp ? "" : `${event.len ?? 0} bytes`],
    ["ICMP", icmp ? `type ${event.icmp_type}, code ${event.icmp_code}` : ""],
    ["next hop MTU", event.mtu ? `${event.mtu}` : ""],
    ["quotes", icmp ? `${event.quoted_src} → ${event.quoted_dst}, sequence number ${event.quoted_seq}` : ""],
    ["checksum", event.sum === undefined ? "" : `${hex(event.sum, 4)}${event.bad_sum ? " (wrong)" : ""}`],
    ["IP", [`TTL ${event.ttl ?? 0}`, `TOS ${hex(event.tos ?? 0, 2)}`, `id ${event.id ?? 0}`, event.df ? "don't fragment" : "",
            event.bad_ip_sum ? "header checksum wrong" : ""].filter(Boolean).join(", ")],
    ["role", event.role ?? ""],
    ["cause", because + (because ? before : "")],
    ["left", capture(event.sent, at)],
    ["arrived", event.received ? capture(event.received, at) : ""],
  ];
}

function call(event: Event, at: number): Field[] {
  return [
    ["call", `${event.name}(${event.args ?? ""})`],
    ["socket", event.sock ?? ""],
    ["result", event.how ?? event.result ?? "0"],
    ["value", event.how ? "" : `${event.value ?? 0}`],
    ["error", event.error ? event.error + (event.native ? ` (${event.native})` : "") : ""],
    ["signal", event.signal ? `${event.signal}` : ""],
    ["also", event.out ?? ""],
    ["entered", `${ms(at)} ms`],
    ["returned", event.how ? "" : `${ms(at + (event.took ?? 0))} ms, after ${duration(event.took ?? 0)}`],
    ["local", event.local ?? ""],
    ["remote", event.remote ?? ""],
  ];
}

function state(event: Event, at: number): Field[] {
  return [
    ["state", event.new === "NONE" ? "the socket is no longer shown" : event.new ?? ""],
    ["before", event.old ?? ""],
    ["told by", event.source === "diag" ? "sock_diag" : event.source ?? ""],
    ["at", `${ms(at)} ms`],
    ["not before", event.polled ? `${ms(at - event.polled)} ms (the look before)` : ""],
    ["local", event.local ?? ""],
    ["remote", event.remote ?? ""],
    ["unread", event.unread === undefined ? "" : `${event.unread}`],
    ["unacknowledged", event.unacked === undefined ? "" : `${event.unacked}`],
    ["timer", event.timer ? `${TIMERS[event.timer] ?? event.timer}, ${event.timer_ms} ms left` : ""],
  ];
}

export function fieldsOf(row: LadderRow): Field[] {
  const event = row.event;
  if (!event) return [["rows", row.text]];
  const at = row.us + (event.before ? -event.before : 0);
  const all =
    event.kind === "segment" ? segment(event, at)
    : event.kind === "call" ? call(event, at)
    : event.kind === "state" ? state(event, at)
    : [[event.kind, event.text ?? row.text], ["at", `${ms(at)} ms`],
       ["took", event.took ? duration(event.took) : ""]] as Field[];
  return all.filter(([, value]) => value !== "");
}
