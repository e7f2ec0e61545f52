// Talking to the server: the token, a call, a feed of events.

import { learnClock } from "./clock.js";
import { $ } from "./page.js";
import { DETAILS, splitOnce, translated } from "./words.js";

const ANSWER_WITHIN_MS = 10000;
const FEED_SILENT_MS = 40000; // the server sends a sign of life every 15 seconds
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

let token = sessionStorage.getItem("jiezhu.token") ?? "";
const tokenWaiters = new Set();
let afterToken = () => {};

/** What else is to be done once there is a token. */
export function onToken(work) {
  afterToken = work;
}

export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

function headers(extra = {}) {
  return token ? { ...extra, Authorization: `Bearer ${token}` } : extra;
}

function askForToken() {
  $("token-form").hidden = false;
}

$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  sessionStorage.setItem("jiezhu.token", token);
  $("token").value = "";
  $("token-form").hidden = true;
  for (const wake of [...tokenWaiters]) wake();
  afterToken();
});

/** JSON from the server. Refused with a sentence when it says no, another error when it is silent. */
export async function call(path, body, signal) {
  const response = await fetch(path, {
    method: body === undefined ? "GET" : "POST",
    headers: headers(body === undefined ? {} : { "Content-Type": "application/json" }),
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
    signal: signal ? AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]) : AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  learnClock(response);
  if (response.ok) return response.json();
  throw await refusalOf(response);
}

async function refusalOf(response) {
  if (response.status === 401) askForToken();
  const answer = await response.json().catch(() => null);
  const detail = typeof answer?.detail === "string" ? answer.detail : `服务器没有接受（${response.status}）。`;
  return new Refused(response.status, translated(DETAILS, detail));
}

export function whatWentWrong(error) {
  if (error instanceof Refused && error.status !== 503) return error.message;
  if (error instanceof Refused) return `服务器这会儿做不了：${error.message}。再点一次没关系。`;
  return "没有等到服务器回应，不知道做成了没有。再点一次没关系。";
}

/**
 * Server-sent events over fetch, because EventSource cannot carry a token. Reconnects by itself and
 * goes on after the last event that it handed over. `onState` hears up, down, refused, stopped.
 */
export class Feed {
  constructor(path, onEvent, onState) {
    this.path = path;
    this.onEvent = onEvent;
    this.onState = onState;
    this.lastId = "";
    this.run = null;
  }

  start() {
    if (this.run) return;
    this.run = new AbortController();
    this.keepGoing(this.run.signal);
  }

  stop() {
    this.run?.abort();
    this.run = null;
  }

  /** Try again now instead of after the pause. */
  kick() {
    this.wake?.();
  }

  async keepGoing(signal) {
    for (let failures = 0; !signal.aborted; failures += 1) {
      const began = performance.now();
      const outcome = await this.once(signal);
      if (signal.aborted) return;
      if (outcome.refused) {
        this.onState("refused", outcome.refused);
        await this.pause(outcome.refused.status === 401 ? Infinity : 30000, signal);
        failures = -1;
        continue;
      }
      this.onState("down");
      if (performance.now() - began > 5000) failures = 0;
      const longest = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)];
      await this.pause(longest * (0.75 + Math.random() / 4), signal);
    }
  }

  async once(signal) {
    const silence = new AbortController();
    let watchdog = 0;
    const heard = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => silence.abort(), FEED_SILENT_MS);
    };
    heard();
    try {
      const response = await fetch(this.path, {
        headers: headers({ Accept: "text/event-stream", ...(this.lastId && { "Last-Event-ID": this.lastId }) }),
        cache: "no-store",
        signal: AbortSignal.any([signal, silence.signal]),
      });
      learnClock(response);
      if (response.status >= 400 && response.status < 500 && response.status !== 429) {
        return { refused: await refusalOf(response) };
      }
      if (!response.ok || !response.body) return {};
      this.onState("up");
      await this.read(response.body, heard, signal);
    } catch {
      // A lost connection; the caller tries again and says so on the page.
    } finally {
      clearTimeout(watchdog);
      silence.abort();
    }
    return {};
  }

  async read(body, heard, signal) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let event = { name: "message", data: [], id: null };
    for (;;) {
      const { value, done } = await reader.read();
      if (done || signal.aborted) return;
      heard();
      rest += value;
      const whole = rest.endsWith("\r") ? rest.slice(0, -1) : rest;
      const lines = whole.split(/\r\n|\n|\r/);
      rest = lines.pop() + rest.slice(whole.length);
      for (const line of lines) {
        if (line === "") {
          this.hand(event);
          event = { name: "message", data: [], id: null };
        } else {
          const [field, raw = ""] = splitOnce(line, ":");
          const text = raw.startsWith(" ") ? raw.slice(1) : raw;
          if (field === "event") event.name = text;
          else if (field === "data") event.data.push(text);
          else if (field === "id") event.id = text;
        }
      }
    }
  }

  hand(event) {
    if (event.data.length) {
      try {
        this.onEvent(event.name, JSON.parse(event.data.join("\n")));
      } catch (error) {
        console.error("an event could not be shown", error);
      }
    }
    if (event.id !== null) this.lastId = event.id;
  }

  pause(ms, signal) {
    return new Promise((resolve) => {
      const timer = ms === Infinity ? 0 : setTimeout(finish, ms);
      const self = this;
      function finish() {
        clearTimeout(timer);
        tokenWaiters.delete(finish);
        signal.removeEventListener("abort", finish);
        self.wake = null;
        resolve();
      }
      this.wake = finish;
      tokenWaiters.add(finish);
      signal.addEventListener("abort", finish);
    });
  }
}
