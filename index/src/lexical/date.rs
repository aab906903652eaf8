//! Dates as people write them in metadata and filters: RFC 3339, and the date alone.

/// Microseconds since 1970-01-01T00:00:00Z of an RFC 3339 date-time or a `YYYY-MM-DD` (midnight UTC); `None` for any other text.
///
/// Digits beyond the microsecond are cut off; a leap second counts as the second after it.
pub fn parse_date(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let year = number(bytes, 0, 4)?;
    let (month, day) = (number(bytes, 5, 2)?, number(bytes, 8, 2)?);
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') || !(1..=12).contains(&month) {
        return None;
    }
    if day < 1 || day > days_in(year, month) {
        return None;
    }
    let midnight = days_since_1970(year, month, day) * 86_400;
    if bytes.len() == 10 {
        return Some(midnight * 1_000_000);
    }
    let (hour, minute, second) = (number(bytes, 11, 2)?, number(bytes, 14, 2)?, number(bytes, 17, 2)?);
    let separated = matches!(bytes.get(10), Some(b'T' | b't' | b' ')) && bytes[13] == b':' && bytes[16] == b':';
    if !separated || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, zone) = fraction(&bytes[19..])?;
    let seconds = midnight + hour * 3600 + minute * 60 + second - offset(zone)?;
    Some(seconds * 1_000_000 + fraction)
}

/// `length` ASCII digits at `at`.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<i64> {
    let digits = bytes.get(at..at + length)?;
    digits.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

/// The microseconds of `.123`, and what follows them.
fn fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = rest.strip_prefix(b".") else { return Some((0, rest)) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let micros = (0..6).fold(0, |value, at| value * 10 + if at < count { i64::from(digits[at] - b'0') } else { 0 });
    Some((micros, &digits[count..]))
}

/// The seconds east of Greenwich of `Z` or `+01:00`.
fn offset(zone: &[u8]) -> Option<i64> {
    let (&sign, rest) = zone.split_first()?;
    match sign {
        b'Z' | b'z' if rest.is_empty() => Some(0),
        b'+' | b'-' if rest.len() == 5 && rest[2] == b':' => {
            let (hours, minutes) = (number(rest, 0, 2)?, number(rest, 3, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3600 + minutes * 60;
            Some(if sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar, counted in years that begin in March so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_compared_whatever_their_zone() {
        assert_eq!(parse_date("1970-01-01"), Some(0));
        assert_eq!(parse_date("2000-03-01"), Some(951_868_800_000_000));
        assert_eq!(parse_date("2024-02-29T12:30:00.5+02:00"), parse_date("2024-02-29T10:30:00.500000Z"));
        assert_eq!(parse_date("1969-12-31T23:59:59Z"), Some(-1_000_000));
    }

    #[test]
    fn anything_else_is_text() {
        for text in [
            "",
            "2024",
            "2024-13-01",
            "2023-02-29",
            "2024-01-01T",
            "2024-01-01T00:00:00",
            "2024-01-01T25:00:00Z",
            "20240101",
            "2024-01-01x",
            "２０２４-01-01",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
