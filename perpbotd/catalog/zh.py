"""Chinese (simplified). `{variables}` are filled in escaped; markup is b, i, code and a. Aster's own words stay as its page has them."""

from __future__ import annotations

from typing import Final

COMMANDS: Final = (
    ("start", "Perpbot 是什么"),
    ("setapi", "关联你的 Aster 账户"),
    ("status", "查看当前进度"),
    ("cancel", "停止正在进行的关联"),
    ("unlink", "从 Perpbot 移除你的密钥"),
    ("deleteme", "删除与你有关的所有数据"),
    ("privacy", "保存什么、如何保存"),
    ("language", "选择语言"),
    ("help", "命令与帮助"),
)

_NEVER: Final = (
    "🔒 我从不索要助记词、钱包私钥或 Telegram 验证码。"
    "创建 API key 时，Aster 会显示 API Secret；如果它来自你的钱包应用，请立刻停下：绝对不要发送。"
    "我从不先给你发消息。"
)
_START: Final = (
    "👋 <b>Perpbot</b> 在<b>你自己的</b> Aster 账户上运行永续合约策略。"
    "这个聊天用来关联账户；你的资金留在 Aster。\n\n"
    "Perpbot 在 Aster 的推荐链接：\n{url}\n\n"
    "<b>请先做这一步：</b>点击上面的链接，连接你将用来交易的钱包，并在 Aster 上使用推荐码。"
    "然后发送 /setapi。\n\n"
    "你需要一个 EVM 钱包（MetaMask、Rabby、Trust 等），因为要从它转出一点 BNB。"
    "通过 Solana 登录创建的 Aster 账户无法关联。\n\n" + _NEVER
)
_HOW: Final = (
    "<b>如何创建密钥</b>（在 Aster 的 API 页面）：\n"
    "1. 创建一个 API key，命名为 <code>{name}</code>。\n"
    "2. 选择 <i>restrict API to IP</i>，填入 <code>{ip}</code>。\n"
    "3. 在钱包中确认。\n"
    "4. 之后用 <i>Edit API</i>：只勾选 Read 和 Futures (Perps)。"
)
_LOOKS: Final = "接下来 10 分钟内，我大约每 20 秒检查一次。点击<b>再次检查</b>可立即检查；无需重新粘贴任何内容。"
_BUTTON: Final = "完成后点击<b>再次检查</b>；无需重新粘贴任何内容。"
_BINDING: Final = (
    "其他都没问题，但目前还没有信息表明这个密钥属于你的钱包。<b>请从这个钱包向 Aster 充值任意金额</b>，"
    "然后点击<b>再次检查</b>：Aster 的充值记录和区块链会告诉我们是谁发送的。密钥会继续在这里加密保存。\n\n"
)
_BINDING_STRICT: Final = "其他都没问题，但我们还无法证明这个密钥属于你的钱包。这要由我们来解决，我们的运营人员能看到这一情况，密钥会继续在这里加密保存。\n\n"
_UNSAID: Final = "⏳ Aster 目前没有给出这个密钥的全部信息，而我不会猜测。这不是你的问题；密钥会继续在这里加密保存。\n\n{checklist}\n\n"
_REFERRAL: Final = "还差推荐码这一项：目前只有你自己的说明，我们的运营人员需要在 Aster 的名单中看到它，或予以批准，通常在一个工作日内。\n\n"
_POSITIONS: Final = "未平仓位和挂单仍保留在 Aster 上，请在那里管理。"
_WAITS: Final = "我每小时检查一次（一周后改为每天一次），修复后会自动继续；点击<b>立即检查</b>可马上检查。"
_MOVE_FUNDS: Final = "我会删除你的消息，也没有保存任何内容。但它已经在聊天中出现过：<b>请把那个钱包视为已泄露，把资金转到新钱包</b>，并使用你信任的设备操作。"

