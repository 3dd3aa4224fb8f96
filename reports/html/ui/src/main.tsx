import { render } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Report, loadReport } from "./data";
import { Matrix } from "./matrix";
import { type Place, placeHref, usePlace } from "./place";
import { Requirements } from "./requirements";
import { RunView, findRun } from "./run";
import { Top } from "./top";
import "./style.css";

const LOOKS = ["system", "light", "dark"] as const;

/* Light and dark as the system has it, unless one chooses. */
function useLook(): [string, () => void] {
  const [look, setLook] = useState<string>(() => {
    try { return localStorage.getItem("sockproof-look") ?? "system"; } catch { return "system"; }
  });
  useEffect(() => {
    if (look === "system") delete document.documentElement.dataset.look;
    else document.documentElement.dataset.look = look;
    try { localStorage.setItem("sockproof-look", look); } catch { /* a page without storage forgets */ }
  }, [look]);
  return [look, () => setLook(LOOKS[(LOOKS.indexOf(look as "light") + 1) % LOOKS.length]!)];
}

function App({ report }: { report: Report }) {
  const [place, go] = usePlace();
  const [look, nextLook] = useLook();
  const run = place.view === "run" ? findRun(report, place.run) : null;
  const opened = useRef(false);
  const view = `${place.view} ${place.run ?? ""}`;

  useLayoutEffect(() => {
    document.title = run ? `${run.id}: ${run.verdict} · Sockproof` : place.view === "requirements" ? "Requirements · Sockproof" : "Sockproof report";
    if (opened.current && place.view !== "matrix") {
      scrollTo(0, 0);
      document.getElementById("title")?.focus({ preventScroll: true });
    } else if (opened.current && place.params.get("row"))
      document.querySelector(".grid")?.scrollIntoView({ block: "nearest" });
    opened.current = true;
  }, [view]);

  const other = (to: Place["view"]) => placeHref({ view: to, params: place.params });
  return (
    <>
      <a class="skip-link" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>to the content</a>
      <header>
        <h1>Sockproof report</h1>
        <nav aria-label="Views">
          <a href={other("matrix")} aria-current={place.view === "matrix" ? "page" : undefined}>cases</a>
          <a href={other("requirements")} aria-current={place.view === "requirements" ? "page" : undefined}>requirements</a>
        </nav>
        <button type="button" onClick={nextLook}>colours: {look}</button>
      </header>
      <main id="main" tabIndex={-1}>
        {place.view === "requirements" ? <Requirements report={report} place={place} go={go} />
          : run ? <RunView report={report} run={run} place={place} key={run.number} />
          : place.view === "run" ? <p>There is no run {place.run} in this report. <a href={other("matrix")}>All cases</a></p>
          : <><Top report={report} place={place} /><Matrix report={report} place={place} go={go} /></>}
      </main>
      <footer class="quiet">made by sockproof {report.version}; judged again by it for the ladders</footer>
    </>
  );
}

const app = document.getElementById("app")!;
loadReport().then(
  (report) => {
    app.replaceChildren();
    if (report) render(<App report={report} />, app);
    else app.textContent = "This page has no results in it: sockproof report puts them there.";
  },
  (error) => { app.textContent = `The results in this page cannot be unpacked: ${error}`; },
);
