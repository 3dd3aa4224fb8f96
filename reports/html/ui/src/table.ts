/* The matrix as data: columns, rows, and what the filters leave of them. */
import { type Report, type Run, type Verdict, VERDICTS, resultName, worst } from "./data";

export interface Column {
  key: string;
  name: string;
  note: string; // lab and family, or nothing
}

export interface Cell {
  verdict: Verdict;
  runs: Run[];
  shown: Run; // the worst of them
}

export interface CaseRow {
  id: string;
  topic: string;
  title: string;
  cells: (Cell | null)[];
  words: string; // what the text filter looks in
  differs: boolean;
}

export interface Table {
  columns: Column[];
  rows: CaseRow[];
  topics: string[];
}

export interface Filter {
  verdicts: Set<Verdict>;
  topic: string;
  text: string;
  differs: boolean;
}

export function makeTable(report: Report, byLab: boolean): Table {
  const columns: Column[] = [];
  const at = new Map<string, number>();
  const kinds = new Set(report.runs.map((run) => `${run.lab}@${run.family}`));
  const order = [...kinds].sort();
  report.results.forEach((_, result) => {
    const name = resultName(report, result);
    for (const kind of byLab ? order : [""]) {
      at.set(`${result}@${kind}`, columns.length);
      columns.push({ key: `${result}@${kind}`, name, note: kind.replace("@", " ") });
    }
  });

  const rows = new Map<string, { row: CaseRow; runs: (Run[] | undefined)[] }>();
  for (const run of report.runs) {
    let made = rows.get(run.id);
    if (!made) {
      const words = [run.id, run.title, run.case_?.why ?? "", ...(run.case_?.spec ?? [])];
      const row = { id: run.id, topic: run.topic, title: run.title, cells: [], differs: false,
                    words: words.join(" ").toLowerCase() };
      made = { row, runs: new Array(columns.length) };
      rows.set(run.id, made);
    }
    const column = at.get(byLab ? `${run.result}@${run.lab}@${run.family}` : `${run.result}@`)!;
    (made.runs[column] ??= []).push(run);
  }

  const all: CaseRow[] = [];
  for (const { row, runs } of rows.values()) {
    const seen = new Set<Verdict>();
    row.cells = Array.from(runs, (list) => {
      if (!list) return null;
      const verdict = worst(list.map((run) => run.verdict))!;
      for (const run of list) seen.add(run.verdict);
      return { verdict, runs: list, shown: list.find((run) => run.verdict === verdict)! };
    });
    row.differs = seen.size > 1;
    all.push(row);
  }
  all.sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.id < b.id ? -1 : 1));
  return {
    columns: columns.filter((_, i) => !byLab || all.some((row) => row.cells[i])),
    rows: byLab ? withoutEmpty(all, columns.length) : all,
    topics: [...new Set(all.map((row) => row.topic))],
  };
}

/* Not every lab and family of one result is there in the other. */
function withoutEmpty(rows: CaseRow[], count: number): CaseRow[] {
  const used = Array.from({ length: count }, (_, i) => rows.some((row) => row.cells[i]));
  if (used.every(Boolean)) return rows;
  for (const row of rows) row.cells = row.cells.filter((_, i) => used[i]);
  return rows;
}

export function readFilter(params: URLSearchParams): Filter {
  const words = (params.get("verdict") ?? "").split(",");
  return {
    verdicts: new Set(VERDICTS.filter((verdict) => words.includes(verdict))),
    topic: params.get("topic") ?? "",
    text: params.get("q") ?? "",
    differs: params.has("differs"),
  };
}

export function filterRows(table: Table, filter: Filter): CaseRow[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  return table.rows.filter(
    (row) =>
      (!filter.topic || row.topic === filter.topic) &&
      (!filter.differs || row.differs) &&
      (!filter.verdicts.size ||
        row.cells.some((cell) => cell?.runs.some((run) => filter.verdicts.has(run.verdict)))) &&
      words.every((word) => row.words.includes(word)),
  );
}
