/*
 * The run as a sequence diagram. A row is an option of a list box: hover, arrows or touch choose
 * one, and all that is known of it stands beside the diagram.
 */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Detail, LadderRow, Statement } from "./data";
import { fieldsOf } from "./fields";
import { type Layout, LINE, type Placed, layOut } from "./layout";
import { ms } from "./words";

const SLOPE = 9;

export function useWidth(): [(element: HTMLElement | null) => void, number] {
  const [element, setElement] = useState<HTMLElement | null>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!element) return;
    setWidth(element.clientWidth);
    const sizes = new ResizeObserver(() => setWidth(element.clientWidth));
    sizes.observe(element);
    return () => sizes.disconnect();
  }, [element]);
  return [setElement, width];
}

function what(row: LadderRow, detail: Detail): string {
  const who = row.at === "left" ? detail.left.name : row.at === "right" ? detail.right.name : "";
  const kind = row.event?.kind ?? "rows";
  if (row.at !== "arrow") return `${who} ${kind === "mark" ? "" : kind} ${row.text}`.trim();
  const [from, to] = row.right ? [detail.left.name, detail.right.name] : [detail.right.name, detail.left.name];
  const lost = row.way === "lost" ? ", lost on the way" : "";
  return `segment from ${from} to ${to}: ${row.text}${lost}`;
}

function label(placed: Placed, detail: Detail): string {
  const mark = placed.mark ? `; line ${placed.mark.lines.join(" ").slice(1)}: ${placed.mark.how}` : "";
  return `${ms(placed.row.us)} ms, ${what(placed.row, detail)}${mark}`;
}

function Lines({ lines, x, y, anchor = "start", cls }: { lines: string[]; x: number; y: number; anchor?: string; cls?: string }) {
  return (
    <text x={x} y={y} text-anchor={anchor} class={cls}>
      {lines.map((line, i) => <tspan x={x} y={y + i * LINE} key={i}>{line}</tspan>)}
    </text>
  );
}

function Head({ x, y, right }: { x: number; y: number; right: boolean }) {
  const back = right ? -9 : 9;
  return <path class="arrowhead" d={`M${x} ${y}l${back} -4.5v9z`} />;
}

function Arrow({ placed, at }: { placed: Placed; at: Layout }) {
  const { row, base, lines } = placed;
  const right = Boolean(row.right);
  const [from, to] = right ? [at.left, at.right] : [at.right, at.left];
  const step = right ? 1 : -1;
  const middle = (at.left + at.right) / 2;
  const textY = base - 4 - (lines.length - 1) * LINE;
  const kind = /RST/.test(row.event?.flags ?? "") ? "rst" : row.event?.kind === "segment" && row.event.icmp_type !== undefined ? "icmp" : "";
  let line = <path class="wire" d={`M${from} ${base}L${to - step * 6} ${base + SLOPE}`} />;
  let head = <Head x={to - step * 2} y={base + SLOPE} right={right} />;
  let anchor = "middle";
  let x = middle;
  if (row.way === "lost") {
    const end = from + step * Math.abs(to - from) * 0.72;
    line = <path class="wire" d={`M${from} ${base}L${end} ${base + 6}`} />;
    head = <path class="lost" d={`M${end - 6} ${base}l12 12m0 -12l-12 12`} />;
  } else if (row.way === "leaves") {
    // The rest of its way is drawn below all rows: it passes others.
    line = <path class="wire" d={`M${from} ${base}l${step * 22} 3`} />;
    head = <path class="arrowhead" d="" />;
    anchor = right ? "start" : "end";
    x = from + step * 12;
  } else if (row.way === "arrives") {
    line = <path class="wire near" d={`M${to - step * 40} ${base}L${to - step * 6} ${base}`} />;
    head = <Head x={to - step * 2} y={base} right={right} />;
    anchor = right ? "end" : "start";
    x = to - step * 12;
  }
  return (
    <g class={`segment ${kind}`}>
      {line}
      {head}
      <Lines lines={row.way === "lost" ? [...lines.slice(0, -1), `${lines[lines.length - 1]} lost`] : lines} x={x} y={textY} anchor={anchor} cls="halo" />
    </g>
  );
}

