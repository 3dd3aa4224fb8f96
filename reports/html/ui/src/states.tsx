/* RFC 9293's state diagram (figure 5), with the way that each end's sockets took through it. */
import type { Detail, LadderRow } from "./data";

const W = 122;
const H = 32;

const NODES: Record<string, [number, number]> = {
  CLOSED: [360, 30],
  LISTEN: [360, 112],
  SYN_RECEIVED: [150, 190],
  SYN_SENT: [570, 190],
  ESTABLISHED: [360, 262],
  FIN_WAIT_1: [150, 340],
  CLOSE_WAIT: [570, 340],
  FIN_WAIT_2: [150, 448],
  CLOSING: [360, 394],
  LAST_ACK: [570, 448],
  TIME_WAIT: [360, 500],
  END: [360, 580],
};

/* From, to, what does it, where the words stand relative to the middle. */
type Edge = [from: string, to: string, text: string, dx?: number, dy?: number];
const EDGES: Edge[] = [
  ["CLOSED", "LISTEN", "listen", 8, 4],
  ["CLOSED", "SYN_SENT", "connect / SYN", 30, -14],
  ["LISTEN", "SYN_RECEIVED", "SYN / SYN,ACK", -108, -8],
  ["LISTEN", "SYN_SENT", "send / SYN", 18, -8],
  ["SYN_SENT", "SYN_RECEIVED", "SYN / SYN,ACK", -44, -6],
  ["SYN_RECEIVED", "ESTABLISHED", "ACK of SYN", -90, 12],
  ["SYN_SENT", "ESTABLISHED", "SYN,ACK / ACK", 14, 14],
  ["SYN_RECEIVED", "FIN_WAIT_1", "close / FIN", -76, 4],
  ["ESTABLISHED", "FIN_WAIT_1", "close / FIN", -84, -6],
  ["ESTABLISHED", "CLOSE_WAIT", "FIN / ACK", 18, -6],
  ["FIN_WAIT_1", "FIN_WAIT_2", "ACK of FIN", -74, 4],
  ["FIN_WAIT_1", "CLOSING", "FIN / ACK", 0, -10],
  ["FIN_WAIT_1", "TIME_WAIT", "", 0, 0],
  ["FIN_WAIT_2", "TIME_WAIT", "FIN / ACK", -82, 14],
  ["CLOSING", "TIME_WAIT", "ACK of FIN", 8, 4],
  ["CLOSE_WAIT", "LAST_ACK", "close / FIN", 8, 4],
  ["LAST_ACK", "END", "ACK of FIN", 22, 12],
  ["TIME_WAIT", "END", "2 MSL", 8, 4],
];

interface Socket {
  local: string;
  remote: string;
  states: string[];
}

export interface Way {
  end: string;
  sockets: Socket[];
}

/* "10.0.0.1:80" and "[fd00::1]:80" have one, "fd00::1" has none. */
const port = (address: string) => /^(?:[^:]*|\[.*\]):(\d+)$/.exec(address)?.[1] ?? "";

function socketOf(sockets: Socket[], row: LadderRow): Socket {
  const local = row.event?.local ?? "";
  const remote = row.event?.remote ?? "";
  const found = sockets.find(
    (one) => one.remote === remote && (one.local === local || !port(one.local) || !port(local)),
  );
  if (found) {
    if (port(local)) found.local = local;
    return found;
  }
  const made = { local, remote, states: [] as string[] };
  sockets.push(made);
  return made;
}

/*
 * Linux tells CLOSED when the full socket goes, though TIME_WAIT or an orphan's FIN_WAIT_2 may go on
 * in a smaller one: the row then says "left FIN_WAIT_2", and what follows is not known from it.
 */
export function wayOf(detail: Detail, side: "left" | "right"): Way {
  const sockets: Socket[] = [];
  for (const row of detail.rows) {
    if (row.at !== side || row.event?.kind !== "state") continue;
    const event = row.event;
    const { states } = socketOf(sockets, row);
    const next = row.text.startsWith("left ") ? null : event.new === "NONE" ? "CLOSED" : event.new!;
    if (!states.length && event.old && event.old !== "NONE") states.push(event.old);
    else if (!states.length && (next === "SYN_SENT" || next === "LISTEN")) states.push("CLOSED");
    if (next && states[states.length - 1] !== next) {
      if ((next === "TIME_WAIT" || next === "FIN_WAIT_2") && states[states.length - 1] === "CLOSED") states.pop();
      if (states[states.length - 1] !== next) states.push(next);
    }
  }
  return { end: detail[side].name, sockets: sockets.filter((socket) => socket.states.length > 1) };
}

/* CLOSED stands twice: where a socket comes from, and where it goes. */
function stepsOf(way: Way): [string, string][] {
  const steps = new Map<string, [string, string]>();
  for (const { states } of way.sockets)
    for (let i = 1; i < states.length; i++) {
      const from = states[i - 1]!;
      const to = states[i] === "CLOSED" ? "END" : states[i]!;
      if (NODES[from] && NODES[to]) steps.set(`${from} ${to}`, [from, to]);
    }
  return [...steps.values()];
}

