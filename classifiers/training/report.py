"""The page that a clinician reads: figures, curves, and what was missed, in plain Chinese."""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

NAMES = {
    "suicide_attempt": "自杀未遂或正在实施",
    "suicide_preparation": "自杀准备",
    "suicide_plan": "自杀计划",
    "active_ideation": "主动自杀意念",
    "passive_ideation": "被动自杀意念",
    "self_injury": "自伤行为",
    "self_injury_urge": "自伤冲动",
    "aggression_by_client": "倾诉者的攻击",
    "aggression_by_other": "他人的攻击",
    "suicide_exploration": "关于自杀的探问",
    "panic": "惊恐",
    "dangerous_place": "危险地点",
    "transference": "移情",
    "dependency": "依赖",
    "third_party": "为别人担心",
    "listener_unsafe": "倾听师:不安全的话",
    "listener_boundary": "倾听师:越界",
    "listener_goading": "倾听师:怂恿",
    "off_platform": "引向平台外",
}
KINDS = {
    "crisis": "危机对话",
    "concern": "需要留意的对话",
    "harmless": "无害对话(合计)",
    "hard": "无害但吓人的对话",
    "easy": "平常对话",
}
GROUPS = {
    "marks": "字间加符号",
    "spaces": "字间加空格",
    "invisible": "字间加隐形字符",
    "emoji": "字间加表情",
    "traditional": "繁体",
    "sounds": "同音字",
    "pinyin": "拼音",
    "stretched": "叠字",
}

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.6 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0;width:100%}
td,th{border-bottom:1px solid #8886;padding:.3rem .5rem;text-align:right}
td:first-child,th:first-child{text-align:left}svg{max-width:100%;height:auto;background:#fff}.wide{overflow-x:auto}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(16rem,1fr));gap:1rem}small{opacity:.75}
"""


def page(found: Mapping[str, Any], part: str) -> str:
    """The whole page as one HTML document, without anything to fetch."""
    versions = ",".join(f"{html.escape(k)} {html.escape(v)}" for k, v in found["versions"].items())
    sections = [
        "<h1>接住:它看见了多少,又惊动了多少</h1>",
        f"<p>测试部分:{html.escape(part)}。版本:{versions}。</p>",
        "<p>等级表示需要多快有人回应,不是对一个人的预测。没有被提起的对话,不等于安全。</p>",
        _conversations(found["conversations"]),
        _labels("按句计", found["labels"], found["listener_lapses"]),
        _labels("按整段对话计", found["labels_in_talks"], found["listener_lapses_in_talks"]),
        *(_curves(found) if "budget" in found else []),
        _groups(found["disguises"]),
        *_optional(found),
        _misses(found["misses"]),
    ]
    head = "<meta charset=utf-8><meta name=viewport content='width=device-width'>"
    head += "<title>接住:识别报告</title>"
    return f"<!doctype html><html lang=zh-CN><head>{head}<style>{_STYLE}</style></head><body>" + (
        "\n".join(sections) + "</body></html>\n"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<div class=wide><table><tr>{top}</tr>{body}</table></div>"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _ranged(cell: Mapping[str, float]) -> str:
    low, high = _percent(cell["low"]), _percent(cell["high"])
    return f"{cell['hits']}/{cell['of']} · {_percent(cell['share'])}({low}–{high})"


def _conversations(kinds: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    rows = [
        [name, *(_ranged(kinds[kind][level]) for level in ("P1", "P2", "P3"))]
        for kind, name in KINDS.items()
        if kind in kinds
    ]
    head = ["对话", "升到 P0 或 P1", "升到 P2 及以上", "升到 P3 及以上"]
    return f"<h2>整段对话</h2><p>括号里是 95 % 置信区间。</p>{_table(head, rows)}"


def _labels(
    unit: str, labels: Mapping[str, Mapping[str, float]], lapses: Mapping[str, float]
) -> str:
    def row(name: str, score: Mapping[str, float]) -> list[object]:
        return [
            name,
            f"{score['there']:.0f}",
            _percent(score["precision"]),
            _percent(score["recall"]),
            f"{score['f1']:.3f}",
        ]

    rows = [row(NAMES.get(label, label), score) for label, score in labels.items()]
    rows.append(row("倾听师失当(任一种)", lapses))
    head = ["含义", "应有", "说中的占比", "找到的占比", "F1"]
    return f"<h2>每一种含义,{unit}</h2>{_table(head, rows)}"


def _drawn(draw: Callable[[Axes], None], size: tuple[float, float] = (4.2, 3.2)) -> str:
    """An inline drawing whose words stay words, so that the reader's own fonts show them."""
    figure = Figure(figsize=size, layout="constrained")
    draw(figure.add_subplot())
    out = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "jiezhu"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue().partition("?>")[2].partition(">")[2]


def _curves(found: Mapping[str, Any]) -> list[str]:
    def budget(axes: Axes) -> None:
        axes.plot(
            [100 * p["harmless"] for p in found["budget"]], [p["recall"] for p in found["budget"]]
        )
        axes.set(xlabel="harmless conversations raised, %", ylabel="crises raised", ylim=(0, 1.02))
        axes.grid(alpha=0.3)

    def reliable(axes: Axes) -> None:
        for name, held in found["reliability"].items():
            bins = held["bins"]
            stated, came = [b["stated"] for b in bins], [b["came"] for b in bins]
            axes.plot(stated, came, marker="o", label=f"{name} (ECE {held['error']:.3f})")
        axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
        axes.set(xlabel="stated probability", ylabel="share that came true")
        axes.legend()

    def steps(label: str) -> Callable[[Axes], None]:
        held = found["precision_recall"][label]

        def draw(axes: Axes) -> None:
            axes.plot([r for r, _ in held["curve"]], [p for _, p in held["curve"]])
            axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
            axes.set_title(f"{label}  AP {held['average']:.2f}", fontsize=9)

        return draw

    each = "".join(
        f"<figure>{_drawn(steps(label), (3.2, 2.6))}<figcaption>{name}</figcaption></figure>"
        for label, name in NAMES.items()
    )
    return [
        "<h2>惊动多少无害的对话,换来看见多少危机</h2>",
        "<p>横轴:被误升的无害对话占比;纵轴:升到 P0 或 P1 的危机对话占比。只看训练出来的部分。</p>",
        _drawn(budget, (6, 3.6)),
        "<h2>说的概率可信吗</h2><p>越贴近虚线越可信。</p>",
        _drawn(reliable, (5, 4)),
        "<h2>每一种含义的查准与查全</h2>",
        f"<div class=grid>{each}</div>",
    ]


def _groups(groups: Mapping[str, Mapping[str, float]]) -> str:
    rows = [[GROUPS.get(name, name), _ranged(cell)] for name, cell in groups.items()]
    note = "<p>把危机对话里倾诉者的话用各种办法藏起来之后,还有多少升到 P0 或 P1。</p>"
    return f"<h2>藏起来的字</h2>{note}{_table(['办法', '仍被看见'], rows)}"


def _optional(found: Mapping[str, Any]) -> list[str]:
    sections = []
    if "everyday" in found:
        rows = [
            [name, f"{cell['messages']}", f"{cell['P2']}", f"{100 * cell['share']:.2f} %"]
            for name, cell in found["everyday"].items()
        ]
        head = ["来源", "句数", "升到 P2 及以上", "占比"]
        sections.append(f"<h2>日常闲聊</h2>{_table(head, rows)}")
    if "ablation" in found:
        rows = [
            [name, _ranged(cell["crisis"]), _ranged(cell["harmless"])]
            for name, cell in found["ablation"].items()
        ]
        head = ["只用这一部分", "危机升到 P0/P1", "无害升到 P0/P1"]
        sections.append(f"<h2>每一部分值不值得留下</h2>{_table(head, rows)}")
    if "curve" in found:
        sections.append(_learned(found["curve"]))
    if "psysuicide" in found:
        rows = [
            [name, f"{cell['rows']}", f"{cell['any_f1']:.3f}", f"{cell['macro_f1']:.3f}"]
            for name, cell in found["psysuicide"].items()
        ]
        head = ["来源", "行数", "有无风险 F1", "各标签平均 F1"]
        sections.append(f"<h2>PsySUICIDE,交叉验证</h2>{_table(head, rows)}")
    return sections


def _learned(points: Sequence[Mapping[str, float]]) -> str:
    def draw(axes: Axes) -> None:
        counts = [point["conversations"] for point in points]
        axes.semilogx(counts, [point["area"] for point in points], marker="o", label="AUC")
        axes.semilogx(counts, [point["recall"] for point in points], marker="o", label="recall")
        axes.set(xlabel="conversations learned from", ylim=(0, 1.02))
        axes.grid(alpha=0.3)
        axes.legend()

    note = "<p>语料越多,看得越准吗?编码器不动,只学读法;查全是在误升 2 % 无害对话时。</p>"
    return f"<h2>学习曲线</h2>{note}{_drawn(draw, (5, 3.4))}"


def _misses(misses: Sequence[Mapping[str, Any]]) -> str:
    def rows(kinds: frozenset[str]) -> list[list[object]]:
        return [
            [item["id"], item["situation"], item["wanted"] or "无", item["given"] or "无"]
            for item in misses
            if item["kind"] in kinds
        ]

    head = ["编号", "情境", "应为", "给出"]
    missed = rows(frozenset({"crisis"}))
    alarmed = rows(frozenset({"hard", "easy"}))
    return (
        f"<h2>没有接住的({len(missed)})</h2>{_table(head, missed)}"
        f"<h2>白白惊动的({len(alarmed)})</h2>{_table(head, alarmed)}"
    )
