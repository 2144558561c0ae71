// What every page does with what it asks for: show it, keep it when the next
// question fails, and say plainly what went wrong.

import { ask } from "./api.js";
import { h, put } from "./dom.js";

/// Asks for `paths` and hands the answers to `draw`. A path that begins with
/// `?` may fail; its answer is then `null`. Gives a function that asks again.
export function load(context, place, paths, draw) {
  let drawn = false;
  let busy = false;
  let again = false;
  async function run() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      const answers = await Promise.all(
        paths.map((path) => {
          const may = path.startsWith("?");
          const asked = ask(may ? path.slice(1) : path, { signal: context.signal });
          return may ? asked.catch(fallback(context.signal)) : asked;
        }),
      );
      if (context.signal.aborted) return;
      draw(...answers);
      drawn = true;
    } catch (error) {
      if (context.signal.aborted) return;
      // Old figures with the banner above them say more than none.
      if (!drawn) put(place, failed(error, run));
    } finally {
      busy = false;
      if (again && !context.signal.aborted) {
        again = false;
        run();
      }
    }
  }
  put(place, h("p.soft", { role: "status" }, "Loading"));
  run();
  return run;
}

function fallback(signal) {
  return (error) => {
    if (signal.aborted) throw error;
    return null;
  };
}

/// Why there is nothing to see.
export function failed(error, retry) {
  const waits = error.status === 503;
  return h(
    "div.empty",
    { role: waits ? "status" : "alert" },
    h("h2", {}, waits ? "Not ready yet" : "That did not work"),
    h("p", {}, `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`),
    retry && h("p", {}, h("button", { type: "button", onclick: retry }, "Try again")),
  );
}
