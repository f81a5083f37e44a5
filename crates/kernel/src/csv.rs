//! Values in a table that spreadsheets read.

/// Appends a value as RFC 4180 writes it. Texts come from outside: one that a spreadsheet would run is made a text.
///
/// ```
/// let mut line = String::new();
/// kernel::push_csv(&mut line, "Ana, Bia");
/// assert_eq!(line, "\"Ana, Bia\"");
/// ```
pub fn push_csv(line: &mut String, text: &str) {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !is_formula && !text.contains([',', '"', '\r', '\n']) {
        line.push_str(text);
        return;
    }
    line.push('"');
    if is_formula {
        line.push('\'');
    }
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}

/// Appends a line of values, and its end.
pub fn push_csv_line<'t>(lines: &mut String, values: impl IntoIterator<Item = &'t str>) {
    for (position, value) in values.into_iter().enumerate() {
        if position > 0 {
            lines.push(',');
        }
        push_csv(lines, value);
    }
    lines.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_they_must_be_and_formulas_are_texts() {
        for (text, expected) in [
            ("Ana", "Ana"),
            ("Ana, Bia", "\"Ana, Bia\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "\"'=1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("", ""),
        ] {
            let mut line = String::new();
            push_csv(&mut line, text);
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn a_line_is_as_rfc_4180_ends_it() {
        let mut lines = String::new();
        push_csv_line(&mut lines, ["a", "b,c", ""]);
        assert_eq!(lines, "a,\"b,c\",\r\n");
    }
}
