"""Whose words a hit is, whether it is denied, past, borrowed or mere hyperbole.

The rules are those of clinical reference 5.1 (role and person first, suppression per clause) and
of the ambiguity column of 5.2. They read the solid view, so they are blind to decoration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from classifiers.automaton import Hit
from classifiers.clauses import Clauses
from classifiers.entries import Guard

_KIN = (
    "朋友|闺蜜|闺密|死党|室友|舍友|同学|同桌|同事|女友|男友|对象|妈妈?|母亲|老妈|爸爸?|父亲|老爸|"
    "父母|爸妈|爷爷|奶奶|外公|外婆|姥姥|姥爷|哥哥?|姐姐?|弟弟?|妹妹?|儿子|女儿|闺女|孩子|小孩|娃|"
    "老公|老婆|丈夫|妻子|前任|前夫|前妻|老师|邻居|亲戚|表[哥姐弟妹]|堂[哥姐弟妹]|网友|学生|学弟|"
    "学妹|学长|学姐|客户|病人|患者|老板|领导|上司|舅舅?|叔叔?|姑姑?|阿姨|小姨|大姨|婆婆|公公|家人"
)
_LONE_KIN = re.sub(
    r"\|(?:妈妈\?|爸爸\?|哥哥\?|姐姐\?|弟弟\?|妹妹\?|娃|舅舅\?|叔叔\?|姑姑\?)", "", _KIN
)
_TOKEN = re.compile(
    "(?P<object>为了|因为|由于|被|跟|和|与|对|给|离开|没有|没了|失去|自从|除了|陪|比|向|替|像|等|爱|"
    "恨|见到|看见|想起|想到|想念|舍不得|告诉|求|靠|欠|害|害了|完|到|生|养|着|拉|带|伤害|连累|拖累|骂|打)?"
    "(?:(?P<third>(?:我们?|你们?|他们?|她们?|咱)(?:的|家|那|有|还有|认识)?(?:一个|个|那个|这个)?"
    f"(?:前|小|大|好|老|亲|发小|初中|高中|大学|最好的|好几个|几个)?(?:{_KIN})"
    f"|(?:有个|一个|那个|这个|有一个|每个|所有|几个)?(?:{_LONE_KIN})"
    "|(?<![吉其排])[他她](?:们)?|有人|别人|某人|有的人|那个人|这个人|那个?男的|那个?女的|个女孩子?|个男生|个女生|"
    "女主角?|男主角?|主角|死者)(?!的(?!时候)|走了以?后|去世|离世|不在了|没了|离开)"
    "|(?P<second>你们?|您)(?!知道|说|懂|明白|看|不知|不懂|不会懂|的|觉得|别|能|可以|要是)"
    "|(?P<self>我们?|俺|咱们?|老子|本人))"
)
_SPEECH = re.compile("说|讲|告诉|发消息|发来|发了|喊|嚷|闹|写|问|威胁|念叨|嘟囔|提到|提过")
_SPEECH_END = re.compile(
    "(?:说|讲|告诉我|告诉|跟我说|发消息|发来|发了条?|喊|写|写道|威胁|威胁我)[了着过]?$"
)
_EMBEDS = re.compile("(?:怕|担心|觉得|发现|听说|知道|听到|感觉|劝|劝劝|帮帮)$")

_NEAR = 16
"""A denial, wish or hyperbole reaches this many solid characters forward at most."""

_NEITHER = re.compile(r"(.)[不没]\1")
_NEGATION = re.compile(
    "(?:(?<!要)(?<!什么)(?<!怎么)(?<!怎么还)(?<!干嘛)(?<!凭啥)(?<!为啥)(?<!何)"
    "不(?!得|如|住|止|敢|由|禁|停|断|知|懂|了|完)|没有|没|(?<![特区分离])别(?!人|的)|未曾|从未|莫要|不曾|"
    "并非|谈不上)"
    "(?:真的|真|再|会|要|想要|想过要|想过|想着|想|可能|能|打算|有过?|过|去|考虑过?|产生过?|是|到|至于|"
    "说|觉得|因为|什么|任何|那种|这种|那么|动过|起过|一定|总|老是?|天天|轻易|随便|就|这么|用|拿|做|闹){0,4}$"
)
_DOUBLE = re.compile(
    "(?:不是|没有(?:一[天刻秒日时分]+|哪天)?|无时无刻|无时无刻不|并非|何尝|没(?:一天|哪天)|难道)(?:不|没|没有)"
    "(?:想过?|要|真的|是|会|去)*$|(?:不得不|不能不|不是没有?|不是没有?想过?|控制不住不|哪有不)(?:想过?|要|会)*$"
)
_DENIED_AFTER = re.compile(
    "^(?:的|这种?|那种?|这个)?(?:念头|想法|打算|事情?|心思|冲动|行为|倾向)?(?:我)?(?:现在|已经|真的|倒|倒是|肯定|"
    "绝对|是|早就|都)*(?:没有了?$|没有[的啦呀啊]|没了|不会(?:的|了|$)|不至于|不可能|没想过|没有?过|消失了|不干|不做)"
)
_HYPERBOLE = re.compile(
    "(?P<light>笑|尬|尴尬|可爱|甜|萌|帅|美|羞耻?|丢脸|丢人|社死|感动|好吃|好笑|搞笑|无语|馋|辣|酸|撑|困|饿|热|"
    "冷|冻|晒|堵车|挤|早起|开心|激动|兴奋|好听|好看)"
    "(?:得|的|到|地|死了?)*(?:我|人|只|都|就|快|真|真的|好|有点|简直|一度|整个人|恨不得|要|也)*$"
    "|(?P<verb>[^哭活过撑熬病])[^得]{1,3}(?P=verb)得(?:我|就|都|真)*$"
    "|(?P<heavy>加班|上班|写作业|作业|开会|搬砖|赶稿|赶工|军训|跑步|健身|减肥|学|考试|复习|背书|改稿|改方案|带娃|"
    "累|烦|气|急|忙|闲|无聊|晕车|牙疼|牙痛|痛经|肚子疼|肚子痛|头疼|宿醉|论文|改?论文|写代码|改bug|排队|等车)"
    "(?:写|改|加|上|做|学|疼|痛|背)?(?:得|的|到)(?:我|人|只|都|就|快|真|真的|好|有点|简直|一度|整个人|恨不得|要|也)*$"
)
_FICTION = re.compile(
    "小说|剧本|电视剧|电影|动漫|番里|追剧|剧里|歌词|歌里|女主|男主|主角|反派|大结局|结局|剧情|台词|漫画|书里|这本书|"
    "写文|同人|跑团|剧本杀|这集|那集|游戏里|npc|副本|开黑|队友|排位|上分|连跪|掉分|boss|存档|复活点|团战|五杀|"
    "打完这[局把]|这[局把]|上[一]?[局把]|王者荣耀|吃鸡|抽卡|狼人杀|密室|玩家|对面打野|cos|综艺|短剧|网剧|话剧"
)
_NEWS = re.compile(
    "新闻|热搜|报道|记者|纪录片|公众号|通报|案件|案例|词条|统计|自杀率|论文题目|题目|课题|选题|文献|辩论|合法化|科普|"
    "讲座|知识点|名词解释|演讲|海报|宣传|课上|课件|教材|培训|历史上|诗人|作家"
)
_PAST = re.compile(
    "以前|曾经|曾|小时候|那时候|那时|那会儿|当时|当年|从前|过去|去年|前年|[两三四五六七八九十几多\\d]年前|很久以前|"
    "有段时间|有一阵|有阵子|初中|高中|大学的?时候|上学的?时候|早几年|前几年|之前"
)
_RECENT = re.compile(
    "昨天|昨晚|昨夜|前天|前晚|大前天|前几天|前两天|这几天|这两天|上周|上个?星期|上个?礼拜|"
    "几天前|[一两三四五六七八九十\\d]天前|周[一二三四五六日]那天|今早|今天早上|凌晨|刚出院"
)
_BETTER = re.compile(
    "现在(?:已经|都|早就|我)?(?:好多?了|好很?多|不会了?|不想了|没有了|没了|没事|走出来|挺好|很好|过得|释怀|想起来)|"
    "已经(?:好了|走出来|过去|没事|不想)|好多了|都过去了|走出来了|熬过来了|挺过来了|后来(?:好|就好|慢慢好|没)|"
    "幸好(?:没|有)|还好(?:没|有)|如今"
)
_FILL = "(?:去|要|直接|马上|现在|就|再|从|在|这样|一起|拿|用|找|把|往|真的|自己|也|.{0,5}){0,2}$"
_MOOD = re.compile("(?:想|恨不得|不如|敢|念头是|冲动是|好像|差点|差一点|幻想|梦到|梦见)" + _FILL)
_INTENT = re.compile("(?:打算|准备|计划|决定|干脆|索性|要|就|去|会|试试)" + _FILL)
_DONE_AFTER = re.compile(
    "^(?:完|好)?(?:了(?!算|吧|断|结|百|该|会|怎|谁|就|是不))|"
    "^被(?:人|路人|警察|消防员?|朋友|室友|我妈|我爸)?(?:救|捞|拉|拽|送|发现|拦)"
)
_ONCE_AFTER = re.compile("^(?:完|好)?过")
_DONE_BEFORE = re.compile(
    "(?:刚刚?|刚才|已经|又|正在)(?:就|都|还|自己|一个人|偷偷|在家|在.{1,4})*$"
)
_NEARLY = re.compile("(?:差点|差一点|差点儿)(?:就|要|真的|没忍住|去|从.{1,5})*$")


class Whose(Enum):
    """How a hit may be read."""

    SELF = "self"
    THIRD = "third"
    NOBODY = "nobody"
    SOFTENED = "softened"
    PAST = "past"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Reading:
    """A hit in its clause.

    `wish` and `done` as in `Entry`; `intent` is a wish with a decision in it; `recent` is within
    about two weeks (clinical reference 9, P1).
    """

    whose: Whose
    wish: bool = False
    intent: bool = False
    done: bool = False
    recent: bool = False


def read(hit: Hit, clauses: Clauses) -> Reading:
    """How a hit is meant, as far as its row's guards ask."""
    guards = hit.entry.guards
    solid = clauses.view.solid
    low, high = clauses.around(hit.start, hit.end)
    left, right = solid[low : hit.start], solid[hit.end : high]
    clause = solid[low:high]
    if Guard.QUOTE in guards and clauses.quoted(hit.begin, hit.stop):
        return Reading(Whose.NOBODY)
    if Guard.FICTION in guards and _borrowed(clause, left, clauses.earlier(low)):
        return Reading(Whose.NOBODY)
    if Guard.NEGATION in guards and denied(left, right, solid[hit.start : hit.end]):
        return Reading(Whose.NOBODY)
    whose = Whose.SELF
    if Guard.PERSON in guards and (hit.headed or "我" not in solid[hit.start : hit.end]):
        # What stands between the halves of a two-part term may name its subject.
        whose = _person(solid[low : hit.tail] if hit.headed else left, clauses.earlier(low))
    if whose is not Whose.SELF:
        return Reading(whose)
    if Guard.HYPERBOLE in guards:
        exaggerated = _HYPERBOLE.search(left[-_NEAR:])
        if exaggerated is not None:
            return Reading(Whose.NOBODY if exaggerated["light"] else Whose.SOFTENED)
    return _in_time(hit, left, right, clause, clauses.later(high))


