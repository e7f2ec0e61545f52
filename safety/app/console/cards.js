// The listener's cards.

import { moment } from "./clock.js";
import { $, make, put } from "./page.js";
import { Feed } from "./wire.js";

const CARDS_SHOWN = 50;

export let cardFeed = null;
let lastCard = 0;

export function leaveCards() {
  cardFeed?.stop();
  cardFeed = null;
  lastCard = 0;
}

export function followCards(view) {
  if (cardFeed) return;
  const path = `/v1/conversations/${encodeURIComponent(view.conversation_id)}/cards?tenant=${encodeURIComponent(view.tenant)}`;
  const feed = new Feed(
    path,
    (name, card) => name === "card" && feed === cardFeed && showCard(card),
    (state, refused) => feed === cardFeed && cardState(state, refused),
  );
  cardFeed = feed;
  put($("cards-state"), "正在读取卡片…");
  if (!document.hidden) feed.start();
}

function cardState(state, refused) {
  const none = "还没有给倾听师的卡片。";
  if (state === "up") put($("cards-state"), lastCard ? "" : none);
  else if (state === "refused") put($("cards-state"), `看不到卡片：${refused.message}`);
  else put($("cards-state"), lastCard ? "卡片断开了，正在重连…" : "读不到卡片，正在重连…");
}

function showCard(card) {
  if (card.seq <= lastCard) return;
  lastCard = card.seq;
  put($("cards-state"), "");
  const li = make("li");
  li.dataset.seq = card.seq;
  const list = make("dl");
  for (const [word, text, className] of [["说", card.say, "say"], ["为什么", card.why, ""], ["别说", card.avoid, ""]]) {
    list.append(make("dt", "", word), make("dd", className, text));
  }
  li.append(make("p", "when", moment(card.at)), list);
  $("cards").prepend(li);
  while ($("cards").children.length > CARDS_SHOWN) $("cards").lastElementChild.remove();
}
