"""The server's cryptography: RSA key, AES-256-IGE, the message keys of MTProto 2.0."""

import os
from collections.abc import Callable
from hashlib import sha1 as _sha1
from hashlib import sha256

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_BLOCK = 16


def sha1(data: bytes) -> bytes:
    """The digest MTProto prescribes for key fingerprints and the handshake."""
    return _sha1(data, usedforsecurity=False).digest()


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """What a client must know to trust a data centre: modulus, exponent and its fingerprint."""

    n: int
    e: int
    fingerprint: int

    def pem(self) -> str:
        """The key as SubjectPublicKeyInfo PEM."""
        key = rsa.RSAPublicNumbers(self.e, self.n).public_key()
        return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


class ServerKey:
    """The RSA key of a data centre; with the PEM of an earlier one, its clients trust this one too."""

    def __init__(self, pem: bytes | None = None) -> None:
        if pem is None:
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        else:
            loaded = serialization.load_pem_private_key(pem, password=None)
            if not isinstance(loaded, rsa.RSAPrivateKey) or loaded.key_size != 2048:
                raise ValueError("a data centre's key is RSA with 2048 bits")
            key = loaded
        self._key = key
        numbers = key.private_numbers()
        self._d = numbers.d
        n, e = numbers.public_numbers.n, numbers.public_numbers.e
        self.public = PublicKey(n=n, e=e, fingerprint=fingerprint(n, e))

    def pem(self) -> bytes:
        """The private key as unencrypted PKCS8 PEM: a local world's key is worth nothing elsewhere."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def decrypt(self, data: bytes) -> bytes:
        """The 255 bytes under textbook RSA (core.telegram.org/mtproto/auth_key, step 4)."""
        if len(data) != 256:
            raise ValueError("an RSA block has 256 bytes")
        return pow(int.from_bytes(data, "big"), self._d, self.public.n).to_bytes(256, "big")[1:]


def fingerprint(n: int, e: int) -> int:
    """The low 64 bits of SHA1 over the TL bytes of n and e, signed (core.telegram.org/mtproto/auth_key)."""
    modulus = n.to_bytes((n.bit_length() + 7) // 8, "big")
    exponent = e.to_bytes((e.bit_length() + 7) // 8, "big")
    return int.from_bytes(sha1(_tl_bytes(modulus) + _tl_bytes(exponent))[-8:], "little", signed=True)


def _tl_bytes(data: bytes) -> bytes:
    head = bytes([len(data)]) if len(data) < 254 else b"\xfe" + len(data).to_bytes(3, "little")
    body = head + data
    return body + bytes(-len(body) % 4)


def ige_encrypt(data: bytes, key: bytes, iv: bytes) -> bytes:
    """AES-256-IGE: c[i] = E(p[i] ^ c[i-1]) ^ p[i-1], iv = c[-1] + p[-1]; data in whole blocks."""
    return _ige(_aes(key).encryptor().update, data, iv[:16], iv[16:])


def ige_decrypt(data: bytes, key: bytes, iv: bytes) -> bytes:
    """The inverse of `ige_encrypt`."""
    return _ige(_aes(key).decryptor().update, data, iv[16:], iv[:16])


def _aes(key: bytes) -> Cipher[modes.ECB]:
    # IGE chains the blocks itself, so the bare block cipher is what is wanted here.
    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305


def _ige(block: Callable[[bytes], bytes], data: bytes, before: bytes, after: bytes) -> bytes:
    if len(data) % _BLOCK:
        raise ValueError("IGE works on whole blocks")
    mask_in, mask_out = int.from_bytes(before, "big"), int.from_bytes(after, "big")
    out = bytearray()
    for start in range(0, len(data), _BLOCK):
        given = int.from_bytes(data[start : start + _BLOCK], "big")
        made = int.from_bytes(block((given ^ mask_in).to_bytes(_BLOCK, "big")), "big") ^ mask_out
        out += made.to_bytes(_BLOCK, "big")
        mask_in, mask_out = made, given
    return bytes(out)


class AuthKey:
    """One authorization key and how messages are sealed with it (core.telegram.org/mtproto/description)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        digest = sha1(secret)
        self.id = digest[-8:]
        self.aux_hash = digest[:8]

    def __repr__(self) -> str:
        return f"AuthKey({self.id.hex()})"

    def open(self, packet: bytes) -> bytes:
        """The plain data of a client's packet, raises ValueError when it was not sealed with this key."""
        msg_key = packet[8:24]
        plain = ige_decrypt(packet[24:], *self._derive(msg_key, 0))
        if sha256(self._secret[88:120] + plain).digest()[8:24] != msg_key:
            raise ValueError("the packet's msg_key does not match")
        return plain

    def seal(self, plain: bytes) -> bytes:
        """A packet for the client: key id, msg_key, the padded data encrypted."""
        plain += os.urandom(-(len(plain) + 12) % _BLOCK + 12)
        msg_key = sha256(self._secret[96:128] + plain).digest()[8:24]
        return self.id + msg_key + ige_encrypt(plain, *self._derive(msg_key, 8))

    def _derive(self, msg_key: bytes, x: int) -> tuple[bytes, bytes]:
        a = sha256(msg_key + self._secret[x : x + 36]).digest()
        b = sha256(self._secret[x + 40 : x + 76] + msg_key).digest()
        return a[:8] + b[8:24] + a[24:], b[:8] + a[8:24] + b[24:]
