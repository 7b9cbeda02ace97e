"""Sections 2 and 3 of docs/BUNDLE.md: what is hashed and signed, groups and blocks."""

import hashlib
from typing import Any, Sequence

from canonical import ascending, encode, form, hash256, key, need, network, number, octets, read, several, signature
from canonical import text, time
from ed25519 import signed

ZERO = bytes(32)

# 2. What is hashed and signed.


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def signing(domain: str, net: str, body: bytes) -> bytes:
    return domain.encode() + b"\0" + bytes([len(net)]) + net.encode() + body


# 3. Groups and blocks.

limits = form("limits", payload_bytes=number(1, 4194304), block_messages=number(1, 65536),
              block_bytes=number(1, 67108864))
group_form = form("group", network=network, number=number(1), members=ascending(key, low=1), limits=limits)
content = form("content", network=network, label=text(0, 64), payload=octets(), sender=key, time=time)
message_form = form("message", content=content, signature=signature)
header_form = form("header", network=network, group=hash256, creator=key, height=number(1), parent=hash256, time=time,
                   root=hash256, count=number(0, 65536))
signed_header = form("signed_header", header=header_form, signature=signature)
block_form = form("block", signed=signed_header, messages=several(message_form))
slot = form("slot", group=hash256, creator=key, height=number(1))
certificate_form = form("certificate", slot=slot, block=hash256, signers=octets(), signatures=several(signature))

SMALL_ORDER = [bytes.fromhex(encoding) for encoding in (
    "00" * 32, "01" + "00" * 31, "ec" + "ff" * 30 + "7f", "ed" + "ff" * 30 + "7f", "ee" + "ff" * 30 + "7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")]


def small_order(author: bytes) -> bool:
    return author[:31] + bytes([author[31] & 127]) in SMALL_ORDER


def message_body(message: Any) -> bytes:
    return signing("ephemera/message/v1", message.content.network, encode(message.content))


def header_body(header: Any) -> bytes:
    return signing("ephemera/block/v1", header.network, encode(header))


def root(ids: Sequence[bytes]) -> bytes:
    if not ids:
        return sha256(b"")
    if len(ids) == 1:
        return sha256(b"\0" + ids[0])
    left = 1 << (len(ids) - 1).bit_length() - 1
    return sha256(b"\1" + root(ids[:left]) + root(ids[left:]))


def check_message(message: Any) -> None:
    sender = message.content.sender
    need(not small_order(sender), "the sender of a message has a key of small order")
    need(signed(sender, message_body(message), message.signature), "a message is not signed by its sender")


class Group:
    def __init__(self, data: bytes):
        value = read("group", group_form, data)
        self.network, self.members, self.limits = value.network, value.members, value.limits
        self.id = sha256(signing("ephemera/group/v1", self.network, data))
        self.f = (len(self.members) - 1) // 3
        self.quorum = (len(self.members) + self.f) // 2 + 1
        need(not any(small_order(member) for member in self.members), "a member has a key of small order")

    def check_block(self, block: Any) -> None:
        header, ids = block.signed.header, [sha256(message_body(message)) for message in block.messages]
        need(header.network == self.network and header.group == self.id, "the block is of another group")
        need(header.creator in self.members, "the creator of the block is not a member")
        need((header.parent == ZERO) == (header.height == 1), "the block has a parent at height 1, or none above")
        need(header.count == len(ids), "the block has another number of messages than its header says")
        need(len(set(ids)) == len(ids), "the block has a message twice")
        need(header.root == root(ids), "the root is not that of the block's messages")
        contents = [message.content for message in block.messages]
        need(all(content.network == self.network for content in contents), "a message is of another network")
        need(all(len(c.payload) <= self.limits.payload_bytes for c in contents), "a message is too long")
        need(len(ids) <= self.limits.block_messages, "the block has too many messages")
        need(sum(len(encode(m)) for m in block.messages) <= self.limits.block_bytes, "the block is too long")
        need(signed(header.creator, header_body(header), block.signed.signature), "the creator did not sign the header")
        for message in block.messages:
            check_message(message)

    def check_certificate(self, certificate: Any, header: Any) -> int:
        """Returns how many members signed."""
        block = sha256(header_body(header))
        need(certificate.slot == (header.group, header.creator, header.height), "the certificate is for another slot")
        need(certificate.block == block, "the certificate is for another block")
        need(len(certificate.signers) == (len(self.members) + 7) // 8, "the certificate is of a group of another size")
        bits = int.from_bytes(certificate.signers, "little")
        need(bits < 1 << len(self.members), "the certificate has a signer who is not a member")
        signers = [member for i, member in enumerate(self.members) if bits >> i & 1]
        need(len(signers) >= self.quorum, f"{len(signers)} members signed the block, {self.quorum} are needed")
        need(len(certificate.signatures) == len(signers), "the certificate has not one signature for each signer")
        body = header.group + header.creator + header.height.to_bytes(8, "big") + block
        echo = signing("ephemera/echo/v1", self.network, body)
        valid = all(signed(signer, echo, sig) for signer, sig in zip(signers, certificate.signatures))
        need(valid, "a signature of the certificate is not that of its member")
        return len(signers)
