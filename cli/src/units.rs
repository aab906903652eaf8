//! Numbers as people read them.

/// `1234567` as `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 document`, `2 documents`.
pub(crate) fn plural(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Bytes in powers of 1000, three digits: `1.23 MB`.
pub(crate) fn bytes(number: u64) -> String {
    let mut value = number as f64;
    let mut unit = "B";
    for next in ["kB", "MB", "GB", "TB"] {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    match (unit, value) {
        ("B", _) => format!("{number} B"),
        (_, value) if value < 10.0 => format!("{value:.2} {unit}"),
        (_, value) if value < 100.0 => format!("{value:.1} {unit}"),
        (_, value) => format!("{value:.0} {unit}"),
    }
}

/// Things a second; 0 when no time passed.
pub(crate) fn rate(things: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { things as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 999, 1_500, 12_345_678, 999_999].map(bytes), ["0 B", "999 B", "1.50 kB", "12.3 MB", "1.00 MB"]);
        assert_eq!((plural(1, "chunk"), plural(2, "chunk")), ("1 chunk".to_owned(), "2 chunks".to_owned()));
    }
}
