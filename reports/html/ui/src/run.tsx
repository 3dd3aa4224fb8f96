/* One run of one case: what it is about, what happened, who expects what, how to see it again. */
import { useEffect, useMemo, useState } from "preact/hooks";
import {
  type Case, type Detail, type Report, type Run, VERDICTS, countVerdicts, loadCapture, loadDetail, resultName, runName,
} from "./data";
import { Ladder } from "./ladder";
import { runHref, runKey } from "./matrix";
import { type Place, placeHref } from "./place";
import { States } from "./states";
import { Badge, MEANINGS, SIGNS, quoted, specHref } from "./words";

function Spec({ spec, place, known }: { spec: string; place: Place; known: boolean }) {
  const href = specHref(spec);
  const params = new URLSearchParams(place.params);
  params.set("rq", spec.replace(/^RFC9293:/, ""));
  return (
    <li>
      {known ? <a href={placeHref({ view: "requirements", params })}>{spec}</a> : spec}
      {href ? <> <a class="quiet" href={href} rel="noreferrer">text</a></> : null}
    </li>
  );
}

function Command({ label, words }: { label: string; words: string }) {
  const [said, say] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(words);
      say("copied");
    } catch {
      say("select it and copy it");
    }
  };
  return (
    <div class="command">
      <span class="quiet">{label}</span>
      <code tabIndex={0}>{words}</code>
      <button type="button" onClick={copy} aria-label={`copy: ${words}`}>copy</button>
      <span role="status" class="quiet">{said}</span>
    </div>
  );
}

