"""English. `{variables}` are filled in escaped; markup is b, i, code and a."""

from __future__ import annotations

from typing import Final

COMMANDS: Final = (
    ("start", "What Perpbot is"),
    ("setapi", "Link your Aster account"),
    ("status", "Where you stand"),
    ("cancel", "Stop the linking that is under way"),
    ("unlink", "Remove your key from Perpbot"),
    ("deleteme", "Delete everything kept about you"),
    ("privacy", "What is kept and how"),
    ("language", "Choose the language"),
    ("help", "Commands and help"),
)

_NEVER: Final = (
    "🔒 I never ask for a seed phrase, the private key of your wallet or a Telegram code. "
    "Aster shows the API Secret when you create the API key; if it came from your wallet app, stop: never send it. "
    "I never write first."
)
_START: Final = (
    "👋 <b>Perpbot</b> runs perpetual-futures strategies on <b>your own</b> Aster account. "
    "This chat links the account; your money stays on Aster.\n\n"
    "Perpbot's referral link on Aster:\n{url}\n\n"
    "<b>Do this first:</b> click the link above, connect the wallet you will trade with and apply the code on Aster. "
    "Then send /setapi.\n\n"
    "You need an EVM wallet (MetaMask, Rabby, Trust and the like): it has to send a little BNB. "
    "An Aster account made with a Solana login can't be linked.\n\n" + _NEVER
)
_HOW: Final = (
    "<b>How to make the key</b>, on Aster's API page:\n"
    "1. Create an API key and name it <code>{name}</code>.\n"
    "2. Choose <i>restrict API to IP</i> and enter <code>{ip}</code>.\n"
    "3. Confirm in your wallet.\n"
    "4. Afterwards, with <i>Edit API</i>: tick only Read and Futures (Perps)."
)
_LOOKS: Final = (
    "I look again about every 20 seconds for 10 minutes. <b>Check again</b> looks at once; no need to paste anything."
)
_BUTTON: Final = "Press <b>Check again</b> when it is done; no need to paste anything."
_BINDING: Final = (
    "Everything else is right, but nothing shows yet that this key belongs to your wallet. <b>Make a deposit of any size "
    "to Aster from this wallet</b>, then press <b>Check again</b>: Aster's list of deposits and the blockchain show us who "
    "sent it. The key stays sealed here.\n\n"
)
_BINDING_STRICT: Final = (
    "Everything else is right, but we can't prove yet that this key belongs to your wallet. That is on our side, our operators "
    "see it, and the key stays sealed here.\n\n"
)
_UNSAID: Final = (
    "⏳ Aster doesn't say everything about this key at the moment, and I don't guess. That is no fault of yours; the key stays "
    "sealed here.\n\n{checklist}\n\n"
)
_REFERRAL: Final = (
    "What is missing is the referral: so far there is your word for it, and our operators have to see it in Aster's list "
    "or approve it, usually within one working day.\n\n"
)
_POSITIONS: Final = "Open positions and orders stay on Aster; manage them there."
_WAITS: Final = "I look again every hour, after a week once a day, and go on by myself once it is repaired; <b>Check now</b> looks at once."
_MOVE_FUNDS: Final = (
    "I delete your message and kept nothing. But it has been in a chat: <b>treat that wallet as exposed and move its "
    "funds to a new one</b>, from a device you trust."
)

