// The console: open cases as they change, one case's story, and what a professional does about it.
// Whatever the server says becomes text, never markup.

const LIST_LIMIT = 500; // what GET /v1/cases returns at most
const READY_EVERY_MS = 5000;
const STORY_EVERY_MS = 5000;
const RECONCILE_EVERY_MS = 20000;
const ANSWER_WITHIN_MS = 10000;
const FEED_SILENT_MS = 40000; // the server sends a sign of life every 15 seconds
const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const SETTLE_MS = 400; // a row that has just moved under a finger takes no tap
const CARDS_SHOWN = 50;
const CLOSED_SHOWN = 5;

const $ = (id) => document.getElementById(id);

// ---------------------------------------------------------------- words

/** Words by code, and nothing for a code that is none of ours ("toString" among them). */
const table = (entries) => Object.assign(Object.create(null), entries);

const LEVELS = ["P0", "P1", "P2", "P3"];
const LEVEL_WORDS = table({ P0: "即刻", P1: "很急", P2: "尽快", P3: "当天" });
const LEVEL_SHAPES = table({
  P0: "M5 1h6l4 4v6l-4 4H5l-4-4V5z", // octagon
  P1: "M8 1l7.5 14H.5z", // triangle
  P2: "M8 .5L15.5 8 8 15.5.5 8z", // diamond
  P3: "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13z", // disc
});
const STATUS_WORDS = table({ open: "无人接单", acknowledged: "已接单", taken: "陪伴中", closed: "已结案" });
const STATUS_ORDER = ["open", "acknowledged", "taken", "closed"];
const DUTY_WORDS = table({ counsellor: "咨询师", supervisor: "督导", lead: "组长", duty_manager: "值班经理" });
const ROLE_WORDS = table({ client: "倾诉者", listener: "倾听师", counsellor: "咨询师", system: "系统" });
const CHANNEL_WORDS = table({
  console: "控制台", voice: "电话", sms: "短信", app: "应用内", push: "推送",
  wecom: "企业微信", dingtalk: "钉钉", feishu: "飞书", webhook: "网络回调",
});
const PAGE_WORDS = table({
  sent: "已经发出", delivered: "已经送达", seen: "已经看到", failed: "没有发出去，会再试",
  undeliverable: "送不到，不再试这条路", withdrawn: "已撤回", pending: "等着发出", sending: "正在发出",
});
const REASON_WORDS = table({
  "p0.act": "说正在伤害自己，或刚刚发生",
  "p0.place_with_intent": "在危险的地方，又说到想死",
  "p0.place_at_night": "夜里说到危险的地方",
  "p0.place_after_risk": "说过想死，现在在危险的地方",
  "p0.place_after_wish": "刚说过想死，现在在危险的地方",
  "p0.medical_injury": "受了伤，身体有危险的征兆",
  "p0.plan_now": "有计划，就在眼前",
  "p0.method_now": "说想死，提到办法，就在眼前",
  "p0.farewell_and_gone": "道别，还说找不到TA了",
  "p0.goading": "倾听师的话像在激TA",
  "p0.call_lost": "通话断了",
  "p0.session_lost": "会话断了",
  "p0.listener_button": "倾听师按了求助",
  "p0.place_chip": "倾听师听出TA在危险的地方",
  "p0.silence": "说过这样的话以后一直没有回音",
  "p1.attempt": "不久前伤害过自己",
  "p1.plan": "有计划",
  "p1.preparation": "在做准备",
  "p1.intent": "说想死",
  "p1.affirmed": "直接问的时候说了是",
  "p1.wish_with": "想死，还有别的迹象",
  "p1.painless": "在问怎样不痛苦",
  "p1.pact": "说要和别人一起",
  "p1.means": "手边有能伤到自己的东西，又很绝望",
  "p1.method_and_leaving": "提到办法，又像在道别",
  "p1.wish_then": "刚说过想死，又有别的迹象",
  "p1.medical": "身体有要马上看的征兆",
  "p1.leaving_after_risk": "说过想死，现在像在道别",
  "p1.silence": "说过这样的话以后没有回音",
  "p1.place_chip": "倾听师听出TA可能在危险的地方",
  "p2.thoughts": "有想死的念头",
  "p2.self_injury": "伤害自己，或很想这样做",
  "p2.method_thought": "想到过办法",
  "p2.exploration": "在打听和死有关的事",
  "p2.third_party": "在替别人担心",
  "p2.dependency": "离不开倾听师",
  "p2.pact": "说到和别人一起",
  "p2.harm_to_others": "说要伤害别人",
  "p2.calm_after_risk": "之前很难受，忽然平静了",
  "p2.medical": "身体不舒服，要问清楚",
  "p2.wish_in_despair": "很绝望，想要消失",
  "p2.session_ended_unreviewed": "会话结束了，还没有人看过",
  "p2.outside_at_night": "夜里在外面",
  "p3.passive": "想要消失",
  "p3.hopeless": "觉得没有希望",
  "p3.leaving": "像在安排后事，或要离开",
  "p3.panic": "很慌，喘不过气",
  "p3.place": "说到危险的地方",
  "p3.transference": "对倾听师有了特别的感情",
  "p3.dependency": "很依赖倾听师",
  "p3.off_platform": "想到平台外面联系",
  "p3.listener_boundary": "倾听师的话越了界",
  "p3.coded": "用了隐语",
  "p3.gasping_chip": "倾听师听到TA在喘",
  "coach.stop_asking": "TA说不想再被问了",
  "coach.listener_unsafe": "倾听师的话可能伤到TA",
});

