/* What the RFCs ask for, RFC by RFC, and which cases of this report hold it. */
import { useMemo } from "preact/hooks";
import { type Report, type Requirement, type Run, type Verdict, VERDICTS, resultName, worst } from "./data";
import { runHref } from "./matrix";
import { type Place, withParams } from "./place";
import { Badge, SIGNS } from "./words";

interface Held {
  requirement: Requirement;
  rfc: string;
  runs: Run[]; // the worst of each case and result
  byResult: (Verdict | null)[];
  verdict: Verdict | null;
}

const rfcOf = (one: Requirement) => {
  const found = /^R(\d{3,5})-/.exec(one.id) ?? /RFC\s*(\d{3,5})/.exec(one.section);
  return found ? `RFC ${found[1]}` : "RFC 9293";
};

function hold(report: Report): Held[] {
  const byCase = new Map<object, Run[]>();
  for (const run of report.runs) {
    if (!run.case_) continue;
    const list = byCase.get(run.case_);
    if (list) list.push(run);
    else byCase.set(run.case_, [run]);
  }
  return report.requirements.map((requirement) => {
    const all = requirement.cases.flatMap((index) => byCase.get(report.cases[index]!) ?? []);
    const picked = new Map<string, Run>();
    for (const run of all) {
      const key = `${run.result} ${run.id.replace(/\[.*/, "")}`;
      const before = picked.get(key);
      if (!before || VERDICTS.indexOf(run.verdict) < VERDICTS.indexOf(before.verdict)) picked.set(key, run);
    }
    const byResult = report.results.map((_, result) =>
      worst(all.filter((run) => run.result === result).map((run) => run.verdict)));
    return { requirement, rfc: rfcOf(requirement), runs: [...picked.values()], byResult,
             verdict: worst(all.map((run) => run.verdict)) };
  });
}

function Bar({ held }: { held: Held[] }) {
  const testable = held.filter((one) => one.requirement.testable);
  const covered = testable.filter((one) => one.verdict);
  const good = covered.filter((one) => one.verdict === "pass" || one.verdict === "variant");
  const percent = (count: number) => `${testable.length ? (100 * count) / testable.length : 0}%`;
  return (
    <div class="coverage">
      <div class="track" aria-hidden="true">
        <span class="good" style={{ width: percent(good.length) }} />
        <span class="other" style={{ width: percent(covered.length - good.length) }} />
      </div>
      <span>{covered.length} of {testable.length} testable held here, {good.length} of them well
        {held.length > testable.length ? `; ${held.length - testable.length} cannot be seen from outside` : ""}</span>
    </div>
  );
}

export function Requirements({ report, place, go }: { report: Report; place: Place; go: (place: Place, how?: "replace") => void }) {
  const held = useMemo(() => hold(report), [report]);
  const text = place.params.get("rq") ?? "";
  const only = place.params.get("rshow") ?? "";
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = held.filter(({ requirement: one, verdict }) =>
    words.every((word) => `${one.id} ${one.level} ${one.section} ${one.text}`.toLowerCase().includes(word)) &&
    (!only || (only === "held" ? verdict !== null : only === "open" ? one.testable && verdict === null
      : verdict !== null && verdict !== "pass" && verdict !== "variant")));
  const rfcs = [...new Set(shown.map((one) => one.rfc))];
  if (!held.length)
    return (
      <section>
        <h2 id="title" tabIndex={-1}>Requirements</h2>
        <p>This report was made without the table of requirements (docs/requirements.tsv): name it with <code>--requirements</code>.</p>
      </section>
    );
  return (
    <section>
      <h2 id="title" tabIndex={-1}>Requirements</h2>
      <p>What the RFCs ask for, and the cases of this report that hold it. A case holds a requirement if a stack that did the
        opposite would make it fail; the verdict is the worst of those cases' runs.</p>
      <div class="filters" role="search" aria-label="Filter requirements">
        <label>text <input type="search" value={text} placeholder="MUST-13, TIME-WAIT…"
          onInput={(event) => go(withParams(place, { rq: event.currentTarget.value }), "replace")} /></label>
        <label>show <select value={only} onChange={(event) => go(withParams(place, { rshow: event.currentTarget.value }), "replace")}>
          <option value="">all</option><option value="held">held</option><option value="open">not held, testable</option><option value="bad">held, not passing</option>
        </select></label>
        <span class="quiet" role="status">{shown.length} of {held.length}</span>
      </div>
      {rfcs.map((rfc) => {
        const rows = shown.filter((one) => one.rfc === rfc);
        return (
          <section key={rfc} class="rfc" aria-label={rfc}>
            <h3>{rfc}</h3>
            <Bar held={held.filter((one) => one.rfc === rfc)} />
            <div class="scroll" tabIndex={0} role="region" aria-label={`Requirements of ${rfc}`}>
              <table>
                <thead>
                  <tr><th scope="col">requirement</th><th scope="col">asks</th>
                    {report.results.map((_, i) => <th scope="col" key={i}>{resultName(report, i)}</th>)}
                    <th scope="col">held by</th></tr>
                </thead>
                <tbody>
                  {rows.map(({ requirement: one, runs, byResult }) => (
                    <tr key={one.id}>
                      <th scope="row">{one.id}<div class="quiet">{one.level}, {one.section}</div></th>
                      <td>{one.text}</td>
                      {byResult.map((verdict, i) => (
                        <td key={i}>{verdict ? <Badge verdict={verdict} /> : <span class="quiet">{one.cases.length ? "not run" : one.testable ? "not held" : "not testable"}</span>}</td>
                      ))}
                      <td><ul class="holders">{runs.map((run) => (
                        <li key={run.number}><a class={`v-${run.verdict}`} href={runHref(run, place)}>
                          <span aria-hidden="true">{SIGNS[run.verdict]} </span>{run.id.replace(/\[.*/, "")}
                          <span class="unseen"> {run.verdict}</span></a></li>
                      ))}</ul></td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </section>
        );
      })}
    </section>
  );
}