/* Where the line between two boxes' middles leaves the first one. */
function rim([x, y]: [number, number], [tx, ty]: [number, number], gap: number): [number, number] {
  const dx = tx - x;
  const dy = ty - y;
  const scale = Math.min(dx ? (W / 2 + gap) / Math.abs(dx) : Infinity, dy ? (H / 2 + gap) / Math.abs(dy) : Infinity);
  return [x + dx * scale, y + dy * scale];
}

function geometry(from: string, to: string, shift: number): { d: string; mid: [number, number] } {
  const a = NODES[from]!;
  const b = NODES[to]!;
  const known = EDGES.some(([f, t]) => f === from && t === to);
  const far = !known; // an abort: around what lies between
  const length = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
  const nx = (-(b[1] - a[1]) / length) * shift;
  const ny = ((b[0] - a[0]) / length) * shift;
  if (far) {
    const out = a[0] < 360 ? -1 : a[0] > 360 ? 1 : shift < 0 ? -1 : 1;
    const x = 360 + out * (a[0] === 360 ? 450 : 400) + shift * 2;
    const [sx, sy] = rim(a, [x, a[1]], 0);
    const [ex, ey] = rim(b, [x, b[1]], 5);
    return { d: `M${sx} ${sy + shift}C${x} ${sy + shift} ${x} ${ey + shift} ${ex} ${ey + shift}`, mid: [x, (sy + ey) / 2] };
  }
  const [sx, sy] = rim(a, b, 0);
  const [ex, ey] = rim(b, a, 5);
  return { d: `M${sx + nx} ${sy + ny}L${ex + nx} ${ey + ny}`, mid: [(sx + ex) / 2, (sy + ey) / 2] };
}

function Path({ way, cls, shift }: { way: Way; cls: string; shift: number }) {
  return (
    <g class={`way ${cls}`}>
      {stepsOf(way).map(([from, to]) => (
        <path key={`${from} ${to}`} d={geometry(from, to, shift).d} marker-end={`url(#head-${cls})`} />
      ))}
    </g>
  );
}

export function States({ detail }: { detail: Detail }) {
  const left = wayOf(detail, "left");
  const right = wayOf(detail, "right");
  const visited = (way: Way, name: string) =>
    name === "END" ? stepsOf(way).some(([, to]) => to === "END")
    : stepsOf(way).some(([from, to]) => from === name || to === name);
  return (
    <figure class="states">
      <div class="scroll" tabIndex={0} role="region" aria-label="TCP state diagram">
        <svg viewBox="-30 0 780 610" role="img" aria-labelledby="states-text" width="780">
          <defs>
            {["left", "right", "base"].map((cls) => (
              <marker key={cls} id={`head-${cls}`} class={cls} viewBox="0 0 10 10" refX="7" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto-start-reverse">
                <path d="M0 0L10 5L0 10z" />
              </marker>
            ))}
          </defs>
          <g class="edges">
            {EDGES.map(([from, to]) => (
              <path key={`${from} ${to}`} d={geometry(from, to, 0).d} marker-end="url(#head-base)" />
            ))}
          </g>
          <Path way={left} cls="left" shift={-3.5} />
          <Path way={right} cls="right" shift={3.5} />
          <g class="words">
            {EDGES.map(([from, to, text, dx = 0, dy = 0]) => {
              const { mid } = geometry(from, to, 0);
              return <text key={`${from} ${to}`} x={mid[0] + dx} y={mid[1] + dy}>{text}</text>;
            })}
          </g>
          {Object.entries(NODES).map(([name, [x, y]]) => (
            <g key={name} class={`node${visited(left, name) ? " left" : ""}${visited(right, name) ? " right" : ""}`}>
              <rect x={x - W / 2} y={y - H / 2} width={W} height={H} rx={6} />
              <text x={x} y={y + 4} text-anchor="middle">{name === "END" ? "CLOSED" : name}</text>
              {visited(left, name) ? <text class="by left" x={x - W / 2 - 3} y={y - H / 2 + 2} text-anchor="end">{left.end[0]!.toUpperCase()}</text> : null}
              {visited(right, name) ? <text class="by right" x={x + W / 2 + 3} y={y - H / 2 + 2}>{right.end[0]!.toUpperCase()}</text> : null}
            </g>
          ))}
        </svg>
      </div>
      <figcaption id="states-text">
        {[left, right].map((way, i) => (
          <div key={way.end} class={i ? "right" : "left"}>
            <strong><span class="swatch" aria-hidden="true" /> {way.end}</strong>
            {way.sockets.length ? (
              <ul>
                {way.sockets.map((socket, at) => (
                  <li key={at}>{socket.states.join(" → ")}{way.sockets.length > 1 ? <span class="quiet"> ({socket.local}{socket.remote ? ` – ${socket.remote}` : ""})</span> : null}</li>
                ))}
              </ul>
            ) : (
              <p>{detail.states === "absent" ? "its states were not watched" : "no states were seen"}</p>
            )}
          </div>
        ))}
      </figcaption>
    </figure>
  );
}
