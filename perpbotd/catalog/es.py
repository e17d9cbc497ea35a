"""Spanish. `{variables}` are filled in escaped; markup is b, i, code and a. Aster's own words stay as its page has them."""

from __future__ import annotations

from typing import Final

COMMANDS: Final = (
    ("start", "Qué es Perpbot"),
    ("setapi", "Vincular tu cuenta de Aster"),
    ("status", "En qué punto estás"),
    ("cancel", "Detener la vinculación en curso"),
    ("unlink", "Quitar tu clave de Perpbot"),
    ("deleteme", "Borrar todo lo que se guarda sobre ti"),
    ("privacy", "Qué se guarda y cómo"),
    ("language", "Elegir el idioma"),
    ("help", "Comandos y ayuda"),
)

_NEVER: Final = (
    "🔒 Nunca pido una frase semilla, la clave privada de tu billetera ni un código de Telegram. "
    "Aster muestra el API Secret cuando creas la API key; si salió de tu aplicación de billetera, detente: no lo envíes nunca. "
    "Yo nunca escribo primero."
)
_START: Final = (
    "👋 <b>Perpbot</b> ejecuta estrategias de futuros perpetuos en <b>tu propia</b> cuenta de Aster. "
    "Este chat vincula la cuenta; tu dinero se queda en Aster.\n\n"
    "El enlace de referido de Perpbot en Aster:\n{url}\n\n"
    "<b>Haz esto primero:</b> abre el enlace de arriba, conecta la billetera con la que vas a operar y aplica el código en Aster. "
    "Después envía /setapi.\n\n"
    "Necesitas una billetera EVM (MetaMask, Rabby, Trust y similares): desde ella tienes que enviar un poco de BNB. "
    "Una cuenta de Aster creada iniciando sesión con Solana no se puede vincular.\n\n" + _NEVER
)
_HOW: Final = (
    "<b>Cómo crear la clave</b>, en la página de API de Aster:\n"
    "1. Crea una API key y ponle el nombre <code>{name}</code>.\n"
    "2. Elige <i>restrict API to IP</i> e introduce <code>{ip}</code>.\n"
    "3. Confirma en tu billetera.\n"
    "4. Después, con <i>Edit API</i>: marca solo Read y Futures (Perps)."
)
_LOOKS: Final = "Vuelvo a comprobarlo cada 20 segundos, más o menos, durante 10 minutos. Con <b>Comprobar de nuevo</b> lo hago al instante; no hace falta pegar nada."
_BUTTON: Final = "Pulsa <b>Comprobar de nuevo</b> cuando esté hecho; no hace falta pegar nada."
_BINDING: Final = (
    "Todo lo demás está bien, pero todavía nada muestra que esta clave pertenezca a tu billetera. <b>Haz un depósito de cualquier "
    "importe en Aster desde esta billetera</b> y después pulsa <b>Comprobar de nuevo</b>: la lista de depósitos de Aster y la "
    "blockchain nos muestran quién lo envió. La clave sigue cifrada aquí.\n\n"
)
_BINDING_STRICT: Final = (
    "Todo lo demás está bien, pero todavía no podemos demostrar que esta clave pertenezca a tu billetera. Eso es cosa nuestra: "
    "nuestros operadores lo ven, y la clave sigue cifrada aquí.\n\n"
)
_UNSAID: Final = (
    "⏳ Aster no lo dice todo sobre esta clave en este momento, y yo no adivino. No es culpa tuya; la clave sigue cifrada "
    "aquí.\n\n{checklist}\n\n"
)
_REFERRAL: Final = (
    "Falta el código de referido: por ahora solo tenemos tu palabra, y nuestros operadores tienen que verlo en la lista de Aster "
    "o aprobarlo, normalmente en un día laborable.\n\n"
)
_POSITIONS: Final = "Las posiciones y órdenes abiertas se quedan en Aster; gestiónalas allí."
_WAITS: Final = "Vuelvo a comprobarlo cada hora (pasada una semana, una vez al día) y sigo por mi cuenta en cuanto esté arreglado; con <b>Comprobar ahora</b> lo hago al instante."
_MOVE_FUNDS: Final = (
    "Borro tu mensaje y no he guardado nada. Pero ha estado en un chat: <b>da esa billetera por expuesta y pasa sus "
    "fondos a una nueva</b>, desde un dispositivo en el que confíes."
)

