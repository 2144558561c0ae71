// The API, the token, and the one poll that keeps the console up to date.

const KEY = "hayrake.token";
/// An answer comes from memory; one that takes longer will not come.
const PATIENCE = 15_000;
/// How often the status is asked for, and how seldom at most after failures.
const EVERY = 15_000;
const SELDOM = 60_000;

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/// The token lives in this tab until it is closed, never in an address.
export const token = {
  get() {
    try {
      return sessionStorage.getItem(KEY);
    } catch {
      return memory;
    }
  },
  set(value) {
    memory = value;
    try {
      sessionStorage.setItem(KEY, value);
    } catch {
      // Then it lives as long as the page.
    }
  },
  drop() {
    memory = null;
    try {
      sessionStorage.removeItem(KEY);
    } catch {
      // There is none.
    }
  },
};
let memory = null;

/// Asks; `offered` is a token to try instead of the one held.
export async function ask(path, { method = "GET", body, offered, signal } = {}) {
  const secret = offered ?? token.get();
  const headers = { Accept: "application/json" };
  if (secret) headers.Authorization = `Bearer ${secret}`;
  if (body) headers["Content-Type"] = "application/json";
  let response;
  try {
    const timeout = AbortSignal.timeout(PATIENCE);
    response = await fetch(path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      cache: "no-store",
      redirect: "error",
      credentials: "same-origin",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "the service gives no answer");
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer;
  // A token that was changed meanwhile is of no use any more, and each try with
  // it counts as a wrong one.
  if (response.status === 401 && secret && !offered && token.get() === secret) token.drop();
  throw new ApiError(response.status, answer?.error ?? `the service answered ${response.status}`);
}

/// What the last status said, when it came, and what has gone wrong since.
export const live = { status: null, at: 0, error: null };

const told = new Set();
let timer = 0;
let failures = 0;

/// Calls back after every look, with what is new: `started`, `hour`, `day`.
export function follow(callback) {
  told.add(callback);
  return () => told.delete(callback);
}

/// Looks now, and then every so often while anybody can see it.
export async function look() {
  clearTimeout(timer);
  if (document.hidden) return;
  const before = live.status;
  try {
    live.status = await ask("/api/v1/status");
    live.at = Date.now();
    live.error = null;
    failures = 0;
  } catch (error) {
    live.error = error;
    failures += 1;
  }
  const news = changes(before, live.status);
  for (const callback of told) callback(news);
  clearTimeout(timer);
  timer = setTimeout(look, rest());
}

function rest() {
  if (failures > 0) return Math.min(SELDOM, 2_000 * 2 ** failures);
  // A demonstration closes an hour every few seconds.
  return live.status.speed > 1 ? 2_000 : EVERY;
}

function changes(before, now) {
  const start = (status, window) => status?.windows[window].last?.start;
  return {
    started: !before?.ready && now?.ready,
    restarted: Boolean(before && now && before.began !== now.began),
    hour: start(before, "1h") !== start(now, "1h"),
    day: start(before, "24h") !== start(now, "24h"),
    first: !before && Boolean(now),
  };
}

/// What time it is for the service, between two looks.
export function now() {
  if (!live.status) return null;
  return Date.parse(live.status.now) + (Date.now() - live.at) * live.status.speed;
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});
