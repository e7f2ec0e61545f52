// The state of the monitor.

import { learnClock } from "./clock.js";
import { $, make, put } from "./page.js";
import { shared } from "./state.js";
import { paintSummary } from "./summary.js";
import { FINDINGS, translated } from "./words.js";

let unanswered = 0;

export async function checkReady() {
  let findings = null;
  try {
    const response = await fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(4000) });
    learnClock(response);
    const answer = await response.json();
    unanswered = 0;
    shared.ready = answer.ready === true;
    findings = (answer.findings ?? []).map((finding) => translated(FINDINGS, String(finding)));
  } catch {
    unanswered += 1;
    // One lost answer is a hiccup; two are a monitor that we know nothing of.
    if (unanswered >= 2) {
      shared.ready = false;
      findings = ["联系不上监测服务，不知道它现在怎么样"];
    }
  }
  paintOutage(findings);
  paintSummary();
}

function paintOutage(findings) {
  $("outage").hidden = shared.ready !== false;
  put($("outage-alert"), shared.ready === false ? "监测中断" : "");
  if (findings === null) return;
  const list = $("findings");
  while (list.children.length > findings.length) list.lastElementChild.remove();
  findings.forEach((finding, i) => {
    if (i < list.children.length) put(list.children[i], finding);
    else list.append(make("li", "", finding));
  });
}