const dutyOf = (code) => (code === "anyone" ? "名册里的人" : DUTY_WORDS[code] ?? code);
const channelOf = (code) => CHANNEL_WORDS[code] ?? code;
const levelWord = (level) => `${level} ${LEVEL_WORDS[level] ?? ""}`.trim();
const reasonsOf = (codes) => codes.map((code) => REASON_WORDS[code] ?? code).join("；");

const LADDER_SENTENCES = table({
  nobody_on_duty: (whom) => `没叫到：现在没有值班的${dutyOf(whom)}`,
  nobody_reachable: (whom) => `没叫到：值班的${dutyOf(whom)}都没有能用的联系方式`,
  too_few_on_duty: (whom) => `值班的${dutyOf(whom)}人数不够`,
  timer_missing: () => "叫人的钟丢了，已经马上重新开始",
  acknowledged_without_first_words: () => "接单以后还没有人和TA说话，继续叫人",
  unreachable: (whom) => {
    if (whom === "nobody_in_roster") return "没叫到：名册里没有一个人联系得上";
    if (whom === "no_owner") return "没叫到：不知道是谁接的单";
    return `没叫到：联系不上 ${whom}`;
  },
  repeats_missed: (count) => `有 ${count} 轮没有按时叫人`,
  last_resort: (whom) => {
    if (whom === "qualified") return "最后一级也没有人，已经去叫所有有资格的人";
    if (whom === "everybody") return "最后一级也没有人，已经去叫名册里的所有人";
    return null;
  },
});

const STORY_SENTENCES = table({
  opened: (_who, detail) => levelSentence("打开个案", detail),
  raised: (_who, detail) => levelSentence("升到", detail),
  seen_again: (_who, detail) => levelSentence("又出现", detail),
  page_ordered: (who, detail) => {
    const match = /^(P\d) step (\d+) (\S+)$/.exec(detail);
    return match && `第 ${Number(match[2]) + 1} 轮：去叫 ${who}（${channelOf(match[3])}）`;
  },
  page: (who, detail) => {
    const match = /^(\S+) (\S+) attempt (\d+)$/.exec(detail);
    if (!match || !(match[1] in PAGE_WORDS)) return null;
    const again = Number(match[3]) > 1 ? `，第 ${match[3]} 次` : "";
    return `给 ${who} 的呼叫（${channelOf(match[2])}${again}）：${PAGE_WORDS[match[1]]}`;
  },
  ladder: (_who, detail) => {
    const [code, whom = ""] = splitOnce(detail, ":");
    return LADDER_SENTENCES[code]?.(whom);
  },
  acknowledged: (who) => `${who} 接单`,
  taken: (who, detail) => {
    if (detail === "first words to the client") return `${who} 和TA说了第一句话，不再叫人`;
    return detail === "" ? `${who} 联系上了TA，不再叫人` : null;
  },
  lowered: (who, detail) => `${who} 调低了级别，原因：${detail}`,
  closed: (who, detail) => `${who} 结案，原因：${detail}`,
  read: (who, detail) => `${who} 查看了对话，理由：${detail}`,
  late_receipt: (who, detail) => {
    const word = PAGE_WORDS[detail];
    return word && `给 ${who} 的呼叫，回执来晚了：${word}`;
  },
});

function levelSentence(verb, detail) {
  const [level, ...codes] = detail.split(" ").filter(Boolean);
  if (!LEVELS.includes(level)) return null;
  return codes.length ? `${verb} ${levelWord(level)}：${reasonsOf(codes)}` : `${verb} ${levelWord(level)}`;
}

/** One entry of a case's story as a sentence; what this page does not know it shows as it is. */
function storySentence({ kind, who, detail }) {
  const sentence = STORY_SENTENCES[kind]?.(who ?? "（不知道是谁）", detail ?? "");
  return sentence || [kind, who, detail].filter(Boolean).join(" ");
}

