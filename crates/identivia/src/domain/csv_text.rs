//! CSV (RFC 4180) for spreadsheets: quoted where needed, and without cells that a spreadsheet would run as a formula.

/// A row with its line end.
#[must_use]
pub fn csv_row<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let mut row = String::new();
    for (number, cell) in cells.into_iter().enumerate() {
        if number > 0 {
            row.push(',');
        }
        push_cell(&mut row, cell);
    }
    row.push_str("\r\n");
    row
}

fn push_cell(row: &mut String, cell: &str) {
    let guard = if is_formula(cell) { "'" } else { "" };
    if cell.contains([',', '"', '\r', '\n']) || (guard.is_empty() && cell.starts_with(' ')) {
        row.push('"');
        row.push_str(guard);
        row.push_str(&cell.replace('"', "\"\""));
        row.push('"');
    } else {
        row.push_str(guard);
        row.push_str(cell);
    }
}

/// Says whether a spreadsheet may take the cell for a formula: by its first sign, also behind blanks, or after a line break.
fn is_formula(cell: &str) -> bool {
    let begins = |line: &str| {
        line.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
    };
    cell.starts_with(['\t', '\r', '\n']) || begins(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_are_texts() {
        assert_eq!(
            csv_row(["a", "b,c", "say \"x\"", "", "two\nlines"]),
            "a,\"b,c\",\"say \"\"x\"\"\",,\"two\nlines\"\r\n"
        );
        for formula in ["=1+1", "+1", "-2", "@SUM(A1)", " =1", "\t=1", "\u{ff1d}1"] {
            assert!(csv_row([formula]).trim_start_matches('"').starts_with('\''), "{formula}");
        }
        assert_eq!(csv_row(["=HYPERLINK(\"http://x\",\"y\")"]), "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"\r\n");
        assert_eq!(csv_row(["2026-03-21 00:00:00.000Z", "a=b"]), "2026-03-21 00:00:00.000Z,a=b\r\n");
    }
}