TEXTS: Final[dict[str, str]] = {
    # --- buttons --------------------------------------------------------------------------------
    "button.referral": "Open Aster with the referral",
    "button.applied": "I applied it",
    "button.cannot": "I can't apply it",
    "button.copy_address": "Copy the address",
    "button.sent": "I Sent The BNB",
    "button.copy_ip": "Copy the IP",
    "button.copy_name": "Copy the key's name",
    "button.notmine": "Not yours?",
    "button.oldkey": "I have an old key",
    "button.check": "Check again",
    "button.goon": "Go on",
    "button.change": "Change the key",
    "button.checknow": "Check now",
    "button.forget": "Yes, delete everything",
    "button.explorer": "Show it on BscScan",
    "button.private": "Open the private chat",
    # --- at any time ----------------------------------------------------------------------------
    "start": _START,
    "start.named": _START + " My name is @{bot}, and nothing else.",
    "help": (
        "/setapi – link your Aster account\n/status – where you stand\n/cancel – stop the linking under way\n"
        "/unlink – remove your key\n/deleteme – delete everything\n/privacy – what is kept\n/language – choose the language\n\n"
        "If a button does nothing, send its command instead: /applied, /cannot, /sent, /notmine, /oldkey, /check, "
        "/goon, /change, /checknow, /forget."
    ),
    "privacy": (
        "<b>What is kept:</b> your Telegram id, the wallet you verified, what it paid, your API Key and its Secret, and "
        "what was found when the key was checked. All of it is encrypted on our host; what you sent and your key with a key made for you alone.\n\n"
        "<b>What is not:</b> your messages. A message with a key is deleted here once it is sealed. Chats with bots are "
        "cloud chats, not end-to-end encrypted.\n\n"
        "/unlink removes your API Secret, /deleteme everything here that names you. What happened on the blockchain is public "
        "and stays there."
    ),
    "language": "Which language shall I write in? Press one, or send its code, as /language en.",
    "language.chosen": "From now on I write in English here.",
    "command.unknown": "I don't know that command. /help shows those I do.",
    "cancel.done": "Stopped. Anything you pasted is wiped, and a deposit address you were given stays yours. /setapi starts again.",
    "cancel.done.linked": "Stopped. Your earlier link is as it was.",
    "cancel.nothing": "There is nothing to stop. /setapi starts the linking.",
    "unlink.done": (
        "🔌 <b>Unlinked.</b> Your API Secret is deleted here and no strategy can use it any more. Open positions and "
        "orders stay on Aster; manage them there.\n\nPlease delete the key on Aster, too: that is the only way to be "
        "certain. Until you send /deleteme the rest of what /privacy names stays here: your Telegram id, your wallet and what it paid among it."
    ),
    "unlink.by_operator": (
        "🔌 <b>Our operators have ended this link.</b> Your API Secret is deleted here and no strategy can use it any more. "
        + _POSITIONS
        + "\n\nPlease delete the key on Aster, too. /setapi links again."
    ),
    "unlink.nothing": "Nothing is linked. /setapi starts the linking.",
    "forget.sure": (
        "🗑 <b>Delete everything that is kept about you?</b> That ends your link, deletes your key and what you sent here, and "
        "can't be undone. "
        + _POSITIONS
        + "\n\nWhat stays: what your wallet paid on the blockchain, without your name, and that your old deposit address is "
        "not given to anybody else.\n\nPress the button or send /forget within ten minutes."
    ),
    "forget.done": (
        "🗑 Done: nothing here names you any more, and the key that your data was encrypted with is destroyed. Please delete "
        "the API key on Aster, too, if you had linked one. /start begins anew."
    ),
    "group": "Linking works in a private chat with me only.",
    "group.exposed": (
        "⚠️ A key was posted in this group. It is exposed: delete it on Aster now. I don't use it. "
        "Linking works in a private chat with me only."
    ),
    "attempt.over": (
        "⌛ The time for this linking ran out, and what you pasted is wiped. Your address stays yours: a payment to it is "
        "never lost. Shall we go on?"
    ),
    "attempt.over.linked": (
        "⌛ The time for the new key ran out, and what you pasted is wiped. Your earlier link is as it was."
    ),
    "attempt.limit": (
        "You have begun to link {number} times today, and that is all for one day. Please go on tomorrow with /setapi; "
        "what you paid is not lost."
    ),
    "flood": "⏸ That is more than I can read at once. Please wait a minute, then send the last thing again.",
    "tap.late": "That button belongs to an earlier step.",
    "tap.looking": "Looking…",
    "message.not_deleted": "⚠️ Telegram didn't let me delete your message with the key. Please delete it yourself.",
    # --- where one stands -----------------------------------------------------------------------
    "status.new": "Nothing is linked yet. /setapi starts the linking.",
    "status.checking": "🔎 Your key is being checked on Aster. There is nothing to do.",
    "status.permissions": "⏳ Your key <code>{fingerprint}</code> waits for you:\n\n{checklist}\n\n" + _BUTTON,
    "status.expired": "The time for this linking ran out. Nothing is lost: go on from where you were.",
    "status.linked": (
        "✅ <b>Linked.</b>\n\nWallet: <code>{wallet}</code>\nAPI Key: <code>{fingerprint}</code>\nValid until: {until}\n\n"
        "<b>What was found</b> when it was linked:\n{checklist}\n{referral}"
    ),
    "status.stopped": (
        "⛔ <b>Stopped.</b> No strategy uses your key at the moment.\n\nWallet: <code>{wallet}</code>\n"
        "API Key: <code>{fingerprint}</code>\n\n{why}\n\n" + _POSITIONS
    ),
    "status.besides": "⛔ Your linked key <code>{fingerprint}</code> is stopped. {why}",
    "status.moving": (
        "⏳ Your wallet <code>{wallet}</code> is still linked in another Telegram chat and moves here within 24 hours, with "
        "your API Key <code>{fingerprint}</code>, unless it is proven there once more. There is nothing to do; /cancel gives "
        "it up."
    ),
    # --- step 1: the referral -------------------------------------------------------------------
    "referral": (
        "<b>Step 1 of 3: the referral</b>\n\nOpen the link, connect the wallet you will trade with and apply the code "
        "<code>{code}</code> on Aster:\n{url}"
    ),
    "referral.cannot": (
        "Thank you for telling us. An account that has traded before or is bound to another code can't take ours; our "
        "operators look at such cases, usually within one working day, and you will hear here.\n\n"
        "If it works after all, press the button."
    ),
    "referral.approved": "✅ Our operators have looked at it: your referral is fine. /status shows where you are.",
    "referral.denied": (
        "Our operators have looked at your referral and can't approve it as it is. Nothing of yours is lost here: if the code "
        "is applied after all, they see it in Aster's list."
    ),
    "referral.proven": "✅ Referral applied, seen in Aster's list",
    "referral.inferred": "☑️ Referral applied, as far as we can tell",
    "referral.attested": "☑️ Referral approved by an operator",
    "referral.declared": "☑️ Referral applied, by your own word",
    "referral.unproven": "➖ Referral not looked at",
    "referral.refuted": "➖ Referral not applied; our operators look at it",
    # --- step 2: the wallet ---------------------------------------------------------------------
    "deposit": (
        "<b>Step 2 of 3: your wallet</b>\n\nUse <b>the same wallet</b> as your Aster account. Send <b>{amount} BNB</b> "
        "from it on BNB Smart Chain (BEP-20), as a plain transfer and not from an exchange, to this address, which is "
        "yours alone:\n\n<code>{address}</code>\n\n"
        "Have about 0.00012 BNB in that wallet: the network takes a small fee. The {amount} BNB shows that the wallet "
        "is yours and is not returned.\n\nI see the payment by myself; the button looks at once."
    ),
    "deposit.not_visible": "👀 Not visible yet. That is normal in the first minute; don't send again. I keep looking.",
    "deposit.still_not_visible": (
        "👀 Still not visible. Please look in your wallet whether it was sent on <b>BNB Smart Chain (BEP-20)</b> and as BNB: "
        "the same address is there on every EVM network. Don't send again before you know. I keep looking."
    ),
    "deposit.elsewhere": (
        "🧭 Nothing came on BNB Smart Chain, but your address holds something on another network:\n\n{where}\n\n"
        "A payment there can't show us your wallet. Please send 0.0001 BNB on BNB Smart Chain (BEP-20), from the wallet "
        "connected on Aster."
    ),
    "deposit.elsewhere.line": "• {amount} on {chain}",
    "deposit.unproven": (
        "🪙 Your BNB arrived, but from an exchange or contract, so we can't tell which wallet is yours. Send once more from "
        "the wallet connected on Aster, as a plain transfer, to <code>{address}</code>\n\n"
        "{amount} BNB came that way. It is noted and proves nothing."
    ),
    "deposit.unproven_noted": (
        "🪙 {amount} BNB arrived from an exchange or contract at an address of yours. It is noted and proves no wallet. "
        "/status shows where you are."
    ),
    "deposit.seen": "👀 Seen in block {block}, confirming. There is nothing to do.",
    "deposit.chain_down": "⏳ We can't read the chain right now. Your BNB is safe and there is nothing to do.",
    "deposit.chain_starting": "⏳ We can't read the chain yet, and no payment may be missed. Please try again in a minute.",
    "deposit.partial": (
        "🪙 {have} BNB arrived from <code>{wallet}</code>. {missing} BNB are missing: please send them from the same wallet."
    ),
    "deposit.failed": (
        "⚠️ Your transaction from <code>{wallet}</code> is in a block but failed there, so nothing arrived and nothing "
        "was taken but the fee. Please send it again as a plain transfer."
    ),
    "deposit.more": "🪙 Another {amount} BNB arrived from <code>{wallet}</code>. It is noted; nothing more is needed.",
    "deposit.late": "🪙 Your {amount} BNB from <code>{wallet}</code> arrived. Found it; shall we go on?",
    "deposit.late.linked": (
        "🪙 {amount} BNB arrived from <code>{wallet}</code>. It is noted, and your link is as it was. If you "
        "sent it to change the key or the wallet: shall we go on?"
    ),
    "deposit.late_noted": (
        "🪙 {amount} BNB arrived from <code>{wallet}</code> at an address of yours. It is noted. /status shows where you are."
    ),
    "deposit.not_mine": (
        "Understood: that payment was somebody else's, and it binds nothing. Please send from your own wallet to "
        "<code>{address}</code>."
    ),
    # --- step 3: the key ------------------------------------------------------------------------
    "verified": (
        "✅ Wallet verified! Now send your Aster API Key.\n\nWallet: <code>{wallet}</code>\n\n"
        "Copy the API Key and send it here, and after it the API Secret. "
        "Your message will disappear: we delete it for safety.\n\n" + _HOW
    ),
    "key.secret_next": "🔑 API Key <code>{fingerprint}</code> is here. Now send your Aster API Secret.",
    "key.key_next": "🔑 The API Secret is here and sealed. Now send your Aster API Key, the address beside it.",
    "help.old_key.inferred": (
        "An old-style key (64 letters and digits) can be linked here, but it can't show that it belongs to your wallet, that "
        "it works from our address only or that it can't withdraw: only some of that can be inferred. Send its API Key, and "
        "after it its API Secret. Better is a new one, which takes a minute.\n\n" + _HOW
    ),
    "key.legacy_secret_next": "🔑 That is an old-style API Key. Send its API Secret and I tell you what can be done.",
    "help.old_key": (
        "An old-style key (64 letters and digits) can't show that it belongs to your wallet or that it can't withdraw, "
        "so it can't be linked. A new one takes a minute.\n\n" + _HOW
    ),
    "paste.again": "🔑 I have that already, and it is being looked at.",
    "paste.pair_together": (
        "🔑 That is one half of an old-style key, and another key is being looked at. To use the old-style one instead, send "
        "its API Key and API Secret together in one message."
    ),
    "paste.wallets_own_key": "🛑 That is the <b>private key of your wallet</b>, not an API Secret. " + _MOVE_FUNDS,
    "paste.seed_phrase": "🛑 That looks like a <b>seed phrase</b>. Nobody needs it for linking. " + _MOVE_FUNDS,
    "paste.wallet_instead_of_agent": (
        "That is your wallet's own address. The API Key is another address: Aster's API page shows it after you create "
        "the key."
    ),
    "paste.secret_does_not_match": (
        "API Secret and API Key don't belong together. Copy the API Secret once more and send it; if it is lost, create a "
        "new key and send both."
    ),
    "paste.nothing": "I wait for your Aster API Key: <code>0x</code> and 40 letters and digits, from Aster's API page.",
    "paste.cut": (
        "That has {digits} letters and digits. An API Key is <code>0x</code> and 40 of them, an API Secret 64. Please copy "
        "it once more."
    ),
    "paste.unclear": (
        "I can't find an API Key and its Secret in that. Please send the API Key, <code>0x</code> and 40 letters and digits, "
        "and after it the API Secret that Aster showed beside it."
    ),
    "checking": "🔎 Checking your key on Aster…",
    "credential.lost": (
        "⚠️ <b>We have lost the key you sent, by a fault of ours.</b> Neither you nor your key did anything wrong, and your wallet "
        "stays verified. Please send your API Key and API Secret once more."
    ),
    "credential.over": (
        "⌛ An hour went by and the key isn't ready yet, so I wiped it for safety. When it is ready, send the API Key and "
        "the API Secret again."
    ),
    # --- what the venue said --------------------------------------------------------------------
    "permissions": (
        "⏳ On Aster open <b>Edit API</b>, tick only Read and Futures (Perps); leave Spot and Withdraw unticked.\n\n"
        "{checklist}\n\n" + _LOOKS
    ),
    "permissions.by_button": (
        "⏳ On Aster open <b>Edit API</b>, tick only Read and Futures (Perps); leave Spot and Withdraw unticked.\n\n"
        "{checklist}\n\n" + _BUTTON
    ),
    "mend": "⏳ Almost. On Aster open <b>Edit API</b> and change what is marked ❌:\n\n{checklist}\n\n" + _LOOKS,
    "mend.by_button": "⏳ Almost. On Aster open <b>Edit API</b> and change what is marked ❌:\n\n{checklist}\n\n"
    + _BUTTON,
    "to_do.no_deposit": "⏳ Your Aster account has no deposit yet. Make a first one of any size.\n\n" + _LOOKS,
    "to_do.no_deposit.by_button": "⏳ Your Aster account has no deposit yet. Make a first one of any size.\n\n"
    + _BUTTON,
    "to_do.no_account": "⏳ There is no Aster account for this wallet yet. Open it on Aster first.\n\n" + _LOOKS,
    "to_do.no_account.by_button": "⏳ There is no Aster account for this wallet yet. Open it on Aster first.\n\n"
    + _BUTTON,
    "to_do.binding": "⏳ " + _BINDING + _LOOKS,
    "to_do.binding.by_button": "⏳ " + _BINDING + _BUTTON,
    "to_do.binding_strict": "⏳ " + _BINDING_STRICT + _LOOKS,
    "to_do.binding_strict.by_button": "⏳ " + _BINDING_STRICT + _BUTTON,
    "to_do.not_listed": _UNSAID + _LOOKS,
    "to_do.not_listed.by_button": _UNSAID + _BUTTON,
    "to_do.referral": "⏳ Your key is fine. " + _REFERRAL + _LOOKS,
    "to_do.referral.by_button": "⏳ Your key is fine. " + _REFERRAL + _BUTTON,
    "to_do.restricted": "⏳ Aster restricts this account at the moment. That is not a fault of the key.\n\n" + _LOOKS,
    "to_do.restricted.by_button": (
        "⏳ Aster restricts this account at the moment. That is not a fault of the key.\n\n" + _BUTTON
    ),
    "delayed.venue": "⏳ Aster is busy; checking again in {seconds} s. {rest}",
    "delayed.clock": "⏳ Our clock has to be set; checking again in {seconds} s. {rest}",
    "delayed.egress": "⏳ Something is wrong on our side; checking again in {seconds} s. {rest}",
    "delayed.chain": ("⏳ We can't read the blockchain right now; checking again in {seconds} s. {rest}"),
    "delayed.unclear": (
        "⏳ I can't check keys right now, by a fault of ours or of Aster's; checking again in {seconds} s. {rest}"
    ),
    "delayed.safe": "That is not your key's fault, and the check goes on by itself.",
    "delayed.to_mend": "That is no fault of yours. What I saw last:\n\n{checklist}",
    "delayed.unchanged": "That is no fault of yours, and nothing has changed here.",
    "refused": "❌ <b>This key can't be linked.</b> Your wallet stays verified.\n\n{checklist}\n\nSend another API Key when it is ready.",
    "refused.legacy_key": (
        "❌ That is an old-style key: it can't show that it belongs to your wallet or that it can't withdraw. "
        "I kept nothing of it.\n\n" + _HOW
    ),
    "refused.wallet_taken": (
        "❌ The wallet <code>{wallet}</code> is linked in another Telegram chat already. If it is yours, unlink it there, or "
        "show it by the key's name: create a new API key on Aster named <code>{name}</code>, restricted to <code>{ip}</code>, "
        "and send it here. Then it moves to this chat after 24 hours. I wiped the key you sent."
    ),
    "refused.contested": (
        "❌ Another Telegram chat has proven the wallet <code>{wallet}</code> after this one. To keep it, the key's name has to "
        "show that it is yours: create a new API key on Aster named <code>{name}</code>, restricted to <code>{ip}</code>, and "
        "send it here. I wiped the key you sent."
    ),
    "linked": (
        "🎉 <b>Linked!</b>\n\nWallet: <code>{wallet}</code>\nAPI Key: <code>{fingerprint}</code>\nValid until: {until}\n\n"
        "<b>What was found</b>, by asking Aster with your key:\n{checklist}\n{referral}\n\n"
        "/status shows this at any time, /unlink removes the key."
    ),
    "linked.replaced": (
        "🎉 <b>Linked with the new key!</b>\n\nWallet: <code>{wallet}</code>\nAPI Key: <code>{fingerprint}</code>\n"
        "Valid until: {until}\n\n<b>What was found</b>, by asking Aster with your key:\n{checklist}\n{referral}\n\n"
        "The earlier key, <code>{before}</code>, is deleted here; please delete it on Aster, too. "
        "If it wasn't you who changed it, send /unlink."
    ),
    "moving": (
        "✅ <b>Everything is right: linked, active in 24 hours.</b>\n\nWallet: <code>{wallet}</code>\n"
        "API Key: <code>{fingerprint}</code>\nValid until: {until}\n\n"
        "<b>What was found</b>, by asking Aster with your key:\n{checklist}\n{referral}\n\n"
        "This wallet is linked in another Telegram chat, which was stopped just now and told. It moves here in 24 hours, "
        "unless it is proven there once more. There is nothing to do."
    ),
    "moving.by_operator": (
        "🔌 <b>Our operators have called off the move</b> of the wallet <code>{wallet}</code> to this chat, and your key for it is "
        "deleted here. Please delete it on Aster, too. /setapi begins anew."
    ),
    "moving.lost": (
        "❌ The wallet <code>{wallet}</code> was proven in another Telegram chat after you, so it doesn't move here, and your "
        "key is deleted here. If the wallet is yours: /setapi, pay from it once more and name a new key "
        "<code>{name}</code>. The last one to do both has it."
    ),
    "moved.away": (
        "🔌 <b>Your link has ended.</b> The wallet <code>{wallet}</code> was proven in another Telegram chat and is linked there "
        "now. Your API Secret is deleted here; please delete the key on Aster, too. "
        + _POSITIONS
        + "\n\n/setapi links a wallet in this chat again."
    ),
    # --- stopped, and going on ------------------------------------------------------------------
    "stopped": (
        "⛔ <b>Stopped:</b> your key isn't as it was, so no strategy uses it any more.\n\nWallet: <code>{wallet}</code>\n"
        "API Key: <code>{fingerprint}</code>\n\n{checklist}\n\n" + _WAITS + "\n\n" + _POSITIONS
    ),
    "stopped.referral": (
        "⛔ <b>Stopped:</b> the referral of the wallet <code>{wallet}</code> isn't confirmed, so no strategy uses your key "
        "<code>{fingerprint}</code> for now. That happens, for example with an account that traded before; our operators "
        "look at it, and you will hear here. Nothing is deleted.\n\n" + _POSITIONS
    ),
    "stopped.lost": (
        "⛔ <b>Stopped, by a fault of ours:</b> we no longer have the key <code>{fingerprint}</code> of the wallet "
        "<code>{wallet}</code>, so no strategy can use it. Neither you nor your key did anything wrong, and nobody has read it.\n\n"
        "<b>Send its API Key and API Secret once more</b>, here, in one message: it goes on at once, without another payment. "
        "If you don't have the Secret any more, send /change and make a new key.\n\n" + _POSITIONS
    ),
    "stopped.contested": (
        "⛔ <b>Stopped:</b> another Telegram chat has just proven the wallet <code>{wallet}</code>, by a payment from it and a "
        "key named for that chat. Unless you prove it once more, it moves there on {until}.\n\n"
        "<b>If that is you</b>, there is nothing to do. <b>If it isn't:</b> send /change, pay once more from that wallet, "
        "create a new key named <code>{name}</code>, restricted to <code>{ip}</code>, and send it here. Then it stays yours. "
        "Whoever else can pay from your wallet has its keys: please look after your funds.\n\n" + _POSITIONS
    ),
    "stopped.by.lost": (
        "❌ We have lost this key, by a fault of ours: send its API Key and API Secret once more, in one message, or /change for a new one"
    ),
    "stopped.by.expiry": "❌ The key has expired: extend it with Edit API on Aster, or create a new one and send /change",
    "stopped.by.revocation": (
        "❌ Aster doesn't know this key any more: it was deleted or revoked there. Create a new one, restricted to "
        "<code>{ip}</code>, and send /change"
    ),
    "stopped.by.referral": "❌ The referral is not confirmed; our operators look at it, and you will hear here",
    "stopped.by.contested": (
        "❌ Another Telegram chat has proven this wallet; it moves there on {until}, unless you send /change and prove it once "
        "more"
    ),
    "resumed": (
        "▶️ <b>It goes on:</b> what had stopped your link is over, and strategies may use your key again.\n\n"
        "Wallet: <code>{wallet}</code>\nAPI Key: <code>{fingerprint}</code>\nValid until: {until}\n\n{checklist}\n{referral}"
    ),
    "looking": "🔎 Looking at your key on Aster…",
    "looked.well": "✅ Looked at just now: your key is as it has to be.",
    "looked.just_now": "I looked a moment ago. Please try again in a minute.",
    "looked.nothing": "Nothing is linked, so there is nothing to look at. /setapi starts the linking.",
    "looked.unsaid": "⏳ Aster doesn't say everything about your key at the moment, and I don't guess. Nothing has changed here.",
    "looked.doubt": (
        "⚠️ Your key doesn't look as it should:\n\n{checklist}\n\nNothing is stopped yet: I look once more by myself before "
        "anything is."
    ),
    "looked.lost": "⛔ Still stopped:\n\n{checklist}",
    "looked.stopped": "⛔ Still stopped:\n\n{checklist}\n\n" + _WAITS,
    "expires": (
        "⏰ Your API Key <code>{fingerprint}</code> expires in {days} days, on {until}. Extend it with Edit API on Aster, or "
        "create a new one and press the button; otherwise the link stops that day."
    ),
    "expires.tomorrow": (
        "⏰ Your API Key <code>{fingerprint}</code> expires within a day, on {until}. Extend it with Edit API on Aster now, "
        "or create a new one and press the button; otherwise the link stops then."
    ),
    # --- one line a rule ------------------------------------------------------------------------
    "rule.works.proven": "✅ The key works",
    "rule.works.refuted": "❌ Aster doesn't know this key",
    "rule.works.open": "❌ The key is not in your account's list on Aster",
    "rule.binding.proven": "✅ It belongs to your verified wallet",
    "rule.binding.enough": "☑️ It belongs to your verified wallet, inferred and not proven",
    "rule.binding.enough.deposit": (
        "☑️ It belongs to your verified wallet: inferred from a deposit to Aster that this wallet sent, not proven"
    ),
    "rule.binding.enough.public": (
        "☑️ It belongs to your verified wallet: inferred from figures that Aster shows of that wallet in public, not proven"
    ),
    "rule.binding.refuted": "❌ It belongs to another wallet",
    "rule.binding.open": "❌ We can't prove that it belongs to your verified wallet",
    "rule.ip.proven": "✅ It works from <code>{wanted}</code> only",
    "rule.ip.enough": "➖ The IP list of an old-style key can't be read",
    "rule.ip.enough.legacy": (
        "➖ An old-style key can't show whether it works from <code>{wanted}</code> only; please look on Aster yourself"
    ),
    "rule.ip.enough.elsewhere": (
        "➖ Another address of ours was refused, but an old-style key can't show that only <code>{wanted}</code> is let in"
    ),
    "rule.ip.refuted.legacy": (
        "❌ IP list: the key was let in from another address of ours, too. Set it to exactly <code>{wanted}</code>"
    ),
    "rule.ip.refuted": "❌ IP list: set it to exactly <code>{wanted}</code> (now: {seen})",
    "rule.ip.refuted.empty": "❌ IP list: it is empty, so the key works from anywhere. Enter <code>{wanted}</code>",
    "rule.ip.refuted.extra": "❌ IP list: remove {extra}, so that only <code>{wanted}</code> is left",
    "rule.ip.open": "❌ The IP list could not be read; it must be exactly <code>{wanted}</code>",
    "rule.can_read.proven": "✅ Read is on",
    "rule.can_read.refuted": "❌ Read is off: tick it",
    "rule.can_read.open": "❌ Aster doesn't say whether Read is on",
    "rule.can_perp.proven": "✅ Futures (Perps) is on",
    "rule.can_perp.enough": "☑️ Futures (Perps) is on, inferred and not proven",
    "rule.can_perp.enough.legacy": "☑️ Futures (Perps) is on: Aster accepted a test order, which is checked and never placed",
    "rule.can_perp.refuted": "❌ Futures (Perps) is off: tick it",
    "rule.can_perp.open": "❌ Aster doesn't say whether Futures (Perps) is on",
    "rule.spot_off.proven": "✅ Spot is off",
    "rule.spot_off.enough": "➖ Whether Spot is off is not known",
    "rule.spot_off.enough.legacy": "➖ An old-style key can't show that Spot is off; please look on Aster yourself",
    "rule.spot_off.refuted": "❌ Spot is on: untick it",
    "rule.spot_off.open": "❌ Aster doesn't say whether Spot is off",
    "rule.withdraw_off.proven": "✅ Withdraw is off",
    "rule.withdraw_off.enough": "➖ Whether Withdraw is off is not known",
    "rule.withdraw_off.enough.legacy": "➖ An old-style key can't show that Withdraw is off; please look on Aster yourself",
    "rule.withdraw_off.refuted": "❌ Withdraw is on: untick it",
    "rule.withdraw_off.open": "❌ Aster doesn't say whether Withdraw is off",
    "rule.unknown_permissions_off.proven": "✅ No other permission is on",
    "rule.unknown_permissions_off.refuted": "❌ Another permission is on: untick {permission}",
    "rule.unknown_permissions_off.open": "❌ The other permissions could not be read",
    "rule.source.proven": "✅ Aster shows no third party that holds it",
    "rule.source.refuted": "❌ Somebody else made this key ({source}) and may hold it. Create one on Aster's API page",
    "rule.source.open": "❌ Aster doesn't say who made this key. Create one on Aster's API page",
    "rule.validity.proven": "✅ It is valid for {days} more days",
    "rule.validity.proven.warn": "✅ It is valid for {days} more days; make a new one in time",
    "rule.validity.refuted": "❌ It is not valid for long enough. Days left: {days}; at least {min_days} are needed",
    "rule.validity.open": "❌ Aster doesn't say how long it is valid",
    "rule.key_name.proven": "✅ It is named for this chat",
    "rule.key_name.enough": "➖ It is not named <code>{code}</code>, so a clone of this bot could not be noticed by its name",
    "rule.key_name.enough.legacy": "➖ An old-style key shows no name, so a clone of this bot could not be noticed by it",
    "rule.key_name.open.legacy": "❌ An old-style key shows no name. Create a new one named <code>{code}</code>",
    "rule.key_name.refuted": "❌ It is named for another chat ({name}). Create one named <code>{code}</code>",
    "rule.key_name.open": "❌ It is not named for this chat: name it <code>{code}</code>",
    "rule.trades.proven": "✅ It trades futures",
    "rule.trades.enough": "☑️ Aster accepted a test order, which is checked and never placed",
    "rule.trades.refuted": "❌ Aster accepts no futures order with it",
    "rule.trades.open": "❌ Aster didn't accept a test order (which is checked and never placed)",
    "why.no_agent": "❌ Aster doesn't know this API wallet (yet): check that it is authorised and not expired",
    "why.signature": "❌ The API Secret does not match this API Key",
    "why.key_format": "❌ The API Key looks wrong: copy it again",
    "why.rejected": (
        "❌ Aster refused the key and doesn't say why. Please look, in this order: 1. API Key and API Secret are copied "
        "whole; 2. its IP list is exactly <code>{wanted}</code>; 3. Read and Futures (Perps) are ticked"
    ),
    "why.address": "❌ Aster refused this key from our address: its IP list must be exactly <code>{wanted}</code>",
    "why.not_permitted": "❌ Read is off: tick it",
    "why.no_account": "❌ There is no Aster account for this wallet yet",
    "why.no_deposit": "❌ The Aster account has no deposit yet",
    "why.restricted": "❌ Aster restricts this account at the moment",
    "why.region": "❌ Aster refuses our region; our operators look at it. Your key is not the problem",
    "why.foreign": "❌ It belongs to another wallet than the one you verified",
    "why.foreign.named": "❌ It belongs to {belongs_to}; you verified {verified}",
    # --- out of place ---------------------------------------------------------------------------
    "text.only": "Please send text only: I can't read pictures, voice, files or forwards.",
    "text.secret_unexpected": (
        "⚠️ That looks like a key or a secret, and I can't take it here: send it as a text of its own when I ask for it. "
        "I delete your message and kept nothing of it; better use a new key."
    ),
    "text.unexpected.new": "Send /setapi to link your Aster account, or /help.",
    "text.unexpected.referral": "Press <b>I applied it</b> above once the referral is applied, or send /applied.",
    "text.unexpected.wallet": "I wait for 0.0001 BNB from your wallet; I see it by myself. /status shows the address again.",
    "text.unexpected.key": "I wait for your Aster API Key.",
    "text.unexpected.checking": "🔎 Your key is being checked on Aster; there is nothing to do.",
    "text.unexpected.permissions": "I wait for the change on Aster (Edit API). /check looks at once.",
    "text.unexpected.linked": "You are linked. /status shows it, /unlink removes the key.",
    "text.unexpected.moving": "Your wallet moves to this chat within 24 hours; there is nothing to do. /status shows it.",
    "text.unexpected.expired": "The time for this linking ran out. /setapi goes on from where you were.",
}
