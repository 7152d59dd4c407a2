//! What one match costs among many bindings, for an instruction counter to watch: `tests/bench/match_cost.py` runs it.
//!
//! `match_cost SHAPE BINDINGS DIRECTORY` opens a vault with generated bindings in a directory that does not exist yet and prints `ready`. Then
//! each line on standard input is a number of matches to do, answered with `done`. At the end of the input it exits, without freeing the vault.

use std::fmt::Write as _;
use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::time::Instant;

use libvault::{Config, Context, Vault};

type Failure = Box<dyn std::error::Error>;
type Items = Vec<(String, String)>;

/// With fewer, not all kinds of selectors of a shape are there.
const MIN_BINDINGS: usize = 1_000;
/// In shapes of ten items these are their names, with the value that the context has.
const NAMES: [&str; 10] =
    ["account", "branch", "cluster", "department", "environment", "floor", "group", "host", "instance", "job"];
const VALUE: &str = "common";
/// The binding that the context asks for.
const WANTED: usize = 499;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [shape, bindings, directory] = arguments.as_slice() else {
        return Err("usage: match_cost SHAPE BINDINGS DIRECTORY".into());
    };
    let shape = Shape::named(shape).ok_or("the shapes are: single, shared-pair, mixed, all-subsets")?;
    let bindings: usize = bindings.parse()?;
    if bindings < MIN_BINDINGS {
        return Err(format!("at least {MIN_BINDINGS} bindings are needed").into());
    }

    let started = Instant::now();
    let vault = open(&shape, bindings, Path::new(directory))?;
    let context = Context::new(shape.context())?;
    let decision = vault.match_context(&context)?;
    let matched: Vec<&str> = decision.bindings.iter().map(|binding| binding.id.as_str()).collect();
    if matched != [shape.expected()] {
        return Err(format!("{matched:?} matched instead of {}", shape.expected()).into());
    }
    say(&format!("ready after {:.1} s", started.elapsed().as_secs_f64()))?;

    for line in std::io::stdin().lock().lines() {
        let matches: u32 = line?.trim().parse()?;
        for _ in 0..matches {
            std::hint::black_box(vault.match_context(std::hint::black_box(&context))?);
        }
        say("done")?;
    }
    // Freeing a million bindings would take longer than all matches.
    std::process::exit(0)
}

fn say(text: &str) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{text}")?;
    output.flush()
}

/// How selectors and the context are made.
enum Shape {
    /// Selectors of one item; a context of one item.
    Single,
    /// Selectors of two items, of which one stands in all of them; a context of these two.
    SharedPair,
    /// Selectors of 1 to 10 items that differ from the context in one item, first or last or between; a context of ten items.
    Mixed,
    /// One owner has a selector for every one of the 1,023 subsets of the context's ten items; the others have pairs that share an item with it.
    AllSubsets,
}

impl Shape {
    fn named(name: &str) -> Option<Self> {
        match name {
            "single" => Some(Self::Single),
            "shared-pair" => Some(Self::SharedPair),
            "mixed" => Some(Self::Mixed),
            "all-subsets" => Some(Self::AllSubsets),
            _ => None,
        }
    }

    /// The owner and the items of every selector; the binding at `index` is called `bnd_<index>`.
    fn selectors(&self, bindings: usize) -> Box<dyn Iterator<Item = (String, Items)> + '_> {
        let numbered = (0..bindings).map(|index| (format!("org_{index}"), self.selector(index)));
        match self {
            Self::AllSubsets => Box::new(all_subsets().map(|items| ("org_all".to_owned(), items)).chain(numbered)),
            _ => Box::new(numbered),
        }
    }

    fn selector(&self, index: usize) -> Items {
        match self {
            Self::Single => vec![organization(index)],
            Self::SharedPair => vec![item("env", "prod"), organization(index)],
            Self::Mixed => {
                let (size, first) = (1 + index % 10, index / 10 % 10);
                let mut items: Items = (0..size).map(|step| item(NAMES[(first + step) % 10], VALUE)).collect();
                items[size - 1].1 = format!("value_{index}");
                items
            }
            Self::AllSubsets => vec![item(NAMES[0], VALUE), item(NAMES[9], &format!("value_{index}"))],
        }
    }

    fn context(&self) -> Items {
        match self {
            Self::Single | Self::SharedPair => self.selector(WANTED),
            // The selector of a size that needs all ten items.
            Self::Mixed => self.selector(WANTED),
            Self::AllSubsets => NAMES.map(|name| item(name, VALUE)).to_vec(),
        }
    }

    fn expected(&self) -> String {
        match self {
            // The owner's narrowest: the last of the subsets has all items.
            Self::AllSubsets => "bnd_1022".to_owned(),
            _ => format!("bnd_{WANTED}"),
        }
    }
}

fn item(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn organization(index: usize) -> (String, String) {
    item("organization_id", &format!("org_{index}"))
}

fn all_subsets() -> impl Iterator<Item = Items> {
    (1..1_u32 << NAMES.len()).map(|subset| {
        let chosen = NAMES.iter().enumerate().filter(move |(position, _)| subset >> position & 1 == 1);
        chosen.map(|(_, name)| item(name, VALUE)).collect()
    })
}

fn open(shape: &Shape, bindings: usize, directory: &Path) -> Result<Vault, Failure> {
    libvault::init(directory)?;
    Ok(Vault::open(Config::from_json(&configuration(shape, bindings), directory)?)?)
}

/// Keys of AWS cost no I/O until they are used. No text in it needs escaping.
fn configuration(shape: &Shape, bindings: usize) -> String {
    let mut json = r#"{"store":"vault.db","root_key":{"provider":"local","path":"root.key"},"bindings":["#.to_owned();
    for (index, (owner, items)) in shape.selectors(bindings).enumerate() {
        let separator = if index == 0 { "" } else { "," };
        let selector: Vec<String> = items.iter().map(|(name, value)| format!(r#""{name}":"{value}""#)).collect();
        // Writing to a text cannot fail.
        let _ = write!(
            json,
            r#"{separator}{{"id":"bnd_{index}","owner":"{owner}","selector":{{{}}},"keys":[{{"id":"key_{index}","provider":"aws","arn":"arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-{index:012x}"}}]}}"#,
            selector.join(",")
        );
    }
    json.push_str("]}");
    json
}