const DETAILS = [
  [/^nobody of this name is on the roster$/, () => "名册里没有这个编号。看看“我是”那一栏写得对不对。"],
  [/is not qualified for (P\d)$/, (m) => `名册里写着你不接 ${m[1]}。请马上叫一位能接的同事。`],
  [/^somebody else has this case$/, () => "这个个案已经在别人手里。"],
  [/^this case is closed$/, () => "这个个案已经结案了。"],
  [/^the case stands at (P\d)/, (m) => `个案现在是 ${m[1]}，只能往更缓的级别调。`],
  [/^the texts of this case were destroyed on schedule$/, () => "这个个案的对话已经按期销毁。"],
  [/^there is no such case$/, () => "没有这个个案。"],
  [/^a bearer token is needed$/, () => "要先填访问令牌。"],
  [/^this token is not for (\w+) calls$/, () => "这个令牌不能做这件事。"],
];
const FINDINGS = [
  [/^consume: no such process has ever reported$/, () => "读消息的进程从来没有报到"],
  [/^dispatch: no such process has ever reported$/, () => "叫人的进程从来没有报到"],
  [/^consume: silent for (\d+) seconds$/, (m) => `读消息的进程已经 ${m[1]} 秒没有动静`],
  [/^dispatch: silent for (\d+) seconds$/, (m) => `叫人的进程已经 ${m[1]} 秒没有动静`],
  [/^stream: (\d+) seconds behind$/, (m) => `消息积压，落后 ${m[1]} 秒`],
  [/^database: (.*)$/s, (m) => `数据库：${m[1]}`],
  [/^(\S+) has not finished a round for (\d+) seconds$/, (m) => `${m[1]} 这一环已经 ${m[2]} 秒没有转完一圈`],
];

function translated(phrases, text) {
  for (const [pattern, say] of phrases) {
    const match = pattern.exec(text);
    if (match) return say(match);
  }
  return text;
}

function splitOnce(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + mark.length)];
}

// ---------------------------------------------------------------- time

let clockAhead = 0; // how far the server's clock is ahead of this one

function serverNow() {
  return Date.now() + clockAhead;
}

function learnClock(response) {
  const date = Date.parse(response.headers.get("date") ?? "");
  if (Number.isNaN(date)) return;
  const ahead = date + 500 - Date.now();
  clockAhead = Math.abs(ahead) > 2000 ? ahead : 0;
}