/* A segment that is on its way for longer than a row. */
function Passage({ placed, at }: { placed: Placed; at: Layout }) {
  if (placed.pairY === undefined) return null;
  const [from, to] = placed.row.right ? [at.left, at.right] : [at.right, at.left];
  return <path class="wire far" d={`M${from} ${placed.base}L${to} ${placed.pairY}`} />;
}

function State({ placed, at }: { placed: Placed; at: Layout }) {
  const text = placed.lines[0] ?? "";
  const width = text.length * 7.25 + 18;
  const rail = placed.row.at === "left" ? at.left : at.right;
  const x = at.wide ? rail - width / 2 : placed.row.at === "left" ? rail - 4 : rail - width + 4;
  return (
    <g class={`state ${placed.row.at}`}>
      <rect x={x} y={placed.y + 3} width={width} height={21} rx={10.5} />
      <text x={x + width / 2} y={placed.base + 2} text-anchor="middle">{text}</text>
    </g>
  );
}

function Call({ placed, at }: { placed: Placed; at: Layout }) {
  const isLeft = placed.row.at === "left";
  const rail = isLeft ? at.left : at.right;
  const outward = isLeft ? -1 : 1;
  const x = at.wide ? rail + outward * 12 : rail - outward * 10;
  const anchor = at.wide === isLeft ? "end" : "start";
  return (
    <g class="call">
      <circle cx={rail} cy={placed.base - 4} r={4} />
      <Lines lines={placed.lines} x={x} y={placed.base} anchor={anchor} cls="halo" />
    </g>
  );
}

function Across({ placed, at }: { placed: Placed; at: Layout }) {
  const y = placed.base - 4;
  return (
    <g class="across">
      <path d={`M${at.left} ${y}H${at.right}`} />
      <Lines lines={placed.lines} x={(at.left + at.right) / 2} y={placed.base} anchor="middle" cls="halo" />
    </g>
  );
}

function Mark({ placed, at }: { placed: Placed; at: Layout }) {
  const mark = placed.mark!;
  const y = at.wide ? placed.base - (placed.row.at === "arrow" ? (placed.lines.length - 1) * LINE : 0)
    : placed.y + placed.height - mark.lines.length * LINE + 8;
  const x = at.wide ? at.expect : at.left + 10;
  return (
    <g class={`mark how-${mark.how}`}>
      <text x={x} y={y} class="sign">{mark.sign}</text>
      <Lines lines={mark.lines} x={x + 16} y={y} cls="halo" />
    </g>
  );
}

