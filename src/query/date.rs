//! Writing points in time as RFC 3339, and recognising what was meant as one. Reading them is the lexical index's, so that a date means the
//! same in a filter and in a document's metadata.

pub(super) use neodex_index::lexical::parse_date as microseconds;

/// The moment in UTC, as [`microseconds`] reads it back (for the years 0 to 9999, which are all that RFC 3339 can write).
pub(super) fn to_text(microseconds: i64) -> String {
    const DAY: i64 = 86_400 * 1_000_000;
    let mut days = microseconds.div_euclid(DAY) + days_before_year(1970);
    // Too early by the leap days at most, so that the loop is short.
    let mut year = days.div_euclid(366);
    while days_before_year(year + 1) <= days {
        year += 1;
    }
    days -= days_before_year(year);
    let mut month = 1;
    while days >= days_in_month(year, month) {
        days -= days_in_month(year, month);
        month += 1;
    }
    let (seconds, fraction) = (microseconds.rem_euclid(DAY) / 1_000_000, microseconds.rem_euclid(1_000_000));
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z", days + 1)
}

/// Whether `text` was meant as a date, so that a mistake in it deserves an answer about dates.
pub(super) fn looks_like_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 6 && bytes.get(4) == Some(&b'-') && bytes.iter().take(4).all(u8::is_ascii_digit)
}

/// Days from the start of year 0 to the start of `year`, in the Gregorian calendar.
fn days_before_year(year: i64) -> i64 {
    // Leap years among 0..year; year 0 is one.
    let leap = (year + 3).div_euclid(4) - (year + 99).div_euclid(100) + (year + 399).div_euclid(400);
    year * 365 + leap
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        const SECOND: i64 = 1_000_000;
        for (text, expected) in [
            ("1970-01-01", 0),
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-02", 86_400 * SECOND),
            ("1969-12-31T23:59:59.999999Z", -1),
            ("2000-03-01", 951_868_800 * SECOND),
            ("2024-02-29t12:30:15.25z", 1_709_209_815 * SECOND + 250_000),
            ("2024-02-29T14:30:15.2500009+02:00", 1_709_209_815 * SECOND + 250_000),
            ("2024-02-29T09:00:15.25-03:30", 1_709_209_815 * SECOND + 250_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800 * SECOND),
            ("0000-01-01", -62_167_219_200 * SECOND),
            ("9999-12-31T23:59:59Z", 253_402_300_799 * SECOND),
        ] {
            assert_eq!(microseconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn moments_are_written_so_that_they_are_read_back() {
        assert_eq!(to_text(1_709_209_815_250_000), "2024-02-29T12:30:15.250000Z");
        assert_eq!(to_text(-1), "1969-12-31T23:59:59.999999Z");
        let (first, last) = (-62_167_219_200_000_000_i64, 253_402_300_799_999_999);
        for step in 0..10_000 {
            let moment = first + (last - first) / 10_000 * step + step;
            assert_eq!(microseconds(&to_text(moment)), Some(moment));
        }
        // Beyond the years of RFC 3339 there is still an answer.
        assert!(to_text(i64::MIN).starts_with('-') && !to_text(i64::MAX).is_empty());
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "2024",
            "2024-5-1",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2023-02-29",
            "1900-02-29",
            "2024-04-31",
            "2024-01-01T",
            "2024-01-01T12:00Z",
            "2024-01-01T12:00:00",
            "2024-01-01T24:00:00Z",
            "2024-01-01T12:60:00Z",
            "2024-01-01T12:00:00.Z",
            "2024-01-01T12:00:00+0200",
            "2024-01-01T12:00:00+02:00x",
            "2024-01-01x",
            "２０２４-01-01",
        ] {
            assert_eq!(microseconds(text), None, "{text}");
        }
    }

    /// Counting day by day through 400 years, which is the calendar's whole cycle, and the years around its ends.
    #[test]
    fn every_day_follows_the_one_before() {
        let mut expected = microseconds("1899-12-31");
        for year in 1900..2301 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    expected = expected.map(|before| before + 86_400_000_000);
                    assert_eq!(microseconds(&format!("{year:04}-{month:02}-{day:02}")), expected);
                }
            }
        }
    }
}