def _in_time(hit: Hit, left: str, right: str, clause: str, later: str) -> Reading:
    left = left[-_NEAR:]
    mood = _MOOD.search(left) is not None
    intent = _INTENT.search(left) is not None
    recent = _RECENT.search(clause) is not None
    nearly = recent and _NEARLY.search(left) is not None
    told = _DONE_AFTER.search(right) is not None and not mood
    once = _ONCE_AFTER.search(right) is not None and not mood
    done = nearly or told or _DONE_BEFORE.search(left) is not None or (once and recent)
    past = once or _PAST.search(clause) is not None
    if Guard.PAST in hit.entry.guards and past and not recent:
        better = _BETTER.search(right) or _BETTER.search(later)
        return Reading(Whose.RECOVERED if better else Whose.PAST, done=told or once)
    return Reading(Whose.SELF, mood or intent, intent and not mood, done, recent)


def denied(left: str, right: str, term: str) -> bool:
    """Whether the clause denies the term: 不, 没, 别 before it, or 不会的, 没想过 after it."""
    if _DENIED_AFTER.search(right):
        return True
    left = _NEITHER.sub("", left)
    if _DOUBLE.search(left):
        return False
    match = _NEGATION.search(left[-_NEAR:])
    # A stuttered 不不想活 is no double negation.
    return match is not None and not (term.startswith("不") and match[0] == "不")


