// One case.

import { followCards, leaveCards } from "./cards.js";
import { moment, nextPage, running } from "./clock.js";
import { hideWords } from "./evidence.js";
import { flush, ingest } from "./list.js";
import { $, fillBadge, make, problem, put } from "./page.js";
import { PANELS, togglePanel } from "./panels.js";
import { cases, chosenView, shared } from "./state.js";
import { noteName } from "./who.js";
import { Refused, call } from "./wire.js";
import { LEVELS, STATUS_WORDS, levelWord, reasonsOf, storySentence } from "./words.js";

let storyRun = null;
let storyKnown = 0;

export function route() {
  const match = /^#\/case\/(.+)$/.exec(location.hash);
  let wanted = "";
  try {
    wanted = match ? decodeURIComponent(match[1]) : "";
  } catch {
    wanted = "";
  }
  if (wanted === shared.chosen) return;
  const left = shared.chosen;
  leaveCase();
  noteName();
  shared.chosen = wanted;
  document.body.classList.toggle("chosen", shared.chosen !== "");
  document.body.classList.toggle("choosing", shared.chosen === "");
  $("none-chosen").hidden = shared.chosen !== "";
  $("case").hidden = shared.chosen === "";
  if (shared.chosen === "") {
    cases.get(left)?.row.li.querySelector("a").focus();
    return;
  }
  paintCase();
  refreshStory();
  window.scrollTo(0, 0);
  $("case-title").focus({ preventScroll: true });
}

function leaveCase() {
  cases.get(shared.chosen)?.row.li.removeAttribute("aria-current");
  leaveCards();
  storyRun?.abort();
  storyRun = null;
  storyKnown = 0;
  for (const id of ["cards", "story", "words"]) $(id).replaceChildren();
  for (const name of Object.keys(PANELS)) togglePanel(name, false);
  for (const id of ["lower-reason", "close-reason", "words-why"]) $(id).value = "";
  hideWords();
  problem($("acts-problem"), "");
  problem($("story-problem"), "");
  put($("cards-state"), "");
}

export function paintCase() {
  const entry = cases.get(shared.chosen);
  const view = entry?.view;
  $("acts").hidden = !view;
  $("acts-hint").hidden = !view || view.status === "taken" || view.status === "closed";
  $("words-open").hidden = !view || !$("words-shown").hidden;
  $("case-badge").hidden = !view;
  if (!view) {
    put($("case-number"), "正在读取…");
    for (const id of ["case-status", "case-why", "case-age", "case-next", "case-paged", "case-owner", "case-client"]) put($(id), "");
    return;
  }
  entry.row.li.setAttribute("aria-current", "true");
  $("case").dataset.level = view.level;
  $("case").dataset.status = view.status;
  fillBadge($("case-badge"), view.level);
  put($("case-number"), `#${view.number}`);
  put($("case-status"), STATUS_WORDS[view.status] ?? view.status);
  put($("case-why"), entry.why || "为什么：正在读取…");
  put($("case-paged"), view.paged.length ? view.paged.join("、") : "还没有叫过谁");
  put($("case-owner"), ownerText(view));
  put($("case-client"), view.client_id);
  tickCase();
  const closed = view.status === "closed";
  $("acknowledge").disabled = view.status !== "open";
  $("take").disabled = view.status === "taken" || closed;
  $("lower-open").disabled = closed || view.level === "P3";
  $("close-open").disabled = closed;
  if (closed || view.level === "P3") togglePanel("lower", false);
  if (closed) togglePanel("close", false);
  paintLevels(view.level);
  followCards(view);
}

function ownerText(view) {
  if (!view.owner) return "还没有人";
  if (view.status === "open") return `还没有人（之前是 ${view.owner}）`;
  return view.status === "acknowledged" ? `${view.owner}，还没有联系上` : view.owner;
}

export function tickCase() {
  const view = chosenView();
  if (!view) return;
  put($("case-age"), view.status === "closed" ? "已经结案" : running(view.opened_at));
  const next = nextPage(view);
  put($("case-next"), next.text);
  $("case-next").classList.toggle("late", next.late);
}

function paintLevels(level) {
  const box = $("lower-levels");
  if (box.dataset.from === level) return;
  box.dataset.from = level;
  box.replaceChildren();
  for (const lower of LEVELS.slice(LEVELS.indexOf(level) + 1)) {
    const label = make("label");
    const radio = make("input");
    radio.type = "radio";
    radio.name = "level";
    radio.value = lower;
    label.append(radio, levelWord(lower));
    box.append(label);
  }
}

export async function refreshStory() {
  if (shared.chosen === "") return;
  storyRun?.abort();
  const run = (storyRun = new AbortController());
  const id = shared.chosen;
  try {
    const view = await call(`/v1/cases/${encodeURIComponent(id)}`, undefined, run.signal);
    if (run.signal.aborted || id !== shared.chosen) return;
    problem($("story-problem"), "");
    const { timeline, ...rest } = view;
    ingest(rest);
    if (!cases.has(id)) flush();
    showStory(timeline);
    paintCase();
  } catch (error) {
    if (run.signal.aborted || id !== shared.chosen) return;
    const gone = error instanceof Refused;
    if (!cases.has(id)) put($("case-number"), gone ? "读不到这个个案" : "还没有读到…");
    problem($("story-problem"), gone ? error.message : "这会儿读不到经过，过一下会自己再试。");
  }
}

function showStory(timeline) {
  const list = $("story");
  for (const entry of timeline.slice(storyKnown)) {
    const li = make("li");
    const time = make("time", "", moment(entry.at));
    time.dateTime = entry.at;
    li.append(time, make("span", "", storySentence(entry)));
    list.prepend(li);
  }
  storyKnown = Math.max(storyKnown, timeline.length);
  const entry = cases.get(shared.chosen);
  if (entry) entry.why = whyOf(timeline);
}

/** Why the case stands where it stands: the newest entry that named reasons for its level. */
function whyOf(timeline) {
  const named = timeline.filter(({ kind, detail }) => ["opened", "raised", "seen_again"].includes(kind) && detail);
  const decisive = named.filter(({ kind }) => kind !== "seen_again").at(-1);
  const codes = decisive?.detail.split(" ").slice(1).filter(Boolean) ?? [];
  return codes.length ? `为什么：${reasonsOf(codes)}` : "为什么：不知道";
}
