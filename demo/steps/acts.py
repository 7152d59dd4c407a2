"""What happens in the story: encrypt, decrypt, be refused, be served. Each adds rows to the report and judges them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from servers import AccessKey, CountingProxy, Customer, KmsRequest

from .corpus import manifest, read_records, write_records
from .evidence import Expectation, binds, judge, served_by
from .languages import LANGUAGES, Languages, Outcome
from .report import Report, Row

CUSTOMER = "org_123"
OTHER = "org_456"


@dataclass(frozen=True)
class Revocation:
    """What the customer did, and what libvault and the KMS must then say."""

    step: str
    code: int
    name: str
    kms_error: str


class Acts:
    def __init__(
        self,
        languages: Languages,
        proxy: CountingProxy,
        customer: Customer,
        vendor: AccessKey,
        report: Report,
        workspace: Path,
        records: list[bytes],
        customer_records: int,
    ):
        self.customer = customer
        self._languages, self._proxy, self._report, self._vendor = languages, proxy, report, vendor
        self._workspace = workspace
        self._records = {CUSTOMER: records[:customer_records], OTHER: records[customer_records:]}
        self._manifest = {organization: manifest(dealt) for organization, dealt in self._records.items()}
        self._envelopes: dict[str, Path] = {}
        self._customer_binds: set[str] = set()
        self._probe = workspace / "probe.records"
        # The command line is one process per record, so it gets one; a probe is the first record that is not empty.
        first = next(record for record in records if record)
        write_records(self._probe, [first])
        self._probe_manifest = manifest([first])

    def encrypt_everything(self, language: str) -> None:
        """The producer: all records of both tenants, and a one-record file for the probes of the later steps."""
        for organization, records in self._records.items():
            source = self._workspace / f"{organization}.records"
            write_records(source, records)
            mark = self._proxy.mark()
            outcome = self._languages.run(language, "encrypt", organization, source)
            seen = self._proxy.since(mark)
            self._envelopes[organization] = outcome.output
            problems = [] if outcome.served else [f"encryption stopped with {outcome.code} {outcome.name}"]
            problems += self._judge(seen, organization, {"Encrypt": len(records)})
            if organization == CUSTOMER:
                self._customer_binds = binds(seen, "Encrypt")
                if len(self._customer_binds) != len(records):
                    problems.append(f"{len(self._customer_binds)} different bind digests for {len(records)} envelopes")
            wording = (f"{len(records)} encrypted", f"{outcome.records} encrypted")
            self._row(f"encrypt {organization}", language, wording, seen, [outcome], problems)

    def decrypt_everything(self, language: str) -> None:
        """A consumer: every envelope Python made; the plaintexts are compared with the manifest by their hashes."""
        for organization, hashes in self._manifest.items():
            source, wanted = self._envelopes[organization], hashes
            if language == "command":
                source, wanted = self._first_record(source), hashes[:1]
            mark = self._proxy.mark()
            outcome = self._languages.run(language, "decrypt", organization, source)
            seen = self._proxy.since(mark)
            equal = sum(a == b for a, b in zip(manifest(outcome.output_records), wanted, strict=False))
            problems = [] if outcome.served else [f"decryption stopped with {outcome.code} {outcome.name}"]
            if equal != len(wanted):
                problems.append(f"{len(wanted) - equal} of {len(wanted)} plaintexts differ from the manifest")
            problems += self._judge(seen, organization, {"Decrypt": len(wanted)})
            if organization == CUSTOMER and not binds(seen, "Decrypt") <= self._customer_binds:
                problems.append("the KMS was asked for bind digests that no encryption made")
            wording = (f"{len(wanted)} equal", f"{equal} equal")
            self._row(f"decrypt {organization}", language, wording, seen, [outcome], problems)

    def refuse_everywhere(self, revocation: Revocation) -> None:
        """Decrypting and encrypting for the customer fail in every language, with one number and no output."""
        for language in LANGUAGES:
            mark = self._proxy.mark()
            decrypted = self._languages.run(language, "decrypt", CUSTOMER, self._first_record(self._envelopes[CUSTOMER]))
            encrypted = self._languages.run(language, "encrypt", CUSTOMER, self._probe)
            seen = self._proxy.since(mark)
            problems = []
            for verb, outcome in (("decrypt", decrypted), ("encrypt", encrypted)):
                if outcome.served:
                    problems.append(f"{verb} was served, expected {revocation.code} {revocation.name}")
                elif (outcome.code, outcome.name) != (revocation.code, revocation.name):
                    problems.append(f"{verb} failed with {_say(outcome)}, expected {revocation.code} {revocation.name}")
                if outcome.output.exists() and outcome.output.stat().st_size and not outcome.served:
                    problems.append(f"{verb} failed and left {outcome.output.stat().st_size} bytes of output")
            problems += self._judge(seen, CUSTOMER, {"Encrypt": 1, "Decrypt": 1}, revocation.kms_error)
            wording = (f"{revocation.code} {revocation.name}", " / ".join(sorted({_say(decrypted), _say(encrypted)})))
            self._row(f"{revocation.step}, {CUSTOMER}", language, wording, seen, [decrypted, encrypted], problems)
        self._other_tenant_goes_on(revocation.step)

    def serve_everywhere(self, step: str) -> None:
        """Everything works for the customer in every language."""
        for language in LANGUAGES:
            self._round_trips(step, language, [language], CUSTOMER, {"Encrypt": 1, "Decrypt": 2})

    def _other_tenant_goes_on(self, step: str) -> None:
        self._round_trips(step, "all", LANGUAGES, OTHER, {})

    def _round_trips(
        self, step: str, label: str, languages: Sequence[str], organization: str, operations: dict[str, int]
    ) -> None:
        """Each language decrypts a record that Python made, encrypts one, and decrypts that."""
        mark = self._proxy.mark()
        outcomes: list[Outcome] = []
        problems: list[str] = []
        for language in languages:
            old = self._languages.run(language, "decrypt", organization, self._first_record(self._envelopes[organization]))
            new = self._languages.run(language, "encrypt", organization, self._probe)
            again = self._languages.run(language, "decrypt", organization, new.output) if new.served else new
            outcomes += [old, new, again]
            problems += [f"{language} failed with {_say(outcome)}" for outcome in (old, new, again) if not outcome.served]
            if old.served and manifest(old.output_records) != self._manifest[organization][:1]:
                problems.append(f"{language}: the record that Python encrypted came back different")
            if again.served and manifest(again.output_records) != self._probe_manifest:
                problems.append(f"{language}: its own record came back different")
        seen = self._proxy.since(mark)
        problems += self._judge(seen, organization, operations)
        said = sorted({_say(outcome) for outcome in outcomes})
        self._row(f"{step}, {organization}", label, ("served", " / ".join(said)), seen, outcomes, problems)

    def _judge(
        self, seen: Sequence[KmsRequest], organization: str, operations: dict[str, int], error: str | None = None
    ) -> list[str]:
        """A tenant without a key must not be heard of at the KMS at all."""
        wanted = operations if organization == CUSTOMER else {}
        return judge(seen, Expectation(wanted, self.customer.key_arn, self._vendor.access_key_id, CUSTOMER, error))

    def _first_record(self, source: Path) -> Path:
        first = source.with_name(source.name + ".first")
        if not first.exists():
            write_records(first, read_records(source)[:1])
        return first

    def _row(
        self,
        step: str,
        language: str,
        wording: tuple[str, str],
        seen: Sequence[KmsRequest],
        outcomes: Sequence[Outcome],
        problems: list[str],
    ) -> None:
        expected, observed = wording
        took = sum(outcome.milliseconds for outcome in outcomes)
        self._report.add(Row(step, language, expected, observed, served_by(seen), len(seen), took, problems))


def _say(outcome: Outcome) -> str:
    return "served" if outcome.served else f"{outcome.code} {outcome.name}"