def _borrowed(clause: str, left: str, earlier: str) -> bool:
    if _NEWS.search(clause):
        return True
    if _FICTION.search(clause):
        return True
    frame = _FICTION.search(earlier) or _NEWS.search(earlier)
    return frame is not None and "我" not in left and "我" not in earlier


def _person(left: str, earlier: str) -> Whose:
    tokens = list(_TOKEN.finditer(left))
    if not tokens:
        return _spoken_by(earlier)
    for index in range(len(tokens) - 1, -1, -1):
        token = tokens[index]
        if token["third"] and (not token["object"] or _EMBEDS.search(left[: token.start()])):
            between = left[token.end() :]
            if _SPEECH.search(between) or not any(t["self"] for t in tokens[index + 1 :]):
                return Whose.THIRD
            return Whose.SELF
        if token["self"] and not token["object"]:
            return Whose.SELF
        if token["second"] and not token["object"]:
            return Whose.NOBODY
    return Whose.SELF


def _spoken_by(earlier: str) -> Whose:
    """A clause without a subject belongs to whoever the clause before it says is speaking."""
    if earlier and _SPEECH_END.search(earlier):
        speaker = next(iter(_TOKEN.finditer(earlier)), None)
        if speaker is not None and speaker["third"]:
            return Whose.THIRD
    return Whose.SELF
