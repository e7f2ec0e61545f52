// The console: open cases as they change, one case's story, and what a professional does about it.
// Whatever the server says becomes text, never markup.

import { acknowledge } from "./acts.js";
import { cardFeed } from "./cards.js";
import { paintCase, refreshStory, route, tickCase } from "./case.js";
import { caseFeed, reconcile, tickRow, tie } from "./list.js";
import { checkReady } from "./monitor.js";
import { readShares, routeShares } from "./shares.js";
import { chosenView, order, shared } from "./state.js";
import { onToken } from "./wire.js";

const READY_EVERY_MS = 5000;
const STORY_EVERY_MS = 5000;
const RECONCILE_EVERY_MS = 20000;

function tick() {
  for (const entry of order) tickRow(entry);
  tickCase();
}

function every(ms, work) {
  const round = async () => {
    await work();
    setTimeout(round, ms);
  };
  round();
}

addEventListener("hashchange", () => {
  route();
  routeShares();
});
addEventListener("online", () => {
  caseFeed.kick();
  cardFeed?.kick();
});
document.addEventListener("visibilitychange", () => {
  // A browser allows few connections to one server: a page nobody looks at keeps only the cases.
  if (document.hidden) {
    cardFeed?.stop();
    return;
  }
  cardFeed?.start();
  caseFeed.kick();
  refreshStory();
});

tie({
  accept: acknowledge,
  chosenChanged() {
    paintCase();
    refreshStory();
  },
});
onToken(() => {
  refreshStory();
  readShares();
});

document.body.classList.add("choosing");
setInterval(tick, 1000);
caseFeed.start();
route();
routeShares();
every(READY_EVERY_MS, checkReady);
every(RECONCILE_EVERY_MS, async () => {
  if (shared.feedState === "up") await reconcile();
});
every(STORY_EVERY_MS, async () => {
  if (!document.hidden && chosenView()?.status !== "closed") await refreshStory();
});