TEXTS: Final[dict[str, str]] = {
    # --- buttons --------------------------------------------------------------------------------
    "button.referral": "Abrir el enlace de referido",
    "button.applied": "Ya lo apliqué",
    "button.cannot": "No puedo aplicarlo",
    "button.copy_address": "Copiar la dirección",
    "button.sent": "Ya envié los BNB",
    "button.copy_ip": "Copiar la IP",
    "button.copy_name": "Copiar el nombre de la clave",
    "button.notmine": "¿No es tuya?",
    "button.oldkey": "Tengo una clave antigua",
    "button.check": "Comprobar de nuevo",
    "button.goon": "Continuar",
    "button.change": "Cambiar la clave",
    "button.checknow": "Comprobar ahora",
    "button.forget": "Sí, borrarlo todo",
    "button.explorer": "Ver en BscScan",
    "button.private": "Abrir el chat privado",
    # --- at any time ----------------------------------------------------------------------------
    "start": _START,
    "start.named": _START + " Me llamo @{bot}, y de ninguna otra forma.",
    "help": (
        "/setapi – vincular tu cuenta de Aster\n/status – en qué punto estás\n/cancel – detener la vinculación en curso\n"
        "/unlink – quitar tu clave\n/deleteme – borrarlo todo\n/privacy – qué se guarda\n/language – elegir el idioma\n\n"
        "Si un botón no responde, envía su comando: /applied, /cannot, /sent, /notmine, /oldkey, /check, "
        "/goon, /change, /checknow, /forget."
    ),
    "privacy": (
        "<b>Qué se guarda:</b> tu ID de Telegram, la billetera que verificaste, lo que pagó, tu API Key y su Secret, y "
        "lo que se encontró al comprobar la clave. Todo está cifrado en nuestro servidor; lo que enviaste y tu clave, con una llave creada solo para ti.\n\n"
        "<b>Qué no:</b> tus mensajes. Un mensaje con una clave se borra aquí en cuanto la clave queda cifrada. Los chats con bots son "
        "chats en la nube, sin cifrado de extremo a extremo.\n\n"
        "/unlink borra tu API Secret, /deleteme todo lo que aquí lleva tu nombre. Lo que pasó en la blockchain es público y se queda allí."
    ),
    "language": "¿En qué idioma escribo? Pulsa uno, o envía su código, como /language es.",
    "language.chosen": "A partir de ahora escribo aquí en español.",
    "command.unknown": "No conozco ese comando. /help muestra los que conozco.",
    "cancel.done": "Listo, detenido. Lo que hayas pegado está borrado y, si recibiste una dirección de depósito, sigue siendo tuya. Con /setapi empiezas de nuevo.",
    "cancel.done.linked": "Listo, detenido. Tu vínculo anterior sigue como estaba.",
    "cancel.nothing": "No hay nada que detener. Con /setapi empieza la vinculación.",
    "unlink.done": (
        "🔌 <b>Cuenta desvinculada.</b> Tu API Secret está borrado aquí y ninguna estrategia puede usarlo ya. Las posiciones y "
        "órdenes abiertas se quedan en Aster; gestiónalas allí.\n\nPor favor, borra también la clave en Aster: es la única forma de "
        "tener certeza. Hasta que envíes /deleteme queda aquí el resto de lo que dice /privacy, entre otras cosas tu ID de Telegram, tu billetera y lo que pagó."
    ),
    "unlink.by_operator": (
        "🔌 <b>Nuestros operadores han puesto fin a este vínculo.</b> Tu API Secret está borrado aquí y ninguna estrategia puede usarlo ya. "
        + _POSITIONS
        + "\n\nPor favor, borra también la clave en Aster. Con /setapi puedes vincular de nuevo."
    ),
    "unlink.nothing": "No hay nada vinculado. Con /setapi empieza la vinculación.",
    "forget.sure": (
        "🗑 <b>¿Borrar todo lo que se guarda sobre ti?</b> Eso pone fin a tu vínculo, borra tu clave y lo que enviaste aquí, y no se puede "
        "deshacer. "
        + _POSITIONS
        + "\n\nLo que queda: lo que tu billetera pagó en la blockchain, sin tu nombre, y la nota de que tu "
        "antigua dirección de depósito no se da a nadie más.\n\nPulsa el botón o envía /forget en los próximos diez minutos."
    ),
    "forget.done": (
        "🗑 Hecho: aquí ya nada te identifica, y la llave con la que estaban cifrados tus datos está destruida. Por favor, borra también "
        "la API key en Aster, si habías vinculado una. Con /start empiezas de nuevo."
    ),
    "group": "La vinculación solo funciona en un chat privado conmigo.",
    "group.exposed": (
        "⚠️ Se publicó una clave en este grupo. Está expuesta: bórrala ahora en Aster. No la uso. "
        "La vinculación solo funciona en un chat privado conmigo."
    ),
    "attempt.over": (
        "⌛ Se acabó el tiempo de esta vinculación, y lo que pegaste está borrado. Tu dirección sigue siendo tuya: un pago enviado a ella "
        "nunca se pierde. ¿Continuamos?"
    ),
    "attempt.over.linked": (
        "⌛ Se acabó el tiempo para la clave nueva, y lo que pegaste está borrado. Tu vínculo anterior sigue como estaba."
    ),
    "attempt.limit": (
        "Hoy has empezado a vincular {number} veces, que es el máximo por día. Por favor, sigue mañana con /setapi; lo que "
        "pagaste no se pierde."
    ),
    "flood": "⏸ Es más de lo que puedo leer de una vez. Por favor, espera un minuto y envía otra vez lo último.",
    "tap.late": "Ese botón es de un paso anterior.",
    "tap.looking": "Comprobando…",
    "message.not_deleted": "⚠️ Telegram no me dejó borrar tu mensaje con la clave. Por favor, bórralo tú.",
    # --- where one stands -----------------------------------------------------------------------
    "status.new": "Todavía no hay nada vinculado. Con /setapi empieza la vinculación.",
    "status.checking": "🔎 Tu clave se está comprobando en Aster. No tienes que hacer nada.",
    "status.permissions": "⏳ Tu clave <code>{fingerprint}</code> te espera:\n\n{checklist}\n\n" + _BUTTON,
    "status.expired": "Se acabó el tiempo de esta vinculación. No se ha perdido nada: continúa desde donde estabas.",
    "status.linked": (
        "✅ <b>Cuenta vinculada.</b>\n\nBilletera: <code>{wallet}</code>\nAPI Key: <code>{fingerprint}</code>\nVálida hasta: {until}\n\n"
        "<b>Lo que se encontró</b> al vincularla:\n{checklist}\n{referral}"
    ),
    "status.stopped": (
        "⛔ <b>Detenido.</b> Ninguna estrategia usa tu clave en este momento.\n\nBilletera: <code>{wallet}</code>\n"
        "API Key: <code>{fingerprint}</code>\n\n{why}\n\n" + _POSITIONS
    ),
    "status.besides": "⛔ Tu clave vinculada <code>{fingerprint}</code> está detenida. {why}",
    "status.moving": (
        "⏳ Tu billetera <code>{wallet}</code> sigue vinculada en otro chat de Telegram y pasa aquí en un máximo de 24 horas, con tu API Key "
        "<code>{fingerprint}</code>, salvo que allí se verifique otra vez. No tienes que hacer nada; con /cancel renuncias a ello."
    ),
    # --- step 1: the referral -------------------------------------------------------------------
    "referral": (
        "<b>Paso 1 de 3: el código de referido</b>\n\nAbre el enlace, conecta la billetera con la que vas a operar y aplica el código "
        "<code>{code}</code> en Aster:\n{url}"
    ),
    "referral.cannot": (
        "Gracias por avisar. Una cuenta que ya ha operado o está ligada a otro código no puede usar el nuestro; nuestros "
        "operadores revisan esos casos, normalmente en un día laborable, y recibirás la respuesta aquí.\n\n"
        "Si al final funciona, pulsa el botón."
    ),
    "referral.approved": "✅ Nuestros operadores lo han revisado: tu código de referido está bien. /status muestra en qué punto estás.",
    "referral.denied": (
        "Nuestros operadores han revisado tu código de referido y no pueden aprobarlo tal como está. Aquí no se pierde nada tuyo: si al final se "
        "aplica el código, lo verán en la lista de Aster."
    ),
    "referral.proven": "✅ Código de referido aplicado, visto en la lista de Aster",
    "referral.inferred": "☑️ Código de referido aplicado, hasta donde podemos saber",
    "referral.attested": "☑️ Código de referido aprobado por un operador",
    "referral.declared": "☑️ Código de referido aplicado, según tu palabra",
    "referral.unproven": "➖ Código de referido sin comprobar",
    "referral.refuted": "➖ Código de referido no aplicado; nuestros operadores lo están revisando",
    # --- step 2: the wallet ---------------------------------------------------------------------
    "deposit": (
        "<b>Paso 2 de 3: tu billetera</b>\n\nUsa <b>la misma billetera</b> que tu cuenta de Aster. Envía <b>{amount} BNB</b> "
        "desde ella en BNB Smart Chain (BEP-20), como transferencia simple y no desde un exchange, a esta dirección, que es "
        "solo tuya:\n\n<code>{address}</code>\n\n"
        "Ten unos 0.00012 BNB en esa billetera: la red cobra una pequeña comisión. Los {amount} BNB muestran que la billetera "
        "es tuya y no se devuelven.\n\nDetecto el pago por mi cuenta; con el botón lo compruebo al instante."
    ),
    "deposit.not_visible": "👀 Aún no se ve. Es normal en el primer minuto; no lo envíes otra vez. Sigo pendiente.",
    "deposit.still_not_visible": (
        "👀 Sigue sin verse. Por favor, mira en tu billetera si se envió en <b>BNB Smart Chain (BEP-20)</b> y como BNB: "
        "la misma dirección existe en todas las redes EVM. No lo envíes otra vez antes de saberlo. Sigo pendiente."
    ),
    "deposit.elsewhere": (
        "🧭 No llegó nada en BNB Smart Chain, pero tu dirección tiene algo en otra red:\n\n{where}\n\n"
        "Con un pago allí no podemos reconocer tu billetera. Por favor, envía 0.0001 BNB en BNB Smart Chain (BEP-20), desde la billetera "
        "conectada en Aster."
    ),
    "deposit.elsewhere.line": "• {amount} en {chain}",
    "deposit.unproven": (
        "🪙 Tus BNB llegaron, pero desde un exchange o un contrato, así que no podemos saber qué billetera es la tuya. Envía otra vez "
        "desde la billetera conectada en Aster, como transferencia simple, a <code>{address}</code>\n\n"
        "{amount} BNB llegaron de esa forma. Queda anotado y no demuestra nada."
    ),
    "deposit.unproven_noted": (
        "🪙 {amount} BNB llegaron desde un exchange o un contrato a una dirección tuya. Queda anotado y no sirve para verificar ninguna billetera. "
        "/status muestra en qué punto estás."
    ),
    "deposit.seen": "👀 Visto en el bloque {block}, confirmando. No tienes que hacer nada.",
    "deposit.chain_down": "⏳ Ahora mismo no podemos leer la blockchain. Tus BNB están a salvo y no tienes que hacer nada.",
    "deposit.chain_starting": "⏳ Todavía no podemos leer la blockchain, y no se nos debe escapar ningún pago. Inténtalo de nuevo en un minuto.",
    "deposit.partial": (
        "🪙 {have} BNB llegaron desde <code>{wallet}</code>. Faltan {missing} BNB: por favor, envíalos desde la misma billetera."
    ),
    "deposit.failed": (
        "⚠️ Tu transacción desde <code>{wallet}</code> está en un bloque, pero falló, así que no llegó nada y no se "
        "cobró nada más que la comisión. Por favor, envíala otra vez como transferencia simple."
    ),
    "deposit.more": "🪙 Llegaron otros {amount} BNB desde <code>{wallet}</code>. Queda anotado; no hace falta nada más.",
    "deposit.late": "🪙 Tus {amount} BNB desde <code>{wallet}</code> llegaron. Los encontré; ¿continuamos?",
    "deposit.late.linked": (
        "🪙 Llegaron {amount} BNB desde <code>{wallet}</code>. Quedó anotado, y tu vínculo sigue como estaba. "
        "Si los enviaste para cambiar la clave o la billetera: ¿continuamos?"
    ),
    "deposit.late_noted": (
        "🪙 {amount} BNB llegaron desde <code>{wallet}</code> a una dirección tuya. Queda anotado. /status muestra en qué punto estás."
    ),
    "deposit.not_mine": (
        "Entendido: ese pago era de otra persona y no vincula nada. Por favor, envía desde tu propia billetera a "
        "<code>{address}</code>."
    ),
    # --- step 3: the key ------------------------------------------------------------------------
    "verified": (
        "✅ ¡Billetera verificada! Ahora envía tu API Key de Aster.\n\nBilletera: <code>{wallet}</code>\n\n"
        "Copia la API Key y envíala aquí, y después el API Secret. "
        "Tu mensaje desaparecerá: lo borramos por seguridad.\n\n" + _HOW
    ),
    "key.secret_next": "🔑 Recibí la API Key <code>{fingerprint}</code>. Ahora envía tu API Secret de Aster.",
    "key.key_next": "🔑 Recibí el API Secret y está cifrado. Ahora envía tu API Key de Aster, la dirección que está a su lado.",
    "help.old_key.inferred": (
        "Una clave de tipo antiguo (64 letras y cifras) se puede vincular aquí, pero no permite saber si pertenece a tu billetera, si "
        "solo funciona desde nuestra dirección ni si puede retirar: solo se puede deducir una parte. Envía su API Key, y "
        "después su API Secret. Mejor es una nueva, que se hace en un minuto.\n\n" + _HOW
    ),
    "key.legacy_secret_next": "🔑 Esa es una API Key de tipo antiguo. Envía su API Secret y te digo qué se puede hacer.",
    "help.old_key": (
        "Una clave de tipo antiguo (64 letras y cifras) no permite saber si pertenece a tu billetera ni si puede retirar, "
        "así que no se puede vincular. Una nueva se hace en un minuto.\n\n" + _HOW
    ),
    "paste.again": "🔑 Eso ya lo tengo, y se está comprobando.",
    "paste.pair_together": (
        "🔑 Esa es la mitad de una clave de tipo antiguo, y se está comprobando otra clave. Para usar la antigua en su lugar, "
        "envía su API Key y su API Secret juntos en un solo mensaje."
    ),
    "paste.wallets_own_key": "🛑 Esa es la <b>clave privada de tu billetera</b>, no un API Secret. " + _MOVE_FUNDS,
    "paste.seed_phrase": "🛑 Eso parece una <b>frase semilla</b>. Nadie la necesita para vincular. " + _MOVE_FUNDS,
    "paste.wallet_instead_of_agent": (
        "Esa es la dirección de tu billetera. La API Key es otra dirección: la página de API de Aster la muestra después de "
        "crear la clave."
    ),
    "paste.secret_does_not_match": (
        "El API Secret y la API Key no se corresponden. Copia otra vez el API Secret y envíalo; si se perdió, crea una "
        "clave nueva y envía los dos."
    ),
    "paste.nothing": "Espero tu API Key de Aster: <code>0x</code> y 40 letras y cifras, de la página de API de Aster.",
    "paste.cut": (
        "Eso tiene {digits} letras y cifras. Una API Key es <code>0x</code> y 40 de ellas; un API Secret, 64. Por favor, cópialo "
        "otra vez."
    ),
    "paste.unclear": (
        "No encuentro ahí una API Key y su Secret. Por favor, envía la API Key, <code>0x</code> y 40 letras y cifras, "
        "y después el API Secret que Aster mostró a su lado."
    ),
    "checking": "🔎 Comprobando tu clave en Aster…",
    "credential.lost": (
        "⚠️ <b>Hemos perdido la clave que enviaste, por un fallo nuestro.</b> No es culpa tuya ni de tu clave, y tu billetera "
        "sigue verificada. Por favor, envía otra vez tu API Key y tu API Secret."
    ),
    "credential.over": (
        "⌛ Pasó una hora y la clave todavía no está lista, así que la borré por seguridad. Cuando esté lista, envía otra vez la API Key y "
        "el API Secret."
    ),
    # --- what the venue said --------------------------------------------------------------------
    "permissions": (
        "⏳ En Aster abre <b>Edit API</b>, marca solo Read y Futures (Perps); deja Spot y Withdraw sin marcar.\n\n"
        "{checklist}\n\n" + _LOOKS
    ),
    "permissions.by_button": (
        "⏳ En Aster abre <b>Edit API</b>, marca solo Read y Futures (Perps); deja Spot y Withdraw sin marcar.\n\n"
        "{checklist}\n\n" + _BUTTON
    ),
    "mend": "⏳ Casi. En Aster abre <b>Edit API</b> y cambia lo que está marcado con ❌:\n\n{checklist}\n\n" + _LOOKS,
    "mend.by_button": "⏳ Casi. En Aster abre <b>Edit API</b> y cambia lo que está marcado con ❌:\n\n{checklist}\n\n"
    + _BUTTON,
    "to_do.no_deposit": "⏳ Tu cuenta de Aster aún no tiene ningún depósito. Haz uno de cualquier importe.\n\n"
    + _LOOKS,
    "to_do.no_deposit.by_button": "⏳ Tu cuenta de Aster aún no tiene ningún depósito. Haz uno de cualquier importe.\n\n"
    + _BUTTON,
    "to_do.no_account": "⏳ Aún no hay una cuenta de Aster para esta billetera. Ábrela primero en Aster.\n\n" + _LOOKS,
    "to_do.no_account.by_button": "⏳ Aún no hay una cuenta de Aster para esta billetera. Ábrela primero en Aster.\n\n"
    + _BUTTON,
    "to_do.binding": "⏳ " + _BINDING + _LOOKS,
    "to_do.binding.by_button": "⏳ " + _BINDING + _BUTTON,
    "to_do.binding_strict": "⏳ " + _BINDING_STRICT + _LOOKS,
    "to_do.binding_strict.by_button": "⏳ " + _BINDING_STRICT + _BUTTON,
    "to_do.not_listed": _UNSAID + _LOOKS,
    "to_do.not_listed.by_button": _UNSAID + _BUTTON,
    "to_do.referral": "⏳ Tu clave está bien. " + _REFERRAL + _LOOKS,
    "to_do.referral.by_button": "⏳ Tu clave está bien. " + _REFERRAL + _BUTTON,
    "to_do.restricted": "⏳ Aster restringe esta cuenta en este momento. No es culpa de la clave.\n\n" + _LOOKS,
    "to_do.restricted.by_button": (
        "⏳ Aster restringe esta cuenta en este momento. No es culpa de la clave.\n\n" + _BUTTON
    ),
    "delayed.venue": "⏳ Aster está ocupado; compruebo de nuevo en {seconds} s. {rest}",
    "delayed.clock": "⏳ Hay que ajustar nuestro reloj; compruebo de nuevo en {seconds} s. {rest}",
    "delayed.egress": "⏳ Hay un problema de nuestro lado; compruebo de nuevo en {seconds} s. {rest}",
    "delayed.chain": "⏳ Ahora mismo no podemos leer la blockchain; compruebo de nuevo en {seconds} s. {rest}",
    "delayed.unclear": (
        "⏳ Ahora mismo no puedo comprobar claves, por un fallo nuestro o de Aster; compruebo de nuevo en {seconds} s. "
        "{rest}"
    ),
    "delayed.safe": "No es culpa de tu clave, y la comprobación sigue sola.",
    "delayed.to_mend": "No es culpa tuya. Lo último que vi:\n\n{checklist}",
    "delayed.unchanged": "No es culpa tuya, y aquí no ha cambiado nada.",
    "refused": "❌ <b>Esta clave no se puede vincular.</b> Tu billetera sigue verificada.\n\n{checklist}\n\nEnvía otra API Key cuando esté lista.",
    "refused.legacy_key": (
        "❌ Esa es una clave de tipo antiguo: no permite saber si pertenece a tu billetera ni si puede retirar. "
        "No he guardado nada de ella.\n\n" + _HOW
    ),
    "refused.wallet_taken": (
        "❌ La billetera <code>{wallet}</code> ya está vinculada en otro chat de Telegram. Si es tuya, desvincúlala allí, o "
        "demuéstralo con el nombre de la clave: crea en Aster una API key nueva llamada <code>{name}</code>, restringida a "
        "<code>{ip}</code>, y envíala aquí. Entonces pasa a este chat después de 24 horas. Borré la clave que enviaste."
    ),
    "refused.contested": (
        "❌ Otro chat de Telegram ha verificado la billetera <code>{wallet}</code> después de este. Para conservarla, el nombre de la "
        "clave tiene que mostrar que es tuya: crea en Aster una API key nueva llamada <code>{name}</code>, restringida a "
        "<code>{ip}</code>, y envíala aquí. Borré la clave que enviaste."
    ),
    "linked": (
        "🎉 <b>¡Cuenta vinculada!</b>\n\nBilletera: <code>{wallet}</code>\nAPI Key: <code>{fingerprint}</code>\nVálida hasta: {until}\n\n"
        "<b>Lo que se encontró</b> al preguntar a Aster con tu clave:\n{checklist}\n{referral}\n\n"
        "/status lo muestra en cualquier momento, /unlink quita la clave."
    ),
    "linked.replaced": (
        "🎉 <b>¡Cuenta vinculada con la clave nueva!</b>\n\nBilletera: <code>{wallet}</code>\nAPI Key: <code>{fingerprint}</code>\n"
        "Válida hasta: {until}\n\n<b>Lo que se encontró</b> al preguntar a Aster con tu clave:\n{checklist}\n{referral}\n\n"
        "La clave anterior, <code>{before}</code>, está borrada aquí; por favor, bórrala también en Aster. Si no fuiste tú quien la "
        "cambió, envía /unlink."
    ),
    "moving": (
        "✅ <b>Todo está bien: cuenta vinculada, activa en 24 horas.</b>\n\nBilletera: <code>{wallet}</code>\n"
        "API Key: <code>{fingerprint}</code>\nVálida hasta: {until}\n\n"
        "<b>Lo que se encontró</b> al preguntar a Aster con tu clave:\n{checklist}\n{referral}\n\n"
        "Esta billetera está vinculada en otro chat de Telegram, que acaba de quedar detenido y ya recibió el aviso. Pasa aquí en 24 horas, "
        "salvo que allí se verifique otra vez. No tienes que hacer nada."
    ),
    "moving.by_operator": (
        "🔌 <b>Nuestros operadores han anulado el paso</b> de la billetera <code>{wallet}</code> a este chat, y tu clave para ella está "
        "borrada aquí. Por favor, bórrala también en Aster. Con /setapi empiezas de nuevo."
    ),
    "moving.lost": (
        "❌ La billetera <code>{wallet}</code> se verificó en otro chat de Telegram después de ti, así que no pasa aquí, y tu clave está "
        "borrada aquí. Si la billetera es tuya: envía /setapi, paga otra vez desde ella y ponle el nombre <code>{name}</code> a una clave nueva. "
        "Se la queda quien haga las dos cosas en último lugar."
    ),
    "moved.away": (
        "🔌 <b>Tu vínculo ha terminado.</b> La billetera <code>{wallet}</code> se verificó en otro chat de Telegram y ahora está "
        "vinculada allí. Tu API Secret está borrado aquí; por favor, borra también la clave en Aster. "
        + _POSITIONS
        + "\n\nCon /setapi puedes vincular otra vez una billetera en este chat."
    ),
    # --- stopped, and going on ------------------------------------------------------------------
    "stopped": (
        "⛔ <b>Detenido:</b> tu clave ya no está como estaba, así que ninguna estrategia la usa.\n\n"
        "Billetera: <code>{wallet}</code>\nAPI Key: <code>{fingerprint}</code>\n\n{checklist}\n\n"
        + _WAITS
        + "\n\n"
        + _POSITIONS
    ),
    "stopped.referral": (
        "⛔ <b>Detenido:</b> el código de referido de la billetera <code>{wallet}</code> no está confirmado, así que por ahora ninguna estrategia "
        "usa tu clave <code>{fingerprint}</code>. A veces pasa, por ejemplo con una cuenta que ya había operado; nuestros operadores "
        "lo están revisando, y recibirás la respuesta aquí. No se ha borrado nada.\n\n" + _POSITIONS
    ),
    "stopped.lost": (
        "⛔ <b>Detenido, por un fallo nuestro:</b> ya no tenemos la clave <code>{fingerprint}</code> de la billetera "
        "<code>{wallet}</code>, así que ninguna estrategia puede usarla. No es culpa tuya ni de tu clave, y nadie la ha leído.\n\n"
        "<b>Envía otra vez su API Key y su API Secret</b>, aquí, en un solo mensaje: todo sigue al instante, sin otro pago. "
        "Si ya no tienes el Secret, envía /change y crea una clave nueva.\n\n" + _POSITIONS
    ),
    "stopped.contested": (
        "⛔ <b>Detenido:</b> otro chat de Telegram acaba de verificar la billetera <code>{wallet}</code>, con un pago desde ella y una "
        "clave que lleva el nombre de ese chat. Si no la verificas otra vez, pasa allí el {until}.\n\n"
        "<b>Si eres tú</b>, no tienes que hacer nada. <b>Si no:</b> envía /change, paga otra vez desde esa billetera, crea una clave "
        "nueva llamada <code>{name}</code>, restringida a <code>{ip}</code>, y envíala aquí. Así sigue siendo tuya. Si alguien más "
        "puede pagar desde tu billetera, tiene sus claves: por favor, cuida tus fondos.\n\n" + _POSITIONS
    ),
    "stopped.by.lost": (
        "❌ Hemos perdido esta clave, por un fallo nuestro: envía otra vez su API Key y su API Secret en un solo mensaje, o /change para una nueva"
    ),
    "stopped.by.expiry": "❌ La clave ha caducado: prolonga su validez con Edit API en Aster, o crea una nueva y envía /change",
    "stopped.by.revocation": (
        "❌ Aster ya no conoce esta clave: se borró o se revocó allí. Crea una nueva, restringida a <code>{ip}</code>, y envía /change"
    ),
    "stopped.by.referral": "❌ El código de referido no está confirmado; nuestros operadores lo están revisando, y recibirás la respuesta aquí",
    "stopped.by.contested": (
        "❌ Otro chat de Telegram ha verificado esta billetera; pasa allí el {until}, salvo que envíes /change y la verifiques otra vez"
    ),
    "resumed": (
        "▶️ <b>En marcha otra vez:</b> lo que había detenido tu vínculo está resuelto, y las estrategias pueden usar tu clave otra vez.\n\n"
        "Billetera: <code>{wallet}</code>\nAPI Key: <code>{fingerprint}</code>\nVálida hasta: {until}\n\n{checklist}\n{referral}"
    ),
    "looking": "🔎 Comprobando tu clave en Aster…",
    "looked.well": "✅ Recién comprobada: tu clave está como tiene que estar.",
    "looked.just_now": "Lo comprobé hace un momento. Por favor, inténtalo otra vez en un minuto.",
    "looked.nothing": "No hay nada vinculado, así que no hay nada que comprobar. Con /setapi empieza la vinculación.",
    "looked.unsaid": "⏳ Aster no lo dice todo sobre tu clave en este momento, y yo no adivino. Aquí no ha cambiado nada.",
    "looked.doubt": (
        "⚠️ Tu clave no está como debería:\n\n{checklist}\n\nTodavía no se ha detenido nada: la compruebo una vez más por mi cuenta antes de "
        "detener algo."
    ),
    "looked.lost": "⛔ Sigue detenido:\n\n{checklist}",
    "looked.stopped": "⛔ Sigue detenido:\n\n{checklist}\n\n" + _WAITS,
    "expires": (
        "⏰ Tu API Key <code>{fingerprint}</code> caduca en {days} días, el {until}. Prolonga su validez con Edit API en Aster, o crea una nueva y "
        "pulsa el botón; si no, el vínculo se detiene ese día."
    ),
    "expires.tomorrow": (
        "⏰ Tu API Key <code>{fingerprint}</code> caduca en un día o menos, el {until}. Prolonga ahora su validez con Edit API en Aster, o crea "
        "una nueva y pulsa el botón; si no, el vínculo se detiene entonces."
    ),
    # --- one line a rule ------------------------------------------------------------------------
    "rule.works.proven": "✅ La clave funciona",
    "rule.works.refuted": "❌ Aster no conoce esta clave",
    "rule.works.open": "❌ La clave no está en la lista de tu cuenta en Aster",
    "rule.binding.proven": "✅ Pertenece a tu billetera verificada",
    "rule.binding.enough": "☑️ Pertenece a tu billetera verificada (deducido, no demostrado)",
    "rule.binding.enough.deposit": (
        "☑️ Pertenece a tu billetera verificada: deducido de un depósito en Aster que envió esta billetera, no demostrado"
    ),
    "rule.binding.enough.public": (
        "☑️ Pertenece a tu billetera verificada: deducido de datos que Aster muestra en público de esa billetera, no demostrado"
    ),
    "rule.binding.refuted": "❌ Pertenece a otra billetera",
    "rule.binding.open": "❌ No podemos demostrar que pertenezca a tu billetera verificada",
    "rule.ip.proven": "✅ Solo funciona desde <code>{wanted}</code>",
    "rule.ip.enough": "➖ La lista de IP de una clave de tipo antiguo no se puede leer",
    "rule.ip.enough.legacy": (
        "➖ Una clave de tipo antiguo no permite saber si solo funciona desde <code>{wanted}</code>; por favor, compruébalo tú en Aster"
    ),
    "rule.ip.enough.elsewhere": (
        "➖ Otra dirección nuestra fue rechazada, pero una clave de tipo antiguo no permite saber si solo se admite <code>{wanted}</code>"
    ),
    "rule.ip.refuted.legacy": (
        "❌ Lista de IP: la clave también fue admitida desde otra dirección nuestra. Ponla exactamente en <code>{wanted}</code>"
    ),
    "rule.ip.refuted": "❌ Lista de IP: ponla exactamente en <code>{wanted}</code> (ahora: {seen})",
    "rule.ip.refuted.empty": "❌ Lista de IP: está vacía, así que la clave funciona desde cualquier sitio. Introduce <code>{wanted}</code>",
    "rule.ip.refuted.extra": "❌ Lista de IP: quita {extra}, para que solo quede <code>{wanted}</code>",
    "rule.ip.open": "❌ No se pudo leer la lista de IP; debe ser exactamente <code>{wanted}</code>",
    "rule.can_read.proven": "✅ Read está activado",
    "rule.can_read.refuted": "❌ Read está desactivado: márcalo",
    "rule.can_read.open": "❌ Aster no dice si Read está activado",
    "rule.can_perp.proven": "✅ Futures (Perps) está activado",
    "rule.can_perp.enough": "☑️ Futures (Perps) está activado (deducido, no demostrado)",
    "rule.can_perp.enough.legacy": "☑️ Futures (Perps) está activado: Aster aceptó una orden de prueba, que solo se comprueba y nunca se ejecuta",
    "rule.can_perp.refuted": "❌ Futures (Perps) está desactivado: márcalo",
    "rule.can_perp.open": "❌ Aster no dice si Futures (Perps) está activado",
    "rule.spot_off.proven": "✅ Spot está desactivado",
    "rule.spot_off.enough": "➖ No se sabe si Spot está desactivado",
    "rule.spot_off.enough.legacy": (
        "➖ Una clave de tipo antiguo no permite saber si Spot está desactivado; por favor, compruébalo tú en Aster"
    ),
    "rule.spot_off.refuted": "❌ Spot está activado: desmárcalo",
    "rule.spot_off.open": "❌ Aster no dice si Spot está desactivado",
    "rule.withdraw_off.proven": "✅ Withdraw está desactivado",
    "rule.withdraw_off.enough": "➖ No se sabe si Withdraw está desactivado",
    "rule.withdraw_off.enough.legacy": (
        "➖ Una clave de tipo antiguo no permite saber si Withdraw está desactivado; por favor, compruébalo tú en Aster"
    ),
    "rule.withdraw_off.refuted": "❌ Withdraw está activado: desmárcalo",
    "rule.withdraw_off.open": "❌ Aster no dice si Withdraw está desactivado",
    "rule.unknown_permissions_off.proven": "✅ Ningún otro permiso está activado",
    "rule.unknown_permissions_off.refuted": "❌ Otro permiso está activado: desmarca {permission}",
    "rule.unknown_permissions_off.open": "❌ No se pudieron leer los demás permisos",
    "rule.source.proven": "✅ Aster no muestra que la tenga un tercero",
    "rule.source.refuted": "❌ Un tercero creó esta clave ({source}) y puede tenerla. Crea una en la página de API de Aster",
    "rule.source.open": "❌ Aster no dice quién creó esta clave. Crea una en la página de API de Aster",
    "rule.validity.proven": "✅ Es válida {days} días más",
    "rule.validity.proven.warn": "✅ Es válida {days} días más; crea una nueva a tiempo",
    "rule.validity.refuted": "❌ No es válida por tiempo suficiente. Días restantes: {days}; hacen falta al menos {min_days}",
    "rule.validity.open": "❌ Aster no dice hasta cuándo es válida",
    "rule.key_name.proven": "✅ Lleva el nombre de este chat",
    "rule.key_name.enough": "➖ No se llama <code>{code}</code>, así que por su nombre no se podría notar un clon de este bot",
    "rule.key_name.enough.legacy": (
        "➖ Una clave de tipo antiguo no muestra ningún nombre, así que por él no se podría notar un clon de este bot"
    ),
    "rule.key_name.open.legacy": "❌ Una clave de tipo antiguo no muestra ningún nombre. Crea una nueva llamada <code>{code}</code>",
    "rule.key_name.refuted": "❌ Lleva el nombre de otro chat ({name}). Crea una con el nombre <code>{code}</code>",
    "rule.key_name.open": "❌ No lleva el nombre de este chat: llámala <code>{code}</code>",
    "rule.trades.proven": "✅ Puede operar futuros",
    "rule.trades.enough": "☑️ Aster aceptó una orden de prueba, que solo se comprueba y nunca se ejecuta",
    "rule.trades.refuted": "❌ Aster no acepta ninguna orden de futuros con ella",
    "rule.trades.open": "❌ Aster no aceptó una orden de prueba (solo se comprueba y nunca se ejecuta)",
    "why.no_agent": "❌ Aster no conoce (todavía) esta API wallet: comprueba que esté autorizada y no haya caducado",
    "why.signature": "❌ El API Secret no corresponde a esta API Key",
    "why.key_format": "❌ La API Key no parece correcta: cópiala otra vez",
    "why.rejected": (
        "❌ Aster rechazó la clave y no dice por qué. Por favor, mira en este orden: 1. la API Key y el API Secret están copiados "
        "enteros; 2. su lista de IP es exactamente <code>{wanted}</code>; 3. Read y Futures (Perps) están marcados"
    ),
    "why.address": "❌ Aster rechazó esta clave desde nuestra dirección: su lista de IP debe ser exactamente <code>{wanted}</code>",
    "why.not_permitted": "❌ Read está desactivado: márcalo",
    "why.no_account": "❌ Aún no hay una cuenta de Aster para esta billetera",
    "why.no_deposit": "❌ La cuenta de Aster aún no tiene ningún depósito",
    "why.restricted": "❌ Aster restringe esta cuenta en este momento",
    "why.region": "❌ Aster rechaza nuestra región; nuestros operadores lo están revisando. Tu clave no es el problema",
    "why.foreign": "❌ Pertenece a una billetera distinta de la que verificaste",
    "why.foreign.named": "❌ Pertenece a {belongs_to}; tú verificaste {verified}",
    # --- out of place ---------------------------------------------------------------------------
    "text.only": "Por favor, envía solo texto: no puedo leer imágenes, mensajes de voz, archivos ni mensajes reenviados.",
    "text.secret_unexpected": (
        "⚠️ Eso parece una clave o un secreto, y aquí no lo puedo aceptar: envíalo en un mensaje de texto aparte cuando lo pida. "
        "Borro tu mensaje y no he guardado nada de él; mejor usa una clave nueva."
    ),
    "text.unexpected.new": "Envía /setapi para vincular tu cuenta de Aster, o /help.",
    "text.unexpected.referral": "Pulsa <b>Ya lo apliqué</b> arriba cuando el código esté aplicado, o envía /applied.",
    "text.unexpected.wallet": "Espero 0.0001 BNB de tu billetera; lo detecto por mi cuenta. /status muestra otra vez la dirección.",
    "text.unexpected.key": "Espero tu API Key de Aster.",
    "text.unexpected.checking": "🔎 Tu clave se está comprobando en Aster; no tienes que hacer nada.",
    "text.unexpected.permissions": "Espero el cambio en Aster (Edit API). Con /check lo compruebo al instante.",
    "text.unexpected.linked": "Tu cuenta está vinculada. /status lo muestra, /unlink quita la clave.",
    "text.unexpected.moving": "Tu billetera pasa a este chat en un máximo de 24 horas; no tienes que hacer nada. /status lo muestra.",
    "text.unexpected.expired": "Se acabó el tiempo de esta vinculación. Con /setapi continúas desde donde estabas.",
}
