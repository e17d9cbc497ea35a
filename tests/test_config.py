"""What a configuration may say, and the one line that every refusal is."""

import os
from pathlib import Path

import msgspec
import pytest

from perpbotd.config import Config, load
from perpbotd.config_sections import (
    BSC_GENESIS,
    AdminSection,
    AsterSection,
    ChainSection,
    LogSection,
    PolicySection,
    ProviderSection,
    StoreSection,
    TelegramSection,
)
from perpbotd.config_world import check_world, remarks
from perpbotd.domain.types import Grade, World
from perpbotd.errors import ConfigError
from perpbotd.secret import Secret

SHIPPED = Path(__file__).parents[1] / "contrib/systemd/perpbotd.toml"
TOKEN = "7000001:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
LOCAL = f"""
[store]
path = "store"
key_file = "./kek"
[telegram]
api_id = 1
api_hash = "hash-that-is-secret"
bot_token = "{TOKEN}"
[telegram.local_centre]
host = "127.0.0.1"
port = 4430
n = "{"c1" * 256}"
e = 65537
[chain]
genesis = "0x{"ab" * 32}"
[[chain.provider]]
name = "first"
http_url = "http://127.0.0.1:8545"
ws_url = "ws://127.0.0.1:8546"
[[chain.provider]]
name = "second"
http_url = "http://[::1]:8545/secret-key-in-url"
ws_url = "ws://[::1]:8546"
[aster]
base_url = "http://127.0.0.1:9000"
bind_address = "127.0.0.2"
"""


OTHER = '[[chain.other]]\nname = "Ethereum"\nhttp_url = '


