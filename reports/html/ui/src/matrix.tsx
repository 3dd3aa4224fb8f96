/*
 * Stack by case. Rows are virtual: only those in sight are in the document, each at its place in a
 * box as high as all of them. To the keyboard it is a grid: one stop for Tab, arrows move in it.
 */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Report, type Run, VERDICTS, countVerdicts } from "./data";
import { type Place, placeHref, withParams } from "./place";
import { type CaseRow, type Cell, type Column, filterRows, makeTable, readFilter } from "./table";
import { SHORT, SIGNS } from "./words";

const OVERSCAN = 12;

export const runKey = (run: Run) =>
  `${run.result}/${run.id}@${run.lab}@${run.family}${run.repeat > 1 ? `#${run.repeat}` : ""}`;

export const runHref = (run: Run, place: Place) => {
  const params = new URLSearchParams(place.params);
  params.delete("row");
  return placeHref({ view: "run", run: runKey(run), params });
};

export function useNarrow(): boolean {
  const query = "(max-width: 700px)";
  const [narrow, setNarrow] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const changed = () => setNarrow(list.matches);
    list.addEventListener("change", changed);
    return () => list.removeEventListener("change", changed);
  }, []);
  return narrow;
}

type Item = { kind: "topic"; topic: string; rows: CaseRow[] } | { kind: "case"; row: CaseRow };

function itemsOf(rows: CaseRow[]): Item[] {
  const items: Item[] = [];
  for (let i = 0; i < rows.length; ) {
    const topic = rows[i]!.topic;
    const from = i;
    while (i < rows.length && rows[i]!.topic === topic) i++;
    items.push({ kind: "topic", topic, rows: rows.slice(from, i) });
    for (const row of rows.slice(from, i)) items.push({ kind: "case", row });
  }
  return items;
}

function cellText(cell: Cell): string {
  const same = cell.runs.filter((run) => run.verdict === cell.verdict).length;
  if (cell.runs.length === 1) return "";
  return same === cell.runs.length ? ` ×${same}` : ` ${same}/${cell.runs.length}`;
}

function cellLabel(column: Column, cell: Cell): string {
  const counts = countVerdicts(cell.runs);
  const list = VERDICTS.filter((verdict) => counts[verdict]).map((verdict) => `${counts[verdict]} ${verdict}`);
  return `${column.name} ${column.note}: ${cell.runs.length > 1 ? list.join(", ") : cell.verdict}`;
}

interface GridProps {
  items: Item[];
  columns: Column[];
  place: Place;
  narrow: boolean;
  go: (place: Place, how?: "replace") => void;
}

