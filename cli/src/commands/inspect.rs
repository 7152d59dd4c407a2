//! `libvault inspect`.

use libvault::Inspection;

use crate::arguments::InspectArguments;
use crate::input::Input;
use crate::report::{Failure, Reporter};
use crate::table::{Columns, Properties};

/// What is shorter is read as a whole, and its frames are checked as far as that is possible without keys.
const SHORT: usize = 1 << 20;

pub(super) fn run(arguments: &InspectArguments, reporter: Reporter) -> Result<(), Failure> {
    let inspection = inspect(Input::open(&arguments.input.input)?)?;
    if reporter.is_json() { reporter.result(&inspection.to_json()) } else { reporter.result(&as_text(&inspection)) }
}

/// Of a long envelope only the start is read: the rest says nothing without keys.
fn inspect(mut input: Input) -> Result<Inspection, Failure> {
    let mut start = vec![0; SHORT];
    let read = input.fill(&mut start)?;
    start.truncate(read);
    if read < SHORT {
        return Ok(libvault::inspect(&start)?);
    }
    let length = match input.length() {
        Some(length) => length,
        None => read as u64 + input.skip()?,
    };
    Ok(libvault::inspect_start(&start, Some(length))?)
}

fn as_text(inspection: &Inspection) -> String {
    format!("{}\n\n{}", properties(inspection), shares(inspection))
}

fn properties(inspection: &Inspection) -> String {
    let mut table = Properties::new();
    table.add("purpose", inspection.purpose);
    table.add("version", inspection.version);
    table.add("suite", inspection.suite);
    if let Some(form) = inspection.form {
        table.add("form", form);
    }
    if let Some(size) = inspection.frame_size {
        table.add("frame size", format_args!("{size} bytes"));
    }
    if let Some(length) = inspection.payload_length {
        table.add("payload", format_args!("{length} bytes"));
    }
    table.add("policy", inspection.policy);
    if inspection.moved {
        table.add("moved", "yes: rewrapped with its data key after an authority was removed");
    }
    table.add("data key", &inspection.data_key_id);
    match &inspection.context {
        None => table.add("context", "not stored, a tag only"),
        Some(items) => {
            for (name, value) in items {
                table.add("context", format_args!("{name} = {value}"));
            }
        }
    }
    table.render()
}

/// Every share is needed, and any one wrap of it opens it.
fn shares(inspection: &Inspection) -> String {
    let mut table = Columns::new(["SHARE", "BINDING", "WRAP", "BYTES", "KEYS"]);
    for (share_index, share) in inspection.shares.iter().enumerate() {
        for (wrap_index, wrap) in share.wraps.iter().enumerate() {
            table.add([
                (share_index + 1).to_string(),
                share.binding.clone(),
                (wrap_index + 1).to_string(),
                wrap.length.to_string(),
                wrap.key_ids.join(" and "),
            ]);
        }
    }
    table.render()
}