function Fields({ row, detail, mark, close }: { row: LadderRow; detail: Detail; mark: Placed["mark"]; close: (() => void) | null }) {
  return (
    <div class="fields">
      {close ? <button type="button" class="close" onClick={close}>close</button> : null}
      <h3>{ms(row.us)} ms: {what(row, detail)}</h3>
      <dl>
        {fieldsOf(row).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        {mark ? (
          <div>
            <dt>the case says</dt>
            <dd>{mark.sign} {mark.lines.join(" ")} ({mark.how})</dd>
          </div>
        ) : null}
      </dl>
    </div>
  );
}

export function Ladder({ detail, plan }: { detail: Detail; plan: Statement[] }) {
  const [box, width] = useWidth();
  const at = useMemo(() => (width ? layOut(detail, plan, width) : null), [detail, plan, width]);
  const start = detail.fault_row !== undefined && detail.fault_row >= 0 ? detail.fault_row : 0;
  const [active, setActive] = useState(start);
  const [asked, setAsked] = useState(false); // on a small screen the fields would hide the ladder
  useLayoutEffect(() => setActive(start), [detail]);
  const svg = useRef<SVGSVGElement>(null);

  const choose = (index: number, focus: boolean) => {
    const next = Math.max(0, Math.min(detail.rows.length - 1, index));
    setActive(next);
    setAsked(true);
    if (!focus) return;
    const option = svg.current?.querySelector<SVGGElement>(`[data-row="${next}"]`);
    option?.focus();
    option?.scrollIntoView({ block: "nearest" });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + 10, PageUp: active - 10,
      Home: 0, End: detail.rows.length - 1,
    };
    const step = steps[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    choose(step, true);
  };

  const row = detail.rows[active];
  return (
    <div class="ladder">
      <div class="drawing" ref={box}>
        {at ? (
          <svg
            ref={svg} width={at.width} height={at.height} viewBox={`0 0 ${at.width} ${at.height}`} role="listbox"
            aria-label={`Calls, segments and states of ${detail.left.name} and ${detail.right.name} in order of time`}
            onKeyDown={onKeyDown}
          >
            <g aria-hidden="true">
              <path class="rail" d={`M${at.left} ${at.top - 8}V${at.height - 10}`} />
              <path class="rail" d={`M${at.right} ${at.top - 8}V${at.height - 10}`} />
              <text class="end" x={at.left} y={20} text-anchor={at.wide ? "middle" : "start"}>{detail.left.name}</text>
              <text class="end" x={at.right} y={20} text-anchor={at.wide ? "middle" : "end"}>{detail.right.name}</text>
              <text class="quiet" x={at.wide ? 66 : 40} y={20} text-anchor="end">ms</text>
              {at.wide ? <text class="quiet" x={at.expect} y={20}>what the case says</text> : null}
              {at.gaps.map((gap) => (
                <g class="gap" key={gap.y}>
                  {[at.left, at.right].map((x) => <path key={x} d={`M${x} ${gap.y - 9}l5 4l-10 4l10 4l-10 4l5 4`} />)}
                  <text x={(at.left + at.right) / 2} y={gap.y + 5} text-anchor="middle">{gap.text}</text>
                </g>
              ))}
            </g>
            <g aria-hidden="true">{at.placed.map((placed) => <Passage placed={placed} at={at} key={placed.index} />)}</g>
            {at.placed.map((placed) => (
              <g
                key={placed.index} role="option" data-row={placed.index} tabIndex={placed.index === active ? 0 : -1}
                aria-selected={placed.index === active}
                class={`step${placed.index === active ? " active" : ""}${placed.row.fault || placed.mark?.how === "failed" ? " fault" : ""}`}
                onMouseEnter={() => choose(placed.index, false)} onFocus={() => setActive(placed.index)}
                onClick={() => choose(placed.index, true)}
              >
                <text class="said" x={0} y={placed.base}>{label(placed, detail)}</text>
                <g aria-hidden="true">
                <rect class="back" x={1} y={placed.y + 1} width={at.width - 2} height={placed.height - 2} rx={4} />
                <text class="time" x={at.wide ? 66 : 40} y={placed.base} text-anchor="end">
                  {at.wide ? ms(placed.row.us) : (placed.row.us / 1000).toFixed(1)}
                </text>
                {placed.row.at === "arrow" ? <Arrow placed={placed} at={at} />
                  : placed.row.at === "across" ? <Across placed={placed} at={at} />
                  : placed.row.event?.kind === "state" ? <State placed={placed} at={at} />
                  : <Call placed={placed} at={at} />}
                {placed.mark ? <Mark placed={placed} at={at} /> : null}
                </g>
              </g>
            ))}
            {at.band ? (
              <g class="band" aria-hidden="true">
                <rect x={2} y={at.band.y} width={at.width - 4} height={at.band.height} rx={6} />
                {at.band.lines.map((line, i) => (
                  <g key={i}>
                    <text x={12} y={at.band!.y + 20 + i * LINE} class="label">{line.label}</text>
                    <text x={i ? 84 : 12} y={at.band!.y + 20 + i * LINE} class={i ? "" : "label"}>{line.text}</text>
                  </g>
                ))}
              </g>
            ) : null}
          </svg>
        ) : null}
      </div>
      {row && at && (at.wide || asked) ? (
        <Fields row={row} detail={detail} mark={at.placed[active]?.mark ?? null} close={at.wide ? null : () => setAsked(false)} />
      ) : null}
    </div>
  );
}
