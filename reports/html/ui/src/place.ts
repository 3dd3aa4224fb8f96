/*
 * Where in the report one is: it all stands in the address behind `#`, so that a link leads to the
 * same view, and the browser's way back works.
 */
import { useEffect, useState } from "preact/hooks";

export interface Place {
  view: "matrix" | "run" | "requirements";
  run?: string; // "RESULT/ID@LAB@FAMILY#REPEAT"
  params: URLSearchParams;
}

export function readPlace(hash = location.hash): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const params = new URLSearchParams(query);
  if (path.startsWith("run/")) return { view: "run", run: decodeURIComponent(path.slice(4)), params };
  return { view: path === "requirements" ? "requirements" : "matrix", params };
}

export function placeHref(place: Place): string {
  const query = place.params.toString();
  const path = place.view === "run" ? `run/${encodeURIComponent(place.run ?? "").replace(/%2F|%40/g, decodeURIComponent)}`
    : place.view === "requirements" ? "requirements" : "";
  return `#/${path}${query ? `?${query}` : ""}`;
}

/* The same view with other parameters; null removes one. */
export function withParams(place: Place, changes: Record<string, string | null>): Place {
  const params = new URLSearchParams(place.params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") params.delete(name);
    else params.set(name, value);
  }
  return { ...place, params };
}

export function usePlace(): [Place, (place: Place, how?: "replace") => void] {
  const [place, setPlace] = useState(readPlace);
  useEffect(() => {
    const changed = () => setPlace(readPlace());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return [
    place,
    (next, how) => {
      if (how === "replace") {
        history.replaceState(null, "", placeHref(next));
        setPlace(next);
      } else location.hash = placeHref(next);
    },
  ];
}
