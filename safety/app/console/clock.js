// Time as the server has it, and how the page spells it.

let clockAhead = 0; // how far the server's clock is ahead of this one

function serverNow() {
  return Date.now() + clockAhead;
}

export function learnClock(response) {
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
export function running(iso) {
  const s = Math.max(0, Math.floor((serverNow() - Date.parse(iso)) / 1000));
  if (s >= 86400) return spell(s * 1000);
  const [hours, minutes, seconds] = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

const clockFormat = new Intl.DateTimeFormat("zh-CN", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const dayFormat = new Intl.DateTimeFormat("zh-CN", { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export function moment(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return Math.abs(serverNow() - at.getTime()) < 64800000 ? clockFormat.format(at) : dayFormat.format(at);
}

export function nextPage(view) {
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
