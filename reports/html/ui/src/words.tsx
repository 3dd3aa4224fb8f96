/* Verdicts, times and links as they are written everywhere. */
import type { Verdict } from "./data";

/* A sign, a word and a colour: any one of them is enough to tell. */
export const SIGNS: Record<Verdict, string> = {
  broken: "!",
  fail: "✗",
  inconclusive: "?",
  skip: "–",
  variant: "≈",
  pass: "✓",
};

export const MEANINGS: Record<Verdict, string> = {
  broken: "the harness failed, not the stack",
  fail: "the stack did something else",
  inconclusive: "the evidence is incomplete",
  skip: "proved impossible there",
  variant: "a known deviation, with its source",
  pass: "all that was expected, and nothing else",
};

export const SHORT: Record<Verdict, string> = {
  broken: "broken",
  fail: "fail",
  inconclusive: "inconcl.",
  skip: "skip",
  variant: "variant",
  pass: "pass",
};

export function Badge({ verdict, more }: { verdict: Verdict; more?: string }) {
  return (
    <span class={`badge v-${verdict}`}>
      <span aria-hidden="true">{SIGNS[verdict]} </span>
      {verdict}
      {more}
    </span>
  );
}

export const ms = (us: number) => (us / 1000).toFixed(3);

export function duration(us: number): string {
  const whole = Math.abs(us);
  const sign = us < 0 ? "−" : "";
  if (whole < 1000) return `${sign}${whole} µs`;
  if (whole < 1e6) return `${sign}${+(whole / 1000).toFixed(2)} ms`;
  return `${sign}${+(whole / 1e6).toFixed(3)} s`;
}

/* Where the source can be read: an RFC's section, POSIX' page of a function, a manual page. */
export function specHref(spec: string): string | null {
  const posix = /^POSIX:(\w+)$/.exec(spec);
  if (posix) return `https://pubs.opengroup.org/onlinepubs/9699919799/functions/${posix[1]}.html`;
  const manual = /^LINUX:(\w+)\((\d)\)$/.exec(spec);
  if (manual) return `https://man7.org/linux/man-pages/man${manual[2]}/${manual[1]}.${manual[2]}.html`;
  const found = /^RFC(\d+)(?::(.*))?$/.exec(spec);
  if (!found) return null;
  const section = /^\d+(\.\d+)*$/.exec(found[2] ?? "");
  return `https://www.rfc-editor.org/rfc/rfc${found[1]}${section ? `#section-${section[0]}` : ""}`;
}

/* As a shell takes it for one word. */
export const quoted = (word: string) =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`;
