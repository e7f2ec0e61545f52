// What the page says of the list as a whole, and of the connection.

import { $, put } from "./page.js";
import { order, shared } from "./state.js";
import { LEVELS } from "./words.js";

const LIST_LIMIT = 500; // what GET /v1/cases returns at most

export function paintSummary() {
  const count = order.length;
  put($("count"), shared.synced || count ? `${count} 个` : "");
  $("more").hidden = count < LIST_LIMIT;
  const alone = order.filter((entry) => entry.view.status === "open" && LEVELS.indexOf(entry.view.level) < 2).length;
  document.title = `${alone ? `(${alone}) ` : ""}接住 · 值班台`;
  $("empty").hidden = count > 0;
  if (count === 0) put($("empty"), emptyText());
  const stale = count > 0 && shared.feedState !== "up" && shared.synced;
  $("stale").hidden = !stale;
  if (stale) put($("stale"), "连接断了，下面是断开前的样子，可能已经变了。");
  paintLink();
}

function emptyText() {
  if (!shared.synced) return shared.feedState === "refused" ? shared.refusal : shared.feedState === "down" ? "还读不到个案，正在重连…" : "正在读取个案…";
  if (shared.feedState !== "up") return "连接断了，现在不知道有没有打开的个案。";
  if (shared.ready === false) return "现在没有打开的个案。\n可是监测中断了，新的情况不会出现在这里。";
  return "现在没有打开的个案。\n来了新的会自己出现在这里。没有个案，不等于没有人难受。";
}

function paintLink() {
  let state = "connecting";
  let text = "正在连接…";
  if (shared.feedState === "refused") [state, text] = ["down", "没有连上"];
  else if (shared.feedState === "down") [state, text] = ["down", "正在重连…"];
  else if (shared.ready === false) [state, text] = ["outage", "监测中断"];
  else if (shared.feedState === "up" && shared.ready) [state, text] = ["up", "监测连接正常"];
  $("link").dataset.state = state;
  put($("link"), text);
}
