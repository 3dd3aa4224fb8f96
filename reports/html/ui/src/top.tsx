/* What was run, on what, what became of it, and what did not pass. */
import { type Report, type Run, VERDICTS, countVerdicts, resultName, runName } from "./data";
import { runHref } from "./matrix";
import type { Place } from "./place";
import { MEANINGS, SIGNS, quoted } from "./words";

const SHOWN = 12;

function Totals({ runs }: { runs: Run[] }) {
  const counts = countVerdicts(runs);
  const there = [...VERDICTS].reverse().filter((verdict) => counts[verdict]);
  return (
    <>
      <div class="totals" aria-hidden="true">
        {there.map((verdict) => <span key={verdict} class={`v-${verdict}`} style={{ flexGrow: counts[verdict] }} />)}
      </div>
      <ul class="counts">
        {there.map((verdict) => (
          <li key={verdict} title={MEANINGS[verdict]}><span class={`badge v-${verdict}`}><span aria-hidden="true">{SIGNS[verdict]} </span>{counts[verdict]} {verdict}</span></li>
        ))}
      </ul>
    </>
  );
}

function Stack({ report, index }: { report: Report; index: number }) {
  const { head, dir } = report.results[index]!;
  const runs = report.runs.filter((run) => run.result === index);
  const machine = head.machine;
  return (
    <section class="stack" aria-label={resultName(report, index)}>
      <h2>{resultName(report, index)}</h2>
      <p>
        {runs.length} {runs.length === 1 ? "run" : "runs"} of {new Set(runs.map((run) => run.id)).size} cases in {(head.wall_ms / 1000).toFixed(1)} s
        {head.started ? <>, begun <time dateTime={head.started}>{head.started.replace("T", " ").replace("Z", " UTC")}</time></> : null}
        {head.finished ? "" : "; interrupted, what follows is what was finished"}
      </p>
      <Totals runs={runs} />
      <p class="quiet">
        {machine.sysname} {machine.release} {machine.arch}, {machine.hostname}, {machine.cpus} processors, {machine.privileged ? "as root" : "without root"}
        {machine.clock === "virtual" ? ", on a virtual clock" : ""}{head.appliance ? `; through ${head.appliance}` : ""}
        {head.judged_as ? `; measured on ${head.stack.name}, judged as ${head.judged_as}` : ""}; results in {dir}
      </p>
      <p><code class="ran">{head.command.map(quoted).join(" ")}</code></p>
      {head.notes.map((note) => <p class="note" key={note}>Note: {note}</p>)}
    </section>
  );
}

export function Top({ report, place }: { report: Report; place: Place }) {
  const bad = report.runs
    .filter((run) => VERDICTS.indexOf(run.verdict) < VERDICTS.indexOf("skip"))
    .sort((a, b) => VERDICTS.indexOf(a.verdict) - VERDICTS.indexOf(b.verdict));
  return (
    <>
      <div class="stacks">{report.results.map((_, index) => <Stack report={report} index={index} key={index} />)}</div>
      {report.full ? <p class="note">Not every ladder found room in this report; those of runs that pass were left out first.</p> : null}
      <section class="failed" aria-labelledby="failed-title">
        <h2 id="failed-title">{bad.length ? "What did not pass" : "Nothing failed"}</h2>
        {bad.length ? (
          <ul>
            {bad.slice(0, SHOWN).map((run) => (
              <li key={run.number}>
                <a href={runHref(run, place)}><span class={`badge v-${run.verdict}`}><span aria-hidden="true">{SIGNS[run.verdict]} </span>{run.verdict}</span> {runName(run)}</a>
                {report.results.length > 1 ? <span class="quiet"> on {resultName(report, run.result)}</span> : null}
                <div>{run.expected && run.seen ? <>expected {run.expected}, seen {run.seen}</> : run.reason}</div>
              </li>
            ))}
            {bad.length > SHOWN ? <li class="quiet">and {bad.length - SHOWN} more: choose their verdict below</li> : null}
          </ul>
        ) : <p>Every run that was judged did what is expected of its stack.</p>}
      </section>
    </>
  );
}
