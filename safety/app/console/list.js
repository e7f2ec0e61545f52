// The list of cases.

import { nextPage, running } from "./clock.js";
import { $, fillBadge, make, put } from "./page.js";
import { cases, order, shared } from "./state.js";
import { paintSummary } from "./summary.js";
import { Feed, call } from "./wire.js";
import { LEVELS, STATUS_ORDER, STATUS_WORDS, levelWord } from "./words.js";

const SETTLE_MS = 400; // a row that has just moved under a finger takes no tap
const CLOSED_SHOWN = 5;

const ties = { accept() {}, chosenChanged() {} };

/** `accept` is done when a row's button is pressed, `chosenChanged` when the chosen case is another now. */
export function tie(work) {
  Object.assign(ties, work);
}

function rank(view) {
  return [LEVELS.indexOf(view.level), STATUS_ORDER.indexOf(view.status), Date.parse(view.opened_at)];
}

function before(a, b) {
  const left = rank(a.view);
  const right = rank(b.view);
  for (let i = 0; i < left.length; i += 1) {
    if (left[i] !== right[i]) return left[i] < right[i];
  }
  return a.view.case_id < b.view.case_id;
}

function newRow(view) {
  const li = make("li", "row");
  const link = make("a");
  link.href = `#/case/${encodeURIComponent(view.case_id)}`;
  const badge = make("span", "badge");
  const number = make("span", "number", `#${view.number}`);
  const age = make("span", "age");
  const line = make("span", "line");
  const status = make("span", "status");
  const next = make("span", "next");
  const paged = make("span", "line paged");
  line.append(status, next);
  link.append(badge, number, age, line, paged);
  const accept = make("button", "accept primary", "接单");
  accept.type = "button";
  accept.setAttribute("aria-label", `接单 #${view.number}`);
  accept.addEventListener("click", () => ties.accept(view.case_id, accept));
  li.append(link, accept);
  return { li, badge, age, status, next, paged, accept, top: -1 };
}

function statusText(view) {
  const word = STATUS_WORDS[view.status] ?? view.status;
  if (view.status === "open" && view.owner) return `${word}（之前是 ${view.owner}）`;
  return view.owner ? `${word}：${view.owner}` : word;
}

function pagedText(view) {
  return view.paged.length ? `叫过 ${view.paged.join("、")}` : "还没有叫过谁";
}

function paintRow(entry) {
  const { view, row } = entry;
  row.li.dataset.level = view.level;
  row.li.dataset.status = view.status;
  row.li.dataset.case = view.case_id;
  fillBadge(row.badge, view.level);
  put(row.status, statusText(view));
  put(row.paged, pagedText(view));
  row.accept.hidden = view.status !== "open";
  tickRow(entry);
}

export function tickRow({ view, row }) {
  put(row.age, view.status === "closed" ? "" : `已开 ${running(view.opened_at)}`);
  const next = nextPage(view);
  put(row.next, view.status === "closed" ? "" : next.text);
  row.next.classList.toggle("late", next.late);
}