TEXTS: Final[dict[str, str]] = {
    # --- buttons --------------------------------------------------------------------------------
    "button.referral": "用推荐链接打开 Aster",
    "button.applied": "我已使用推荐码",
    "button.cannot": "我无法使用推荐码",
    "button.copy_address": "复制地址",
    "button.sent": "我已发送 BNB",
    "button.copy_ip": "复制 IP",
    "button.copy_name": "复制密钥名称",
    "button.notmine": "不是你的？",
    "button.oldkey": "我有旧式密钥",
    "button.check": "再次检查",
    "button.goon": "继续",
    "button.change": "更换密钥",
    "button.checknow": "立即检查",
    "button.forget": "是的，全部删除",
    "button.explorer": "在 BscScan 查看",
    "button.private": "打开私聊",
    # --- at any time ----------------------------------------------------------------------------
    "start": _START,
    "start.named": _START + "我的用户名是 @{bot}，没有别的名字。",
    "help": (
        "/setapi – 关联你的 Aster 账户\n/status – 查看当前进度\n/cancel – 停止正在进行的关联\n"
        "/unlink – 移除你的密钥\n/deleteme – 全部删除\n/privacy – 保存什么\n/language – 选择语言\n\n"
        "如果按钮没有反应，请改为发送对应的命令：/applied /cannot /sent /notmine /oldkey /check "
        "/goon /change /checknow /forget"
    ),
    "privacy": (
        "<b>保存的内容：</b>你的 Telegram ID、你验证的钱包、它转来的金额、你的 API Key 及其 Secret，"
        "以及检查密钥时得到的结果。全部在我们的主机上加密保存；你发送的内容和你的密钥，使用专门为你生成的加密密钥。\n\n"
        "<b>不保存的内容：</b>你的消息。含有密钥的消息，会在密钥加密保存后从这里删除。与机器人的聊天是云端聊天，不是端到端加密。\n\n"
        "/unlink 会删除你的 API Secret，/deleteme 会删除这里所有能指向你的数据。区块链上发生的事是公开的，会一直留在那里。"
    ),
    "language": "你希望我用哪种语言？点击一个按钮，或发送语言代码，例如 /language zh。",
    "language.chosen": "从现在起，我在这里使用中文。",
    "command.unknown": "我不认识这个命令。/help 会列出我认识的命令。",
    "cancel.done": "已停止。你粘贴过的内容均已清除；如已为你分配收款地址，它仍归你专用。/setapi 可重新开始。",
    "cancel.done.linked": "已停止。你之前的关联保持不变。",
    "cancel.nothing": "目前没有可停止的关联。/setapi 可开始关联。",
    "unlink.done": (
        "🔌 <b>已解除关联。</b>你的 API Secret 已在这里删除，任何策略都不能再使用它。未平仓位和挂单仍保留在 Aster 上，请在那里管理。\n\n"
        "请也在 Aster 上删除该密钥：只有这样才能完全放心。在你发送 /deleteme 之前，/privacy 所列的其余内容会保留在这里，其中包括你的 Telegram ID、你的钱包和转账金额。"
    ),
    "unlink.by_operator": (
        "🔌 <b>我们的运营人员已结束这个关联。</b>你的 API Secret 已在这里删除，任何策略都不能再使用它。"
        + _POSITIONS
        + "\n\n请也在 Aster 上删除该密钥。/setapi 可重新关联。"
    ),
    "unlink.nothing": "目前没有任何关联。/setapi 可开始关联。",
    "forget.sure": (
        "🗑 <b>要删除与你有关的所有数据吗？</b>这会结束你的关联，删除你的密钥和你在这里发送的内容，并且无法撤销。"
        + _POSITIONS
        + "\n\n会保留的：你的钱包在区块链上的转账记录（不含你的名字），以及一条标记：你的旧收款地址不再分配给别人。\n\n"
        "请在十分钟内点击按钮或发送 /forget。"
    ),
    "forget.done": (
        "🗑 完成：这里不再有任何内容指向你，用来加密你数据的加密密钥已销毁。如果你关联过 API key，请也在 Aster 上删除它。/start 可重新开始。"
    ),
    "group": "关联只能在与我的私聊中进行。",
    "group.exposed": "⚠️ 有密钥被发到了这个群里，它已经暴露：请现在就在 Aster 上删除它。我不会使用它。关联只能在与我的私聊中进行。",
    "attempt.over": "⌛ 这次关联的时间已到，你粘贴的内容已清除。地址仍归你专用：转到该地址的款项绝不会丢失。要继续吗？",
    "attempt.over.linked": "⌛ 更换密钥的时间已到，你粘贴的内容已清除。你之前的关联保持不变。",
    "attempt.limit": "你今天已开始关联 {number} 次，已达每日上限。请明天用 /setapi 继续；你转来的 BNB 不会丢失。",
    "flood": "⏸ 这超出了我一次能读的量。请等一分钟，然后重新发送最后一条。",
    "tap.late": "这个按钮属于之前的步骤。",
    "tap.looking": "正在查看…",
    "message.not_deleted": "⚠️ Telegram 没有让我删除你那条含密钥的消息。请手动删除。",
    # --- where one stands -----------------------------------------------------------------------
    "status.new": "还没有关联。/setapi 可开始关联。",
    "status.checking": "🔎 正在 Aster 上检查你的密钥。你无需做任何事。",
    "status.permissions": "⏳ 你的密钥 <code>{fingerprint}</code> 在等你：\n\n{checklist}\n\n" + _BUTTON,
    "status.expired": "这次关联的时间已到。什么都没有丢：从你停下的地方继续即可。",
    "status.linked": (
        "✅ <b>已关联。</b>\n\n钱包：<code>{wallet}</code>\nAPI Key：<code>{fingerprint}</code>\n有效期至：{until}\n\n"
        "<b>关联时的检查结果</b>：\n{checklist}\n{referral}"
    ),
    "status.stopped": (
        "⛔ <b>已停止。</b>目前没有策略使用你的密钥。\n\n钱包：<code>{wallet}</code>\n"
        "API Key：<code>{fingerprint}</code>\n\n{why}\n\n" + _POSITIONS
    ),
    "status.besides": "⛔ 你已关联的密钥 <code>{fingerprint}</code> 已停止。{why}",
    "status.moving": (
        "⏳ 你的钱包 <code>{wallet}</code> 仍在另一个 Telegram 聊天中关联，将在 24 小时内连同你的 API Key "
        "<code>{fingerprint}</code> 移到这里，除非那边再次通过验证。你无需做任何事；/cancel 可放弃。"
    ),
    # --- step 1: the referral -------------------------------------------------------------------
    "referral": (
        "<b>第 1 步（共 3 步）：推荐码</b>\n\n打开链接，连接你将用来交易的钱包，并在 Aster 上使用推荐码 "
        "<code>{code}</code>：\n{url}"
    ),
    "referral.cannot": (
        "感谢告知。已经交易过或已绑定其他推荐码的账户无法使用我们的推荐码；我们的运营人员会处理这类情况，"
        "通常在一个工作日内，你会在这里收到回复。\n\n如果之后又可以使用了，请点击按钮。"
    ),
    "referral.approved": "✅ 我们的运营人员已核查：你的推荐码没有问题。/status 可查看当前进度。",
    "referral.denied": (
        "我们的运营人员已核查你的推荐码，目前无法批准。你在这里的一切都不会丢失：如果之后使用了推荐码，他们会在 Aster 的名单中看到。"
    ),
    "referral.proven": "✅ 推荐码已使用，已在 Aster 的名单中看到",
    "referral.inferred": "☑️ 推荐码已使用（就我们所能判断）",
    "referral.attested": "☑️ 推荐码已由运营人员批准",
    "referral.declared": "☑️ 推荐码已使用（依据你自己的说明）",
    "referral.unproven": "➖ 推荐码尚未核查",
    "referral.refuted": "➖ 推荐码未使用；我们的运营人员正在处理",
    # --- step 2: the wallet ---------------------------------------------------------------------
    "deposit": (
        "<b>第 2 步（共 3 步）：你的钱包</b>\n\n请使用与 Aster 账户<b>相同的钱包</b>，"
        "在 BNB Smart Chain (BEP-20) 上用普通转账（不要从交易所转出），从它发送 <b>{amount} BNB</b> 到下面这个你专用的地址：\n\n"
        "<code>{address}</code>\n\n"
        "钱包里请留有约 0.00012 BNB：网络会收取少量手续费。这 {amount} BNB 用来表明钱包是你的，不会退还。\n\n"
        "我会自动检测到转账；点击按钮可立即查看。"
    ),
    "deposit.not_visible": "👀 暂时还看不到。第一分钟内这很正常；请不要重复发送。我会继续查看。",
    "deposit.still_not_visible": (
        "👀 仍然看不到。请在钱包里确认它是否在 <b>BNB Smart Chain (BEP-20)</b> 上以 BNB 发送："
        "同一个地址在每个 EVM 网络上都存在。弄清楚之前请不要重复发送。我会继续查看。"
    ),
    "deposit.elsewhere": (
        "🧭 BNB Smart Chain 上没有收到，但你的地址在另一个网络上有余额：\n\n{where}\n\n"
        "那里的转账无法让我们确认你的钱包。请从连接 Aster 的钱包，在 BNB Smart Chain (BEP-20) 上发送 0.0001 BNB。"
    ),
    "deposit.elsewhere.line": "• {chain} 上有 {amount}",
    "deposit.unproven": (
        "🪙 你的 BNB 已到账，但来自交易所或合约，所以我们无法判断哪个钱包是你的。请从连接 Aster 的钱包，"
        "用普通转账再发送一次到 <code>{address}</code>\n\n以这种方式到账了 {amount} BNB。已记录，但不能证明什么。"
    ),
    "deposit.unproven_noted": (
        "🪙 有 {amount} BNB 从交易所或合约到达你的一个地址。已记录，但不能用来验证钱包。/status 可查看当前进度。"
    ),
    "deposit.seen": "👀 已在区块 {block} 中看到，正在确认。你无需做任何事。",
    "deposit.chain_down": "⏳ 我们现在无法读取链上数据。你的 BNB 是安全的，你无需做任何事。",
    "deposit.chain_starting": "⏳ 我们还不能读取链上数据，而任何一笔转账都不能漏掉。请一分钟后再试。",
    "deposit.partial": "🪙 从 <code>{wallet}</code> 到账 {have} BNB。还差 {missing} BNB：请从同一个钱包发送。",
    "deposit.failed": (
        "⚠️ 你从 <code>{wallet}</code> 发出的交易已被打包进区块，但执行失败，所以没有到账，除手续费外也没有扣款。请用普通转账再发一次。"
    ),
    "deposit.more": "🪙 又有 {amount} BNB 从 <code>{wallet}</code> 到账。已记录；无需再发。",
    "deposit.late": "🪙 你从 <code>{wallet}</code> 发送的 {amount} BNB 已到账。我们找到了；要继续吗？",
    "deposit.late.linked": "🪙 从 <code>{wallet}</code> 发送的 {amount} BNB 已到账。已记录，你的关联保持不变。如果你是为了更换密钥或钱包而转账：要继续吗？",
    "deposit.late_noted": "🪙 {amount} BNB 从 <code>{wallet}</code> 到达你的一个地址。已记录。/status 可查看当前进度。",
    "deposit.not_mine": "明白：那笔转账是别人的，不会产生任何绑定。请从你自己的钱包发送到 <code>{address}</code>。",
    # --- step 3: the key ------------------------------------------------------------------------
    "verified": (
        "✅ 钱包已验证！现在请发送你的 Aster API Key。\n\n钱包：<code>{wallet}</code>\n\n"
        "复制 API Key 发到这里，然后再发 API Secret。你的消息会消失：为了安全我们会删除它。\n\n" + _HOW
    ),
    "key.secret_next": "🔑 已收到 API Key <code>{fingerprint}</code>。现在请发送你的 Aster API Secret。",
    "key.key_next": "🔑 已收到 API Secret 并加密保存。现在请发送你的 Aster API Key，也就是它旁边的地址。",
    "help.old_key.inferred": (
        "旧式密钥（64 个字母和数字）在这里可以关联，但它无法表明自己属于你的钱包、只能从我们的地址使用、不能提现："
        "这些只有一部分可以推断。请发送它的 API Key，然后发送它的 API Secret。更好的办法是创建一个新的，只需一分钟。\n\n"
        + _HOW
    ),
    "key.legacy_secret_next": "🔑 这是旧式 API Key。请发送它的 API Secret，我会告诉你可以怎么做。",
    "help.old_key": (
        "旧式密钥（64 个字母和数字）无法表明它属于你的钱包，也无法表明它不能提现，所以不能关联。创建一个新的只需一分钟。\n\n"
        + _HOW
    ),
    "paste.again": "🔑 这个我已经收到，正在检查。",
    "paste.pair_together": (
        "🔑 这是旧式密钥的一半，而另一个密钥正在检查中。若要改用旧式密钥，请把它的 API Key 和 API Secret 放在同一条消息里发送。"
    ),
    "paste.wallets_own_key": "🛑 这是<b>你钱包的私钥</b>，不是 API Secret。" + _MOVE_FUNDS,
    "paste.seed_phrase": "🛑 这看起来是<b>助记词</b>。关联不需要它，没有人需要它。" + _MOVE_FUNDS,
    "paste.wallet_instead_of_agent": "这是你钱包自己的地址。API Key 是另一个地址：创建密钥后，Aster 的 API 页面会显示它。",
    "paste.secret_does_not_match": (
        "API Secret 与 API Key 不匹配。请再次复制 API Secret 并发送；如果已经丢失，请创建新密钥并把两者都发来。"
    ),
    "paste.nothing": "我在等你的 Aster API Key：<code>0x</code> 加 40 个字母和数字，来自 Aster 的 API 页面。",
    "paste.cut": "这里有 {digits} 个字母和数字。API Key 是 <code>0x</code> 加 40 个，API Secret 是 64 个。请再复制一次。",
    "paste.unclear": (
        "我无法从中得到 API Key 和它的 Secret。请先发送 API Key，即 <code>0x</code> 加 40 个字母和数字，"
        "再发送 Aster 在旁边显示的 API Secret。"
    ),
    "checking": "🔎 正在 Aster 上检查你的密钥…",
    "credential.lost": (
        "⚠️ <b>由于我们的失误，你发来的密钥已丢失。</b>这不是你或你密钥的问题，你的钱包仍是已验证状态。请再次发送 API Key 和 API Secret。"
    ),
    "credential.over": "⌛ 一小时过去了，密钥还没有准备好，为了安全我已清除它。准备好后，请重新发送 API Key 和 API Secret。",
    # --- what the venue said --------------------------------------------------------------------
    "permissions": (
        "⏳ 在 Aster 打开 <b>Edit API</b>，只勾选 Read 和 Futures (Perps)；不要勾选 Spot 和 Withdraw。\n\n"
        "{checklist}\n\n" + _LOOKS
    ),
    "permissions.by_button": (
        "⏳ 在 Aster 打开 <b>Edit API</b>，只勾选 Read 和 Futures (Perps)；不要勾选 Spot 和 Withdraw。\n\n"
        "{checklist}\n\n" + _BUTTON
    ),
    "mend": "⏳ 快好了。在 Aster 打开 <b>Edit API</b>，修改标有 ❌ 的项目：\n\n{checklist}\n\n" + _LOOKS,
    "mend.by_button": "⏳ 快好了。在 Aster 打开 <b>Edit API</b>，修改标有 ❌ 的项目：\n\n{checklist}\n\n" + _BUTTON,
    "to_do.no_deposit": "⏳ 你的 Aster 账户还没有充值记录。请先充值任意金额。\n\n" + _LOOKS,
    "to_do.no_deposit.by_button": "⏳ 你的 Aster 账户还没有充值记录。请先充值任意金额。\n\n" + _BUTTON,
    "to_do.no_account": "⏳ 这个钱包还没有 Aster 账户。请先在 Aster 上开通。\n\n" + _LOOKS,
    "to_do.no_account.by_button": "⏳ 这个钱包还没有 Aster 账户。请先在 Aster 上开通。\n\n" + _BUTTON,
    "to_do.binding": "⏳ " + _BINDING + _LOOKS,
    "to_do.binding.by_button": "⏳ " + _BINDING + _BUTTON,
    "to_do.binding_strict": "⏳ " + _BINDING_STRICT + _LOOKS,
    "to_do.binding_strict.by_button": "⏳ " + _BINDING_STRICT + _BUTTON,
    "to_do.not_listed": _UNSAID + _LOOKS,
    "to_do.not_listed.by_button": _UNSAID + _BUTTON,
    "to_do.referral": "⏳ 你的密钥没有问题。" + _REFERRAL + _LOOKS,
    "to_do.referral.by_button": "⏳ 你的密钥没有问题。" + _REFERRAL + _BUTTON,
    "to_do.restricted": "⏳ Aster 目前限制了这个账户。这不是密钥的问题。\n\n" + _LOOKS,
    "to_do.restricted.by_button": "⏳ Aster 目前限制了这个账户。这不是密钥的问题。\n\n" + _BUTTON,
    "delayed.venue": "⏳ Aster 正忙；{seconds} 秒后再检查。{rest}",
    "delayed.clock": "⏳ 我们的时钟需要校准；{seconds} 秒后再检查。{rest}",
    "delayed.egress": "⏳ 我们这边出了点问题；{seconds} 秒后再检查。{rest}",
    "delayed.chain": "⏳ 我们现在无法读取区块链；{seconds} 秒后再检查。{rest}",
    "delayed.unclear": ("⏳ 我们或 Aster 这边出了问题，现在无法检查密钥；{seconds} 秒后再检查。{rest}"),
    "delayed.safe": "这不是你密钥的问题，检查会自动继续。",
    "delayed.to_mend": "这不是你的问题。我上次看到的是：\n\n{checklist}",
    "delayed.unchanged": "这不是你的问题，这里什么都没有改变。",
    "refused": "❌ <b>这个密钥无法关联。</b>你的钱包仍然是已验证状态。\n\n{checklist}\n\n准备好后请发送另一个 API Key。",
    "refused.legacy_key": (
        "❌ 这是旧式密钥：它无法表明自己属于你的钱包，也无法表明自己不能提现。我没有保存它的任何内容。\n\n" + _HOW
    ),
    "refused.wallet_taken": (
        "❌ 钱包 <code>{wallet}</code> 已在另一个 Telegram 聊天中关联。如果它是你的，请在那里解除关联，或者用密钥名称来证明："
        "在 Aster 上创建一个名为 <code>{name}</code>、限制到 <code>{ip}</code> 的新 API key，并发送到这里。"
        "这样它会在 24 小时后移到这个聊天。我已清除你发送的密钥。"
    ),
    "refused.contested": (
        "❌ 在这个聊天之后，另一个 Telegram 聊天也通过了钱包 <code>{wallet}</code> 的验证。要保留它，密钥名称必须表明它是你的："
        "在 Aster 上创建一个名为 <code>{name}</code>、限制到 <code>{ip}</code> 的新 API key，并发送到这里。我已清除你发送的密钥。"
    ),
    "linked": (
        "🎉 <b>已关联！</b>\n\n钱包：<code>{wallet}</code>\nAPI Key：<code>{fingerprint}</code>\n有效期至：{until}\n\n"
        "<b>检查结果</b>（用你的密钥向 Aster 查询）：\n{checklist}\n{referral}\n\n"
        "/status 随时可查看，/unlink 移除密钥。"
    ),
    "linked.replaced": (
        "🎉 <b>已用新密钥关联！</b>\n\n钱包：<code>{wallet}</code>\nAPI Key：<code>{fingerprint}</code>\n有效期至：{until}\n\n"
        "<b>检查结果</b>（用你的密钥向 Aster 查询）：\n{checklist}\n{referral}\n\n"
        "之前的密钥 <code>{before}</code> 已在这里删除；请也在 Aster 上删除它。如果不是你更换的，请发送 /unlink。"
    ),
    "moving": (
        "✅ <b>全部符合要求：已关联，24 小时后生效。</b>\n\n钱包：<code>{wallet}</code>\nAPI Key：<code>{fingerprint}</code>\n"
        "有效期至：{until}\n\n<b>检查结果</b>（用你的密钥向 Aster 查询）：\n{checklist}\n{referral}\n\n"
        "这个钱包在另一个 Telegram 聊天中关联，那边刚刚已停止并收到通知。它会在 24 小时后移到这里，除非那边再次通过验证。你无需做任何事。"
    ),
    "moving.by_operator": (
        "🔌 <b>我们的运营人员已取消</b>把钱包 <code>{wallet}</code> 移到这个聊天，你用于它的密钥已在这里删除。请也在 Aster 上删除它。/setapi 可重新开始。"
    ),
    "moving.lost": (
        "❌ 钱包 <code>{wallet}</code> 在你之后在另一个 Telegram 聊天中通过了验证，所以它不会移到这里，你的密钥已在这里删除。"
        "如果钱包是你的：发送 /setapi，从它再转一次账，并把新密钥命名为 <code>{name}</code>。钱包归最后完成这两步的人。"
    ),
    "moved.away": (
        "🔌 <b>你的关联已结束。</b>钱包 <code>{wallet}</code> 在另一个 Telegram 聊天中通过了验证，现在关联在那里。"
        "你的 API Secret 已在这里删除；请也在 Aster 上删除该密钥。"
        + _POSITIONS
        + "\n\n/setapi 可在这个聊天中重新关联钱包。"
    ),
    # --- stopped, and going on ------------------------------------------------------------------
    "stopped": (
        "⛔ <b>已停止：</b>你的密钥已不是原来的状态，所以没有策略再使用它。\n\n"
        "钱包：<code>{wallet}</code>\nAPI Key：<code>{fingerprint}</code>\n\n{checklist}\n\n"
        + _WAITS
        + "\n\n"
        + _POSITIONS
    ),
    "stopped.referral": (
        "⛔ <b>已停止：</b>钱包 <code>{wallet}</code> 的推荐码没有得到确认，所以目前没有策略使用你的密钥 <code>{fingerprint}</code>。"
        "这种情况会发生，例如账户之前交易过；我们的运营人员正在处理，你会在这里收到回复。没有删除任何内容。\n\n"
        + _POSITIONS
    ),
    "stopped.lost": (
        "⛔ <b>已停止，是我们的失误：</b>钱包 <code>{wallet}</code> 的密钥 <code>{fingerprint}</code> 在我们这里已丢失，所以没有策略可以使用它。"
        "这不是你或你密钥的问题，也没有人读取过它。\n\n<b>请把它的 API Key 和 API Secret 放在一条消息里再发送一次</b>，发到这里即可：会立即继续，无需再次转账。"
        "如果你已没有 Secret，请发送 /change 并创建新密钥。\n\n" + _POSITIONS
    ),
    "stopped.contested": (
        "⛔ <b>已停止：</b>另一个 Telegram 聊天刚刚通过了钱包 <code>{wallet}</code> 的验证：从它转了账，并使用了名称对应那个聊天的密钥。"
        "除非你再次验证，否则它将于 {until} 移到那里。\n\n"
        "<b>如果那是你</b>，你无需做任何事。<b>如果不是：</b>发送 /change，从那个钱包再转一次账，创建一个名为 <code>{name}</code>、"
        "限制到 <code>{ip}</code> 的新密钥，并发送到这里。这样它仍归你。如果还有别人能从你的钱包转账，说明对方掌握了它的私钥：请保护好你的资金。\n\n"
        + _POSITIONS
    ),
    "stopped.by.lost": (
        "❌ 由于我们的失误，这个密钥已丢失：请在一条消息里再次发送它的 API Key 和 API Secret，或发送 /change 换新密钥"
    ),
    "stopped.by.expiry": "❌ 密钥已过期：请在 Aster 用 Edit API 延长有效期，或创建新的并发送 /change",
    "stopped.by.revocation": "❌ Aster 不再认识这个密钥：它在那里被删除或撤销了。请创建一个限制到 <code>{ip}</code> 的新密钥，并发送 /change",
    "stopped.by.referral": "❌ 推荐码没有得到确认；我们的运营人员正在处理，你会在这里收到回复",
    "stopped.by.contested": "❌ 另一个 Telegram 聊天通过了这个钱包的验证；它将于 {until} 移到那里，除非你发送 /change 并再次验证",
    "resumed": (
        "▶️ <b>已恢复：</b>使你的关联停止的原因已消除，策略可以重新使用你的密钥。\n\n"
        "钱包：<code>{wallet}</code>\nAPI Key：<code>{fingerprint}</code>\n有效期至：{until}\n\n{checklist}\n{referral}"
    ),
    "looking": "🔎 正在 Aster 上检查你的密钥…",
    "looked.well": "✅ 刚刚检查过：你的密钥符合要求。",
    "looked.just_now": "我刚刚检查过。请一分钟后再试。",
    "looked.nothing": "目前没有任何关联，所以没有可检查的。/setapi 可开始关联。",
    "looked.unsaid": "⏳ Aster 目前没有给出你密钥的全部信息，而我不会猜测。这里没有任何变化。",
    "looked.doubt": "⚠️ 你的密钥不符合要求：\n\n{checklist}\n\n目前还没有停止：在停止之前，我会自动再检查一次。",
    "looked.lost": "⛔ 仍然停止：\n\n{checklist}",
    "looked.stopped": "⛔ 仍然停止：\n\n{checklist}\n\n" + _WAITS,
    "expires": (
        "⏰ 你的 API Key <code>{fingerprint}</code> 将在 {days} 天后（{until}）过期。请在 Aster 用 Edit API 延长有效期，或创建新的并点击按钮；"
        "否则关联会在那天停止。"
    ),
    "expires.tomorrow": (
        "⏰ 你的 API Key <code>{fingerprint}</code> 将在一天内（{until}）过期。请现在就在 Aster 用 Edit API 延长有效期，或创建新的并点击按钮；"
        "否则关联届时会停止。"
    ),
    # --- one line a rule ------------------------------------------------------------------------
    "rule.works.proven": "✅ 密钥可以使用",
    "rule.works.refuted": "❌ Aster 不认识这个密钥",
    "rule.works.open": "❌ 你的 Aster 账户的密钥列表中没有这个密钥",
    "rule.binding.proven": "✅ 它属于你已验证的钱包",
    "rule.binding.enough": "☑️ 它属于你已验证的钱包（推断得出，未经证明）",
    "rule.binding.enough.deposit": "☑️ 它属于你已验证的钱包：由该钱包向 Aster 的一笔充值推断得出，未经证明",
    "rule.binding.enough.public": "☑️ 它属于你已验证的钱包：由 Aster 公开显示的该钱包数据推断得出，未经证明",
    "rule.binding.refuted": "❌ 它属于另一个钱包",
    "rule.binding.open": "❌ 我们无法证明它属于你已验证的钱包",
    "rule.ip.proven": "✅ 它只能从 <code>{wanted}</code> 使用",
    "rule.ip.enough": "➖ 旧式密钥的 IP 白名单无法读取",
    "rule.ip.enough.legacy": "➖ 旧式密钥无法表明是否只能从 <code>{wanted}</code> 使用；请你自己在 Aster 上查看",
    "rule.ip.enough.elsewhere": "➖ 我们的另一个地址被拒绝，但旧式密钥无法表明只允许 <code>{wanted}</code>",
    "rule.ip.refuted.legacy": "❌ IP 白名单：我们的另一个地址也被放行。请设为恰好 <code>{wanted}</code>",
    "rule.ip.refuted": "❌ IP 白名单：请设为恰好 <code>{wanted}</code>（现在：{seen}）",
    "rule.ip.refuted.empty": "❌ IP 白名单：是空的，所以密钥在任何地方都能用。请填入 <code>{wanted}</code>",
    "rule.ip.refuted.extra": "❌ IP 白名单：请移除 {extra}，只留下 <code>{wanted}</code>",
    "rule.ip.open": "❌ 无法读取 IP 白名单；它必须恰好是 <code>{wanted}</code>",
    "rule.can_read.proven": "✅ Read 已开启",
    "rule.can_read.refuted": "❌ Read 未开启：请勾选",
    "rule.can_read.open": "❌ Aster 没有说明 Read 是否开启",
    "rule.can_perp.proven": "✅ Futures (Perps) 已开启",
    "rule.can_perp.enough": "☑️ Futures (Perps) 已开启（推断得出，未经证明）",
    "rule.can_perp.enough.legacy": "☑️ Futures (Perps) 已开启：Aster 接受了一笔测试订单（只作校验，不会真正下单）",
    "rule.can_perp.refuted": "❌ Futures (Perps) 未开启：请勾选",
    "rule.can_perp.open": "❌ Aster 没有说明 Futures (Perps) 是否开启",
    "rule.spot_off.proven": "✅ Spot 已关闭",
    "rule.spot_off.enough": "➖ 不知道 Spot 是否关闭",
    "rule.spot_off.enough.legacy": "➖ 旧式密钥无法表明 Spot 已关闭；请你自己在 Aster 上查看",
    "rule.spot_off.refuted": "❌ Spot 已开启：请取消勾选",
    "rule.spot_off.open": "❌ Aster 没有说明 Spot 是否关闭",
    "rule.withdraw_off.proven": "✅ Withdraw 已关闭",
    "rule.withdraw_off.enough": "➖ 不知道 Withdraw 是否关闭",
    "rule.withdraw_off.enough.legacy": "➖ 旧式密钥无法表明 Withdraw 已关闭；请你自己在 Aster 上查看",
    "rule.withdraw_off.refuted": "❌ Withdraw 已开启：请取消勾选",
    "rule.withdraw_off.open": "❌ Aster 没有说明 Withdraw 是否关闭",
    "rule.unknown_permissions_off.proven": "✅ 没有开启其他权限",
    "rule.unknown_permissions_off.refuted": "❌ 还开启了另一个权限：请取消勾选 {permission}",
    "rule.unknown_permissions_off.open": "❌ 无法读取其他权限",
    "rule.source.proven": "✅ Aster 未显示有第三方持有它",
    "rule.source.refuted": "❌ 这个密钥由他人创建（{source}），可能被他人持有。请在 Aster 的 API 页面创建一个",
    "rule.source.open": "❌ Aster 没有说明是谁创建了这个密钥。请在 Aster 的 API 页面创建一个",
    "rule.validity.proven": "✅ 还有 {days} 天有效",
    "rule.validity.proven.warn": "✅ 还有 {days} 天有效；请及时创建新的",
    "rule.validity.refuted": "❌ 有效期不够长。剩余天数：{days}；至少需要 {min_days} 天",
    "rule.validity.open": "❌ Aster 没有说明它的有效期",
    "rule.key_name.proven": "✅ 名称对应本聊天",
    "rule.key_name.enough": "➖ 它的名称不是 <code>{code}</code>，所以无法凭名称发现本机器人的仿冒者",
    "rule.key_name.enough.legacy": "➖ 旧式密钥不显示名称，所以无法凭名称发现本机器人的仿冒者",
    "rule.key_name.open.legacy": "❌ 旧式密钥不显示名称。请创建一个名为 <code>{code}</code> 的新密钥",
    "rule.key_name.refuted": "❌ 它的名称对应另一个聊天（{name}）。请创建一个名为 <code>{code}</code> 的密钥",
    "rule.key_name.open": "❌ 它的名称不对应本聊天：请命名为 <code>{code}</code>",
    "rule.trades.proven": "✅ 它可以交易合约",
    "rule.trades.enough": "☑️ Aster 接受了一笔测试订单（只作校验，不会真正下单）",
    "rule.trades.refuted": "❌ Aster 不接受用它下的合约订单",
    "rule.trades.open": "❌ Aster 没有接受测试订单（只作校验，不会真正下单）",
    "why.no_agent": "❌ Aster（还）不认识这个 API wallet：请确认它已授权且没有过期",
    "why.signature": "❌ API Secret 与这个 API Key 不匹配",
    "why.key_format": "❌ API Key 看起来不对：请再复制一次",
    "why.rejected": (
        "❌ Aster 拒绝了这个密钥，没有说明原因。请按以下顺序检查：1. API Key 和 API Secret 是否复制完整；"
        "2. 它的 IP 白名单是否恰好是 <code>{wanted}</code>；3. 是否已勾选 Read 和 Futures (Perps)"
    ),
    "why.address": "❌ Aster 拒绝了从我们的地址使用这个密钥：它的 IP 白名单必须恰好是 <code>{wanted}</code>",
    "why.not_permitted": "❌ Read 未开启：请勾选",
    "why.no_account": "❌ 这个钱包还没有 Aster 账户",
    "why.no_deposit": "❌ Aster 账户还没有充值记录",
    "why.restricted": "❌ Aster 目前限制了这个账户",
    "why.region": "❌ Aster 拒绝我们所在的地区；我们的运营人员正在处理。问题不在你的密钥",
    "why.foreign": "❌ 它属于另一个钱包，不是你验证的那个",
    "why.foreign.named": "❌ 它属于 {belongs_to}；你验证的是 {verified}",
    # --- out of place ---------------------------------------------------------------------------
    "text.only": "请只发送文字：我无法读取图片、语音、文件或转发的消息。",
    "text.secret_unexpected": (
        "⚠️ 这看起来是密钥或私密内容，现在我不能接收：请在我需要时，单独用一条文字消息发送。"
        "我会删除你的消息，也没有保存任何内容；最好换一个新密钥。"
    ),
    "text.unexpected.new": "发送 /setapi 关联你的 Aster 账户，或发送 /help。",
    "text.unexpected.referral": "使用推荐码之后，请点击上面的<b>我已使用推荐码</b>，或发送 /applied。",
    "text.unexpected.wallet": "我在等你的钱包发来 0.0001 BNB；我会自动检测到。/status 会再次显示地址。",
    "text.unexpected.key": "我在等你的 Aster API Key。",
    "text.unexpected.checking": "🔎 正在 Aster 上检查你的密钥；你无需做任何事。",
    "text.unexpected.permissions": "我在等 Aster 上的修改（Edit API）。/check 可立即检查。",
    "text.unexpected.linked": "你的账户已关联。/status 可查看，/unlink 移除密钥。",
    "text.unexpected.moving": "你的钱包将在 24 小时内移到这个聊天；你无需做任何事。/status 可查看。",
    "text.unexpected.expired": "这次关联的时间已到。/setapi 可从你停下的地方继续。",
}
