/*
 * Where everything of a ladder stands: rows from top to bottom on one clock, the two ends' lives as
 * rails, texts wrapped by their number of characters (the font has one width).
 */
import type { Detail, LadderRow, Statement } from "./data";
import { duration } from "./words";

export const CHAR = 7.25; // of 12 px monospace, generously
export const LINE = 16;
const PAUSE_US = 20_000; // a longer silence is drawn as one
const WIDE = 760;

export interface Placed {
  row: LadderRow;
  index: number;
  y: number; // top
  height: number;
  base: number; // the arrow's or the first line's base
  lines: string[]; // its text, wrapped
  mark: { sign: string; how: string; lines: string[] } | null; // the case's line beside it
  pairY?: number; // of a segment that leaves: where it arrives
}

export interface Gap {
  y: number;
  text: string;
}

export interface Band {
  y: number;
  height: number;
  lines: { label: string; text: string }[];
}

export interface Layout {
  wide: boolean;
  width: number;
  height: number;
  left: number; // rails
  right: number;
  expect: number; // x of the case's lines, where they have a column
  placed: Placed[];
  gaps: Gap[];
  band: Band | null;
  top: number;
}

export function wrap(text: string, columns: number, most = 4): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > columns && lines.length < most - 1) {
    let cut = rest.lastIndexOf(" ", columns);
    if (cut < columns / 2) cut = Math.max(rest.lastIndexOf(",", columns - 1) + 1, rest.lastIndexOf("(", columns - 1) + 1);
    if (cut < columns / 2) cut = columns;
    lines.push(rest.slice(0, cut).trimEnd());
    rest = rest.slice(cut).trimStart();
  }
  lines.push(rest.length > columns ? `${rest.slice(0, columns - 1)}…` : rest);
  return lines;
}

/* A segment's text as rich as there is room for. */
function arrowText(row: LadderRow, columns: number): string {
  const full = row.event?.options ? `${row.text} <${row.event.options}>` : row.text;
  const lean = row.text.replace(/ win=\d+/, "");
  return [full, row.text, lean].find((text) => text.length <= columns) ?? lean;
}

const SIGN: Record<string, string> = { done: "✓", variant: "≈", failed: "✗", unwatched: "–", unknown: "?", "not-reached": "·" };

function markOf(row: LadderRow, detail: Detail, plan: Statement[], byId: Map<number, number>, columns: number) {
  const at = row.stmt === undefined ? undefined : byId.get(row.stmt);
  if (at === undefined) return row.fault ? { sign: "✗", how: "failed", lines: ["nobody asked for it"] } : null;
  const statement = plan[at]!;
  const how = row.fault ? "failed" : detail.lines[at]?.how ?? "done";
  return {
    sign: SIGN[how] ?? "",
    how,
    lines: wrap(`:${statement.line} ${(statement.text ?? "").replace(/\s+/g, " ")}`, columns, 3),
  };
}

export function bandLines(detail: Detail): { label: string; text: string }[] {
  return [
    { label: "expected", text: detail.expected ?? "" },
    { label: "seen", text: detail.seen ?? "" },
    { label: "rule", text: detail.rule ?? "" },
    { label: "blames", text: detail.blames ?? "" },
  ].filter((line) => line.text);
}

export function layOut(detail: Detail, plan: Statement[], width: number): Layout {
  const wide = width >= WIDE;
  const time = wide ? 76 : 46;
  const expectWidth = wide ? Math.max(190, width * 0.22) : 0;
  const rest = width - time - expectWidth - (wide ? 12 : 8);
  const side = wide ? Math.max(120, rest * 0.26) : 0;
  const left = time + side + (wide ? 8 : 6);
  const right = time + rest - side;
  const expect = wide ? right + side + 12 : 0;
  const wire = right - left;
  const sideColumns = Math.floor((wide ? side - 16 : wire - 24) / CHAR);
  const wireColumns = Math.floor((wire - 40) / CHAR);
  const markColumns = Math.floor((wide ? expectWidth - 26 : wire - 40) / CHAR);
  const byId = new Map(plan.map((statement, at) => [statement.id, at]));

  const placed: Placed[] = [];
  const gaps: Gap[] = [];
  let band: Band | null = null;
  const top = 40;
  let y = top;

  const addBand = () => {
    const lines = bandLines(detail);
    const columns = Math.floor((width - 110) / CHAR);
    const wrapped = lines.flatMap(({ label, text }) =>
      wrap(text, columns, 5).map((line, i) => ({ label: i ? "" : label, text: line })));
    const head = { label: "", text: `✗ ${detail.where ?? "here"} parts from what was expected` };
    band = { y: y + 4, height: (wrapped.length + 1) * LINE + 16, lines: [head, ...wrapped] };
    y += band.height + 12;
  };

  detail.rows.forEach((row, index) => {
    const before = index ? detail.rows[index - 1]!.us : row.us;
    if (row.us - before >= PAUSE_US) {
      gaps.push({ y: y + 12, text: duration(row.us - before) });
      y += 26;
    }
    const mark = markOf(row, detail, plan, byId, markColumns);
    const isState = row.event?.kind === "state";
    const lines =
      row.at === "arrow" ? wrap(arrowText(row, wireColumns), wireColumns, 3)
      : row.at === "across" ? wrap(row.text, Math.floor((wide ? right - left + side : wire) / CHAR) - 4, 3)
      : isState ? [row.text]
      : wrap(row.text, sideColumns, 4);
    let height = row.at === "arrow" ? lines.length * LINE + 18 : lines.length * LINE + 10;
    const markHeight = (mark?.lines.length ?? 0) * LINE;
    if (wide) height = Math.max(height, markHeight + 10);
    else height += markHeight + (isState && mark ? 8 : 0);
    const base = row.at === "arrow" ? y + lines.length * LINE + 6 : y + LINE;
    placed.push({ row, index, y, height, base, lines, mark });
    y += height;
    if (detail.fault_row === index) addBand();
  });
  if (detail.fault_row === -1) addBand();

  // A segment that left and arrived later: one line from row to row.
  for (const leaves of placed) {
    if (leaves.row.way !== "leaves") continue;
    const sent = leaves.row.event?.sent;
    const arrives = placed.find(
      (other) => other.index > leaves.index && other.row.way === "arrives" &&
        other.row.event?.src === leaves.row.event?.src && other.row.event?.sent?.[2] === sent?.[2],
    );
    if (arrives) leaves.pairY = arrives.base;
  }
  return { wide, width, height: y + 16, left, right, expect, placed, gaps, band, top };
}
