//! `libvault match`.

use std::fmt::Write as _;

use libvault::{Decision, Policy};

use super::open;
use crate::arguments::MatchArguments;
use crate::report::{Failure, Reporter};

pub(super) fn run(arguments: &MatchArguments, reporter: Reporter) -> Result<(), Failure> {
    let context = arguments.context.load()?;
    let decision = open(&arguments.config, reporter)?.match_context(&context)?;
    if reporter.is_json() { reporter.result(&decision.to_json()) } else { reporter.result(&as_text(&decision)) }
}

fn as_text(decision: &Decision) -> String {
    let mut text = format!("policy   {}", decision.policy.name());
    if decision.policy == Policy::Managed {
        text.push_str("\nthe managed keys of the context's items protect the data; no customer key does");
    }
    for binding in &decision.bindings {
        // Writing to a String cannot fail.
        let _ = write!(text, "\nbinding  {} (owner {})", binding.id, binding.owner);
        for key_id in &binding.key_ids {
            let _ = write!(text, "\n  key    {key_id}");
        }
    }
    text
}
