// Who I am.

import { $, problem } from "./page.js";

const person = $("person");

export function me() {
  return person.value.trim();
}

/** On a phone a case has the screen to itself once the name is there. Never called by leaving the
 * field: the page would move while a finger goes for a button. */
export function noteName() {
  document.body.classList.toggle("named", me() !== "");
}

person.value = localStorage.getItem("jiezhu.person") ?? "";
noteName();
person.addEventListener("input", () => {
  localStorage.setItem("jiezhu.person", me());
  problem($("person-problem"), "");
  person.removeAttribute("aria-invalid");
});
$("who").addEventListener("submit", (event) => {
  event.preventDefault();
  noteName();
  person.blur();
});

/** The name to act under, or an empty string after having asked for it. */
export function needMe() {
  if (me() === "") {
    document.body.classList.remove("named");
    problem($("person-problem"), "先填你的编号，再点一次。", person);
  }
  return me();
}
