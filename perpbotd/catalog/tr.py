"""Turkish. `{variables}` are filled in escaped; markup is b, i, code and a. Aster's own words stay as its page has them."""

from __future__ import annotations

from typing import Final

COMMANDS: Final = (
    ("start", "Perpbot nedir"),
    ("setapi", "Aster hesabını bağla"),
    ("status", "Hangi adımdasın"),
    ("cancel", "Süren bağlamayı durdur"),
    ("unlink", "Anahtarını Perpbot'tan kaldır"),
    ("deleteme", "Hakkında saklanan her şeyi sil"),
    ("privacy", "Ne, nasıl saklanıyor"),
    ("language", "Dili seç"),
    ("help", "Komutlar ve yardım"),
)

_NEVER: Final = (
    "🔒 Senden asla kurtarma ifadeni (seed phrase), cüzdanının özel anahtarını ya da Telegram kodunu istemem. "
    "API Secret'ı, API key oluşturduğunda Aster gösterir; cüzdan uygulamandan çıktıysa dur: onu asla gönderme. "
    "İlk yazan asla ben olmam."
)
_START: Final = (
    "👋 <b>Perpbot</b>, <b>kendi</b> Aster hesabında sürekli vadeli işlem stratejileri çalıştırır. "
    "Bu sohbette hesabını bağlarsın; paran Aster'de kalır.\n\n"
    "Perpbot'un Aster'deki davet bağlantısı:\n{url}\n\n"
    "<b>Önce bunu yap:</b> yukarıdaki bağlantıyı aç, işlem yapacağın cüzdanı bağla ve kodu Aster'de uygula. "
    "Sonra /setapi gönder.\n\n"
    "Bir EVM cüzdanı gerekir (MetaMask, Rabby, Trust ve benzerleri): ondan biraz BNB göndermen gerekecek. "
    "Solana ile giriş yapılarak açılmış bir Aster hesabı bağlanamaz.\n\n" + _NEVER
)
_HOW: Final = (
    "<b>Anahtar nasıl oluşturulur</b>, Aster'in API sayfasında:\n"
    "1. Bir API key oluştur ve ona <code>{name}</code> adını ver.\n"
    "2. <i>restrict API to IP</i> seçeneğini seç ve <code>{ip}</code> adresini gir.\n"
    "3. Cüzdanında onayla.\n"
    "4. Sonra <i>Edit API</i> ile: yalnızca Read ve Futures (Perps) kutularını işaretle."
)
_LOOKS: Final = "10 dakika boyunca yaklaşık her 20 saniyede bir yeniden kontrol ederim. <b>Yeniden kontrol et</b> düğmesiyle hemen bakarım; bir şey yapıştırman gerekmez."
_BUTTON: Final = "Bitince <b>Yeniden kontrol et</b> düğmesine bas; bir şey yapıştırman gerekmez."
_BINDING: Final = (
    "Geri kalan her şey doğru, ama bu anahtarın cüzdanına ait olduğunu henüz hiçbir şey göstermiyor. <b>Bu cüzdandan Aster'e herhangi bir "
    "tutarda para yatır</b>, sonra <b>Yeniden kontrol et</b> düğmesine bas: Aster'in yatırma listesi ve blok zinciri onu kimin "
    "gönderdiğini bize gösterir. Anahtar burada şifreli kalır.\n\n"
)
_BINDING_STRICT: Final = (
    "Geri kalan her şey doğru, ama bu anahtarın cüzdanına ait olduğunu henüz kanıtlayamıyoruz. Bunu çözmek bize düşüyor: operatörlerimiz bunu "
    "görüyor ve anahtar burada şifreli kalır.\n\n"
)
_UNSAID: Final = (
    "⏳ Aster şu anda bu anahtar hakkında her şeyi söylemiyor, ben de tahminde bulunmam. Bu senin hatan değil; anahtar burada şifreli "
    "kalır.\n\n{checklist}\n\n"
)
_REFERRAL: Final = (
    "Eksik olan, davet kodu: şimdilik yalnızca senin beyanın var ve operatörlerimizin kodu Aster'in listesinde görmesi "
    "ya da onaylaması gerekiyor, genellikle bir iş günü içinde.\n\n"
)
_POSITIONS: Final = "Açık pozisyonlar ve emirler Aster'de kalır; onları orada yönet."
_WAITS: Final = "Her saat, bir hafta sonra günde bir kez yeniden bakarım ve düzelince kendim devam ederim; <b>Şimdi kontrol et</b> düğmesiyle hemen bakarım."
_MOVE_FUNDS: Final = (
    "Mesajını siliyorum ve hiçbir şey saklamadım. Ama bir sohbette yer aldı: <b>o cüzdanı açığa çıkmış say ve içindekileri "
    "yeni bir cüzdana taşı</b>, güvendiğin bir cihazdan."
)