/** Put an entry where it belongs, and nothing else anywhere. */
function place(entry) {
  const list = $("open-cases");
  const was = order.indexOf(entry);
  const stays =
    was >= 0 && (was === 0 || before(order[was - 1], entry)) && (was === order.length - 1 || before(entry, order[was + 1]));
  if (stays) return;
  if (was >= 0) order.splice(was, 1);
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(order[middle], entry)) low = middle + 1;
    else high = middle;
  }
  const focused = entry.row.li.contains(document.activeElement) ? document.activeElement : null;
  list.insertBefore(entry.row.li, order[low]?.row.li ?? null);
  order.splice(low, 0, entry);
  if (focused && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

function retire(entry) {
  const at = order.indexOf(entry);
  if (at >= 0) order.splice(at, 1);
  const hadFocus = entry.row.li.contains(document.activeElement);
  $("closed-cases").prepend(entry.row.li);
  while ($("closed-cases").children.length > CLOSED_SHOWN) {
    const oldest = $("closed-cases").lastElementChild;
    oldest.remove();
    if (oldest.dataset.case !== shared.chosen) cases.delete(oldest.dataset.case);
  }
  $("closed-box").hidden = false;
  if (hadFocus) $("cases-title").focus();
}

const waiting = [];
let flushTimer = 0;

/** Take in what the server says of a case. Older versions than the known one change nothing. */
export function ingest(view) {
  waiting.push(view);
  flushTimer ||= setTimeout(flush, 30);
}

export function flush() {
  clearTimeout(flushTimer);
  flushTimer = 0;
  const urgent = [];
  let changed = false;
  for (const view of waiting.splice(0)) {
    let entry = cases.get(view.case_id);
    if (entry && view.version <= entry.view.version) continue;
    const known = entry?.view;
    if (!entry && view.status === "closed" && view.case_id !== shared.chosen) continue;
    if (!entry) {
      entry = { view, row: newRow(view), why: "" };
      cases.set(view.case_id, entry);
    } else if (known.status === "closed") {
      continue;
    }
    changed = true;
    entry.view = view;
    paintRow(entry);
    if (view.status === "closed") retire(entry);
    else place(entry);
    const rises = !known || LEVELS.indexOf(view.level) < LEVELS.indexOf(known.level);
    if (rises && shared.synced && view.status === "open") {
      markFresh(entry.row.li);
      if (view.level === "P0" || view.level === "P1") urgent.push(view);
    }
    if (view.case_id === shared.chosen) {
      ties.chosenChanged();
    }
  }
  if (changed) settle();
  announce(urgent);
  paintSummary();
}

function markFresh(li) {
  li.classList.add("fresh");
  setTimeout(() => li.classList.remove("fresh"), 2500);
}

/** Rows that have just moved take no tap for a moment: it was meant for another row. */
function settle() {
  const moved = [];
  for (const entry of order) {
    const top = entry.row.li.offsetTop;
    if (Math.abs(top - entry.row.top) > 8) moved.push(entry.row.li);
    entry.row.top = top;
  }
  const until = String(performance.now() + SETTLE_MS);
  for (const li of moved) {
    li.classList.add("settling");
    li.dataset.until = until;
  }
  setTimeout(() => {
    for (const li of moved) if (li.dataset.until === until) li.classList.remove("settling");
  }, SETTLE_MS);
}

function announce(urgent) {
  if (urgent.length === 0) return;
  if (urgent.length > 3) {
    put($("live"), `新来 ${urgent.length} 个 P0 或 P1，请看列表最上面。`);
  } else {
    put($("live"), urgent.map((view) => `${levelWord(view.level)}，个案 ${view.number}，无人接单。`).join(" "));
  }
}

export const caseFeed = new Feed(
  "/v1/cases/stream",
  (name, view) => name === "case" && ingest(view),
  (state, refused) => {
    shared.feedState = state;
    shared.refusal = refused?.message ?? "";
    if (state === "up") reconcile();
    paintSummary();
  },
);

/** Ask for all open cases: whatever closed while nobody was listening is not told again. */
export async function reconcile() {
  const open = [...cases.values()].filter((entry) => entry.view.status !== "closed");
  try {
    const views = await call("/v1/cases");
    views.forEach(ingest);
    const standing = new Set(views.map((view) => view.case_id));
    const missing = open.filter((entry) => !standing.has(entry.view.case_id)).slice(0, 20);
    for (const entry of missing) ingest(await call(`/v1/cases/${encodeURIComponent(entry.view.case_id)}`));
  } catch {
    return; // the connection line tells; the next round tries again
  }
  if (flushTimer) flush();
  if (!shared.synced) {
    shared.synced = true;
    if (order.length) put($("live"), `现在有 ${order.length} 个打开的个案。`);
  }
  paintSummary();
}
