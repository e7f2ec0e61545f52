// The words of a case, once somebody said why to read them, and what is to be said of them.

import { moment } from "./clock.js";
import { $, make, put } from "./page.js";
import { chosenView } from "./state.js";
import { judging, showConsent } from "./verdicts.js";
import { ROLE_WORDS } from "./words.js";

export function showWords(turns) {
  const list = $("words");
  list.replaceChildren();
  for (const turn of turns) {
    const li = make("li");
    li.dataset.role = turn.role;
    li.append(make("small", "", `${ROLE_WORDS[turn.role] ?? turn.role} ${moment(turn.sent_at)}`), turn.text);
    const tools = judging(turn);
    if (tools) li.append(tools);
    list.append(li);
  }
  showConsent(turns);
  put($("words-said"), "");
  put($("words-note"), turns.length ? `留下的 ${turns.length} 句。这次查看已经记下。` : "这个个案没有留下对话。这次查看已经记下。");
  $("words-shown").hidden = false;
  $("words-open").hidden = true;
  $("words-note").focus();
}

export function hideWords() {
  $("words-shown").hidden = true;
  $("words").replaceChildren();
  $("words-open").hidden = chosenView() === null;
}

$("words-hide").addEventListener("click", () => {
  hideWords();
  $("words-open").focus();
});
