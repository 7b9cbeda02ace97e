#!/usr/bin/env python3
"""Verifies the evidence of epochs: cores and annexes, as docs/BUNDLE.md specifies them.

    verify.py [--group ID] [--contract-key KEY] FILE...

This is a second implementation of the checks, written from that page and not from the Go code, with nothing but the
standard library. Its parts follow the sections of the page. 1 the encoding is canonical.py, 2 what is hashed and
signed is ed25519.py and blocks.py, 3 groups and blocks is blocks.py, and the arithmetic of 5 is estimators.py. Here
are 4 the description of an epoch, 5 reports and results, 6 submission, rewards, receipt and record, 7 the core, and
8 the annex.

Files are recognised by their content. Each annex needs its core. Cores of several epochs are checked against each
other: carried values, deviations, and the chain of records. What would need a core that is not there is printed as
not checked. The group's ID and the contract's key are what a verifier trusts: without them, it only learns that the
files are consistent.

The exit status is 0 if everything fits, 1 with the reason if something does not, 2 if the command is wrong.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Optional, Sequence

sys.dont_write_bytecode = True  # the next imports leave the folder as it is

from blocks import ZERO, Group, block_form, certificate_form, check_message, header_body, message_body, message_form
from blocks import sha256, signed_header, signing
from canonical import MAX_FILE, Refused, ascending, count, decode, encode, epoch, form, hash256, key, mixnodes, need
from canonical import network, number, octets, place, read, several, signature, text, time, uptime
from ed25519 import signed
from estimators import Row, next_state, outcome

# 4. The description of an epoch.

rules = form("rules", estimator=text(1, 64), version=count, coverage=number(1, 65535), carry=number(0, 1000),
             mode=text(4, 20, "full|single|none|performance-contract"), authorised=key)
deviation = form("deviation", reporter=key, squared=number(0, 25000000))
state_form = form("state", settled=number(), record=hash256,
                  deviations=ascending(deviation, by=lambda deviation: deviation.reporter))
description_fields = {"network": network, "contract": key, "epoch": epoch, "start": time, "end": time,
                      "group": octets(), "mixnodes": mixnodes, "rules": rules}
description_1_form = form("description", **description_fields)
description_form = form("description", version=number(2, 2), **description_fields, state=state_form)


class Description:
    def __init__(self, data: bytes):
        old = data[:1] == b"\x88"  # an array of 8
        d = read("description", description_1_form if old else description_form, data)
        self.network, self.contract, self.epoch = d.network, d.contract, d.epoch
        self.start, self.end = d.start, d.end
        self.mixnodes, self.rules, self.group = d.mixnodes, d.rules, Group(d.group)
        self.state = None if old else d.state
        self.hash = sha256(signing(f"contract/description/v{1 if old else 2}", d.network, data))
        need(d.start < d.end, "the epoch ends before it starts")
        need(self.group.network == d.network, "the group is of another network than the description")
        fits = d.rules.authorised in self.group.members if d.rules.mode == "single" else d.rules.authorised == ZERO
        need(fits, "the authorised key does not fit the mode")
        if self.state:
            need(self.state.settled < d.epoch, "the description names a settled epoch that is not an earlier one")
            first = self.state == (0, ZERO, [])
            need(first or self.state.settled > 0 and self.state.record != ZERO, "the description's state cannot be")
        need(self.state is not None or d.rules.estimator != "wmedian", "wmedian needs a description with a state")


# 5. Reports and results.

report_form = form("report", description=hash256, mixnodes=mixnodes, values=several(uptime))
result_form = form("result", mixnodes=mixnodes, values=several(uptime), reports=several(count))


def row_of(message: Any, d: Description) -> Optional[Row]:
    """The row that a message stands for, if it counts as a report about the epoch."""
    try:
        report = read("report", report_form, message.content.payload)
    except Refused:
        return None
    about = report.description == d.hash and report.mixnodes == d.mixnodes
    fits = message.content.sender in d.group.members and about and len(report.values) == len(report.mixnodes)
    return Row(message.content.sender, report.values) if fits else None


def rows_of(messages: Sequence[Any], d: Description) -> list[Row]:
    rows: dict[bytes, Row] = {}
    for message in messages:
        row = row_of(message, d)
        if row:
            rows.setdefault(row.reporter, row)
    needed = len(d.group.members) - d.group.f
    need(len(rows) >= needed, f"the reports of {len(rows)} members count, {needed} are needed")
    return list(rows.values())


def result_of(rows: Sequence[Row], d: Description) -> bytes:
    need(d.rules.version == 1, "the estimator has an unknown version")
    deviations = dict(d.state.deviations) if d.state else {}
    values, reports = outcome(rows, d.rules.estimator, d.group.f, d.rules.coverage, deviations)
    return encode((d.mixnodes, values, reports))


values_form = form("values", counts=octets(), values=octets())


def medians_of(data: bytes, d: Description) -> bytes:
    """The result that follows from the values of a contract in mode performance-contract."""
    held = read("values", values_form, data)
    need(len(held.counts) == len(d.mixnodes), "the values are about another number of mixnodes")
    need(sum(held.counts) == len(held.values), "there are more or fewer values than counted")
    need(max(held.counts) <= 100 and max(held.values, default=0) <= 100, "a count or a value is above 100")
    values, at = [], 0
    for n in held.counts:
        column, at = held.values[at : at + n], at + n
        need(list(column) == sorted(column), "the values of a mixnode do not ascend")
        middle = (column[(n - 1) // 2] + column[n // 2] + 1) // 2 if n else None
        values.append(None if middle is None else middle * 100)
    return encode((d.mixnodes, values, list(held.counts)))


# 6. Submission, rewards, receipt and record.

subject = {"network": network, "contract": key, "epoch": epoch, "description": hash256}
submission_form = form("submission", **subject, result=octets(), block=octets(), certificate=octets(), submitter=key,
                       signature=signature)
reward_form = form("reward", mixnode=text(1, 64), value=uptime, reports=count, carried_from=number())
receipt_form = form("receipt", **subject, block=hash256, rewards=hash256, submitter=key, accepted_at=time,
                    signature=signature)
record_form = form("record", network=network, contract=key, epoch=epoch, previous=hash256, description=hash256,
                   status=text(6, 8, "rewarded|missed"), rewards=hash256, submission=hash256, reason=text(0, 1024),
                   settled_at=time, origin=text(9, 10, "settlement|migration"), signature=signature)


def check_subject(what: str, value: Any, d: Description) -> None:
    fits = (value.network, value.contract, value.epoch, value.description) == (d.network, d.contract, d.epoch, d.hash)
    need(fits, f"the {what} is of another epoch than the description")


class Submission:
    """A justified submission: every other one is refused."""

    def __init__(self, data: bytes, d: Description):
        s = read("submission", submission_form, data)
        if d.rules.mode != "none":
            check_subject("submission", s, d)
            body = encode(s[:-1])
            bodies = (signing("contract/submission/v1", s.network, body),
                      signing("ephemera/application/v1", s.network, b"contract/submission/v1\0" + body))
            need(any(signed(s.submitter, b, s.signature) for b in bodies), "the submitter did not sign the submission")
        self.digest, self.submitter, self.encoded_result = sha256(data), s.submitter, s.result
        self.result = read("result", result_form, s.result)
        need(self.result.mixnodes == d.mixnodes, "the result is about other mixnodes than the description")
        need(len(self.result.values) == len(self.result.reports) == len(d.mixnodes), "the result's lists do not fit")
        self.messages, self.rows, self.signers, self.block = [], [], 0, ZERO
        if d.rules.mode == "full":
            self._check_block(s, d)
            return
        if d.rules.mode == "performance-contract":
            need(s.submitter == d.contract, "the submitter is not the contract")
            need(not s.certificate, "there is a certificate in mode performance-contract")
            need(s.result == medians_of(s.block, d), "the result is not the one that follows from the values")
        if d.rules.mode == "single":
            need(s.submitter == d.rules.authorised, "the submitter is not authorised")
            need(not s.block and not s.certificate, "there is a block or a certificate in mode single")
            counts = zip(self.result.values, self.result.reports)
            need(all(n == (value is not None) for value, n in counts), "a count of one Nym-API's result does not fit")

    def _check_block(self, s: Any, d: Description) -> None:
        block = read("block", block_form, s.block)
        need(s.submitter == block.signed.header.creator, "the submitter did not create the block")
        d.group.check_block(block)
        certificate = read("certificate", certificate_form, s.certificate)
        self.signers = d.group.check_certificate(certificate, block.signed.header)
        self.messages, self.block = block.messages, sha256(header_body(block.signed.header))
        self.rows = rows_of(block.messages, d)
        need(s.result == result_of(self.rows, d), "the result is not the one that follows from the block")


# 7. The core.

core_form = form("core", version=number(2, 2), description=octets(), submission=octets(),
                 rewards=several(reward_form), record=octets(), receipt=octets())
core_1_form = form("core", description=octets(), submission=octets(), receipt=octets(), rewards=several(reward_form, 1))


class Core:
    """A consistent core: every other one is refused."""

    def __init__(self, data: bytes):
        old = data[:1] == b"\x84"
        core = read("core", core_1_form if old else core_form, data)
        self.digest, self.rewards = sha256(data), core.rewards
        self.d = d = Description(core.description)
        self.submission = Submission(core.submission, d) if core.submission else None
        self.paid, self.record, self.record_hash = ZERO, None, None
        need(bool(core.submission) == bool(core.rewards) == bool(core.receipt), "a part of a rewarded epoch is missing")
        if self.submission:
            self.paid = sha256(signing("contract/rewards/v1", d.network, encode((d.epoch, core.rewards))))
            self._check_receipt(core.receipt)
            self._check_rewards(self.submission.result)
        if not old:
            self._check_record(core.record)

    def _check_receipt(self, data: bytes) -> None:
        receipt, s = read("receipt", receipt_form, data), self.submission
        check_subject("receipt", receipt, self.d)
        body = signing("contract/receipt/v1", receipt.network, encode(receipt[:-1]))
        need(signed(self.d.contract, body, receipt.signature), "the receipt is not signed by the contract")
        need((receipt.block, receipt.submitter) == (s.block, s.submitter), "the receipt is for another submission")
        need(receipt.rewards == self.paid, "the receipt is for other rewards")

    def _check_rewards(self, result: Any) -> None:
        rewards = [(r.mixnode, r.reports) for r in self.rewards]
        need(rewards == list(zip(result.mixnodes, result.reports)), "the rewards are of other mixnodes or reports")
        for r, value in zip(self.rewards, result.values):
            if value is not None:
                need((r.value, r.carried_from) == (value, 0), f"{r.mixnode} is not paid the value of the result")
            elif r.value is None:
                need(r.carried_from == 0, f"{r.mixnode} has no value, but an epoch that it is carried from")
            else:
                old = 1 <= r.carried_from < self.d.epoch <= r.carried_from + self.d.rules.carry
                need(old, f"{r.mixnode} is paid a value that cannot be carried from epoch {r.carried_from}")

    def _check_record(self, data: bytes) -> None:
        self.record = record = read("record", record_form, data)
        check_subject("record", record, self.d)
        body = signing("contract/record/v1", record.network, encode(record[:-1]))
        need(signed(self.d.contract, body, record.signature), "the record is not signed by the contract")
        self.record_hash, digest = sha256(body), self.submission.digest if self.submission else ZERO
        need(record.status == ("rewarded" if self.submission else "missed"), "the record has another status")
        need((record.rewards, record.submission) == (self.paid, digest), "the record is of other rewards")
        need((record.reason == "") == bool(self.submission), "the record has a reason without need, or none")
        need((record.previous == ZERO) == (record.epoch == 1), "the first record is not that of epoch 1")


class Chain:
    """Cores in ascending order, checked against each other."""

    def __init__(self) -> None:
        self.cores: dict[int, Core] = {}
        self.states: dict[int, dict[bytes, int]] = {0: {}}  # deviations after an epoch

    def add(self, core: Core) -> list[str]:
        """Refuses a core that does not fit the earlier ones. Returns what would need more of them."""
        e, notes = core.d.epoch, []
        need(e not in self.cores, f"there are two cores of epoch {e}")
        for other in self.cores.values():
            same = (other.d.network, other.d.contract) == (core.d.network, core.d.contract)
            need(same, f"the contract is not that of epoch {other.d.epoch}")
            apart = core.d.start >= other.d.end or not (core.submission and other.submission)
            need(apart, f"the epoch starts before epoch {other.d.epoch} ends")
        before = self.cores.get(e - 1)
        if core.record and e > 1 and not (before and before.record_hash):
            notes.append(f"the record before, of epoch {e - 1}")
        elif core.record and before:
            need(core.record.previous == before.record_hash, f"the record does not follow that of epoch {e - 1}")
        self.cores[e] = core
        notes += self._check_state(core) + self._check_carried(core)
        return notes

    def _check_state(self, core: Core) -> list[str]:
        e, state, notes = core.d.epoch, core.d.state, []
        if state:
            older = [c.d.state.settled for c in self.cores.values() if c.d.state]
            need(max(older) == state.settled, "the description names an older settled epoch than one before")
            settled, deviations = self.cores.get(state.settled), dict(state.deviations)
            if settled and settled.record_hash:
                same = state.record == settled.record_hash
                need(same, f"the description names another record of epoch {state.settled}")
            elif state.settled:
                notes.append(f"the record of epoch {state.settled}, which the description names")
            if state.settled not in self.states:
                notes.append(f"the deviations after epoch {state.settled}")
            stated = self.states.setdefault(state.settled, deviations)
            need(deviations == stated, f"the deviations are not those after epoch {state.settled}")
        for i in range(state.settled + 1 if state else e, e + 1):
            if i not in self.states and i - 1 in self.states and i in self.cores:
                rows = self.cores[i].submission.rows if self.cores[i].submission else []
                self.states[i] = next_state(rows, self.cores[i].d.group.f, self.states[i - 1])
        return notes

    def _check_carried(self, core: Core) -> list[str]:
        if not core.submission:
            return []
        e, missing = core.d.epoch, set()
        for i, reward in enumerate(core.rewards):
            if core.submission.result.values[i] is not None:
                continue
            expected, earlier = (None, 0), e - 1
            while earlier >= max(1, e - core.d.rules.carry) and expected == (None, 0):
                if earlier not in self.cores:
                    missing.add(f"values carried from epoch {earlier} or before")
                    expected = (reward.value, reward.carried_from if reward.carried_from <= earlier else -1)
                    break
                s = self.cores[earlier].submission
                values = dict(zip(s.result.mixnodes, s.result.values)) if s else {}
                if values.get(reward.mixnode) is not None:
                    expected = (values[reward.mixnode], earlier)
                earlier -= 1
            need((reward.value, reward.carried_from) == expected, f"{reward.mixnode} is not paid its newest value")
        return sorted(missing)


# 8. The annex.

late_form = form("late", received_at=time, digest=hash256, header=octets(), messages=several(place),
                 certificate=octets(), result=place, submitter=key, signature=signature)
refused_form = form("refused", submitter=key, received_at=time, digest=hash256, bytes=place,
                    verdict=text(4, 7, "late|invalid"), type=text(0, 128), reason=text(0, 1024))
double_report = form("double_report", reporter=key, first=place, second=place)
double_block = form("double_block", first=signed_header, second=signed_header)


def slot_of(pair: Any) -> tuple:
    return pair.first.header.group, pair.first.header.creator, pair.first.header.height


annex_form = form("annex", version=number(1, 1), network=network, contract=key, epoch=epoch, core=hash256,
                  sealed_at=time, late=ascending(late_form, by=lambda late: late.submitter),
                  messages=ascending(octets(), high=65536), results=ascending(octets(), high=1024),
                  refused=several(refused_form), dropped=place,
                  double_reports=ascending(double_report, by=lambda double: double.reporter),
                  double_blocks=ascending(double_block, by=slot_of), signature=signature)


def check_annex(annex: Any, core: Core) -> None:
    d, winner = core.d, core.submission
    same = (annex.network, annex.contract, annex.epoch) == (d.network, d.contract, d.epoch)
    need(same, "the annex is of another epoch than its core")
    body = signing("contract/annex/v1", annex.network, encode(annex[:-1]))
    need(signed(d.contract, body, annex.signature), "the annex is not signed by the contract")
    fixed = [encode(message) for message in winner.messages] if winner else []
    messages, results = fixed + annex.messages, ([winner.encoded_result] if winner else []) + annex.results
    need(len(set(messages)) == len(messages), "the annex has a message that its core has")
    need(len(set(results)) == len(results), "the annex has a result that its core has")
    messages_used = {p for late in annex.late for p in late.messages}
    messages_used |= {p for double in annex.double_reports for p in (double.first, double.second)}
    results_used = {late.result for late in annex.late}
    check_places("message", messages_used, len(fixed), len(messages))
    check_places("result", results_used, len(results) - len(annex.results), len(results))
    for late in annex.late:
        check_late(late, d, messages, results[late.result])
    times = [refused.received_at for refused in annex.refused]
    need(times == sorted(times), "the refused submissions are not in the order of their times")
    senders = Counter(r.submitter if r.submitter in d.group.members else None for r in annex.refused)
    need(not senders or max(senders.values()) <= 8, "there are too many refused submissions of one sender")
    for double in annex.double_reports:
        check_double_report(double, d, messages)
    for double in annex.double_blocks:
        check_double_block(double, d)


def check_places(what: str, used: set[int], of_core: int, total: int) -> None:
    need(all(p < total for p in used), f"a place of a {what} is beyond the last")
    need(used.issuperset(range(of_core, total)), f"the annex has a {what} that nothing uses")


def check_late(late: Any, d: Description, messages: list[bytes], result: bytes) -> None:
    block = b""
    if late.header:
        block = encode((decode(late.header), [decode(messages[p]) for p in late.messages]))
    about = d.network, d.contract, d.epoch, d.hash
    data = encode((*about, result, block, late.certificate, late.submitter, late.signature))
    need(late.digest == sha256(data), "a late submission does not have its digest")
    need(bool(late.header) or not late.messages, "a late submission has messages without a block")
    Submission(data, d)


def check_double_report(double: Any, d: Description, messages: list[bytes]) -> None:
    need(double.first < double.second, "the messages of a double report are not in order")
    pair = [read("message", message_form, messages[p]) for p in (double.first, double.second)]
    need(message_body(pair[0]) != message_body(pair[1]), "a double report is one message twice")
    for message in pair:
        check_message(message)
        counts = row_of(message, d) and message.content.network == d.network
        need(bool(counts) and message.content.sender == double.reporter, "a double report is not about this epoch")


def check_double_block(double: Any, d: Description) -> None:
    for one in double:
        header = one.header
        group = (header.network, header.group) == (d.network, d.group.id) and header.creator in d.group.members
        need(group, "a double block is not of a member of this group")
        need((header.group, header.creator, header.height) == slot_of(double), "a double block is of two slots")
        need(signed(header.creator, header_body(header), one.signature), "a double block is not signed by its creator")
    first, second = (sha256(header_body(pair.header)) for pair in double)
    need(first < second, "the headers of a double block are not in order, or the same")


# The command.


def percent(value: Optional[int]) -> str:
    return "no value" if value is None else f"{value // 100}.{value % 100:02}"


def describe(core: Core, notes: list[str]) -> list[str]:
    d, s = core.d, core.submission
    how = "missed"
    if s:
        how = f"rewarded in mode {d.rules.mode}"
    if s and s.rows:
        how = f"rewarded by {d.rules.estimator} of {len(s.rows)} reports; {s.signers} of {len(d.group.members)} " \
              f"members signed, {d.group.quorum} needed"
    lines = [f"epoch {d.epoch}: {how}"]
    for r in core.rewards:
        carried = f", carried from epoch {r.carried_from}" if r.carried_from else ""
        reports = "1 report" if r.reports == 1 else f"{r.reports} reports"
        lines.append(f"  {r.mixnode}: {percent(r.value)} of {reports}{carried}")
    return lines + [f"  not checked: {note}" for note in notes]


def describe_annex(annex: Any) -> list[str]:
    lines = [f"epoch {annex.epoch}, annex: {len(annex.late)} late submissions, {len(annex.refused)} refused"]
    lines += [f"  {double.reporter.hex()} signed two reports" for double in annex.double_reports]
    return lines + [f"  {double.first.header.creator.hex()} signed two blocks at height {double.first.header.height}"
                    for double in annex.double_blocks]


def verify(files: dict[str, bytes], group: Optional[bytes], contract: Optional[bytes]) -> list[str]:
    """Returns what the files prove, and refuses files that do not fit."""
    annexes, cores, name = {}, {}, ""
    try:
        for name, data in files.items():
            need(len(data) <= MAX_FILE, "the file is too long")
            if data[:2] == b"\x8e\x01":
                annexes[name] = read("annex", annex_form, data)
                continue
            cores[name] = core = Core(data)
            need(group in (None, core.d.group.id), "the group is not the trusted one")
            need(contract in (None, core.d.contract), "the contract is not the trusted one")
        lines, chain = [], Chain()
        for name, core in sorted(cores.items(), key=lambda item: item[1].d.epoch):
            lines += describe(core, chain.add(core))
        for name, annex in sorted(annexes.items(), key=lambda item: item[1].epoch):
            own = [core for core in cores.values() if core.digest == annex.core]
            need(bool(own), "no file is the core that the annex is signed for")
            check_annex(annex, own[0])
            lines += describe_annex(annex)
    except Refused as reason:
        raise Refused(f"{name}: {reason}") from None
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description="Verifies the evidence of epochs: cores and annexes.")
    parser.add_argument("--group", type=bytes.fromhex, metavar="ID", help="the ID of the trusted group, in hexadecimal")
    parser.add_argument("--contract-key", type=bytes.fromhex, metavar="KEY", help="the contract's key, in hexadecimal")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    try:
        files = {str(path): path.read_bytes() for path in arguments.files}
    except OSError as problem:
        print(f"verify.py: {problem}", file=sys.stderr)
        return 2
    try:
        print("\n".join(verify(files, arguments.group, arguments.contract_key)))
    except Refused as reason:
        print(f"FAIL {reason}")
        return 1
    if not (arguments.group and arguments.contract_key):
        print("The files fit together. Whose they are is not checked without --group and --contract-key.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
