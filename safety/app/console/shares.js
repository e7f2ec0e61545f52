// How often each term and each label was right, by the verdicts.

import { $, make, put } from "./page.js";
import { shared } from "./state.js";
import { call, whatWentWrong } from "./wire.js";
import { LABEL_WORDS } from "./words.js";

let run = null;

export function routeShares() {
  const here = location.hash === "#/precision";
  if (here === !$("shares").hidden) return;
  $("shares").hidden = !here;
  document.body.classList.toggle("sharing", here);
  if (here) {
    readShares();
    window.scrollTo(0, 0);
    $("shares-title").focus({ preventScroll: true });
  } else if (shared.chosen === "") {
    $("shares-open").focus();
  }
}

/** Ask again, where somebody looks at it. */
export async function readShares() {
  run?.abort();
  if ($("shares").hidden) return;
  const own = (run = new AbortController());
  put($("shares-state"), "正在读取…");
  try {
    const found = await call(`/v1/feedback/precision?days=${$("shares-days").value}`, undefined, own.signal);
    if (!own.signal.aborted) show(found);
  } catch (error) {
    if (!own.signal.aborted) put($("shares-state"), whatWentWrong(error));
  }
}

function show({ verdicts, labels, terms }) {
  const given = `说中了 ${verdicts.true} 次，没说中 ${verdicts.false} 次，漏了 ${verdicts.missed} 次。`;
  put($("shares-state"), verdicts.true + verdicts.false + verdicts.missed ? given : "这段时间还没有人判断过。");
  fill("label-shares", labels, (row) => [
    make("th", "", LABEL_WORDS[row.name] ?? row.name),
    ...[row.true, row.false, row.missed, percent(row.precision), percent(row.recall)].map(cell),
  ]);
  fill("term-shares", terms, (row) => [termCell(row), ...[row.true, row.false, percent(row.precision)].map(cell)]);
}

function fill(id, rows, cellsOf) {
  const table = $(id);
  table.hidden = rows.length === 0;
  table.tBodies[0].replaceChildren(
    ...rows.map((row) => {
      const tr = make("tr");
      tr.append(...cellsOf(row));
      tr.firstElementChild.scope = "row";
      return tr;
    }),
  );
}

function termCell(row) {
  const th = make("th", "", row.labels.map((code) => LABEL_WORDS[code] ?? code).join("、") || "线索");
  th.append(make("small", "", row.name));
  if (row.review) th.append(make("small", "problem", row.may_be_dropped ? "要复核" : "要复核，但不提议删"));
  return th;
}

const cell = (value) => make("td", "", String(value));
const percent = (share) => (share === null ? "—" : `${Math.round(share * 100)}%`);

$("shares-days").addEventListener("change", readShares);
