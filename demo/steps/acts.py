"""What happens in the story: encrypt, decrypt, be refused, be served. Each adds rows to the report and judges them."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .corpus import manifest, read_records, write_records
from .evidence import Evidence, binds
from .languages import LANGUAGES, Languages, Outcome
from .parties import Party, Requests, Revocation
from .report import Report, Row


class Acts:
    def __init__(
        self, parties: Sequence[Party], languages: Languages, evidence: Evidence, report: Report, workspace: Path, records: Mapping[str, list[bytes]]
    ):
        self.parties = parties
        self._languages, self._evidence, self._report = languages, evidence, report
        self._workspace, self._records = workspace, records
        self._manifest = {organization: manifest(dealt) for organization, dealt in records.items()}
        self._envelopes: dict[str, Path] = {}
        self._binds: dict[str, set[str]] = {}
        # The command line is one process per record, so it gets one; a probe is the first record that is not empty.
        probe = next(record for dealt in records.values() for record in dealt if record)
        self._probe = workspace / "probe.records"
        write_records(self._probe, [probe])
        self._probe_manifest = manifest([probe])

    def encrypt_everything(self, language: str) -> None:
        """The producer: all records of each organization, in a process for each."""
        for party in self.parties:
            name, records = party.organization, self._records[party.organization]
            source = self._workspace / f"{name}.records"
            write_records(source, records)
            step = _Step(self._evidence)
            outcome = self._languages.run(language, "encrypt", {name: source})[name]
            self._envelopes[name] = outcome.output
            problems = [] if outcome.served else [f"encryption stopped with {outcome.code} {outcome.name}"]
            problems += step.judge({name: party.requests(len(records), 0, outcome.processes)})
            if party.cloud and party.cloud.shows_context:
                self._binds[name] = binds(step.seen[name], party.cloud.wrap)
                if len(self._binds[name]) != len(records):
                    problems.append(f"{len(self._binds[name])} different bind digests for {len(records)} envelopes")
            self._row(f"encrypt {name}", language, f"{len(records)} encrypted", f"{outcome.records} encrypted", step, problems)

    def decrypt_everything(self, language: str) -> None:
        """A consumer: every envelope Python made; the plaintexts are compared with the manifest by their hashes."""
        for party in self.parties:
            name = party.organization
            source, wanted = self._envelopes[name], self._manifest[name]
            if language == "command":
                source, wanted = self._first_envelope(name), wanted[:1]
            step = _Step(self._evidence)
            outcome = self._languages.run(language, "decrypt", {name: source})[name]
            equal = sum(a == b for a, b in zip(manifest(outcome.output_records), wanted, strict=False))
            problems = [] if outcome.served else [f"decryption stopped with {outcome.code} {outcome.name}"]
            if equal != len(wanted):
                problems.append(f"{len(wanted) - equal} of {len(wanted)} plaintexts differ from the manifest")
            problems += step.judge({name: party.requests(0, len(wanted), outcome.processes)})
            if name in self._binds and not binds(step.seen[name], party.cloud.unwrap) <= self._binds[name]:
                problems.append("the KMS was asked for bind digests that no encryption made")
            self._row(f"decrypt {name}", language, f"{len(wanted)} equal", f"{equal} equal", step, problems)

    def refuse(self, party: Party, revocation: Revocation) -> None:
        """Encrypting and decrypting for one customer fail in every language, with one number and no output; everybody else goes on."""
        step = _Step(self._evidence)
        said: set[str] = set()
        refused: list[str] = []
        others: list[str] = []
        for language in LANGUAGES:
            encrypted, decrypted, problems = self._probe_everybody(language, step, {party.organization: revocation})
            mine = {"encrypt": encrypted[party.organization], "decrypt": decrypted[party.organization]}
            said |= {_say(outcome) for outcome in mine.values()}
            for verb, outcome in mine.items():
                if outcome.served:
                    refused.append(f"{language}: {verb} was served, expected {revocation.code} {revocation.name}")
                elif (outcome.code, outcome.name) != (revocation.code, revocation.name):
                    refused.append(f"{language}: {verb} failed with {_say(outcome)}, expected {revocation.code} {revocation.name}")
                if not outcome.served and outcome.output.exists() and outcome.output.stat().st_size:
                    refused.append(f"{language}: {verb} failed and left {outcome.output.stat().st_size} bytes of output")
            refused += [f"{language}: {problem}" for name, problem in problems if name == party.organization]
            others += [f"{language}: {name}: {problem}" for name, problem in problems if name != party.organization]
        label = f"{party.organization} {revocation.act}"
        self._row(label, "all", f"{revocation.code} {revocation.name}", " / ".join(sorted(said)), step, refused, [party.organization])
        rest = [other.organization for other in self.parties if other is not party]
        self._row("  the others", "all", "served", "differs" if others else "served", step, others, rest)

    def serve_everybody(self, label: str) -> None:
        """Everything works for every organization in every language."""
        step = _Step(self._evidence)
        problems: list[str] = []
        for language in LANGUAGES:
            problems += [f"{language}: {name}: {problem}" for name, problem in self._probe_everybody(language, step, {})[2]]
        self._row(label, "all", "served", "differs" if problems else "served", step, problems)

    def _probe_everybody(
        self, language: str, step: "_Step", revoked: Mapping[str, Revocation]
    ) -> tuple[dict[str, Outcome], dict[str, Outcome], list[tuple[str, str]]]:
        """A process encrypts a record for every organization, and another decrypts what Python made and, where there is one, the new record."""
        step.begin()
        encrypted = self._languages.run(language, "encrypt", {party.organization: self._probe for party in self.parties})
        sources = {}
        for name, outcome in encrypted.items():
            sources[name] = self._workspace / f"probe-{name}"
            new = outcome.output_records if outcome.served and name not in revoked else []
            write_records(sources[name], read_records(self._first_envelope(name)) + new)
        decrypted = self._languages.run(language, "decrypt", sources)
        problems: list[tuple[str, str]] = []
        expected: dict[str, Requests] = {}
        for party in self.parties:
            name = party.organization
            processes = encrypted[name].processes + decrypted[name].processes
            if name in revoked:
                expected[name] = party.requests(1, 1, processes, revoked[name].answer)
                continue
            expected[name] = party.requests(1, 2, processes)
            problems += [(name, f"failed with {_say(outcome)}") for outcome in (encrypted[name], decrypted[name]) if not outcome.served]
            if manifest(decrypted[name].output_records) != self._manifest[name][:1] + self._probe_manifest:
                problems.append((name, "the records came back different"))
        return encrypted, decrypted, problems + step.judge_each(expected)

    def _first_envelope(self, organization: str) -> Path:
        source = self._envelopes[organization]
        first = source.with_name(source.name + ".first")
        if not first.exists():
            write_records(first, read_records(source)[:1])
        return first

    def _row(
        self, label: str, language: str, expected: str, observed: str, step: "_Step", problems: list[str], whose: Sequence[str] | None = None
    ) -> None:
        clouds = [party.cloud.name.split()[0] for party in self.parties if step.counted.get(party.organization) and party.cloud]
        if whose is not None:
            clouds = [party.cloud.name.split()[0] for party in self.parties if party.cloud and party.organization in whose]
        count = sum(number for name, number in step.counted.items() if whose is None or name in whose)
        took = None if label.startswith(" ") else step.milliseconds
        self._report.add(Row(label, language, expected, observed, " ".join(clouds) or "-", count, took, problems))


class _Step:
    """What the servers were asked from its beginning, and how long it takes."""

    def __init__(self, evidence: Evidence):
        self._evidence, self._started = evidence, time.perf_counter()
        self.counted: dict[str, int] = {}
        self.begin()

    def begin(self) -> None:
        """The next judgement looks at what comes from now on."""
        self._marks = self._evidence.marks()

    def judge(self, expected: Mapping[str, Requests]) -> list[str]:
        return [problem for _, problem in self.judge_each(expected)]

    def judge_each(self, expected: Mapping[str, Requests]) -> list[tuple[str, str]]:
        self.seen = self._evidence.since(self._marks)
        for name, requests in self.seen.items():
            self.counted[name] = self.counted.get(name, 0) + len(requests)
        return self._evidence.judge(self.seen, expected)

    @property
    def milliseconds(self) -> float:
        return (time.perf_counter() - self._started) * 1000


def _say(outcome: Outcome) -> str:
    return "served" if outcome.served else f"{outcome.code} {outcome.name}"