function Capture({ run, report }: { run: Run; report: Report }) {
  const name = `${run.dir.replace(/^cases\//, "").replace(/[^\w@.-]+/g, "_")}.pcapng`;
  const link = report.results[run.result]!.link;
  const save = async () => {
    const blob = await loadCapture(run);
    if (!blob) return;
    const url = URL.createObjectURL(blob);
    const anchor = Object.assign(document.createElement("a"), { href: url, download: name });
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  if (run.capture >= 0)
    return <button type="button" onClick={save}>Download the capture (pcapng)</button>;
  if (link && run.chunk >= 0) {
    const path = `${link}/${run.dir.split("/").map(encodeURIComponent).join("/")}/capture.pcapng`;
    return <p>The capture is beside this report: <a href={path} download={name}>{path}</a></p>;
  }
  return <p class="quiet">The capture is not in this report.</p>;
}

/* The case as it is written, with what became of each line. */
function Source({ source, detail, plan }: { source: Case; detail: Detail | null; plan: Report["plans"][number] }) {
  const marks = useMemo(() => {
    const made = new Map<number, string>();
    plan.forEach((statement, at) => {
      const how = detail?.lines[at]?.how ?? "done";
      const before = made.get(statement.line);
      const order = ["failed", "unknown", "not-reached", "unwatched", "variant", "done"];
      if (!before || order.indexOf(how) < order.indexOf(before)) made.set(statement.line, how);
    });
    return made;
  }, [detail, plan]);
  const signs: Record<string, string> = { done: "✓", variant: "≈", failed: "✗", unwatched: "–", unknown: "?", "not-reached": "·" };
  return (
    <pre class="source" tabIndex={0} aria-label="The case file">
      {source.text.replace(/\n$/, "").split("\n").map((line, i) => {
        const how = detail ? marks.get(i + 1) : undefined;
        return (
          <div class={how ? `how-${how}` : ""} key={i}>
            <span class="number" aria-hidden="true">{i + 1}</span>
            <span class="sign" title={how}>{how ? signs[how] : " "}{how && how !== "done" ? <span class="unseen"> {how}: </span> : null}</span>
            {line}
          </div>
        );
      })}
    </pre>
  );
}

function Differs({ source }: { source: Case }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Who expects what">
      <table>
        <thead>
          <tr><th scope="col">stack</th><th scope="col">line</th><th scope="col">is expected to do</th><th scope="col">instead of</th><th scope="col">how we know</th></tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">every other</th>
            <td>all</td>
            <td>what the case says</td>
            <td />
            <td>{source.spec.join(", ") || "what everyone measured does"}</td>
          </tr>
          {source.differs.map((one) => (
            <tr key={`${one.at} ${one.stacks}`}>
              <th scope="row">{one.stacks}</th>
              <td>{one.at}</td>
              <td><code>{one.expects}{one.block ? " …" : ""}</code>{one.why ? <div>{one.why}</div> : null}</td>
              <td>{one.line ? <code>{one.line.replace(/\s+/g, " ")}</code> : "another conversation"}</td>
              <td>{one.kind ? <><strong>{one.kind}</strong> {one.source}</> : "no source"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Siblings({ report, run, place }: { report: Report; run: Run; place: Place }) {
  const all = report.runs.filter((other) => other.id === run.id);
  if (all.length < 2) return null;
  const groups = report.results.map((_, result) => all.filter((other) => other.result === result));
  return (
    <nav class="siblings" aria-label="Runs of this case">
      {groups.map((runs, result) =>
        runs.length ? (
          <div key={result}>
            <span class="quiet">{resultName(report, result)}</span>
            <ul>
              {runs.slice(0, 60).map((other) => (
                <li key={other.number}>
                  <a class={`v-${other.verdict}`} href={runHref(other, place)} aria-current={other === run ? "page" : undefined}>
                    <span aria-hidden="true">{SIGNS[other.verdict]} </span><span class="unseen">{other.verdict} </span>{other.lab} {other.family}{other.repeat > 1 ? ` #${other.repeat}` : ""}
                  </a>
                </li>
              ))}
              {runs.length > 60 ? <li class="quiet">and {runs.length - 60} more: {
                VERDICTS.filter((verdict) => countVerdicts(runs.slice(60))[verdict])
                  .map((verdict) => `${countVerdicts(runs.slice(60))[verdict]} ${verdict}`).join(", ")}</li> : null}
            </ul>
          </div>
        ) : null,
      )}
    </nav>
  );
}

function Failure({ run }: { run: Run }) {
  const rows: [string, string | null][] = [
    ["at", run.at], ["expected", run.expected], ["seen", run.seen], ["rule", run.rule], ["blames", run.blames],
  ];
  return (
    <dl class={`failure v-${run.verdict}`}>
      <div><dt>{run.verdict}</dt><dd>{run.reason}</dd></div>
      {rows.map(([name, value]) => (value ? <div key={name}><dt>{name}</dt><dd>{value}</dd></div> : null))}
    </dl>
  );
}

function Setting({ report, run, detail }: { report: Report; run: Run; detail: Detail }) {
  const pins = report.pins[detail.pins] ?? [];
  const watched = (how: string) => (how === "full" ? "all of it" : how === "polled" ? "by polling" : "not");
  return (
    <details>
      <summary>What it ran on</summary>
      <dl class="plain">
        {[detail.left, detail.right].map((end) => (
          <div key={end.name}>
            <dt>{end.name}</dt>
            <dd>{end.api}{end.tcp && end.tcp !== end.api ? ` over ${end.tcp}` : ""}{end.addr ? `, ${end.addr}` : ""}</dd>
          </div>
        ))}
        <div><dt>lab</dt><dd>{run.lab}, {run.family}</dd></div>
        <div><dt>watched</dt><dd>wire: {watched(detail.wire)}; states: {watched(detail.states)}</dd></div>
        <div><dt>started</dt><dd>{new Date(detail.started_ms).toISOString()}, took {run.duration_ms.toFixed(1)} ms</dd></div>
        {pins.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
      </dl>
    </details>
  );
}

/* What of a command says where a case runs, and as what it is judged. */
const KEPT = ["--os", "--client", "--server", "--kernel", "--appliance", "--cases"];

function setting(command: string[]): string[] {
  return command.flatMap((word, at) => {
    const [name = ""] = word.split("=", 1);
    if (!KEPT.includes(name)) return [];
    return word.includes("=") ? [word] : [word, command[at + 1] ?? ""];
  });
}

export function findRun(report: Report, key: string | undefined): Run | null {
  return report.runs.find((run) => runKey(run) === key) ?? null;
}

export function RunView({ report, run, place }: { report: Report; run: Run; place: Place }) {
  const [detail, setDetail] = useState<Detail | null>(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let here = true;
    setDetail(null);
    setTrouble("");
    loadDetail(run).then(
      (found) => here && (found ? setDetail(found) : setTrouble(run.without ??
        "Its ladder found no room in this report. The results folder has it: see the command below.")),
      (error) => here && setTrouble(`Its ladder cannot be unpacked: ${error}`),
    );
    return () => { here = false; };
  }, [run]);

  const source = run.case_;
  const result = report.results[run.result]!;
  const plan = detail ? report.plans[detail.plan] ?? [] : [];
  const again = ["sockproof", "run", run.id.replace(/\[.*/, ""), "--lab", run.lab, "--family", run.family,
                 ...setting(result.head.command)].map(quoted).join(" ");
  const explain = `sockproof explain ${quoted(`${run.id}@${run.lab}@${run.family}`)}${run.repeat > 1 ? ` --repeat ${run.repeat}` : ""} --results ${quoted(result.dir)}`;
  const known = (spec: string) => report.requirements.some((one) => one.cases.some((i) => report.cases[i] === source) &&
    (spec.endsWith(`:${one.id}`) || one.id.endsWith(`-${spec.split(":")[1]}`)));
  const back = placeHref({ view: "matrix", params: withRow(place, run) });
  return (
    <article>
      <p class="crumbs"><a href={back}>← all cases</a> <span class="quiet">{run.topic}</span></p>
      <h2 tabIndex={-1} id="title">{run.title}</h2>
      <p class="which"><Badge verdict={run.verdict} /> <code>{runName(run)}</code> <span class="quiet">on {resultName(report, run.result)}: {MEANINGS[run.verdict]}</span></p>
      {source?.why ? <p class="why"><strong>Why it matters. </strong>{source.why}</p> : null}
      {source?.spec.length ? (
        <div class="sources"><strong>Sources</strong><ul>{source.spec.map((spec) => <Spec spec={spec} place={place} known={known(spec)} key={spec} />)}</ul></div>
      ) : null}
      <Siblings report={report} run={run} place={place} />
      {run.verdict !== "pass" ? <Failure run={run} /> : null}
      {detail && detail.verdict !== run.verdict ? (
        <p class="note">The results say {run.verdict}; judged again for this report it is {detail.verdict}: {detail.reason}</p>
      ) : null}
      {[...new Set([...run.notes, ...(detail?.notes ?? [])])].map((note) => <p class="note" key={note}>Note: {note}</p>)}

      <h3 id="ladder">What happened</h3>
      {trouble ? <p>{trouble}</p> : detail ? (
        <>
          {detail.rows_before ? <p class="quiet">{detail.rows_before} rows before these are left out.</p> : null}
          <Ladder detail={detail} plan={plan} />
          {detail.rows_after ? <p class="quiet">{detail.rows_after} rows after these are left out.</p> : null}
        </>
      ) : <p>Unpacking…</p>}

      {detail ? <><h3>States</h3><States detail={detail} /></> : null}
      {source ? <><h3>Who expects what</h3><Differs source={source} /></> : null}
      {source ? <><h3>The case</h3><Source source={source} detail={detail} plan={plan} /></> : null}
      <h3>See it again</h3>
      <Command label="run it" words={again} />
      <Command label="this run as a ladder" words={explain} />
      <Capture run={run} report={report} />
      {detail ? <Setting report={report} run={run} detail={detail} /> : null}
    </article>
  );
}

function withRow(place: Place, run: Run): URLSearchParams {
  const params = new URLSearchParams(place.params);
  params.set("row", run.id);
  params.delete("rq");
  return params;
}
