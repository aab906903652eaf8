//! Lines of a stream, each at most so long: a longer one is skipped and reported, never held.

use std::io::{self, BufRead};

/// One line, without its end.
pub(super) enum Line {
    /// The line is in the buffer.
    Whole,
    /// It was longer than the limit and has been skipped.
    TooLong,
    /// There is none left.
    End,
}

/// Reads the next line into `buffer` (cleared first). A byte order mark is left to the caller.
pub(super) fn read_line(reader: &mut impl BufRead, buffer: &mut Vec<u8>, limit: usize) -> io::Result<Line> {
    buffer.clear();
    let mut seen = false;
    let mut too_long = false;
    loop {
        let available = match reader.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            break;
        }
        seen = true;
        let end = available.iter().position(|&byte| byte == b'\n');
        let part = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
        if too_long || buffer.len() + part.len() > limit {
            too_long = true;
            *buffer = Vec::new();
        } else {
            buffer.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            break;
        }
    }
    if buffer.last() == Some(&b'\r') {
        buffer.pop();
    }
    Ok(match (seen, too_long) {
        (false, _) => Line::End,
        (true, true) => Line::TooLong,
        (true, false) => Line::Whole,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::BufReader;

    #[test]
    fn long_lines_are_skipped_and_the_rest_goes_on() {
        let mut reader = BufReader::with_capacity(3, "ab\r\n\n0123456789\nlast".as_bytes());
        let mut buffer = Vec::new();
        let mut seen = Vec::new();
        loop {
            seen.push(match read_line(&mut reader, &mut buffer, 5).unwrap() {
                Line::Whole => String::from_utf8(buffer.clone()).unwrap(),
                Line::TooLong => "!".to_owned(),
                Line::End => break,
            });
        }
        assert_eq!(seen, ["ab", "", "!", "last"]);
    }
}