function spell(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} 秒`;
  if (s < 3600) return `${Math.floor(s / 60)} 分 ${String(s % 60).padStart(2, "0")} 秒`;
  if (s < 86400) return `${Math.floor(s / 3600)} 小时 ${String(Math.floor(s / 60) % 60).padStart(2, "0")} 分`;
  return `${Math.floor(s / 86400)} 天 ${Math.floor(s / 3600) % 24} 小时`;
}

/** How long something has lasted, as a running clock. */
function running(iso) {
  const s = Math.max(0, Math.floor((serverNow() - Date.parse(iso)) / 1000));
  if (s >= 86400) return spell(s * 1000);
  const [hours, minutes, seconds] = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

const clockFormat = new Intl.DateTimeFormat("zh-CN", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const dayFormat = new Intl.DateTimeFormat("zh-CN", { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

function moment(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return Math.abs(serverNow() - at.getTime()) < 64800000 ? clockFormat.format(at) : dayFormat.format(at);
}

function nextPage(view) {
  if (view.status === "closed" || view.status === "taken") return { text: "不再叫人", late: false };
  if (view.next_page_at === null) return { text: "没有排下一次叫人", late: false };
  const left = Date.parse(view.next_page_at) - serverNow();
  if (left > 0) {
    const seconds = spell(left + 999);
    if (view.status === "acknowledged") return { text: `${seconds}内没联系上，就再叫人`, late: false };
    return { text: `${seconds}后${view.paged.length ? "再叫人" : "叫人"}`, late: false };
  }
  if (left > -10000) return { text: "正在叫人…", late: false };
  return { text: `${spell(-left)}前就该叫人，还没有叫`, late: true };
}

// ---------------------------------------------------------------- small helpers for the page

function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

function fillBadge(badge, level) {
  if (badge.dataset.level === level) return;
  badge.dataset.level = level;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", LEVEL_SHAPES[level] ?? LEVEL_SHAPES.P3);
  svg.append(path);
  badge.replaceChildren(svg, levelWord(level));
}

function problem(node, text, field) {
  node.hidden = text === "";
  put(node, text);
  if (field) field.toggleAttribute("aria-invalid", false);
  if (field && text !== "") {
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }
}

let noticeTimer = 0;

function notice(text, kind = "news") {
  clearTimeout(noticeTimer);
  $("notice").dataset.kind = kind;
  $("notice").hidden = false;
  put($("notice-text"), text);
  put($("notice-live"), text);
  if (kind === "news") noticeTimer = setTimeout(hideNotice, 6000);
}

function hideNotice() {
  $("notice").hidden = true;
  put($("notice-live"), "");
}

$("notice-close").addEventListener("click", hideNotice);

// ---------------------------------------------------------------- talking to the server

let token = sessionStorage.getItem("jiezhu.token") ?? "";
const tokenWaiters = new Set();

class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

function headers(extra = {}) {
  return token ? { ...extra, Authorization: `Bearer ${token}` } : extra;
}

function askForToken() {
  $("token-form").hidden = false;
}

$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  sessionStorage.setItem("jiezhu.token", token);
  $("token").value = "";
  $("token-form").hidden = true;
  for (const wake of [...tokenWaiters]) wake();
  refreshStory();
});

/** JSON from the server. Refused with a sentence when it says no, another error when it is silent. */
async function call(path, body, signal) {
  const response = await fetch(path, {
    method: body === undefined ? "GET" : "POST",
    headers: headers(body === undefined ? {} : { "Content-Type": "application/json" }),
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
    signal: signal ? AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]) : AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  learnClock(response);
  if (response.ok) return response.json();
  throw await refusalOf(response);
}

async function refusalOf(response) {
  if (response.status === 401) askForToken();
  const answer = await response.json().catch(() => null);
  const detail = typeof answer?.detail === "string" ? answer.detail : `服务器没有接受（${response.status}）。`;
  return new Refused(response.status, translated(DETAILS, detail));
}

function whatWentWrong(error) {
  if (error instanceof Refused && error.status !== 503) return error.message;
  if (error instanceof Refused) return `服务器这会儿做不了：${error.message}。再点一次没关系。`;
  return "没有等到服务器回应，不知道做成了没有。再点一次没关系。";
}

/**
 * Server-sent events over fetch, because EventSource cannot carry a token. Reconnects by itself and
 * goes on after the last event that it handed over. `onState` hears up, down, refused, stopped.
 */
class Feed {
  constructor(path, onEvent, onState) {
    this.path = path;
    this.onEvent = onEvent;
    this.onState = onState;
    this.lastId = "";
    this.run = null;
  }

  start() {
    if (this.run) return;
    this.run = new AbortController();
    this.keepGoing(this.run.signal);
  }

  stop() {
    this.run?.abort();
    this.run = null;
  }

  /** Try again now instead of after the pause. */
  kick() {
    this.wake?.();
  }

  async keepGoing(signal) {
    for (let failures = 0; !signal.aborted; failures += 1) {
      const began = performance.now();
      const outcome = await this.once(signal);
      if (signal.aborted) return;
      if (outcome.refused) {
        this.onState("refused", outcome.refused);
        await this.pause(outcome.refused.status === 401 ? Infinity : 30000, signal);
        failures = -1;
        continue;
      }
      this.onState("down");
      if (performance.now() - began > 5000) failures = 0;
      const longest = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)];
      await this.pause(longest * (0.75 + Math.random() / 4), signal);
    }
  }

  async once(signal) {
    const silence = new AbortController();
    let watchdog = 0;
    const heard = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => silence.abort(), FEED_SILENT_MS);
    };
    heard();
    try {
      const response = await fetch(this.path, {
        headers: headers({ Accept: "text/event-stream", ...(this.lastId && { "Last-Event-ID": this.lastId }) }),
        cache: "no-store",
        signal: AbortSignal.any([signal, silence.signal]),
      });
      learnClock(response);
      if (response.status >= 400 && response.status < 500 && response.status !== 429) {
        return { refused: await refusalOf(response) };
      }
      if (!response.ok || !response.body) return {};
      this.onState("up");
      await this.read(response.body, heard, signal);
    } catch {
      // A lost connection; the caller tries again and says so on the page.
    } finally {
      clearTimeout(watchdog);
      silence.abort();
    }
    return {};
  }

  async read(body, heard, signal) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let event = { name: "message", data: [], id: null };
    for (;;) {
      const { value, done } = await reader.read();
      if (done || signal.aborted) return;
      heard();
      rest += value;
      const whole = rest.endsWith("\r") ? rest.slice(0, -1) : rest;
      const lines = whole.split(/\r\n|\n|\r/);
      rest = lines.pop() + rest.slice(whole.length);
      for (const line of lines) {
        if (line === "") {
          this.hand(event);
          event = { name: "message", data: [], id: null };
        } else {
          const [field, raw = ""] = splitOnce(line, ":");
          const text = raw.startsWith(" ") ? raw.slice(1) : raw;
          if (field === "event") event.name = text;
          else if (field === "data") event.data.push(text);
          else if (field === "id") event.id = text;
        }
      }
    }
  }

  hand(event) {
    if (event.data.length) {
      try {
        this.onEvent(event.name, JSON.parse(event.data.join("\n")));
      } catch (error) {
        console.error("an event could not be shown", error);
      }
    }
    if (event.id !== null) this.lastId = event.id;
  }

  pause(ms, signal) {
    return new Promise((resolve) => {
      const timer = ms === Infinity ? 0 : setTimeout(finish, ms);
      const self = this;
      function finish() {
        clearTimeout(timer);
        tokenWaiters.delete(finish);
        signal.removeEventListener("abort", finish);
        self.wake = null;
        resolve();
      }
      this.wake = finish;
      tokenWaiters.add(finish);
      signal.addEventListener("abort", finish);
    });
  }
}

// ---------------------------------------------------------------- who I am

const person = $("person");

function me() {
  return person.value.trim();
}

/** On a phone a case has the screen to itself once the name is there. Never called by leaving the
 * field: the page would move while a finger goes for a button. */
function noteName() {
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
function needMe() {
  if (me() === "") {
    document.body.classList.remove("named");
    problem($("person-problem"), "先填你的编号，再点一次。", person);
  }
  return me();
}

// ---------------------------------------------------------------- the list of cases

const cases = new Map(); // id → { view, row, why }
let order = []; // open entries, most urgent first
let synced = false; // whether the server has told us every open case at least once
let feedState = "connecting";
let ready = null; // null: not known yet

function rank(view) {
  return [LEVELS.indexOf(view.level), STATUS_ORDER.indexOf(view.status), Date.parse(view.opened_at)];
}

function before(a, b) {
  const left = rank(a.view);
  const right = rank(b.view);
  for (let i = 0; i < left.length; i += 1) {
    if (left[i] !== right[i]) return left[i] < right[i];
  }
  return a.view.case_id < b.view.case_id;
}

function newRow(view) {
  const li = make("li", "row");
  const link = make("a");
  link.href = `#/case/${encodeURIComponent(view.case_id)}`;
  const badge = make("span", "badge");
  const number = make("span", "number", `#${view.number}`);
  const age = make("span", "age");
  const line = make("span", "line");
  const status = make("span", "status");
  const next = make("span", "next");
  const paged = make("span", "line paged");
  line.append(status, next);
  link.append(badge, number, age, line, paged);
  const accept = make("button", "accept primary", "接单");
  accept.type = "button";
  accept.setAttribute("aria-label", `接单 #${view.number}`);
  accept.addEventListener("click", () => acknowledge(view.case_id, accept));
  li.append(link, accept);
  return { li, badge, age, status, next, paged, accept, top: -1 };
}

