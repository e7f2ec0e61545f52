// What a professional does.

import { paintCase, refreshStory } from "./case.js";
import { showWords } from "./evidence.js";
import { flush, ingest } from "./list.js";
import { $, hideNotice, notice, problem } from "./page.js";
import { togglePanel } from "./panels.js";
import { shared } from "./state.js";
import { needMe } from "./who.js";
import { call, whatWentWrong } from "./wire.js";

const acting = new Set();

/** Do one thing at a time; resolves to the case afterwards, or null after saying what went wrong. */
async function act(what, id, body, button, tell) {
  const key = `${what} ${id}`;
  if (acting.has(key)) return null;
  acting.add(key);
  button.setAttribute("aria-busy", "true");
  try {
    const view = await call(`/v1/cases/${encodeURIComponent(id)}/${what}`, body);
    ingest(view);
    flush();
    return view;
  } catch (error) {
    tell(whatWentWrong(error));
    return null;
  } finally {
    acting.delete(key);
    button.removeAttribute("aria-busy");
    paintCase();
  }
}

const tellHere = (text) => problem($("acts-problem"), text);

export async function acknowledge(id, button) {
  const name = needMe();
  if (!name) return;
  hideNotice();
  const inCase = button === $("acknowledge");
  if (inCase) problem($("acts-problem"), "");
  const view = await act("acknowledge", id, { person: name }, button, inCase ? tellHere : (text) => notice(text, "problem"));
  if (!view) return;
  if (view.owner !== name) notice(`#${view.number} 已经由 ${view.owner ?? "别人"} 接了。`);
  else if (!inCase) location.hash = `#/case/${encodeURIComponent(id)}`;
  if (inCase && !$("take").disabled) $("take").focus();
}

$("acknowledge").addEventListener("click", () => acknowledge(shared.chosen, $("acknowledge")));

$("take").addEventListener("click", async () => {
  const name = needMe();
  if (!name) return;
  problem($("acts-problem"), "");
  await act("take", shared.chosen, { person: name }, $("take"), tellHere);
});

/** The reason in a field, or an empty string after having asked for one. */
function reasonIn(field, place) {
  const reason = field.value.trim();
  if (reason.length < 2) {
    problem(place, "写一句原因，至少两个字。", field);
    return "";
  }
  problem(place, "", field);
  return reason;
}

$("lower-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const level = $("lower-levels").querySelector("input:checked")?.value;
  if (!level) {
    problem($("lower-problem"), "先选要调到哪一级。");
    $("lower-levels").querySelector("input")?.focus();
    return;
  }
  const reason = reasonIn($("lower-reason"), $("lower-problem"));
  const name = reason && needMe();
  if (!name) return;
  const tell = (text) => problem($("lower-problem"), text);
  const view = await act("lower", shared.chosen, { person: name, level, reason }, event.submitter ?? $("lower-open"), tell);
  if (!view) return;
  $("lower-reason").value = "";
  togglePanel("lower", false);
});

$("close-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const reason = reasonIn($("close-reason"), $("close-problem"));
  const name = reason && needMe();
  if (!name) return;
  const tell = (text) => problem($("close-problem"), text);
  const view = await act("close", shared.chosen, { person: name, reason }, event.submitter ?? $("close-open"), tell);
  if (!view) return;
  $("close-reason").value = "";
  togglePanel("close", false);
  notice(`#${view.number} 已结案。`);
});

$("words-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const why = reasonIn($("words-why"), $("words-problem"));
  const name = why && needMe();
  if (!name) return;
  const id = shared.chosen;
  try {
    const turns = await call(`/v1/cases/${encodeURIComponent(id)}/evidence`, { person: name, reason: why });
    if (id !== shared.chosen) return;
    $("words-why").value = "";
    togglePanel("words", false);
    showWords(turns);
    refreshStory();
  } catch (error) {
    if (id === shared.chosen) problem($("words-problem"), whatWentWrong(error));
  }
});
