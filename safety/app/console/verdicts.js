// What a professional says of the words that were read: did it hit, did it miss.

import { $, make, problem, put } from "./page.js";
import { shared } from "./state.js";
import { me, needMe } from "./who.js";
import { call, whatWentWrong } from "./wire.js";
import { JUDGED_WORDS, LABEL_WORDS, LISTENER_LABELS, firedWords } from "./words.js";

const READ_ROLES = ["client", "listener"];
let pieces = 0; // so far on this page, to name each one

/** What can be said of one turn, as a part of the page; null when there is nothing to say. */
export function judging(turn) {
  const lines = READ_ROLES.includes(turn.role) ? linesOf(turn) : [];
  if (lines.length === 0) return null;
  const box = make("div", "judging");
  for (const line of lines) box.append(lineOf(turn, line));
  return box;
}

/** Each thing that fired; else the whole message where it was raised; else that it was missed. */
function linesOf(turn) {
  const fired = turn.fired ?? [];
  if (fired.length) return fired.map((piece) => ({ term: piece.term, name: firedWords(piece), words: ["true", "false"] }));
  if (turn.level) return [{ term: null, name: "这句话", words: ["true", "false"] }];
  return turn.role === "client" ? [{ term: null, name: "", words: ["missed"] }] : [];
}

/** What `name` said of it before, if that still stands. */
function standing(turn, line, name) {
  const own = (turn.verdicts ?? []).filter((verdict) => verdict.person === name && verdict.stands);
  return own.find(({ verdict, terms }) => line.words.includes(verdict) && (line.term === null || terms.includes(line.term)))?.verdict ?? "";
}

function lineOf(turn, line) {
  const group = make("div");
  const row = make("div", "piece");
  row.setAttribute("role", "group");
  const trouble = make("p", "problem");
  trouble.setAttribute("role", "alert");
  trouble.hidden = true;
  if (line.name) {
    const name = make("span", "", line.name);
    name.id = `piece-${(pieces += 1)}`;
    if (line.term) name.append(" ", make("small", "", line.term));
    row.setAttribute("aria-labelledby", name.id);
    row.append(name);
  } else {
    row.setAttribute("aria-label", "这句话没有报出什么");
  }
  const state = { turn, line, group, trouble, buttons: [], busy: false, of: me() };
  const said = standing(turn, line, state.of);
  const pair = make("div", "pair");
  for (const word of line.words) {
    const button = make("button", "", JUDGED_WORDS[word]);
    button.type = "button";
    button.dataset.word = word;
    button.setAttribute("aria-pressed", String(word === said));
    button.addEventListener("click", () => press(state, button));
    state.buttons.push(button);
    pair.append(button);
  }
  row.append(pair);
  group.append(row, trouble);
  return group;
}

/** Say it, or take it back where it was said already. */
async function press(state, button) {
  const name = needMe();
  if (!name) return;
  const again = button.getAttribute("aria-pressed") === "true" && state.of === name;
  const word = again ? "withdrawn" : button.dataset.word;
  if (!(await say(state, name, word, {}, button))) return;
  state.of = name;
  for (const other of state.buttons) other.setAttribute("aria-pressed", String(other.dataset.word === word));
  state.group.querySelector("form")?.remove();
  const asks = word === "false" || word === "missed";
  if (asks) state.group.append(moreOf(state, button, word));
  put($("words-said"), `已记下：${[state.line.name, JUDGED_WORDS[word]].filter(Boolean).join("，")}。${asks ? "想补充的话，下面可以写。" : ""}`);
}

/** Whether the server kept it; says so if not. */
async function say(state, person, verdict, more, button) {
  if (state.busy) return false;
  state.busy = true;
  button.setAttribute("aria-busy", "true");
  problem(state.trouble, "");
  const body = { person, event_id: state.turn.event_id, verdict, consent: consentNow(), ...more };
  if (state.line.term !== null) body.term = state.line.term;
  try {
    await call(`/v1/cases/${encodeURIComponent(shared.chosen)}/verdicts`, body);
    return true;
  } catch (error) {
    problem(state.trouble, whatWentWrong(error));
    return false;
  } finally {
    state.busy = false;
    button.removeAttribute("aria-busy");
  }
}

/** What it should have been, and a word why; both may stay empty. */
function moreOf(state, opener, verdict) {
  const form = make("form");
  form.noValidate = true;
  const close = () => {
    const hadFocus = form.contains(document.activeElement);
    form.remove();
    if (hadFocus) opener.focus();
  };
  const label = labelsFor(state.turn.role);
  const reason = make("input");
  reason.maxLength = 500;
  reason.autocomplete = "off";
  const acts = make("div", "acts");
  const save = make("button", "", "补上");
  const leave = make("button", "quiet", "不用了");
  leave.type = "button";
  leave.addEventListener("click", close);
  acts.append(save, leave);
  form.append(labelled("应该是（可以不选）", label), labelled("为什么（可以不写）", reason), acts);
  form.addEventListener("keydown", (event) => event.key === "Escape" && close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const why = reason.value.trim();
    if (why.length === 1) {
      problem(state.trouble, "至少写两个字，或者空着。", reason);
      return;
    }
    const more = { labels: label.value ? [label.value] : [], ...(why && { reason: why }) };
    const name = needMe();
    if (!name || !(await say(state, name, verdict, more, save))) return;
    close();
    put($("words-said"), "补充已记下。");
  });
  return form;
}

function labelsFor(role) {
  const select = make("select");
  select.append(new Option("说不清", ""));
  for (const [code, words] of Object.entries(LABEL_WORDS)) {
    const listeners = LISTENER_LABELS.includes(code);
    if (listeners === (role === "listener") || code === "off_platform") select.append(new Option(words, code));
  }
  return select;
}

function labelled(words, field) {
  const label = make("label", "", words);
  label.append(field);
  return label;
}

function consentNow() {
  return $("consent").querySelector("input:checked")?.value ?? "unknown";
}

/** Begin with what was last known of the client's consent in this case. */
export function showConsent(turns) {
  const known = turns
    .flatMap((turn) => turn.verdicts ?? [])
    .filter((verdict) => verdict.consent !== "unknown")
    .sort((one, other) => other.verdict_id - one.verdict_id);
  const state = known[0]?.consent ?? "unknown";
  for (const radio of $("consent").querySelectorAll("input")) radio.checked = radio.value === state;
}