TEXTS: Final[dict[str, str]] = {
    # --- buttons --------------------------------------------------------------------------------
    "button.referral": "Aster'i davet bağlantısıyla aç",
    "button.applied": "Uyguladım",
    "button.cannot": "Uygulayamıyorum",
    "button.copy_address": "Adresi kopyala",
    "button.sent": "BNB'yi gönderdim",
    "button.copy_ip": "IP'yi kopyala",
    "button.copy_name": "Anahtarın adını kopyala",
    "button.notmine": "Senin değil mi?",
    "button.oldkey": "Eski tip anahtarım var",
    "button.check": "Yeniden kontrol et",
    "button.goon": "Devam et",
    "button.change": "Anahtarı değiştir",
    "button.checknow": "Şimdi kontrol et",
    "button.forget": "Evet, her şeyi sil",
    "button.explorer": "BscScan'de göster",
    "button.private": "Özel sohbeti aç",
    # --- at any time ----------------------------------------------------------------------------
    "start": _START,
    "start.named": _START + " Adım yalnızca @{bot}; başka bir adım yok.",
    "help": (
        "/setapi – Aster hesabını bağla\n/status – hangi adımdasın\n/cancel – süren bağlamayı durdur\n"
        "/unlink – anahtarını kaldır\n/deleteme – her şeyi sil\n/privacy – ne saklanıyor\n/language – dili seç\n\n"
        "Bir düğme çalışmazsa onun yerine komutunu gönder: /applied, /cannot, /sent, /notmine, /oldkey, /check, "
        "/goon, /change, /checknow, /forget."
    ),
    "privacy": (
        "<b>Saklananlar:</b> Telegram kimlik numaran (id), doğruladığın cüzdan, ondan gelen tutar, API Key'in ve Secret'ı ile "
        "anahtar kontrol edilirken bulunanlar. Hepsi sunucumuzda şifrelidir; gönderdiklerin ve anahtarın, yalnızca senin için oluşturulmuş bir şifreleme anahtarıyla.\n\n"
        "<b>Saklanmayanlar:</b> mesajların. Anahtar içeren bir mesaj, anahtar şifrelenince buradan silinir. Bot sohbetleri "
        "bulut sohbetleridir, uçtan uca şifreli değildir.\n\n"
        "/unlink API Secret'ını, /deleteme burada seni gösteren her şeyi siler. Blok zincirinde olanlar herkese açıktır ve orada kalır."
    ),
    "language": "Hangi dilde yazayım? Bir düğmeye bas ya da kodunu gönder, örneğin /language tr.",
    "language.chosen": "Bundan sonra burada Türkçe yazıyorum.",
    "command.unknown": "Bu komutu bilmiyorum. /help bildiklerimi gösterir.",
    "cancel.done": "Durduruldu. Yapıştırdığın her şey silindi; sana bir yatırma adresi verildiyse senin kalır. Yeniden başlamak için: /setapi.",
    "cancel.done.linked": "Durduruldu. Önceki bağlantın olduğu gibi duruyor.",
    "cancel.nothing": "Durdurulacak bir şey yok. Bağlamaya başlamak için: /setapi.",
    "unlink.done": (
        "🔌 <b>Bağlantı kaldırıldı.</b> API Secret'ın burada silindi ve artık hiçbir strateji onu kullanamaz. Açık pozisyonlar ve "
        "emirler Aster'de kalır; onları orada yönet.\n\nLütfen anahtarı Aster'de de sil: emin olmanın tek yolu "
        "budur. /deleteme gönderene kadar /privacy altında sayılanların geri kalanı burada kalır; Telegram kimlik numaran (id), cüzdanın ve oradan gelen tutar da bunların arasında."
    ),
    "unlink.by_operator": (
        "🔌 <b>Operatörlerimiz bu bağlantıyı sonlandırdı.</b> API Secret'ın burada silindi ve artık hiçbir strateji onu kullanamaz. "
        + _POSITIONS
        + "\n\nLütfen anahtarı Aster'de de sil. Yeniden bağlamak için: /setapi."
    ),
    "unlink.nothing": "Bağlı bir şey yok. Bağlamaya başlamak için: /setapi.",
    "forget.sure": (
        "🗑 <b>Hakkında saklanan her şey silinsin mi?</b> Bu, bağlantını sonlandırır, anahtarını ve buraya gönderdiklerini siler; geri "
        "alınamaz. "
        + _POSITIONS
        + "\n\nKalanlar: cüzdanının blok zincirindeki ödemeleri, adın olmadan, ve eski yatırma adresinin "
        "başka kimseye verilmeyeceği notu.\n\nOn dakika içinde düğmeye bas ya da /forget gönder."
    ),
    "forget.done": (
        "🗑 Tamam: burada artık hiçbir şey seni tanımlamıyor ve verilerini şifreleyen anahtar yok edildi. Bir API key bağladıysan lütfen "
        "onu Aster'de de sil. Yeniden başlamak için: /start."
    ),
    "group": "Bağlama yalnızca benimle özel sohbette çalışır.",
    "group.exposed": (
        "⚠️ Bu gruba bir anahtar gönderildi. Açığa çıktı: onu şimdi Aster'de sil. Ben kullanmıyorum. "
        "Bağlama yalnızca benimle özel sohbette çalışır."
    ),
    "attempt.over": (
        "⌛ Bu bağlamanın süresi doldu ve yapıştırdıkların silindi. Adresin senin kalır: ona yapılan bir ödeme "
        "asla kaybolmaz. Devam edelim mi?"
    ),
    "attempt.over.linked": (
        "⌛ Yeni anahtar için süre doldu ve yapıştırdıkların silindi. Önceki bağlantın olduğu gibi duruyor."
    ),
    "attempt.limit": (
        "Bugün {number} kez bağlamaya başladın; bir gün için sınır bu. Lütfen yarın /setapi ile devam et; ödediğin kaybolmaz."
    ),
    "flood": "⏸ Bu, bir seferde okuyabileceğimden fazla. Lütfen bir dakika bekle, sonra son mesajını yeniden gönder.",
    "tap.late": "Bu düğme önceki bir adıma ait.",
    "tap.looking": "Kontrol ediyorum…",
    "message.not_deleted": "⚠️ Telegram, anahtar içeren mesajını silmeme izin vermedi. Lütfen kendin sil.",
    # --- where one stands -----------------------------------------------------------------------
    "status.new": "Henüz bağlı bir şey yok. Bağlamaya başlamak için: /setapi.",
    "status.checking": "🔎 Anahtarın Aster'de kontrol ediliyor. Yapman gereken bir şey yok.",
    "status.permissions": "⏳ <code>{fingerprint}</code> anahtarın seni bekliyor:\n\n{checklist}\n\n" + _BUTTON,
    "status.expired": "Bu bağlamanın süresi doldu. Hiçbir şey kaybolmadı: kaldığın yerden devam et.",
    "status.linked": (
        "✅ <b>Hesap bağlı.</b>\n\nCüzdan: <code>{wallet}</code>\nAPI Key: <code>{fingerprint}</code>\nGeçerlilik sonu: {until}\n\n"
        "Bağlanırken <b>bulunanlar</b>:\n{checklist}\n{referral}"
    ),
    "status.stopped": (
        "⛔ <b>Durduruldu.</b> Şu anda hiçbir strateji anahtarını kullanmıyor.\n\nCüzdan: <code>{wallet}</code>\n"
        "API Key: <code>{fingerprint}</code>\n\n{why}\n\n" + _POSITIONS
    ),
    "status.besides": "⛔ Bağlı anahtarın <code>{fingerprint}</code> durduruldu. {why}",
    "status.moving": (
        "⏳ <code>{wallet}</code> cüzdanın hâlâ başka bir Telegram sohbetinde bağlı ve <code>{fingerprint}</code> API Key'inle birlikte 24 "
        "saat içinde buraya geçer; tabii orada bir kez daha doğrulanmazsa. Yapman gereken bir şey yok; vazgeçmek için: /cancel."
    ),
    # --- step 1: the referral -------------------------------------------------------------------
    "referral": (
        "<b>Adım 1/3: davet kodu</b>\n\nBağlantıyı aç, işlem yapacağın cüzdanı bağla ve "
        "<code>{code}</code> kodunu Aster'de uygula:\n{url}"
    ),
    "referral.cannot": (
        "Haber verdiğin için teşekkürler. Daha önce işlem yapmış ya da başka bir koda bağlı bir hesap bizimkini kullanamaz; "
        "operatörlerimiz bu durumları genellikle bir iş günü içinde inceler ve yanıtı burada alırsın.\n\n"
        "Yine de olursa düğmeye bas."
    ),
    "referral.approved": "✅ Operatörlerimiz inceledi: davet kodunda sorun yok. /status hangi adımda olduğunu gösterir.",
    "referral.denied": (
        "Operatörlerimiz davet kodunu inceledi ve bu hâliyle onaylayamıyor. Burada sana ait hiçbir şey kaybolmaz: kod sonunda uygulanırsa "
        "bunu Aster'in listesinde görürler."
    ),
    "referral.proven": "✅ Davet kodu uygulandı, Aster'in listesinde görüldü",
    "referral.inferred": "☑️ Anlayabildiğimiz kadarıyla davet kodu uygulandı",
    "referral.attested": "☑️ Davet kodunu bir operatör onayladı",
    "referral.declared": "☑️ Senin beyanına göre davet kodu uygulandı",
    "referral.unproven": "➖ Davet koduna bakılmadı",
    "referral.refuted": "➖ Davet kodu uygulanmadı; operatörlerimiz inceliyor",
    # --- step 2: the wallet ---------------------------------------------------------------------
    "deposit": (
        "<b>Adım 2/3: cüzdanın</b>\n\nAster hesabındakiyle <b>aynı cüzdanı</b> kullan. Ondan BNB Smart Chain (BEP-20) üzerinde, "
        "borsadan değil, düz bir transferle, yalnızca sana ait olan bu adrese <b>{amount} BNB</b> "
        "gönder:\n\n<code>{address}</code>\n\n"
        "O cüzdanda yaklaşık 0.00012 BNB bulunsun: ağ küçük bir ücret alır. {amount} BNB cüzdanın "
        "senin olduğunu gösterir ve geri verilmez.\n\nÖdemeyi kendim görürüm; düğmeye basarsan hemen bakarım."
    ),
    "deposit.not_visible": "👀 Henüz görünmüyor. İlk dakikada bu normaldir; yeniden gönderme. Bakmaya devam ediyorum.",
    "deposit.still_not_visible": (
        "👀 Hâlâ görünmüyor. Lütfen cüzdanında <b>BNB Smart Chain (BEP-20)</b> üzerinde ve BNB olarak gönderilip gönderilmediğine bak: "
        "aynı adres her EVM ağında vardır. Emin olmadan yeniden gönderme. Bakmaya devam ediyorum."
    ),
    "deposit.elsewhere": (
        "🧭 BNB Smart Chain'de bir şey gelmedi, ama adresinde başka bir ağda bir şey var:\n\n{where}\n\n"
        "Oradaki bir ödemeyle cüzdanını tanıyamayız. Lütfen Aster'e bağlı cüzdandan BNB Smart Chain (BEP-20) üzerinde 0.0001 BNB "
        "gönder."
    ),
    "deposit.elsewhere.line": "• {chain} üzerinde {amount}",
    "deposit.unproven": (
        "🪙 BNB'n geldi, ama bir borsadan ya da sözleşmeden; bu yüzden hangi cüzdanın senin olduğunu anlayamıyoruz. Aster'e bağlı "
        "cüzdandan, düz bir transferle bir kez daha şu adrese gönder: <code>{address}</code>\n\n"
        "Bu şekilde {amount} BNB geldi. Not edildi ama hiçbir şeyi kanıtlamaz."
    ),
    "deposit.unproven_noted": (
        "🪙 Bir borsadan ya da sözleşmeden adreslerinden birine {amount} BNB geldi. Not edildi ama hiçbir cüzdanı doğrulamaz. "
        "/status hangi adımda olduğunu gösterir."
    ),
    "deposit.seen": "👀 {block} numaralı blokta görüldü, onaylanıyor. Yapman gereken bir şey yok.",
    "deposit.chain_down": "⏳ Şu anda blok zincirini okuyamıyoruz. BNB'n güvende ve yapman gereken bir şey yok.",
    "deposit.chain_starting": "⏳ Blok zincirini henüz okuyamıyoruz ve hiçbir ödeme gözden kaçmamalı. Lütfen bir dakika sonra yeniden dene.",
    "deposit.partial": (
        "🪙 <code>{wallet}</code> cüzdanından {have} BNB geldi. {missing} BNB eksik: lütfen aynı cüzdandan gönder."
    ),
    "deposit.failed": (
        "⚠️ <code>{wallet}</code> cüzdanından gönderdiğin işlem bir bloğa girdi ama başarısız oldu; yani hiçbir şey gelmedi ve ücret "
        "dışında bir şey alınmadı. Lütfen düz bir transferle yeniden gönder."
    ),
    "deposit.more": "🪙 <code>{wallet}</code> cüzdanından {amount} BNB daha geldi. Not edildi; başka bir şey gerekmiyor.",
    "deposit.late": "🪙 <code>{wallet}</code> cüzdanından gönderdiğin {amount} BNB geldi. Ödemeni bulduk; devam edelim mi?",
    "deposit.late.linked": (
        "🪙 <code>{wallet}</code> cüzdanından {amount} BNB geldi. Kaydedildi; bağlantın olduğu gibi duruyor. "
        "Anahtarı ya da cüzdanı değiştirmek için gönderdiysen: devam edelim mi?"
    ),
    "deposit.late_noted": (
        "🪙 <code>{wallet}</code> cüzdanından adreslerinden birine {amount} BNB geldi. Not edildi. /status hangi adımda olduğunu gösterir."
    ),
    "deposit.not_mine": (
        "Anlaşıldı: o ödeme başkasınındı ve hiçbir bağlayıcılığı yok. Lütfen kendi cüzdanından şu adrese gönder: "
        "<code>{address}</code>."
    ),
    # --- step 3: the key ------------------------------------------------------------------------
    "verified": (
        "✅ Cüzdan doğrulandı! Şimdi Aster API Key'ini gönder.\n\nCüzdan: <code>{wallet}</code>\n\n"
        "API Key'i kopyalayıp buraya gönder, ardından API Secret'ı. "
        "Mesajın kaybolacak: güvenlik için siliyoruz.\n\n" + _HOW
    ),
    "key.secret_next": "🔑 API Key <code>{fingerprint}</code> geldi. Şimdi Aster API Secret'ını gönder.",
    "key.key_next": "🔑 API Secret geldi ve şifrelendi. Şimdi Aster API Key'ini, yanındaki adresi gönder.",
    "help.old_key.inferred": (
        "Eski tip bir anahtar (64 harf ve rakam) burada bağlanabilir, ama cüzdanına ait olduğunu, yalnızca bizim adresimizden çalıştığını "
        "ya da para çekemeyeceğini gösteremez: bunların yalnızca bir kısmı dolaylı olarak anlaşılabilir. API Key'ini, ardından API Secret'ını "
        "gönder. Yenisi daha iyidir ve bir dakika sürer.\n\n" + _HOW
    ),
    "key.legacy_secret_next": "🔑 Bu eski tip bir API Key. API Secret'ını gönder, ne yapılabileceğini söyleyeyim.",
    "help.old_key": (
        "Eski tip bir anahtar (64 harf ve rakam), cüzdanına ait olduğunu ya da para çekemeyeceğini gösteremez; "
        "bu yüzden bağlanamaz. Yenisi bir dakika sürer.\n\n" + _HOW
    ),
    "paste.again": "🔑 Bu bende zaten var, kontrol ediliyor.",
    "paste.pair_together": (
        "🔑 Bu, eski tip bir anahtarın yarısı ve şu anda başka bir anahtar kontrol ediliyor. Onun yerine eskisini kullanmak için "
        "API Key'ini ve API Secret'ını tek mesajda birlikte gönder."
    ),
    "paste.wallets_own_key": "🛑 Bu <b>cüzdanının özel anahtarı</b>, API Secret değil. " + _MOVE_FUNDS,
    "paste.seed_phrase": "🛑 Bu bir <b>kurtarma ifadesine (seed phrase)</b> benziyor. Bağlama için kimsenin ona ihtiyacı yok. "
    + _MOVE_FUNDS,
    "paste.wallet_instead_of_agent": (
        "Bu, cüzdanının kendi adresi. API Key başka bir adrestir: anahtarı oluşturduktan sonra Aster'in API sayfası onu "
        "gösterir."
    ),
    "paste.secret_does_not_match": (
        "API Secret ile API Key birbiriyle eşleşmiyor. API Secret'ı bir kez daha kopyalayıp gönder; kaybolduysa "
        "yeni bir anahtar oluştur ve ikisini de gönder."
    ),
    "paste.nothing": "Aster API Key'ini bekliyorum: Aster'in API sayfasından <code>0x</code> ve ardından 40 harf ve rakam.",
    "paste.cut": (
        "Burada {digits} harf ve rakam var. API Key'de <code>0x</code> ve 40, API Secret'ta 64 tane olur. Lütfen bir kez daha "
        "kopyala."
    ),
    "paste.unclear": (
        "Burada bir API Key ve Secret'ını bulamıyorum. Lütfen API Key'i, yani <code>0x</code> ve ardından 40 harf ve rakamı, "
        "ardından Aster'in yanında gösterdiği API Secret'ı gönder."
    ),
    "checking": "🔎 Anahtarın Aster'de kontrol ediliyor…",
    "credential.lost": (
        "⚠️ <b>Gönderdiğin anahtarı bizim hatamız yüzünden kaybettik.</b> Bu ne senin ne de anahtarının hatası; cüzdanın "
        "doğrulanmış kalıyor. Lütfen API Key'ini ve API Secret'ını bir kez daha gönder."
    ),
    "credential.over": (
        "⌛ Bir saat geçti ve anahtar henüz hazır değil; güvenlik için sildim. Hazır olunca API Key'i ve "
        "API Secret'ı yeniden gönder."
    ),
    # --- what the venue said --------------------------------------------------------------------
    "permissions": (
        "⏳ Aster'de <b>Edit API</b> sayfasını aç, yalnızca Read ve Futures (Perps) işaretli olsun; Spot ve Withdraw işaretsiz kalsın.\n\n"
        "{checklist}\n\n" + _LOOKS
    ),
    "permissions.by_button": (
        "⏳ Aster'de <b>Edit API</b> sayfasını aç, yalnızca Read ve Futures (Perps) işaretli olsun; Spot ve Withdraw işaretsiz kalsın.\n\n"
        "{checklist}\n\n" + _BUTTON
    ),
    "mend": "⏳ Az kaldı. Aster'de <b>Edit API</b> aç ve ❌ ile işaretli olanı değiştir:\n\n{checklist}\n\n" + _LOOKS,
    "mend.by_button": "⏳ Az kaldı. Aster'de <b>Edit API</b> aç ve ❌ ile işaretli olanı değiştir:\n\n{checklist}\n\n"
    + _BUTTON,
    "to_do.no_deposit": "⏳ Aster hesabına henüz para yatırılmamış. Önce herhangi bir tutar yatır.\n\n" + _LOOKS,
    "to_do.no_deposit.by_button": "⏳ Aster hesabına henüz para yatırılmamış. Önce herhangi bir tutar yatır.\n\n"
    + _BUTTON,
    "to_do.no_account": "⏳ Bu cüzdan için henüz Aster hesabı yok. Önce Aster'de bir hesap aç.\n\n" + _LOOKS,
    "to_do.no_account.by_button": "⏳ Bu cüzdan için henüz Aster hesabı yok. Önce Aster'de bir hesap aç.\n\n" + _BUTTON,
    "to_do.binding": "⏳ " + _BINDING + _LOOKS,
    "to_do.binding.by_button": "⏳ " + _BINDING + _BUTTON,
    "to_do.binding_strict": "⏳ " + _BINDING_STRICT + _LOOKS,
    "to_do.binding_strict.by_button": "⏳ " + _BINDING_STRICT + _BUTTON,
    "to_do.not_listed": _UNSAID + _LOOKS,
    "to_do.not_listed.by_button": _UNSAID + _BUTTON,
    "to_do.referral": "⏳ Anahtarında sorun yok. " + _REFERRAL + _LOOKS,
    "to_do.referral.by_button": "⏳ Anahtarında sorun yok. " + _REFERRAL + _BUTTON,
    "to_do.restricted": "⏳ Aster şu anda bu hesabı kısıtlıyor. Sorun anahtarında değil.\n\n" + _LOOKS,
    "to_do.restricted.by_button": "⏳ Aster şu anda bu hesabı kısıtlıyor. Sorun anahtarında değil.\n\n" + _BUTTON,
    "delayed.venue": "⏳ Aster meşgul; {seconds} sn sonra yeniden kontrol ediyorum. {rest}",
    "delayed.clock": "⏳ Saatimizin ayarlanması gerekiyor; {seconds} sn sonra yeniden kontrol ediyorum. {rest}",
    "delayed.egress": "⏳ Bizim tarafımızda bir sorun var; {seconds} sn sonra yeniden kontrol ediyorum. {rest}",
    "delayed.chain": "⏳ Şu anda blok zincirini okuyamıyoruz; {seconds} sn sonra yeniden kontrol ediyorum. {rest}",
    "delayed.unclear": (
        "⏳ Bizden ya da Aster'den kaynaklanan bir sorun yüzünden şu anda anahtarları kontrol edemiyorum; {seconds} sn sonra yeniden "
        "kontrol ediyorum. {rest}"
    ),
    "delayed.safe": "Sorun anahtarında değil, kontrol kendiliğinden devam eder.",
    "delayed.to_mend": "Bu senin hatan değil. En son gördüğüm:\n\n{checklist}",
    "delayed.unchanged": "Bu senin hatan değil ve burada hiçbir şey değişmedi.",
    "refused": "❌ <b>Bu anahtar bağlanamaz.</b> Cüzdanın doğrulanmış olarak kalır.\n\n{checklist}\n\nHazır olunca başka bir API Key gönder.",
    "refused.legacy_key": (
        "❌ Bu eski tip bir anahtar: cüzdanına ait olduğunu ya da para çekemeyeceğini gösteremez. "
        "Ondan hiçbir şey saklamadım.\n\n" + _HOW
    ),
    "refused.wallet_taken": (
        "❌ <code>{wallet}</code> cüzdanı başka bir Telegram sohbetinde zaten bağlı. Seninse orada bağlantıyı kaldır ya da anahtarın "
        "adıyla kanıtla: Aster'de adı <code>{name}</code> olan, <code>{ip}</code> ile sınırlı yeni bir API key oluştur ve buraya gönder. "
        "O zaman 24 saat sonra bu sohbete geçer. Gönderdiğin anahtarı sildim."
    ),
    "refused.contested": (
        "❌ <code>{wallet}</code> cüzdanı, bu sohbetten sonra başka bir Telegram sohbetinde doğrulandı. Sende kalması için anahtarın adı senin olduğunu "
        "göstermeli: Aster'de adı <code>{name}</code> olan, <code>{ip}</code> ile sınırlı yeni bir API key oluştur ve buraya gönder. "
        "Gönderdiğin anahtarı sildim."
    ),
    "linked": (
        "🎉 <b>Hesap bağlandı!</b>\n\nCüzdan: <code>{wallet}</code>\nAPI Key: <code>{fingerprint}</code>\nGeçerlilik sonu: {until}\n\n"
        "Anahtarınla Aster'e sorularak <b>bulunanlar</b>:\n{checklist}\n{referral}\n\n"
        "/status bunu her zaman gösterir, /unlink anahtarı kaldırır."
    ),
    "linked.replaced": (
        "🎉 <b>Hesap yeni anahtarla bağlandı!</b>\n\nCüzdan: <code>{wallet}</code>\nAPI Key: <code>{fingerprint}</code>\n"
        "Geçerlilik sonu: {until}\n\nAnahtarınla Aster'e sorularak <b>bulunanlar</b>:\n{checklist}\n{referral}\n\n"
        "Önceki anahtar, <code>{before}</code>, burada silindi; lütfen Aster'de de sil. Değiştiren sen değilsen /unlink gönder."
    ),
    "moving": (
        "✅ <b>Her şey doğru: hesap bağlandı, 24 saat sonra etkin.</b>\n\nCüzdan: <code>{wallet}</code>\n"
        "API Key: <code>{fingerprint}</code>\nGeçerlilik sonu: {until}\n\n"
        "Anahtarınla Aster'e sorularak <b>bulunanlar</b>:\n{checklist}\n{referral}\n\n"
        "Bu cüzdan başka bir Telegram sohbetinde bağlı; o sohbet az önce durduruldu ve bilgilendirildi. Orada bir kez daha doğrulanmadıkça "
        "24 saat sonra buraya geçer. Yapman gereken bir şey yok."
    ),
    "moving.by_operator": (
        "🔌 <b>Operatörlerimiz geçişi iptal etti:</b> <code>{wallet}</code> cüzdanı bu sohbete gelmiyor ve ona ait anahtarın burada "
        "silindi. Lütfen Aster'de de sil. Yeniden başlamak için: /setapi."
    ),
    "moving.lost": (
        "❌ <code>{wallet}</code> cüzdanı senden sonra başka bir Telegram sohbetinde doğrulandı; bu yüzden buraya geçmiyor ve anahtarın "
        "burada silindi. Cüzdan seninse: /setapi gönder, ondan bir kez daha ödeme yap ve yeni bir anahtara <code>{name}</code> adını ver. Cüzdan, ikisini "
        "de en son yapanda kalır."
    ),
    "moved.away": (
        "🔌 <b>Bağlantın sona erdi.</b> <code>{wallet}</code> cüzdanı başka bir Telegram sohbetinde doğrulandı ve artık orada bağlı. "
        "API Secret'ın burada silindi; lütfen anahtarı Aster'de de sil. "
        + _POSITIONS
        + "\n\nBu sohbette yeniden bir cüzdan bağlamak için: /setapi."
    ),
    # --- stopped, and going on ------------------------------------------------------------------
    "stopped": (
        "⛔ <b>Durduruldu:</b> anahtarın eski durumunda değil, bu yüzden artık hiçbir strateji onu kullanmıyor.\n\n"
        "Cüzdan: <code>{wallet}</code>\nAPI Key: <code>{fingerprint}</code>\n\n{checklist}\n\n"
        + _WAITS
        + "\n\n"
        + _POSITIONS
    ),
    "stopped.referral": (
        "⛔ <b>Durduruldu:</b> <code>{wallet}</code> cüzdanının davet kodu onaylanmadı, bu yüzden şimdilik hiçbir strateji "
        "<code>{fingerprint}</code> anahtarını kullanmıyor. Bu, örneğin daha önce işlem yapmış bir hesapta olabilir; operatörlerimiz inceliyor "
        "ve yanıtı burada alırsın. Hiçbir şey silinmedi.\n\n" + _POSITIONS
    ),
    "stopped.lost": (
        "⛔ <b>Bizim hatamız yüzünden durduruldu:</b> <code>{wallet}</code> cüzdanının <code>{fingerprint}</code> anahtarı artık bizde yok, bu "
        "yüzden hiçbir strateji onu kullanamıyor. Bu ne senin ne de anahtarının hatası; onu kimse okumadı.\n\n"
        "<b>API Key'ini ve API Secret'ını bir kez daha gönder</b>, buraya, tek mesajda: yeni bir ödeme olmadan hemen devam eder. "
        "Secret artık sende değilse /change gönder ve yeni bir anahtar oluştur.\n\n" + _POSITIONS
    ),
    "stopped.contested": (
        "⛔ <b>Durduruldu:</b> başka bir Telegram sohbeti az önce <code>{wallet}</code> cüzdanını, ondan gelen bir ödemeyle ve adı o sohbeti "
        "gösteren bir anahtarla doğruladı. Bir kez daha doğrulamazsan cüzdan {until} tarihinde oraya geçer.\n\n"
        "<b>Bu sensen</b> yapman gereken bir şey yok. <b>Değilsen:</b> /change gönder, o cüzdandan bir kez daha ödeme yap, adı "
        "<code>{name}</code> olan, <code>{ip}</code> ile sınırlı yeni bir anahtar oluştur ve buraya gönder. O zaman senin kalır. "
        "Cüzdanından başka biri de ödeme yapabiliyorsa cüzdanın anahtarları onda demektir: lütfen varlıklarına dikkat et.\n\n"
        + _POSITIONS
    ),
    "stopped.by.lost": (
        "❌ Bu anahtarı bizim hatamız yüzünden kaybettik: API Key'ini ve API Secret'ını tek mesajda bir kez daha gönder ya da yenisi için /change gönder"
    ),
    "stopped.by.expiry": "❌ Anahtarın süresi doldu: Aster'de Edit API ile uzat ya da yenisini oluşturup /change gönder",
    "stopped.by.revocation": (
        "❌ Aster bu anahtarı artık tanımıyor: orada silindi ya da iptal edildi. <code>{ip}</code> ile sınırlı yeni bir tane oluştur ve "
        "/change gönder"
    ),
    "stopped.by.referral": "❌ Davet kodu onaylanmadı; operatörlerimiz inceliyor ve yanıtı burada alırsın",
    "stopped.by.contested": (
        "❌ Başka bir Telegram sohbeti bu cüzdanı doğruladı; /change gönderip onu bir kez daha doğrulamazsan {until} tarihinde oraya geçer"
    ),
    "resumed": (
        "▶️ <b>Devam ediyor:</b> bağlantını durduran sorun ortadan kalktı ve stratejiler anahtarını yeniden kullanabilir.\n\n"
        "Cüzdan: <code>{wallet}</code>\nAPI Key: <code>{fingerprint}</code>\nGeçerlilik sonu: {until}\n\n{checklist}\n{referral}"
    ),
    "looking": "🔎 Aster'de anahtarına bakıyorum…",
    "looked.well": "✅ Az önce kontrol edildi: anahtarın olması gerektiği gibi.",
    "looked.just_now": "Az önce baktım. Lütfen bir dakika sonra yeniden dene.",
    "looked.nothing": "Bağlı bir şey yok, bu yüzden kontrol edilecek bir şey de yok. Bağlamaya başlamak için: /setapi.",
    "looked.unsaid": "⏳ Aster şu anda anahtarın hakkında her şeyi söylemiyor, ben de tahminde bulunmam. Burada bir şey değişmedi.",
    "looked.doubt": (
        "⚠️ Anahtarın olması gerektiği gibi görünmüyor:\n\n{checklist}\n\nHenüz bir şey durdurulmadı: durdurmadan önce kendim bir kez daha "
        "bakarım."
    ),
    "looked.lost": "⛔ Hâlâ durdurulmuş durumda:\n\n{checklist}",
    "looked.stopped": "⛔ Hâlâ durdurulmuş durumda:\n\n{checklist}\n\n" + _WAITS,
    "expires": (
        "⏰ <code>{fingerprint}</code> API Key'inin süresi {days} gün sonra, {until} tarihinde doluyor. Aster'de Edit API ile uzat ya da yenisini "
        "oluşturup düğmeye bas; yoksa bağlantı o gün durur."
    ),
    "expires.tomorrow": (
        "⏰ <code>{fingerprint}</code> API Key'inin süresi bir gün içinde, {until} tarihinde doluyor. Şimdi Aster'de Edit API ile uzat ya da "
        "yenisini oluşturup düğmeye bas; yoksa bağlantı o anda durur."
    ),
    # --- one line a rule ------------------------------------------------------------------------
    "rule.works.proven": "✅ Anahtar çalışıyor",
    "rule.works.refuted": "❌ Aster bu anahtarı tanımıyor",
    "rule.works.open": "❌ Anahtar, Aster'deki hesabının listesinde yok",
    "rule.binding.proven": "✅ Doğruladığın cüzdana ait",
    "rule.binding.enough": "☑️ Doğruladığın cüzdana ait (çıkarım, kanıtlanmadı)",
    "rule.binding.enough.deposit": (
        "☑️ Doğruladığın cüzdana ait: bu cüzdanın Aster'e yatırdığı bir tutara dayanan çıkarım, kanıtlanmadı"
    ),
    "rule.binding.enough.public": (
        "☑️ Doğruladığın cüzdana ait: Aster'in o cüzdan için herkese açık gösterdiği verilere dayanan çıkarım, kanıtlanmadı"
    ),
    "rule.binding.refuted": "❌ Başka bir cüzdana ait",
    "rule.binding.open": "❌ Doğruladığın cüzdana ait olduğunu kanıtlayamıyoruz",
    "rule.ip.proven": "✅ Yalnızca <code>{wanted}</code> adresinden çalışıyor",
    "rule.ip.enough": "➖ Eski tip bir anahtarın IP listesi okunamaz",
    "rule.ip.enough.legacy": (
        "➖ Eski tip bir anahtar yalnızca <code>{wanted}</code> adresinden çalışıp çalışmadığını gösteremez; lütfen Aster'de kendin bak"
    ),
    "rule.ip.enough.elsewhere": (
        "➖ Başka bir adresimiz reddedildi, ama eski tip bir anahtar yalnızca <code>{wanted}</code> adresinin kabul edildiğini gösteremez"
    ),
    "rule.ip.refuted.legacy": (
        "❌ IP listesi: anahtar başka bir adresimizden de kabul edildi. Tam olarak <code>{wanted}</code> olmalı"
    ),
    "rule.ip.refuted": "❌ IP listesi: tam olarak <code>{wanted}</code> olmalı (şimdi: {seen})",
    "rule.ip.refuted.empty": "❌ IP listesi boş, yani anahtar her yerden çalışıyor. <code>{wanted}</code> adresini gir",
    "rule.ip.refuted.extra": "❌ IP listesi: şunu kaldır: {extra}; yalnızca <code>{wanted}</code> kalsın",
    "rule.ip.open": "❌ IP listesi okunamadı; tam olarak <code>{wanted}</code> olmalı",
    "rule.can_read.proven": "✅ Read açık",
    "rule.can_read.refuted": "❌ Read kapalı: işaretle",
    "rule.can_read.open": "❌ Aster, Read'in açık olup olmadığını söylemiyor",
    "rule.can_perp.proven": "✅ Futures (Perps) açık",
    "rule.can_perp.enough": "☑️ Futures (Perps) açık (çıkarım, kanıtlanmadı)",
    "rule.can_perp.enough.legacy": "☑️ Futures (Perps) açık: Aster bir test emrini kabul etti (yalnızca denetlenir, hiç işleme girmez)",
    "rule.can_perp.refuted": "❌ Futures (Perps) kapalı: işaretle",
    "rule.can_perp.open": "❌ Aster, Futures (Perps) izninin açık olup olmadığını söylemiyor",
    "rule.spot_off.proven": "✅ Spot kapalı",
    "rule.spot_off.enough": "➖ Spot'un kapalı olup olmadığı bilinmiyor",
    "rule.spot_off.enough.legacy": "➖ Eski tip bir anahtar Spot'un kapalı olduğunu gösteremez; lütfen Aster'de kendin bak",
    "rule.spot_off.refuted": "❌ Spot açık: işaretini kaldır",
    "rule.spot_off.open": "❌ Aster, Spot'un kapalı olup olmadığını söylemiyor",
    "rule.withdraw_off.proven": "✅ Withdraw kapalı",
    "rule.withdraw_off.enough": "➖ Withdraw'un kapalı olup olmadığı bilinmiyor",
    "rule.withdraw_off.enough.legacy": (
        "➖ Eski tip bir anahtar Withdraw'un kapalı olduğunu gösteremez; lütfen Aster'de kendin bak"
    ),
    "rule.withdraw_off.refuted": "❌ Withdraw açık: işaretini kaldır",
    "rule.withdraw_off.open": "❌ Aster, Withdraw'un kapalı olup olmadığını söylemiyor",
    "rule.unknown_permissions_off.proven": "✅ Başka bir izin açık değil",
    "rule.unknown_permissions_off.refuted": "❌ Başka bir izin açık: {permission} işaretini kaldır",
    "rule.unknown_permissions_off.open": "❌ Diğer izinler okunamadı",
    "rule.source.proven": "✅ Aster, anahtarın üçüncü bir tarafta olduğunu göstermiyor",
    "rule.source.refuted": "❌ Bu anahtarı başkası oluşturdu ({source}) ve anahtar onun elinde olabilir. Aster'in API sayfasında bir tane oluştur",
    "rule.source.open": "❌ Aster bu anahtarı kimin oluşturduğunu söylemiyor. Aster'in API sayfasında bir tane oluştur",
    "rule.validity.proven": "✅ {days} gün daha geçerli",
    "rule.validity.proven.warn": "✅ {days} gün daha geçerli; zamanında yenisini oluştur",
    "rule.validity.refuted": "❌ Yeterince uzun süre geçerli değil. Kalan gün: {days}; en az {min_days} gerekli",
    "rule.validity.open": "❌ Aster ne kadar geçerli olduğunu söylemiyor",
    "rule.key_name.proven": "✅ Adı bu sohbeti gösteriyor",
    "rule.key_name.enough": "➖ Adı <code>{code}</code> değil; bu yüzden bu botun bir kopyası addan fark edilemezdi",
    "rule.key_name.enough.legacy": "➖ Eski tip bir anahtar ad göstermez; bu yüzden bu botun bir kopyası addan fark edilemezdi",
    "rule.key_name.open.legacy": "❌ Eski tip bir anahtar ad göstermez. Adı <code>{code}</code> olan yeni bir tane oluştur",
    "rule.key_name.refuted": "❌ Adı başka bir sohbeti gösteriyor ({name}). Adı <code>{code}</code> olan bir tane oluştur",
    "rule.key_name.open": "❌ Adı bu sohbeti göstermiyor: ona <code>{code}</code> adını ver",
    "rule.trades.proven": "✅ Vadeli işlem yapabiliyor",
    "rule.trades.enough": "☑️ Aster bir test emrini kabul etti (yalnızca denetlenir, hiç işleme girmez)",
    "rule.trades.refuted": "❌ Aster, bu anahtarla vadeli işlem emri kabul etmiyor",
    "rule.trades.open": "❌ Aster bir test emrini kabul etmedi (yalnızca denetlenir, hiç işleme girmez)",
    "why.no_agent": "❌ Aster bu API wallet'ı (henüz) tanımıyor: yetkilendirildiğini ve süresinin dolmadığını kontrol et",
    "why.signature": "❌ API Secret bu API Key ile eşleşmiyor",
    "why.key_format": "❌ API Key yanlış görünüyor: yeniden kopyala",
    "why.rejected": (
        "❌ Aster anahtarı reddetti ve nedenini söylemiyor. Lütfen şu sırayla bak: 1. API Key ve API Secret eksiksiz kopyalanmış olmalı; "
        "2. IP listesi tam olarak <code>{wanted}</code> olmalı; 3. Read ve Futures (Perps) işaretli olmalı"
    ),
    "why.address": "❌ Aster bu anahtarı bizim adresimizden reddetti: IP listesi tam olarak <code>{wanted}</code> olmalı",
    "why.not_permitted": "❌ Read kapalı: işaretle",
    "why.no_account": "❌ Bu cüzdan için henüz Aster hesabı yok",
    "why.no_deposit": "❌ Aster hesabına henüz para yatırılmamış",
    "why.restricted": "❌ Aster şu anda bu hesabı kısıtlıyor",
    "why.region": "❌ Aster bizim bölgemizi reddediyor; operatörlerimiz inceliyor. Sorun anahtarında değil",
    "why.foreign": "❌ Doğruladığın cüzdana değil, başka bir cüzdana ait",
    "why.foreign.named": "❌ {belongs_to} cüzdanına ait; sen {verified} cüzdanını doğruladın",
    # --- out of place ---------------------------------------------------------------------------
    "text.only": "Lütfen yalnızca metin gönder: resim, ses, dosya ya da iletilmiş mesaj okuyamam.",
    "text.secret_unexpected": (
        "⚠️ Bu bir anahtara ya da gizli bilgiye benziyor ve şu anda alamam: istediğimde ayrı bir metin mesajı olarak gönder. "
        "Mesajını siliyorum ve ondan hiçbir şey saklamadım; yeni bir anahtar kullanman daha iyi."
    ),
    "text.unexpected.new": "Aster hesabını bağlamak için /setapi ya da /help gönder.",
    "text.unexpected.referral": "Kod uygulanınca yukarıdaki <b>Uyguladım</b> düğmesine bas ya da /applied gönder.",
    "text.unexpected.wallet": "Cüzdanından 0.0001 BNB bekliyorum; kendim görürüm. /status adresi yeniden gösterir.",
    "text.unexpected.key": "Aster API Key'ini bekliyorum.",
    "text.unexpected.checking": "🔎 Anahtarın Aster'de kontrol ediliyor; yapman gereken bir şey yok.",
    "text.unexpected.permissions": "Aster'deki değişikliği bekliyorum (Edit API). Hemen bakmam için: /check.",
    "text.unexpected.linked": "Hesabın bağlı. /status gösterir, /unlink anahtarı kaldırır.",
    "text.unexpected.moving": "Cüzdanın 24 saat içinde bu sohbete geçer; yapman gereken bir şey yok. /status gösterir.",
    "text.unexpected.expired": "Bu bağlamanın süresi doldu. Kaldığın yerden devam etmek için: /setapi.",
}
