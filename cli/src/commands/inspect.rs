//! `libvault inspect`.

use std::fmt::Display;

use libvault::Inspection;

use crate::arguments::InspectArguments;
use crate::input::{self, LONGEST_PAYLOAD};
use crate::report::{Failure, Reporter};

pub(super) fn run(arguments: &InspectArguments, reporter: Reporter) -> Result<(), Failure> {
    let bytes = input::read(&arguments.input.input, LONGEST_PAYLOAD)?;
    let inspection = libvault::inspect(&bytes)?;
    if reporter.is_json() { reporter.result(&inspection.to_json()) } else { reporter.result(&as_table(&inspection)) }
}

fn as_table(inspection: &Inspection) -> String {
    let mut table = Table(String::new());
    table.row("purpose", inspection.purpose);
    table.row("version", inspection.version);
    table.row("suite", inspection.suite);
    if let Some(form) = inspection.form {
        table.row("form", form);
    }
    if let Some(size) = inspection.frame_size {
        table.row("frame size", format_args!("{size} bytes"));
    }
    if let Some(length) = inspection.payload_length {
        table.row("payload", format_args!("{length} bytes"));
    }
    table.row("policy", inspection.policy);
    if inspection.moved {
        table.row("moved", "yes: rewrapped with its data key after an authority was removed");
    }
    table.row("data key", &inspection.data_key_id);
    match &inspection.context {
        None => table.row("context", "not stored, a tag only"),
        Some(items) => {
            for (name, value) in items {
                table.row("context", format_args!("{name} = {value}"));
            }
        }
    }
    for (index, share) in inspection.shares.iter().enumerate() {
        table.row(&format!("share {}", index + 1), format_args!("binding {}", share.binding));
        for wrap in &share.wraps {
            table.row("  wrap", format_args!("{} bytes under {}", wrap.length, wrap.key_ids.join(" and ")));
        }
    }
    table.0
}

/// Names on the left, what belongs to them on the right.
struct Table(String);

impl Table {
    fn row(&mut self, name: &str, value: impl Display) {
        self.0.push_str(&format!("{name:<10}  {value}\n"));
    }
}
