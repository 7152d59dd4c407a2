//! How the program ends: messages for people, JSON for programs, and the exit code of the error's kind.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use libvault::{Error, ErrorCode, Stats};
use serde::Serialize;
use serde_json::{Value, json};
use signal_hook::consts::SIGPIPE;

pub(crate) const CHECK_FILE: &str = "Check the file's name, its directory, the permissions and the free space.";

/// The error's own action names the parameters of the library.
const ALLOW_DOWNGRADE: &str = "Where a rewrap would leave keys behind that still open an older copy, use `libvault reencrypt`, or pass \
                               --keep-data-key. Where the new keys would be easier to use than the old ones, pass --allow-downgrade if that is meant.";

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const LABEL: Style = Style::new().bold();

/// Prints results, warnings and errors, as text or as one JSON object a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reporter {
    json: bool,
}

impl Reporter {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Prints a result on standard output, on one line.
    pub(crate) fn object(self, object: &Value) -> Result<(), Failure> {
        self.result(&object.to_string())
    }

    /// Prints a result on standard output; a final line end is added. Its styles, if any, are for terminals only.
    pub(crate) fn result(self, text: &str) -> Result<(), Failure> {
        let mut stdout = anstream::stdout().lock();
        writeln!(stdout, "{}", text.trim_end_matches('\n'))
            .and_then(|()| stdout.flush())
            .map_err(|error| Failure::from_write(&error, "standard output"))
    }

    pub(crate) fn warn(self, warning: &str) {
        if self.json {
            print_to_stderr(json!({ "warning": warning }));
        } else {
            print_to_stderr(format_args!("{WARNING}warning{WARNING:#}: {warning}"));
        }
    }

    /// Tells on standard error how often keys were used.
    pub(crate) fn stats(self, stats: &Stats) {
        if self.json {
            let counters: serde_json::Map<String, Value> =
                stats.fields().map(|(name, count)| (name.to_owned(), count.into())).collect();
            print_to_stderr(json!({ "stats": counters }));
            return;
        }
        for (name, count) in stats.fields().filter(|(_, count)| *count > 0) {
            print_to_stderr(format_args!("{LABEL}stats{LABEL:#}: {name} {count}"));
        }
    }

    /// Reports a failure and says how the process has to end.
    pub(crate) fn fail(self, failure: &Failure) -> ExitCode {
        match failure {
            Failure::Error { error, action } => {
                let action = action.as_deref().unwrap_or(error.code().action());
                if self.json {
                    print_to_stderr(Description::new(error, action).to_json());
                } else {
                    let code = error.code();
                    print_to_stderr(format_args!(
                        "{ERROR}error[{} {}]{ERROR:#}: {}\n{LABEL}what to do{LABEL:#}: {action}",
                        code.number(),
                        code.name(),
                        error.message()
                    ));
                }
                ExitCode::from(error.code().kind().exit_code())
            }
            Failure::Signal(signal) => {
                // Returns only for a signal that cannot be raised; the exit code is then the one a shell would give.
                let _ = signal_hook::low_level::emulate_default_handler(*signal);
                ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
            }
        }
    }
}

/// Answers a command line that cannot be understood, and one that only asks for help or the version.
pub(crate) fn refuse_command_line(error: &clap::Error) -> ExitCode {
    // What could not be parsed has no options to ask; a value that happens to be `--json` does no harm here.
    let json = std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json");
    if !json || !error.use_stderr() {
        // Nobody is left to tell when it cannot be printed.
        let _ = error.print();
    } else {
        let text = error.render().to_string();
        let complaint = text.trim_start_matches("error: ").split("\n\nUsage:").next().unwrap_or_default();
        let parts = complaint.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
        let message = parts.collect::<Vec<_>>().join("; ");
        let error = Error::new(ErrorCode::InvalidArgument, message);
        print_to_stderr(
            Description::new(&error, "Correct the command line; `libvault COMMAND --help` lists every option.")
                .to_json(),
        );
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(u8::MAX))
}

/// Why the program did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Reported on standard error. The action replaces the error's own where this program knows a better one.
    Error { error: Error, action: Option<String> },
    /// Nothing is said: the process ends as this signal would have ended it.
    Signal(i32),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let action = (error == ErrorCode::DowngradeRefused).then(|| ALLOW_DOWNGRADE.to_owned());
        Self::Error { error, action }
    }
}

impl Failure {
    pub(crate) fn new(code: ErrorCode, message: String, action: impl Into<String>) -> Self {
        Self::Error { error: Error::new(code, message), action: Some(action.into()) }
    }

    /// Two options name standard input, which can be read only once.
    pub(crate) fn two_inputs(one: &str, other: &str) -> Self {
        let message = format!("{one} and {other} both name standard input");
        Self::new(ErrorCode::InvalidArgument, message, "Read one of the two from a file.")
    }

    /// A file named on the command line cannot be used.
    pub(crate) fn from_file(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(ErrorCode::InvalidArgument, format!("cannot {doing} {}: {error}", path.display()), CHECK_FILE)
    }

    /// A stream cannot be written. A reader that went away, as `head` does, is not an error worth a message.
    pub(crate) fn from_write(error: &io::Error, stream: &str) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::Signal(SIGPIPE);
        }
        Self::new(
            ErrorCode::InvalidArgument,
            format!("cannot write to {stream}: {error}"),
            "Check where the output goes; what has been written so far is not complete.",
        )
    }
}

/// The JSON form of an error, its fields in this order.
#[derive(Serialize)]
struct Description<'a> {
    code: u32,
    name: &'a str,
    kind: &'a str,
    retryable: bool,
    message: &'a str,
    action: &'a str,
    provider: Option<&'a str>,
    key_id: Option<&'a str>,
    operation: Option<&'a str>,
    request_id: Option<&'a str>,
    field: Option<&'a str>,
}

impl<'a> Description<'a> {
    fn new(error: &'a Error, action: &'a str) -> Self {
        let code = error.code();
        Self {
            code: code.number(),
            name: code.name(),
            kind: code.kind().name(),
            retryable: code.is_retryable(),
            message: error.message(),
            action,
            provider: error.provider(),
            key_id: error.key_id(),
            operation: error.operation(),
            request_id: error.request_id(),
            field: error.field(),
        }
    }

    fn to_json(&self) -> String {
        serde_json::to_string(self).expect("text, numbers and booleans always have a JSON form")
    }
}

/// Nobody is left to tell when standard error itself cannot be written; the exit code still says it.
fn print_to_stderr(line: impl Display) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}