def written(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "perpbotd.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def refused(tmp_path: Path, text: str, mode: int = 0o600) -> str:
    path = written(tmp_path, text, mode)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    return one_line(caught.value, path)


def one_line(error: ConfigError, path: Path) -> str:
    told = str(error)
    assert told.isprintable(), told
    assert told.startswith(f"{path}: "), told
    for secret in ("hash-that-is-secret", TOKEN, "secret-key-in-url"):
        assert secret not in told
    return told.removeprefix(f"{path}: ")


def shipped(tmp_path: Path, *changes: tuple[str, str]) -> Config:
    text = SHIPPED.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return load(written(tmp_path, text, 0o640), {"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_the_shipped_file_is_production_and_says_the_defaults(tmp_path: Path) -> None:
    config = shipped(tmp_path)
    check_world(config, World.PRODUCTION)
    sections = config.sections
    # What is bound is no default: a local world, or a host behind a NAT, has no such address.
    bound = AsterSection(bind_address=sections.policy.wanted_ip)
    defaults = bound, PolicySection(), AdminSection(), LogSection()
    assert (sections.aster, sections.policy, sections.admin, sections.log) == defaults
    assert sections.chain.genesis == BSC_GENESIS and sections.chain.quorum() == 2
    assert config.store_path == Path("/var/lib/perpbotd/store")
    assert config.key_file() == tmp_path / "kek"
    (tmp_path / "bot-token").write_text(f"{TOKEN}\n")
    (tmp_path / "bot-token").chmod(0o400)
    assert config.bot_token() == Secret.from_text(TOKEN)
    assert remarks(config) == ()


def test_the_shipped_files_comments_are_values_that_parse(tmp_path: Path) -> None:
    lines = SHIPPED.read_text().splitlines()
    told = [
        line.removeprefix("# ") if line.startswith("# ") and " = " in line.split("#")[1] else line for line in lines
    ]
    config = load(written(tmp_path, "\n".join(told)), {})
    aster = AsterSection(
        info_url="https://tapi.asterdex.com/info", bind_address="95.111.247.158", second_address="203.0.113.9"
    )
    assert aster.public_url() == AsterSection().public_url()
    defaults = aster, PolicySection(), AdminSection(group="perpbotd-admin")
    assert (config.sections.aster, config.sections.policy, config.sections.admin) == defaults
    assert config.sections.chain == shipped(tmp_path).sections.chain


def test_every_key_is_in_the_shipped_file() -> None:
    text = SHIPPED.read_text()
    sections = StoreSection, TelegramSection, ChainSection, ProviderSection, AsterSection, PolicySection, AdminSection
    for field in (field for section in (*sections, LogSection) for field in msgspec.structs.fields(section)):
        name = field.encode_name
        assert f"{name} = " in text or f".{name}]" in text, name


def test_a_local_file_loads_with_its_secrets_inline(tmp_path: Path) -> None:
    config = load(written(tmp_path, LOCAL), {})
    check_world(config, World.LOCAL)
    assert config.bot_token() == Secret.from_text(TOKEN)
    assert config.api_hash() == Secret.from_text("hash-that-is-secret")
    assert config.store_path == tmp_path / "store"
    assert config.key_file() == tmp_path / "kek"
    centre = config.sections.telegram.local_centre
    assert centre is not None and centre.modulus() == int("c1" * 256, 16)
    for secret in ("hash-that-is-secret", TOKEN, "secret-key-in-url"):
        assert secret not in repr(config)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[store]", "[shop]", "unknown key shop; allowed here: admin, aster, chain, log, policy, store, telegram"),
        ('path = "store"', 'path = "store"\nsize = 3', "unknown key store.size; allowed here: key_file, path"),
        ('path = "store"', '"a\\u001b\\nb" = 3', "unknown key store.a\\x1b\\nb; allowed here: key_file, path"),
        ('path = "store"', "", "store.path is missing"),
        ('path = "store"', "path = 3", "store.path: expected `str`, got `int`"),
        (
            'name = "second"',
            'name = "second"\nkey = 1',
            "unknown key chain.provider[1].key; allowed here: calls_per_second, ",
        ),
        ('name = "second"', 'name = "first"', "chain: two providers have the same name"),
        ('"ws://[::1]:8546"', "3", "chain.provider[1].ws_url: expected `str`"),
        ('"ws://[::1]:8546"', '"http://[::1]/secret-key-in-url"', "chain.provider[1]: ws_url must be a URL wss://"),
        ('"ws://[::1]:8546"', '"wss://a:99999/secret-key-in-url"', "chain.provider[1]: ws_url must be a URL wss://"),
        ("[chain]", '[chain]\nsingle_provider = "yes"', "chain.single_provider must be one of: refuse, accept"),
        ("[chain]", "[chain]\nchain_id = 0", "chain.chain_id: expected `int` >= 1"),
        (f'genesis = "0x{"ab" * 32}"', 'genesis = "0xAB"', "chain.genesis: expected `str` matching"),
        ("api_id = 1", "api_id = true", "telegram.api_id: expected `int`, got `bool`"),
        ("api_id = 1", 'api_id = 1\napi_hash_file = "x"', "telegram: exactly one of api_hash and api_hash_file"),
        ('api_hash = "hash-that-is-secret"', "", "telegram: exactly one of api_hash and api_hash_file is needed"),
        ("port = 4430", "port = 65536", "telegram.local_centre.port: expected `int` <= 65535"),
        ('n = "c1', 'n = "xyz', "telegram.local_centre.n: expected `str` matching"),
        ('bind_address = "127.0.0.2"', 'bind_address = "eth0"', "aster: bind_address must be an IP address"),
        ("[aster]", '[aster]\nsecond_address = "eth1"', "aster: second_address must be an IP address"),
        ("[aster]", '[aster]\nsecond_address = "127.0.0.2"', "aster: second_address must be another than bind_address"),
        ("[aster]", '[aster]\ninfo_url = "tapi"', "aster: info_url must be a URL https://"),
        ("[aster]", '[policy]\nwanted_ip = "0.0.0.0/0"\n[aster]', "policy: wanted_ip must be an IP address"),
        ("[aster]", '[policy]\nbinding = "declared"\n[aster]', "policy: binding must be one of: proven, inferred"),
        ("[aster]", '[policy]\nreferral = "refuted"\n[aster]', "policy: referral must be one of: proven, attested"),
        ("[aster]", '[policy]\nlegacy_keys = "no"\n[aster]', "policy.legacy_keys must be one of: refused, inferred"),
        ("[aster]", "[policy]\nattempt_hours = 0\n[aster]", "policy.attempt_hours: expected `int` >= 1"),
        ("[aster]", "[admin]\nmode = 0o666\n[aster]", "admin: mode must be 0o600 or 0o660"),
        ("[aster]", '[admin]\nsocket = "x.sock"\n[aster]', "admin.socket: expected `str` matching"),
        ("[aster]", '[log]\nlevel = "loud"\n[aster]', "log.level must be one of: debug, info, warning, error"),
        ("[chain]", '[chain]\nexchanges = ["0x12"]', "chain.exchanges[0]: expected `str` matching"),
        ("[chain]", "[chain]\nexchange_nonce = 0", "chain.exchange_nonce: expected `int` >= 1"),
        ("[aster]", '[[chain.other]]\nname = "Base"\n[aster]', "chain.other[0].http_url is missing"),
        ("[aster]", f'{OTHER}"ftp://a"\n[aster]', "chain.other[0]: http_url must be a URL https://"),
        ("[aster]", f'{OTHER}"http://a"\n{OTHER}"http://b"\n[aster]', "chain: two other chains have the same name"),
        ("[chain]", "[[chain]]", "chain: expected `object`, got `array`"),
        ("[store]", "[store", "it is not TOML: "),
        ("[store]", f"deep = {'[' * 5000}{']' * 5000}\n[store]", "it is nested too deeply"),
        ("api_id = 1", "api_id = 2147483648", "telegram.api_id: expected `int` <= 2147483647"),
        ("[aster]", "[policy]\nattempt_hours = 87600\n[aster]", "policy.attempt_hours: expected `int` <= 8760"),
        ("[aster]", "[policy]\nmin_days = 99999\n[aster]", "policy.min_days: expected `int` <= 3650"),
        ("[aster]", "[policy]\ncalibration_days = 366\n[aster]", "policy.calibration_days: expected `int` <= 365"),
        ("[aster]", "[policy]\nquiet_ms = 86400001\n[aster]", "policy: quiet_ms must be from 0 to 86400000"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert LOCAL.count(old) >= 1
    assert refused(tmp_path, LOCAL.replace(old, new, 1)).startswith(told)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing\n.toml", tmp_path):
        with pytest.raises(ConfigError) as caught:
            load(path, {})
        assert str(caught.value).isprintable()
    path = tmp_path / "latin.toml"
    path.write_bytes(b"# \xff")
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        load(path, {})


def test_a_file_open_to_everybody_holds_no_secret(tmp_path: Path) -> None:
    told = "it holds a secret and is open to every user of this host; chmod o= is needed"
    assert refused(tmp_path, LOCAL, 0o644) == told
    in_files = LOCAL.replace("api_hash =", "api_hash_file =").replace("bot_token =", "bot_token_file =")
    assert refused(tmp_path, in_files, 0o604) == told  # the provider's key in its URL
    keyless = in_files.replace("/secret-key-in-url", "/")
    load(written(tmp_path, keyless, 0o644), {})
    assert refused(tmp_path, f'{keyless}\n{OTHER}"https://eth/secret-key-in-url"', 0o604) == told
    load(written(tmp_path, LOCAL, 0o640), {})


def test_a_secret_file_is_read_when_asked_for_and_refused_when_open(tmp_path: Path) -> None:
    text = LOCAL.replace(f'bot_token = "{TOKEN}"', 'bot_token_file = "./token"')
    config = load(written(tmp_path, text), {})
    with pytest.raises(ConfigError, match=r"telegram.bot_token_file: cannot read it: No such file"):
        config.bot_token()
    token = tmp_path / "token"
    token.write_text(f" {TOKEN}\n")
    token.chmod(0o644)
    with pytest.raises(ConfigError, match=r"telegram.bot_token_file is open to every user"):
        config.bot_token()
    token.chmod(0o440)
    assert config.bot_token() == Secret.from_text(TOKEN)
    token.chmod(0o600)
    token.write_text("\n")
    with pytest.raises(ConfigError, match=r"telegram.bot_token is empty"):
        config.bot_token()


def test_credentials_are_named_without_a_slash_and_need_systemd(tmp_path: Path) -> None:
    text = LOCAL.replace(f'bot_token = "{TOKEN}"', 'bot_token_file = "bot-token"').replace('key_file = "./kek"', "")
    path = written(tmp_path, text)
    bare = load(path, {})
    with pytest.raises(ConfigError, match=r"telegram.bot_token_file names a systemd credential and there are none"):
        bare.bot_token()
    with pytest.raises(ConfigError, match=r"store.key_file is missing, and systemd gave no credentials"):
        bare.key_file()
    assert load(path, {"CREDENTIALS_DIRECTORY": "/run/c"}).key_file() == Path("/run/c/kek")


CENTRE = f'[telegram.local_centre]\nhost = "127.0.0.1"\nport = 1\nn = "{"c1" * 64}"\ne = 3\n'
HTTP, WS = "https://bsc.drpc.org", "wss://bsc.drpc.org"
BOUND = 'bind_address = "95.111.247.158"'
ASTER = '# base_url = "https://fapi.asterdex.com"'
SECOND = SHIPPED.read_text().split("[[chain.provider]]")[2].split("[aster]")[0]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[chain]\n", f"{CENTRE}[chain]\n", "telegram.local_centre is of a local world"),
        ("[chain]\n", "[chain]\nchain_id = 97\n", "chain.chain_id must be 56"),
        ("[chain]\n", f'[chain]\ngenesis = "0x{"00" * 32}"\n', "chain.genesis must be BNB Smart Chain's"),
        (HTTP, "http://bsc.drpc.org", "chain.provider[1].http_url must be https://"),
        (WS, "ws://bsc.drpc.org", "chain.provider[1].ws_url must be wss://"),
        (HTTP, "https://127.0.0.1", "chain.provider[1].http_url must not be of this machine"),
        (HTTP, "https://127.1", "chain.provider[1].http_url must not be of this machine"),
        (HTTP, "https://0x7f000001", "chain.provider[1].http_url must not be of this machine"),
        (HTTP, "https://2130706433", "chain.provider[1].http_url must not be of this machine"),
        (HTTP, "https://0.0.0.0", "chain.provider[1].http_url must not be of this machine"),
        (HTTP, "https://LOCALHOST.", "chain.provider[1].http_url must not be of this machine"),
        (HTTP, "https://me@node.localhost/x", "chain.provider[1].http_url must not be of this machine"),
        (WS, "wss://[::1]:8546", "chain.provider[1].ws_url must not be of this machine"),
        (WS, "wss://[::ffff:127.0.0.1]", "chain.provider[1].ws_url must not be of this machine"),
        (ASTER, 'base_url = "http://fapi.asterdex.com"', "aster.base_url must be https://"),
        (ASTER, 'base_url = "https://localhost"', "aster.base_url must not be of this machine"),
        (BOUND, 'bind_address = "127.0.0.1" #', "aster.bind_address must not be a loopback address"),
        (ASTER, 'second_address = "::1"', "aster.second_address must not be a loopback address"),
        (ASTER, 'info_url = "http://tapi.asterdex.com/info"', "aster.info_url must be https://"),
        (ASTER, 'info_url = "https://localhost/info"', "aster.info_url must not be of this machine"),
        (f"[[chain.provider]]{SECOND}", "", 'chain.provider: 2 are needed, or chain.single_provider = "accept"'),
        ('operator = "dRPC"', 'operator = "allnodes "', "chain.provider[1].operator must be another"),
        ('operator = "dRPC"', "", "chain.provider[1].operator is needed"),
        ("[aster]\n", f'{OTHER}"http://eth.example"\n[aster]\n', "chain.other[0].http_url must be https://"),
        ("[aster]\n", f'{OTHER}"https://localhost"\n[aster]\n', "chain.other[0].http_url must not be of this"),
    ],
)
def test_production_refuses_what_is_local_or_too_little(tmp_path: Path, old: str, new: str, told: str) -> None:
    config = shipped(tmp_path, (old, new))
    with pytest.raises(ConfigError) as caught:
        check_world(config, World.PRODUCTION)
    assert one_line(caught.value, config.file).startswith(told)


def test_one_provider_is_enough_where_that_was_accepted_and_it_is_shown(tmp_path: Path) -> None:
    accepted = ("[chain]\n", '[chain]\nsingle_provider = "accept"\n')
    config = shipped(tmp_path, (f"[[chain.provider]]{SECOND}", ""), accepted)
    check_world(config, World.PRODUCTION)
    assert config.sections.chain.quorum() == 1
    assert "single_provider" in remarks(config)[0]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('host = "127.0.0.1"', 'host = "149.154.167.51"', "telegram.local_centre.host must be a loopback address"),
        ('host = "127.0.0.1"', 'host = "localhost"', "telegram.local_centre.host must be a loopback address"),
        ("http://127.0.0.1:8545", "http://10.0.0.1", "chain.provider[0].http_url must be of a loopback address"),
        ("[aster]", f'{OTHER}"https://eth.example"\n[aster]', "chain.other[0].http_url must be of a loopback address"),
        ("ws://[::1]:8546", "wss://bsc.drpc.org", "chain.provider[1].ws_url must be of a loopback address"),
        ("http://127.0.0.1:9000", "https://fapi.asterdex.com", "aster.base_url must be of a loopback address"),
        ('bind_address = "127.0.0.2"', 'bind_address = "10.0.0.1"', "aster.bind_address must be a loopback address"),
        ('bind_address = "127.0.0.2"', 'second_address = "10.0.0.1"', "aster.second_address must be a loopback"),
        (
            "[aster]",
            '[aster]\ninfo_url = "https://tapi.asterdex.com/info"',
            "aster.info_url must be of a loopback address",
        ),
    ],
)
def test_a_local_world_refuses_what_is_elsewhere(tmp_path: Path, old: str, new: str, told: str) -> None:
    config = load(written(tmp_path, LOCAL.replace(old, new, 1)), {})
    with pytest.raises(ConfigError) as caught:
        check_world(config, World.LOCAL)
    assert one_line(caught.value, config.file).startswith(told)


