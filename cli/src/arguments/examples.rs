//! Examples for `--help` and the manual pages. Their first line is the heading.

pub(super) const ENCRYPT: &str = "\
Examples:
  libvault encrypt --context organization_id=org_123 --input report.pdf --output report.pdf.vault
  tar -cf - reports | libvault encrypt --context organization_id=org_123 --output reports.vault";

pub(super) const DECRYPT: &str = "\
Examples:
  libvault decrypt --context organization_id=org_123 --input report.pdf.vault --output report.pdf
  libvault decrypt --context organization_id=org_123 --input reports.vault | tar -tf -";

pub(super) const KEYGEN: &str = "\
Examples:
  libvault keygen myvault/org_123.key";

pub(super) const MATCH: &str = "\
Examples:
  libvault match --context organization_id=org_123 --context user_id=u1
  libvault match --json --context-json context.json";

pub(super) const REWRAP: &str = "\
Examples:
  libvault rewrap --context organization_id=org_123 --input report.pdf.vault --output report.pdf.vault --force";

pub(super) const REENCRYPT: &str = "\
Examples:
  libvault reencrypt --context organization_id=org_123 --input report.pdf.vault --output report.pdf.vault --force";

pub(super) const INSPECT: &str = "\
Examples:
  libvault inspect --input report.pdf.vault
  libvault inspect --json <report.pdf.vault";

pub(super) const CREATE_DATA_KEY: &str = "\
Examples:
  libvault data-key create --context organization_id=org_123 --bundle disk.bundle --output disk.key";

pub(super) const OPEN_DATA_KEY: &str = "\
Examples:
  libvault data-key open --context organization_id=org_123 --bundle disk.bundle --output disk.key";

pub(super) const REKEY: &str = "\
Examples:
  libvault data-key rekey --context organization_id=org_123 --new-context organization_id=org_456 \\
      --bundle disk.bundle --output disk.org_456.bundle";

pub(super) const COMPLETIONS: &str = "\
Examples:
  libvault completions bash >~/.local/share/bash-completion/completions/libvault
  libvault completions zsh >~/.zfunc/_libvault
  libvault completions fish >~/.config/fish/completions/libvault.fish";