function Grid({ items, columns, place, narrow, go }: GridProps) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [focus, setFocus] = useState<{ item: number; column: number }>({ item: 0, column: 0 });
  const wanted = useRef(false);
  const ROW = narrow ? 68 : 33;
  const HEAD = narrow ? 40 : 48;

  useLayoutEffect(() => {
    const element = box.current!;
    let due = 0;
    const scrolled = () => {
      due ||= requestAnimationFrame(() => {
        due = 0;
        setTop(element.scrollTop);
      });
    };
    const sizes = new ResizeObserver(() => setHeight(element.clientHeight));
    sizes.observe(element);
    element.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      sizes.disconnect();
      element.removeEventListener("scroll", scrolled);
    };
  }, []);

  useEffect(() => {
    performance.mark("shown");
  }, []);

  // Where one was, after coming back from a case.
  useLayoutEffect(() => {
    const id = place.params.get("row");
    const item = id ? items.findIndex((entry) => entry.kind === "case" && entry.row.id === id) : -1;
    if (item > 0) {
      box.current!.scrollTop = Math.max(0, item * ROW - 120);
      setFocus({ item, column: 0 });
    } else box.current!.scrollTop = Math.min(box.current!.scrollTop, items.length * ROW);
  }, [items]);

  // Before the next key is handled: a fast typist's Enter belongs to the cell that the arrow reached.
  useLayoutEffect(() => {
    if (!wanted.current) return;
    wanted.current = false;
    box.current!.querySelector<HTMLElement>('[tabindex="0"]')?.focus({ preventScroll: true });
  }, [focus, top]);

  const active = Math.min(focus.item, items.length - 1);
  const moveTo = (item: number, column: number) => {
    const element = box.current!;
    const to = Math.max(0, Math.min(items.length - 1, item));
    const y = to * ROW;
    if (y < element.scrollTop) element.scrollTop = y;
    else if (y + ROW + HEAD > element.scrollTop + element.clientHeight)
      element.scrollTop = y + ROW + HEAD - element.clientHeight;
    wanted.current = true;
    setTop(element.scrollTop);
    setFocus({ item: to, column: Math.max(0, Math.min(columns.length, column)) });
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor((height - HEAD) / ROW) - 1);
    const steps: Record<string, [number, number]> = {
      ArrowDown: [active + 1, focus.column],
      ArrowUp: [active - 1, focus.column],
      ArrowRight: [active, focus.column + 1],
      ArrowLeft: [active, focus.column - 1],
      PageDown: [active + page, focus.column],
      PageUp: [active - page, focus.column],
      Home: [0, focus.column],
      End: [items.length - 1, focus.column],
    };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    moveTo(...step);
  };

  const first = Math.max(0, Math.floor(top / ROW) - OVERSCAN);
  const last = Math.min(items.length, Math.ceil((top + height) / ROW) + OVERSCAN);
  const shown: number[] = [];
  for (let i = first; i < last; i++) shown.push(i);
  if (active >= 0 && (active < first || active >= last)) shown.push(active);

  const stop = (item: number, column: number) => (item === active && column === focus.column ? 0 : -1);
  const opened = (item: Item) => () => {
    if (item.kind === "case") go(withParams(place, { row: item.row.id }), "replace");
  };

  const renderRow = (index: number) => {
    const item = items[index]!;
    const style = { top: `${index * ROW}px`, height: `${ROW}px` };
    if (item.kind === "topic") {
      const counts = countVerdicts(item.rows.flatMap((row) => row.cells.flatMap((cell) => cell?.runs ?? [])));
      return (
        <div role="row" aria-rowindex={index + 2} class="row topic" style={style} key={`t ${item.topic}`}>
          <div role="rowheader" class="name" tabIndex={index === active ? 0 : -1}>
            <strong>{item.topic}</strong>
            <span class="quiet"> {item.rows.length} {item.rows.length === 1 ? "case" : "cases"}</span>
            {VERDICTS.map((verdict) =>
              counts[verdict] ? <span class={`count v-${verdict}`} key={verdict}>{SIGNS[verdict]} {counts[verdict]} {SHORT[verdict]}</span> : null,
            )}
          </div>
        </div>
      );
    }
    const row = item.row;
    const target = row.cells.find((cell) => cell && cell.verdict === worstOf(row))!;
    return (
      <div role="row" aria-rowindex={index + 2} class="row" style={style} key={row.id}>
        <div role="rowheader" class="name">
          <a href={runHref(target.shown, place)} tabIndex={stop(index, 0)} onClick={opened(item)} title={row.title}>
            <span class="id">{row.id.slice(row.topic.length + 1) || row.id}</span>
            <span class="title">{row.title}</span>
          </a>
        </div>
        <div class="cells" role="presentation">
          {row.cells.map((cell, column) => (
            <div role="gridcell" class="cell" key={column}>
              {cell ? (
                <a
                  class={`v-${cell.verdict}`}
                  href={runHref(cell.shown, place)}
                  tabIndex={stop(index, column + 1)}
                  onClick={opened(item)}
                >
                  <span aria-hidden="true">{SIGNS[cell.verdict]} {SHORT[cell.verdict]}{cellText(cell)}</span>
                  <span class="unseen">{cellLabel(columns[column]!, cell)}</span>
                </a>
              ) : (
                <span class="none" tabIndex={stop(index, column + 1)}>
                  <span aria-hidden="true">·</span>
                  <span class="unseen">not there</span>
                </span>
              )}
            </div>
          ))}
        </div>
      </div>
    );
  };

  return (
    <div
      class="grid" role="grid" aria-label="Verdicts by case and stack" ref={box} onKeyDown={onKeyDown}
      aria-rowcount={items.length + 1} aria-colcount={columns.length + 1}
      style={{ "--columns": columns.length, "--rows-height": `${items.length * ROW + HEAD}px` }}
    >
      <div role="row" aria-rowindex={1} class="row head">
        <div role="columnheader" class="name">case</div>
        <div class="cells" role="presentation">
          {columns.map((column) => (
            <div role="columnheader" class="cell" key={column.key}>
              <span class="stack" title={column.name}>{column.name}</span>
              {column.note ? <span class="quiet">{column.note}</span> : null}
            </div>
          ))}
        </div>
      </div>
      <div class="body" role="presentation" style={{ height: `${items.length * ROW}px` }}>
        {shown.map(renderRow)}
      </div>
    </div>
  );
}