def test_each_world_refuses_the_others_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"telegram.local_centre is needed"):
        check_world(shipped(tmp_path), World.LOCAL)
    with pytest.raises(ConfigError, match=r"telegram.local_centre is of a local world"):
        check_world(load(written(tmp_path, LOCAL), {}), World.PRODUCTION)


def test_the_policy_is_the_domains(tmp_path: Path) -> None:
    text = LOCAL.replace("[aster]", '[policy]\nbinding = "proven"\nrequire_key_name = true\n[aster]')
    policy = load(written(tmp_path, text), {}).sections.policy
    assert policy.binding is Grade.PROVEN and policy.require_key_name and policy.quiet_ms == 60_000


def test_nothing_is_taken_from_the_environment_but_credentials(tmp_path: Path) -> None:
    path = written(tmp_path, LOCAL)
    assert load(path, dict(os.environ) | {"CREDENTIALS_DIRECTORY": ""}) == load(path, {})


def test_other_chains_and_exchanges_are_as_an_operator_writes_them(tmp_path: Path) -> None:
    listed = "0x" + "Ab" * 20
    text = LOCAL.replace("[chain]", f'[chain]\nexchanges = ["{listed}"]\nexchange_nonce = 5')
    chain = load(written(tmp_path, f'{text}\n{OTHER}"http://127.0.0.1:1/key"'), {}).sections.chain
    assert (chain.exchanges, chain.exchange_nonce) == ((listed,), 5)
    assert [(other.name, other.http_url) for other in chain.others] == [
        ("Ethereum", Secret.from_text("http://127.0.0.1:1/key"))
    ]


def test_the_public_rpc_is_asters_beside_aster_and_a_local_venues_own() -> None:
    assert AsterSection().public_url() == "https://tapi.asterdex.com/info"
    assert AsterSection(base_url="http://127.0.0.1:9000/").public_url() == "http://127.0.0.1:9000/info"
    assert AsterSection(info_url="https://rpc.example/info").public_url() == "https://rpc.example/info"
