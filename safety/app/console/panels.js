// The forms that open under a case.

import { $, problem } from "./page.js";

export const PANELS = {
  lower: { opener: $("lower-open"), form: $("lower-form"), first: () => $("lower-levels").querySelector("input") },
  close: { opener: $("close-open"), form: $("close-form"), first: () => $("close-reason") },
  words: { opener: $("words-open"), form: $("words-form"), first: () => $("words-why") },
};

export function togglePanel(name, open) {
  const { opener, form, first } = PANELS[name];
  if (form.hidden === !open) return;
  const hadFocus = form.contains(document.activeElement);
  form.hidden = !open;
  opener.setAttribute("aria-expanded", String(open));
  if (open) first()?.focus();
  else if (hadFocus && !opener.disabled) opener.focus();
  problem($(`${name}-problem`), "");
}

for (const [name, { opener, form }] of Object.entries(PANELS)) {
  opener.addEventListener("click", () => {
    const opening = form.hidden;
    for (const other of Object.keys(PANELS)) togglePanel(other, opening && other === name);
  });
  form.querySelector("[data-dismiss]").addEventListener("click", () => togglePanel(name, false));
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") togglePanel(name, false);
  });
}