function statusText(view) {
  const word = STATUS_WORDS[view.status] ?? view.status;
  if (view.status === "open" && view.owner) return `${word}（之前是 ${view.owner}）`;
  return view.owner ? `${word}：${view.owner}` : word;
}

function pagedText(view) {
  return view.paged.length ? `叫过 ${view.paged.join("、")}` : "还没有叫过谁";
}

function paintRow(entry) {
  const { view, row } = entry;
  row.li.dataset.level = view.level;
  row.li.dataset.status = view.status;
  row.li.dataset.case = view.case_id;
  fillBadge(row.badge, view.level);
  put(row.status, statusText(view));
  put(row.paged, pagedText(view));
  row.accept.hidden = view.status !== "open";
  tickRow(entry);
}

function tickRow({ view, row }) {
  put(row.age, view.status === "closed" ? "" : `已开 ${running(view.opened_at)}`);
  const next = nextPage(view);
  put(row.next, view.status === "closed" ? "" : next.text);
  row.next.classList.toggle("late", next.late);
}

/** Put an entry where it belongs, and nothing else anywhere. */
function place(entry) {
  const list = $("open-cases");
  const was = order.indexOf(entry);
  const stays =
    was >= 0 && (was === 0 || before(order[was - 1], entry)) && (was === order.length - 1 || before(entry, order[was + 1]));
  if (stays) return;
  if (was >= 0) order.splice(was, 1);
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(order[middle], entry)) low = middle + 1;
    else high = middle;
  }
  const focused = entry.row.li.contains(document.activeElement) ? document.activeElement : null;
  list.insertBefore(entry.row.li, order[low]?.row.li ?? null);
  order.splice(low, 0, entry);
  if (focused && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

function retire(entry) {
  const at = order.indexOf(entry);
  if (at >= 0) order.splice(at, 1);
  const hadFocus = entry.row.li.contains(document.activeElement);
  $("closed-cases").prepend(entry.row.li);
  while ($("closed-cases").children.length > CLOSED_SHOWN) {
    const oldest = $("closed-cases").lastElementChild;
    oldest.remove();
    if (oldest.dataset.case !== chosen) cases.delete(oldest.dataset.case);
  }
  $("closed-box").hidden = false;
  if (hadFocus) $("cases-title").focus();
}

const waiting = [];
let flushTimer = 0;

/** Take in what the server says of a case. Older versions than the known one change nothing. */
function ingest(view) {
  waiting.push(view);
  flushTimer ||= setTimeout(flush, 30);
}

function flush() {
  clearTimeout(flushTimer);
  flushTimer = 0;
  const urgent = [];
  let changed = false;
  for (const view of waiting.splice(0)) {
    let entry = cases.get(view.case_id);
    if (entry && view.version <= entry.view.version) continue;
    const known = entry?.view;
    if (!entry && view.status === "closed" && view.case_id !== chosen) continue;
    if (!entry) {
      entry = { view, row: newRow(view), why: "" };
      cases.set(view.case_id, entry);
    } else if (known.status === "closed") {
      continue;
    }
    changed = true;
    entry.view = view;
    paintRow(entry);
    if (view.status === "closed") retire(entry);
    else place(entry);
    const rises = !known || LEVELS.indexOf(view.level) < LEVELS.indexOf(known.level);
    if (rises && synced && view.status === "open") {
      markFresh(entry.row.li);
      if (view.level === "P0" || view.level === "P1") urgent.push(view);
    }
    if (view.case_id === chosen) {
      paintCase();
      refreshStory();
    }
  }
  if (changed) settle();
  announce(urgent);
  paintSummary();
}

function markFresh(li) {
  li.classList.add("fresh");
  setTimeout(() => li.classList.remove("fresh"), 2500);
}

/** Rows that have just moved take no tap for a moment: it was meant for another row. */
function settle() {
  const moved = [];
  for (const entry of order) {
    const top = entry.row.li.offsetTop;
    if (Math.abs(top - entry.row.top) > 8) moved.push(entry.row.li);
    entry.row.top = top;
  }
  const until = String(performance.now() + SETTLE_MS);
  for (const li of moved) {
    li.classList.add("settling");
    li.dataset.until = until;
  }
  setTimeout(() => {
    for (const li of moved) if (li.dataset.until === until) li.classList.remove("settling");
  }, SETTLE_MS);
}

function announce(urgent) {
  if (urgent.length === 0) return;
  if (urgent.length > 3) {
    put($("live"), `新来 ${urgent.length} 个 P0 或 P1，请看列表最上面。`);
  } else {
    put($("live"), urgent.map((view) => `${levelWord(view.level)}，个案 ${view.number}，无人接单。`).join(" "));
  }
}

function paintSummary() {
  const count = order.length;
  put($("count"), synced || count ? `${count} 个` : "");
  $("more").hidden = count < LIST_LIMIT;
  const alone = order.filter((entry) => entry.view.status === "open" && LEVELS.indexOf(entry.view.level) < 2).length;
  document.title = `${alone ? `(${alone}) ` : ""}接住 · 值班台`;
  $("empty").hidden = count > 0;
  if (count === 0) put($("empty"), emptyText());
  const stale = count > 0 && feedState !== "up" && synced;
  $("stale").hidden = !stale;
  if (stale) put($("stale"), "连接断了，下面是断开前的样子，可能已经变了。");
  paintLink();
}

function emptyText() {
  if (!synced) return feedState === "refused" ? refusal : feedState === "down" ? "还读不到个案，正在重连…" : "正在读取个案…";
  if (feedState !== "up") return "连接断了，现在不知道有没有打开的个案。";
  if (ready === false) return "现在没有打开的个案。\n可是监测中断了，新的情况不会出现在这里。";
  return "现在没有打开的个案。\n来了新的会自己出现在这里。没有个案，不等于没有人难受。";
}

function paintLink() {
  let state = "connecting";
  let text = "正在连接…";
  if (feedState === "refused") [state, text] = ["down", "没有连上"];
  else if (feedState === "down") [state, text] = ["down", "正在重连…"];
  else if (ready === false) [state, text] = ["outage", "监测中断"];
  else if (feedState === "up" && ready) [state, text] = ["up", "监测连接正常"];
  $("link").dataset.state = state;
  put($("link"), text);
}

let refusal = "";

const caseFeed = new Feed(
  "/v1/cases/stream",
  (name, view) => name === "case" && ingest(view),
  (state, refused) => {
    feedState = state;
    refusal = refused?.message ?? "";
    if (state === "up") reconcile();
    paintSummary();
  },
);

/** Ask for all open cases: whatever closed while nobody was listening is not told again. */
async function reconcile() {
  const open = [...cases.values()].filter((entry) => entry.view.status !== "closed");
  try {
    const views = await call("/v1/cases");
    views.forEach(ingest);
    const standing = new Set(views.map((view) => view.case_id));
    const missing = open.filter((entry) => !standing.has(entry.view.case_id)).slice(0, 20);
    for (const entry of missing) ingest(await call(`/v1/cases/${encodeURIComponent(entry.view.case_id)}`));
  } catch {
    return; // the connection line tells; the next round tries again
  }
  if (flushTimer) flush();
  if (!synced) {
    synced = true;
    if (order.length) put($("live"), `现在有 ${order.length} 个打开的个案。`);
  }
  paintSummary();
}

// ---------------------------------------------------------------- the state of the monitor

let unanswered = 0;

async function checkReady() {
  let findings = null;
  try {
    const response = await fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(4000) });
    learnClock(response);
    const answer = await response.json();
    unanswered = 0;
    ready = answer.ready === true;
    findings = (answer.findings ?? []).map((finding) => translated(FINDINGS, String(finding)));
  } catch {
    unanswered += 1;
    // One lost answer is a hiccup; two are a monitor that we know nothing of.
    if (unanswered >= 2) {
      ready = false;
      findings = ["联系不上监测服务，不知道它现在怎么样"];
    }
  }
  paintOutage(findings);
  paintSummary();
}

