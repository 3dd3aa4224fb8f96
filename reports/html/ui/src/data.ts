/*
 * What the program put into the page (reports/html/html.c, html_run.c): the index, the chunks with
 * the runs' ladders, captures. Each is JSON, deflated, in base64; chunks are unpacked when needed.
 */

export const VERDICTS = ["broken", "fail", "inconclusive", "skip", "variant", "pass"] as const;
export type Verdict = (typeof VERDICTS)[number]; // worst first

export interface Head {
  version: string | null;
  command: string[];
  machine: { sysname: string; release: string; arch: string; hostname: string; clock?: string | null; cpus: number; privileged: boolean };
  stack: { name: string | null; os: string | null; os_version: string | null };
  judged_as: string | null;
  appliance?: string | null;
  started: string | null;
  wall_ms: number;
  finished: boolean;
  notes: string[];
}

export interface Result {
  dir: string;
  link?: string;
  head: Head;
}

export interface Row {
  id: string;
  topic: string;
  title: string;
  lab: string;
  family: string;
  repeat: number;
  verdict: Verdict;
  reason: string;
  duration_ms: number;
  at: string | null;
  expected: string | null;
  seen: string | null;
  kind: string | null;
  rule: string | null;
  blames: string | null;
  file: string;
  notes: string[];
  dir: string;
}

export interface Run extends Row {
  number: number;
  result: number;
  case_: Case | null;
  chunk: number;
  at_chunk: number;
  capture: number;
  without?: string;
}

export interface Deviation {
  at: number;
  line?: string;
  stacks: string;
  expects: string;
  why?: string;
  kind?: string;
  source?: string;
  block?: 1;
}

export interface Case {
  id: string;
  hash: string;
  title: string;
  why?: string;
  spec: string[];
  text: string;
  differs: Deviation[];
}

export interface Requirement {
  id: string;
  level: string;
  section: string;
  text: string;
  testable?: 1;
  cases: number[];
}

export interface Statement {
  id: number;
  line: number;
  text?: string;
  implied?: 1;
}

export interface Variant {
  line: number;
  why?: string;
  kind?: string;
  source?: string;
}

export interface Line {
  how?: string;
  variant?: Variant;
}

export interface Event {
  kind: string;
  end?: string;
  before?: number; // the event's own time is so much before the row's
  took?: number;
  text?: string;
  sock?: string;
  name?: string;
  args?: string;
  how?: string;
  value?: number;
  error?: string;
  native?: string;
  signal?: number;
  out?: string;
  result?: string;
  local?: string;
  remote?: string;
  source?: string;
  old?: string;
  new?: string;
  polled?: number;
  unread?: number;
  unacked?: number;
  timer?: number;
  timer_ms?: number;
  src?: string;
  dst?: string;
  malformed?: string;
  flags?: string;
  seq?: number;
  ack?: number;
  rel_seq?: number;
  rel_ack?: number;
  conn?: number;
  win?: number;
  urgent?: number;
  options?: string;
  icmp_type?: number;
  icmp_code?: number;
  mtu?: number;
  quoted_src?: string;
  quoted_dst?: string;
  quoted_seq?: number;
  len?: number;
  ttl?: number;
  tos?: number;
  id?: number;
  df?: 1;
  sum?: number;
  bad_sum?: 1;
  bad_ip_sum?: 1;
  sent?: [number, string, number];
  received?: [number, string, number];
  role?: string;
  cause?: string;
  by_after?: number;
  by?: string;
}

export interface LadderRow {
  after?: number;
  us: number; // since the start of the run, summed up here
  at: "left" | "right" | "arrow" | "across";
  way?: "lost" | "leaves" | "arrives";
  right?: 1;
  text: string;
  stmt?: number;
  fault?: 1;
  event?: Event;
}

export interface End {
  name: string;
  addr?: string;
  api?: string;
  tcp?: string;
}

export interface Detail {
  verdict: Verdict;
  reason: string;
  kind?: string;
  stmt?: number;
  where?: string;
  expected?: string;
  seen?: string;
  rule?: string;
  blames?: string;
  us?: number;
  notes?: string[];
  left: End;
  right: End;
  wire: string;
  states: string;
  started_ms: number;
  pins: number;
  plan: number;
  lines: Line[];
  fault_row?: number;
  rows_before?: number;
  rows_after?: number;
  rows: LadderRow[];
}

export interface Report {
  version: string;
  full?: 1;
  results: Result[];
  runs: Run[];
  cases: Case[];
  pins: [string, string][][];
  plans: Statement[][];
  requirements: Requirement[];
}

async function unpack(id: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const text = document.getElementById(id)?.textContent;
  if (!text) return null;
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpackJson(id: string): Promise<unknown> {
  const bytes = await unpack(id);
  return bytes ? JSON.parse(new TextDecoder().decode(bytes)) : null;
}

type RawRun = [number, number, Row, number, number, number, string?];

export async function loadReport(): Promise<Report | null> {
  const raw = (await unpackJson("index0")) as (Omit<Report, "runs"> & { runs: RawRun[] }) | null;
  if (!raw) return null;
  const runs = raw.runs.map(
    ([result, case_, row, chunk, at_chunk, capture, without], number): Run => ({
      ...row,
      number,
      result,
      case_: raw.cases[case_] ?? null,
      chunk,
      at_chunk,
      capture,
      without,
    }),
  );
  return { ...raw, runs };
}

const chunks = new Map<number, Promise<Detail[]>>();
const CHUNKS_KEPT = 8;

/* Times are differences in the chunk; what is drawn are times. */
function summed(details: Detail[]): Detail[] {
  for (const detail of details) {
    let us = 0;
    for (const row of detail.rows) row.us = us += row.after ?? 0;
  }
  return details;
}

export async function loadDetail(run: Run): Promise<Detail | null> {
  if (run.chunk < 0) return null;
  let chunk = chunks.get(run.chunk);
  if (!chunk) {
    chunk = unpackJson(`runs${run.chunk}`).then((found) => summed(found as Detail[]));
    chunks.set(run.chunk, chunk);
    if (chunks.size > CHUNKS_KEPT) chunks.delete(chunks.keys().next().value!);
  }
  return (await chunk)[run.at_chunk] ?? null;
}

export async function loadCapture(run: Run): Promise<Blob | null> {
  const bytes = await unpack(`capture${run.capture}`);
  return bytes ? new Blob([bytes], { type: "application/vnd.tcpdump.pcap" }) : null;
}

export const worst = (verdicts: Iterable<Verdict>): Verdict | null => {
  let at: number = VERDICTS.length;
  for (const verdict of verdicts) at = Math.min(at, VERDICTS.indexOf(verdict));
  return VERDICTS[at] ?? null;
};

export function countVerdicts(runs: Run[]): Record<Verdict, number> {
  const counts = Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0])) as Record<Verdict, number>;
  for (const run of runs) counts[run.verdict]++;
  return counts;
}

/* What a result is called: its stack, and its folder where several have the same. */
export function resultName(report: Report, index: number): string {
  const result = report.results[index]!;
  const name = result.head.judged_as ?? result.head.stack.name ?? result.dir;
  const twice = report.results.some(
    (other, i) => i !== index && (other.head.judged_as ?? other.head.stack.name ?? other.dir) === name,
  );
  return twice ? `${name} (${result.dir.split("/").filter(Boolean).pop()})` : name;
}

export const runName = (run: Run) =>
  `${run.id}@${run.lab}@${run.family}${run.repeat > 1 ? ` #${run.repeat}` : ""}`;
