"""The server's side of the creation of an authorization key (core.telegram.org/mtproto/auth_key)."""

import os
import time

from perpbotd.sandbox.telegram.crypto import AuthKey, ServerKey, ige_decrypt, ige_encrypt, sha1
from perpbotd.sandbox.telegram.tl import TL, Malformed, decode, functions, types

# Two primes below 2**32 whose product the client factors in a millisecond.
_P, _Q = 0x494C553B, 0x53911073
_G = 3
# The prime that clients know to be safe without a test (core.telegram.org/mtproto/security_guidelines).
_DH_PRIME = int(
    "C71CAEB9C6B1C9048E6C522F70F13F73980D40238E3E21C14934D037563D930F"
    "48198A0AA7C14058229493D22530F4DBFA336F6E0AC925139543AED44CCE7C37"
    "20FD51F69458705AC68CD4FE6B6B13ABDC9746512969328454F18FAF8C595F64"
    "2477FE96BB2A941D5BCD1D4AC8CC49880708FA9B378E3C4F3A9060BEE67CF9A4"
    "A4A695811051907E162753B56B0F6B410DBA74D8A84B2A14B3144E0EF1284754"
    "FD17ED950D5965B4B9DD46582DB1178D169C6BC465B0D6FF9CA3928FEF5B9AE4"
    "E418FC15E83EBEA0F87FA9FF5EED70050DED2849F47BF959D956850CE929851F"
    "0D8115F635B105EE2E4E15D04B2454BF6F4FADF034B10403119CD8E3B92FCC5B",
    16,
)


class Handshake:
    """One client's way to a key; `key` is set once the last step was answered."""

    def __init__(self, server_key: ServerKey) -> None:
        self._server_key = server_key
        self._nonce = 0
        self._server_nonce = 0
        self._new_nonce = b""
        self._tmp_key = b""
        self._tmp_iv = b""
        self._a = 0
        self.key: AuthKey | None = None

    def answer(self, query: TL) -> TL:
        """The answer to one unencrypted query, raises Malformed when it does not belong to a handshake."""
        try:
            return self._step(query)
        except (ValueError, AttributeError, OverflowError) as error:
            raise Malformed("a step of the handshake") from error

    def _step(self, query: TL) -> TL:
        if isinstance(query, (functions.ReqPqMulti, functions.ReqPq)):
            return self._res_pq(query)
        if isinstance(query, functions.ReqDHParams):
            return self._dh_params(query)
        if isinstance(query, functions.SetClientDHParams) and self._a:
            return self._dh_gen(query)
        raise Malformed("not a step of the handshake")

    def _res_pq(self, query: TL) -> TL:
        self._nonce = query.nonce
        self._server_nonce = int.from_bytes(os.urandom(16), "little", signed=True)
        return types.ResPQ(
            nonce=self._nonce,
            server_nonce=self._server_nonce,
            pq=(_P * _Q).to_bytes(8, "big"),
            server_public_key_fingerprints=[self._server_key.public.fingerprint],
        )

    def _dh_params(self, query: TL) -> TL:
        self._check_nonces(query)
        block = self._server_key.decrypt(query.encrypted_data)
        inner = decode(block[20:])
        if not isinstance(inner, (types.PQInnerData, types.PQInnerDataDc)):
            raise Malformed("no p_q_inner_data")
        if sha1(inner.write()) != block[:20]:
            raise Malformed("p_q_inner_data's hash")
        self._check_nonces(inner)
        self._new_nonce = inner.new_nonce.to_bytes(32, "little", signed=True)
        server_nonce = self._server_nonce.to_bytes(16, "little", signed=True)
        new_server = sha1(self._new_nonce + server_nonce)
        server_new = sha1(server_nonce + self._new_nonce)
        self._tmp_key = new_server + server_new[:12]
        self._tmp_iv = server_new[12:] + sha1(self._new_nonce * 2) + self._new_nonce[:4]
        self._a = int.from_bytes(os.urandom(256), "big")
        answer = types.ServerDHInnerData(
            nonce=self._nonce,
            server_nonce=self._server_nonce,
            g=_G,
            dh_prime=_DH_PRIME.to_bytes(256, "big"),
            g_a=pow(_G, self._a, _DH_PRIME).to_bytes(256, "big"),
            server_time=int(time.time()),
        ).write()
        hashed = sha1(answer) + answer
        return types.ServerDHParamsOk(
            nonce=self._nonce,
            server_nonce=self._server_nonce,
            encrypted_answer=ige_encrypt(hashed + os.urandom(-len(hashed) % 16), self._tmp_key, self._tmp_iv),
        )

    def _dh_gen(self, query: TL) -> TL:
        self._check_nonces(query)
        inner = decode(ige_decrypt(query.encrypted_data, self._tmp_key, self._tmp_iv)[20:])
        self._check_nonces(inner)
        g_b = int.from_bytes(inner.g_b, "big")
        if not 1 << (2048 - 64) < g_b < _DH_PRIME - (1 << (2048 - 64)):
            raise Malformed("g_b out of range")
        key = AuthKey(pow(g_b, self._a, _DH_PRIME).to_bytes(256, "big"))
        self.key = key
        hash1 = sha1(self._new_nonce + b"\x01" + key.aux_hash)[4:20]
        return types.DhGenOk(
            nonce=self._nonce,
            server_nonce=self._server_nonce,
            new_nonce_hash1=int.from_bytes(hash1, "little", signed=True),
        )

    def _check_nonces(self, message: TL) -> None:
        if (message.nonce, message.server_nonce) != (self._nonce, self._server_nonce):
            raise Malformed("nonces of another handshake")