function paintOutage(findings) {
  $("outage").hidden = ready !== false;
  put($("outage-alert"), ready === false ? "监测中断" : "");
  if (findings === null) return;
  const list = $("findings");
  while (list.children.length > findings.length) list.lastElementChild.remove();
  findings.forEach((finding, i) => {
    if (i < list.children.length) put(list.children[i], finding);
    else list.append(make("li", "", finding));
  });
}

// ---------------------------------------------------------------- one case

let chosen = "";
let cardFeed = null;
let storyRun = null;
let storyKnown = 0;
let lastCard = 0;

function chosenView() {
  return cases.get(chosen)?.view ?? null;
}

function route() {
  const match = /^#\/case\/(.+)$/.exec(location.hash);
  let wanted = "";
  try {
    wanted = match ? decodeURIComponent(match[1]) : "";
  } catch {
    wanted = "";
  }
  if (wanted === chosen) return;
  const left = chosen;
  leaveCase();
  noteName();
  chosen = wanted;
  document.body.classList.toggle("chosen", chosen !== "");
  document.body.classList.toggle("choosing", chosen === "");
  $("none-chosen").hidden = chosen !== "";
  $("case").hidden = chosen === "";
  if (chosen === "") {
    cases.get(left)?.row.li.querySelector("a").focus();
    return;
  }
  paintCase();
  refreshStory();
  window.scrollTo(0, 0);
  $("case-title").focus({ preventScroll: true });
}

