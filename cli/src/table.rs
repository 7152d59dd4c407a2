//! Tables for people. They always have styles, which [`Reporter::result`](crate::report::Reporter::result) leaves out
//! wherever they do not belong. A terminal gets them wrapped to its width, a script one line a row.

use std::fmt::Display;

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, ContentArrangement, Table};

/// Names on the left, what belongs to them on the right.
pub(crate) struct Properties(Table);

impl Properties {
    pub(crate) fn new() -> Self {
        Self(plain_table())
    }

    pub(crate) fn add(&mut self, name: &str, value: impl Display) {
        self.0.add_row([Cell::new(name).add_attribute(Attribute::Bold), Cell::new(value)]);
    }

    pub(crate) fn render(mut self) -> String {
        render(&mut self.0)
    }
}

/// Columns under headings.
pub(crate) struct Columns(Table);

impl Columns {
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        let mut table = plain_table();
        table.set_header(headings.map(|heading| Cell::new(heading).add_attribute(Attribute::Bold)));
        Self(table)
    }

    pub(crate) fn add<const N: usize>(&mut self, row: [String; N]) {
        self.0.add_row(row);
    }

    pub(crate) fn render(mut self) -> String {
        render(&mut self.0)
    }
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).enforce_styling();
    // Spaces that fill a column up can then be cut off at the end of a line.
    table.style_text_only();
    table
}

fn render(table: &mut Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}