function worstOf(row: CaseRow) {
  let at = VERDICTS.length - 1;
  for (const cell of row.cells) if (cell) at = Math.min(at, VERDICTS.indexOf(cell.verdict));
  return VERDICTS[at];
}

export function Matrix({ report, place, go }: { report: Report; place: Place; go: (place: Place, how?: "replace") => void }) {
  const narrow = useNarrow();
  const columnsBy = place.params.get("columns") ?? (report.results.length === 1 && !narrow ? "lab" : "stack");
  const table = useMemo(() => makeTable(report, columnsBy === "lab"), [report, columnsBy]);
  const counts = useMemo(() => countVerdicts(report.runs), [report]);
  const params = place.params.toString();
  const filter = useMemo(() => readFilter(place.params), [params]);
  const filterKey = params.replace(/(^|&)row=[^&]*/, "");
  const rows = useMemo(() => filterRows(table, filter), [table, filterKey]);
  const items = useMemo(() => itemsOf(rows), [rows]);
  const change = (changes: Record<string, string | null>) => go(withParams(place, { row: null, ...changes }), "replace");
  const toggle = (verdict: (typeof VERDICTS)[number]) => {
    const next = new Set(filter.verdicts);
    if (!next.delete(verdict)) next.add(verdict);
    change({ verdict: VERDICTS.filter((one) => next.has(one)).join(",") });
  };
  const filtered = filterKey.replace(/(^|&)columns=[^&]*/, "") !== "";

  return (
    <section aria-labelledby="matrix-title">
      <h2 id="matrix-title">Cases</h2>
      <div class="filters" role="search" aria-label="Filter cases">
        <fieldset>
          <legend>verdict</legend>
          {[...VERDICTS].reverse().map((verdict) =>
            counts[verdict] ? (
              <button
                type="button" key={verdict} class={`v-${verdict}`} aria-pressed={filter.verdicts.has(verdict)}
                onClick={() => toggle(verdict)}
              >
                <span aria-hidden="true">{SIGNS[verdict]} </span>{verdict} {counts[verdict]}
              </button>
            ) : null,
          )}
        </fieldset>
        <label>
          topic{" "}
          <select value={filter.topic} onChange={(event) => change({ topic: event.currentTarget.value })}>
            <option value="">all</option>
            {table.topics.map((topic) => <option key={topic}>{topic}</option>)}
          </select>
        </label>
        <label>
          text{" "}
          <input
            type="search" value={filter.text} placeholder="id, title, RFC…"
            onInput={(event) => change({ q: event.currentTarget.value })}
          />
        </label>
        <label class="check">
          <input
            type="checkbox" checked={filter.differs}
            onChange={(event) => change({ differs: event.currentTarget.checked ? "1" : null })}
          />
          differs
        </label>
        <label>
          columns{" "}
          <select value={columnsBy} onChange={(event) => change({ columns: event.currentTarget.value })}>
            <option value="stack">stack</option>
            <option value="lab">stack, lab, family</option>
          </select>
        </label>
        {filtered ? (
          <button type="button" onClick={() => change({ verdict: null, topic: null, q: null, differs: null })}>
            clear
          </button>
        ) : null}
        <span class="quiet" role="status">
          {rows.length === table.rows.length ? `${rows.length} cases` : `${rows.length} of ${table.rows.length} cases`}
        </span>
      </div>
      {items.length ? (
        <Grid items={items} columns={table.columns} place={place} narrow={narrow} go={go} />
      ) : (
        <p>No case fits these filters.</p>
      )}
    </section>
  );
}