function leaveCase() {
  cases.get(chosen)?.row.li.removeAttribute("aria-current");
  cardFeed?.stop();
  cardFeed = null;
  lastCard = 0;
  storyRun?.abort();
  storyRun = null;
  storyKnown = 0;
  for (const id of ["cards", "story", "words"]) $(id).replaceChildren();
  for (const name of Object.keys(PANELS)) togglePanel(name, false);
  for (const id of ["lower-reason", "close-reason", "words-why"]) $(id).value = "";
  hideWords();
  problem($("acts-problem"), "");
  problem($("story-problem"), "");
  put($("cards-state"), "");
}

function paintCase() {
  const entry = cases.get(chosen);
  const view = entry?.view;
  $("acts").hidden = !view;
  $("acts-hint").hidden = !view || view.status === "taken" || view.status === "closed";
  $("words-open").hidden = !view || !$("words-shown").hidden;
  $("case-badge").hidden = !view;
  if (!view) {
    put($("case-number"), "正在读取…");
    for (const id of ["case-status", "case-why", "case-age", "case-next", "case-paged", "case-owner", "case-client"]) put($(id), "");
    return;
  }
  entry.row.li.setAttribute("aria-current", "true");
  $("case").dataset.level = view.level;
  $("case").dataset.status = view.status;
  fillBadge($("case-badge"), view.level);
  put($("case-number"), `#${view.number}`);
  put($("case-status"), STATUS_WORDS[view.status] ?? view.status);
  put($("case-why"), entry.why || "为什么：正在读取…");
  put($("case-paged"), view.paged.length ? view.paged.join("、") : "还没有叫过谁");
  put($("case-owner"), ownerText(view));
  put($("case-client"), view.client_id);
  tickCase();
  const closed = view.status === "closed";
  $("acknowledge").disabled = view.status !== "open";
  $("take").disabled = view.status === "taken" || closed;
  $("lower-open").disabled = closed || view.level === "P3";
  $("close-open").disabled = closed;
  if (closed || view.level === "P3") togglePanel("lower", false);
  if (closed) togglePanel("close", false);
  paintLevels(view.level);
  followCards(view);
}

function ownerText(view) {
  if (!view.owner) return "还没有人";
  if (view.status === "open") return `还没有人（之前是 ${view.owner}）`;
  return view.status === "acknowledged" ? `${view.owner}，还没有联系上` : view.owner;
}

function tickCase() {
  const view = chosenView();
  if (!view) return;
  put($("case-age"), view.status === "closed" ? "已经结案" : running(view.opened_at));
  const next = nextPage(view);
  put($("case-next"), next.text);
  $("case-next").classList.toggle("late", next.late);
}

