// What the page says for the server's codes and sentences.

/** Words by code, and nothing for a code that is none of ours ("toString" among them). */
const table = (entries) => Object.assign(Object.create(null), entries);

export const LEVELS = ["P0", "P1", "P2", "P3"];
const LEVEL_WORDS = table({ P0: "即刻", P1: "很急", P2: "尽快", P3: "当天" });
export const LEVEL_SHAPES = table({
  P0: "M5 1h6l4 4v6l-4 4H5l-4-4V5z", // octagon
  P1: "M8 1l7.5 14H.5z", // triangle
  P2: "M8 .5L15.5 8 8 15.5.5 8z", // diamond
  P3: "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13z", // disc
});
export const STATUS_WORDS = table({ open: "无人接单", acknowledged: "已接单", taken: "陪伴中", closed: "已结案" });
export const STATUS_ORDER = ["open", "acknowledged", "taken", "closed"];
const DUTY_WORDS = table({ counsellor: "咨询师", supervisor: "督导", lead: "组长", duty_manager: "值班经理" });
export const ROLE_WORDS = table({ client: "倾诉者", listener: "倾听师", counsellor: "咨询师", system: "系统" });
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
  "p2.settling_and_leaving": "在安排后事，又像在道别或要离开",
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
  "p0.model": "模型觉得要马上有人",
  "p1.model": "模型觉得很急",
  "p2.model": "模型觉得要尽快",
  "p3.model": "模型觉得要留心",
  "model.doubts": "模型觉得没有词表说的那么急",
  "coach.stop_asking": "TA说不想再被问了",
  "coach.listener_unsafe": "倾听师的话可能伤到TA",
});

export const LABEL_WORDS = table({
  suicide_attempt: "自杀尝试",
  suicide_preparation: "自杀准备",
  suicide_plan: "自杀计划",
  active_ideation: "主动想死",
  passive_ideation: "不想活着、想消失",
  self_injury: "伤害自己",
  self_injury_urge: "想伤害自己",
  aggression_by_client: "想伤害别人",
  aggression_by_other: "受到别人伤害",
  suicide_exploration: "打听和死有关的事",
  panic: "惊恐",
  dangerous_place: "危险的地方",
  transference: "移情",
  dependency: "依赖",
  third_party: "替别人担心",
  listener_unsafe: "倾听师的话可能伤人",
  listener_boundary: "倾听师越界",
  listener_goading: "倾听师激将",
  off_platform: "约到平台外面",
});
export const LISTENER_LABELS = ["listener_unsafe", "listener_boundary", "listener_goading", "off_platform"];
const CUE_WORDS = table({
  act_now: "正在发生", time_now: "就在眼前", time_soon: "就在这几天", farewell: "道别", disappearance: "说会找不到TA",
  settling: "安排后事", means: "手边有能伤到自己的东西", method: "提到办法", pact: "和别人一起", painless: "问怎样不痛苦",
  hopeless: "没有希望", calm: "忽然平静", recent_attempt: "不久前试过", affirmed: "直接问时说是", denied: "直接问时说不是",
  medical: "身体有危险的征兆", stop_asking: "不想再被问", money: "说到钱", dependency_3: "离不开到活不下去",
  transference_3: "表白或要私下见面", listener_2: "要督导来看",
});
export const JUDGED_WORDS = table({ true: "说中了", false: "没说中", missed: "漏了", withdrawn: "收回了" });

/** What fired, in words: its labels, or else what it noticed, or else its own name. */
export function firedWords({ term, labels = [], cues = [] }) {
  const words = [...labels.map((code) => LABEL_WORDS[code] ?? code), ...cues.map((code) => CUE_WORDS[code] ?? code)];
  return words.join("、") || REASON_WORDS[term] || term;
}

const dutyOf = (code) => (code === "anyone" ? "名册里的人" : DUTY_WORDS[code] ?? code);
const channelOf = (code) => CHANNEL_WORDS[code] ?? code;
export const levelWord = (level) => `${level} ${LEVEL_WORDS[level] ?? ""}`.trim();
export const reasonsOf = (codes) => codes.map((code) => REASON_WORDS[code] ?? code).join("；");

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
export function storySentence({ kind, who, detail }) {
  const sentence = STORY_SENTENCES[kind]?.(who ?? "（不知道是谁）", detail ?? "");
  return sentence || [kind, who, detail].filter(Boolean).join(" ");
}

export const DETAILS = [
  [/^nobody of this name is on the roster$/, () => "名册里没有这个编号。看看“我是”那一栏写得对不对。"],
  [/is not qualified for (P\d)$/, (m) => `名册里写着你不接 ${m[1]}。请马上叫一位能接的同事。`],
  [/^somebody else has this case$/, () => "这个个案已经在别人手里。"],
  [/^this case is closed$/, () => "这个个案已经结案了。"],
  [/^the case stands at (P\d)/, (m) => `个案现在是 ${m[1]}，只能往更缓的级别调。`],
  [/^the texts of this case were destroyed on schedule$/, () => "这个个案的对话已经按期销毁。"],
  [/^this case keeps no such message$/, () => "这个个案里没有这句话。"],
  [/^nothing fired on this message/, () => "这句话没有报出什么，只能说“漏了”。"],
  [/^a missed message has no term/, () => "说“漏了”的时候不用指明是哪一条。"],
  [/^this message was raised/, () => "这句话已经报出来了，只能说“说中了”或“没说中”。"],
  [/^this term did not fire on this message$/, () => "这一条没有在这句话上报出来。"],
  [/^only the words of a client or a listener are read$/, () => "只看倾诉者和倾听师的话。"],
  [/is no label of a (\w+)'s words$/, (m) => `这个标签不是给${ROLE_WORDS[m[1]] ?? m[1]}的话用的。`],
  [/^you have said nothing of this message yet$/, () => "你还没有判断过这句话，没有可以收回的。"],
  [/^there is no such case$/, () => "没有这个个案。"],
  [/^a bearer token is needed$/, () => "要先填访问令牌。"],
  [/^this token is not for (\w+) calls$/, () => "这个令牌不能做这件事。"],
];
export const FINDINGS = [
  [/^consume: no such process has ever reported$/, () => "读消息的进程从来没有报到"],
  [/^dispatch: no such process has ever reported$/, () => "叫人的进程从来没有报到"],
  [/^consume: silent for (\d+) seconds$/, (m) => `读消息的进程已经 ${m[1]} 秒没有动静`],
  [/^dispatch: silent for (\d+) seconds$/, (m) => `叫人的进程已经 ${m[1]} 秒没有动静`],
  [/^model: cannot run, the lexicon reads without it$/, () => "识别模型没有在工作，现在只靠词表读消息，会漏掉更多"],
  [/^stream: (\d+) seconds behind$/, (m) => `消息积压，落后 ${m[1]} 秒`],
  [/^database: (.*)$/s, (m) => `数据库：${m[1]}`],
  [/^(\S+) has not finished a round for (\d+) seconds$/, (m) => `${m[1]} 这一环已经 ${m[2]} 秒没有转完一圈`],
];

export function translated(phrases, text) {
  for (const [pattern, say] of phrases) {
    const match = pattern.exec(text);
    if (match) return say(match);
  }
  return text;
}

export function splitOnce(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + mark.length)];
}
