//! `libvault match`.

use libvault::{Decision, Policy};

use super::open;
use crate::arguments::MatchArguments;
use crate::report::{Failure, Reporter};
use crate::table::{Columns, Properties};

pub(super) fn run(arguments: &MatchArguments, reporter: Reporter) -> Result<(), Failure> {
    let context = arguments.context.load()?;
    let decision = open(&arguments.config, reporter)?.match_context(&context)?;
    if reporter.is_json() { reporter.result(&decision.to_json()) } else { reporter.result(&as_text(&decision)) }
}

fn as_text(decision: &Decision) -> String {
    let mut properties = Properties::new();
    properties.add("policy", decision.policy.name());
    if decision.policy == Policy::Managed {
        properties.add("", "the managed keys of the context's items protect the data; no customer key does");
        return properties.render();
    }
    properties.add("", meaning(decision.policy));
    let mut bindings = Columns::new(["BINDING", "OWNER", "KEY"]);
    for binding in &decision.bindings {
        for (index, key_id) in binding.key_ids.iter().enumerate() {
            // The binding is named once, beside the first of its keys.
            let (id, owner) = if index == 0 { (binding.id.as_str(), binding.owner.as_str()) } else { ("", "") };
            bindings.add([id.to_owned(), owner.to_owned(), key_id.clone()]);
        }
    }
    format!("{}\n\n{}", properties.render(), bindings.render())
}

fn meaning(policy: Policy) -> &'static str {
    match policy {
        Policy::Managed => "the managed keys of the context's items protect the data; no customer key does",
        Policy::CustomerGated => "a key of every binding below is needed to open the data; no managed key opens it",
        Policy::DualControl => "a key of every binding below is needed to open the data, and the managed keys too",
        Policy::AnyOf => "any one of the keys below opens the data",
    }
}