function paintLevels(level) {
  const box = $("lower-levels");
  if (box.dataset.from === level) return;
  box.dataset.from = level;
  box.replaceChildren();
  for (const lower of LEVELS.slice(LEVELS.indexOf(level) + 1)) {
    const label = make("label");
    const radio = make("input");
    radio.type = "radio";
    radio.name = "level";
    radio.value = lower;
    label.append(radio, levelWord(lower));
    box.append(label);
  }
}

async function refreshStory() {
  if (chosen === "") return;
  storyRun?.abort();
  const run = (storyRun = new AbortController());
  const id = chosen;
  try {
    const view = await call(`/v1/cases/${encodeURIComponent(id)}`, undefined, run.signal);
    if (run.signal.aborted || id !== chosen) return;
    problem($("story-problem"), "");
    const { timeline, ...rest } = view;
    ingest(rest);
    if (!cases.has(id)) flush();
    showStory(timeline);
    paintCase();
  } catch (error) {
    if (run.signal.aborted || id !== chosen) return;
    const gone = error instanceof Refused;
    if (!cases.has(id)) put($("case-number"), gone ? "读不到这个个案" : "还没有读到…");
    problem($("story-problem"), gone ? error.message : "这会儿读不到经过，过一下会自己再试。");
  }
}

function showStory(timeline) {
  const list = $("story");
  for (const entry of timeline.slice(storyKnown)) {
    const li = make("li");
    const time = make("time", "", moment(entry.at));
    time.dateTime = entry.at;
    li.append(time, make("span", "", storySentence(entry)));
    list.prepend(li);
  }
  storyKnown = Math.max(storyKnown, timeline.length);
  const entry = cases.get(chosen);
  if (entry) entry.why = whyOf(timeline);
}

/** Why the case stands where it stands: the newest entry that named reasons for its level. */
function whyOf(timeline) {
  const named = timeline.filter(({ kind, detail }) => ["opened", "raised", "seen_again"].includes(kind) && detail);
  const decisive = named.filter(({ kind }) => kind !== "seen_again").at(-1);
  const codes = decisive?.detail.split(" ").slice(1).filter(Boolean) ?? [];
  return codes.length ? `为什么：${reasonsOf(codes)}` : "为什么：不知道";
}

// ---------------------------------------------------------------- the listener's cards

function followCards(view) {
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

// ---------------------------------------------------------------- what a professional does

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

async function acknowledge(id, button) {
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

$("acknowledge").addEventListener("click", () => acknowledge(chosen, $("acknowledge")));

$("take").addEventListener("click", async () => {
  const name = needMe();
  if (!name) return;
  problem($("acts-problem"), "");
  await act("take", chosen, { person: name }, $("take"), tellHere);
});

const PANELS = {
  lower: { opener: $("lower-open"), form: $("lower-form"), first: () => $("lower-levels").querySelector("input") },
  close: { opener: $("close-open"), form: $("close-form"), first: () => $("close-reason") },
  words: { opener: $("words-open"), form: $("words-form"), first: () => $("words-why") },
};

function togglePanel(name, open) {
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
  const view = await act("lower", chosen, { person: name, level, reason }, event.submitter ?? $("lower-open"), tell);
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
  const view = await act("close", chosen, { person: name, reason }, event.submitter ?? $("close-open"), tell);
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
  const id = chosen;
  try {
    const turns = await call(`/v1/cases/${encodeURIComponent(id)}/evidence`, { person: name, reason: why });
    if (id !== chosen) return;
    $("words-why").value = "";
    togglePanel("words", false);
    showWords(turns);
    refreshStory();
  } catch (error) {
    if (id === chosen) problem($("words-problem"), whatWentWrong(error));
  }
});

function showWords(turns) {
  const list = $("words");
  list.replaceChildren();
  for (const turn of turns) {
    const li = make("li");
    li.dataset.role = turn.role;
    li.append(make("small", "", `${ROLE_WORDS[turn.role] ?? turn.role} ${moment(turn.sent_at)}`), turn.text);
    list.append(li);
  }
  put($("words-note"), turns.length ? `留下的 ${turns.length} 句。这次查看已经记下。` : "这个个案没有留下对话。这次查看已经记下。");
  $("words-shown").hidden = false;
  $("words-open").hidden = true;
  $("words-note").focus();
}

function hideWords() {
  $("words-shown").hidden = true;
  $("words").replaceChildren();
  $("words-open").hidden = chosenView() === null;
}

$("words-hide").addEventListener("click", () => {
  hideWords();
  $("words-open").focus();
});

// ---------------------------------------------------------------- going

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

addEventListener("hashchange", route);
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

document.body.classList.add("choosing");
setInterval(tick, 1000);
caseFeed.start();
route();
every(READY_EVERY_MS, checkReady);
every(RECONCILE_EVERY_MS, async () => {
  if (feedState === "up") await reconcile();
});
every(STORY_EVERY_MS, async () => {
  if (!document.hidden && chosenView()?.status !== "closed") await refreshStory();
});
